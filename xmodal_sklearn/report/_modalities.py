"""Sections on what each modality and each head of a network contributes."""

from typing import Any

import pandas as pd

from ..benchmark._metrics import BRANCH_WEIGHT, LOSSES, WITHOUT_MODALITY, metric_label
from ._figures import draw_ablation
from ._overview import Overview

__all__ = ["head_weights", "modality_ablation"]


def modality_ablation(overview: Overview) -> dict[str, Any] | None:
    """Return what each model loses without each modality, or None where that was not measured."""
    names = [name for name in overview.names if name not in overview.at_chance]
    by_fold = _by_fold(overview, names)
    if WITHOUT_MODALITY not in by_fold:
        return None
    modalities = list(by_fold[WITHOUT_MODALITY])
    losses: dict[str, dict[str, tuple[float, float]]] = {}
    for modality in modalities:
        loss = by_fold[overview.metric, ""] - by_fold[WITHOUT_MODALITY, modality]
        loss = -loss if overview.metric in LOSSES else loss
        table = loss.groupby(level="estimator").agg(["mean", "std"])
        losses[modality] = {
            str(name): (float(row["mean"]), float(row["std"])) for name, row in table.iterrows()
        }
    rows = [
        {"name": name, "cells": [losses[modality][name] for modality in modalities]}
        for name in names
    ]
    return {
        "metric": metric_label(overview.metric),
        "modalities": modalities,
        "rows": rows,
        "figure": draw_ablation(losses, overview.metric, names),
    }


def head_weights(overview: Overview) -> dict[str, Any] | None:
    """Return the stacking weights of each network's heads, or None where there is no network."""
    by_fold = _by_fold(overview, overview.names)
    if BRANCH_WEIGHT not in by_fold:
        return None
    tables = []
    for name in overview.names:
        weights = by_fold.loc[name, BRANCH_WEIGHT].dropna(axis=1, how="all")
        if weights.empty:
            continue
        mean, std = weights.mean(), weights.std()
        rows = [
            {"head": head, "mean": mean[head], "std": std[head]}
            for head in mean.sort_values(ascending=False, kind="stable").index
        ]
        tables.append({"name": name, "rows": rows})
    return {"tables": tables}


def _by_fold(overview: Overview, names: list[str]) -> pd.DataFrame:
    """Return one row per model and fold, one column per (metric, part), in their order."""
    scores = overview.comparison.scores
    scores = scores[scores["estimator"].isin(names)]
    table = scores.pivot(  # noqa: PD010
        index=["estimator", "repeat", "fold"], columns=["metric", "part"], values="value"
    )
    return table[list(scores[["metric", "part"]].drop_duplicates().itertuples(index=False))]

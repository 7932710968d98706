"""Sections on what each modality and each head of a network contributes."""

from typing import Any

import pandas as pd

from ..benchmark._metrics import LOSSES, ablation_metric, metric_label, weight_metric
from ._figures import draw_ablation
from ._overview import Overview

__all__ = ["head_weights", "modality_ablation"]


def modality_ablation(overview: Overview) -> dict[str, Any] | None:
    """Return what each model loses without each modality, or None where that was not measured."""
    prefix = ablation_metric("")
    names = [name for name in overview.names if name not in overview.at_chance]
    by_fold = _by_fold(overview, names)
    modalities = [name.removeprefix(prefix) for name in by_fold if name.startswith(prefix)]
    if not modalities:
        return None
    losses: dict[str, dict[str, tuple[float, float]]] = {}
    for modality in modalities:
        loss = by_fold[overview.metric] - by_fold[ablation_metric(modality)]
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
    prefix = weight_metric("")
    by_fold = _by_fold(overview, overview.names)
    columns = [name for name in by_fold if name.startswith(prefix)]
    tables = []
    for name in overview.names:
        weights = by_fold.loc[name, columns].dropna(axis=1, how="all")
        if weights.empty or not len(weights.columns):
            continue
        mean, std = weights.mean(), weights.std()
        rows = [
            {"head": head.removeprefix(prefix), "mean": mean[head], "std": std[head]}
            for head in mean.sort_values(ascending=False, kind="stable").index
        ]
        tables.append({"name": name, "rows": rows})
    return {"tables": tables} if tables else None


def _by_fold(overview: Overview, names: list[str]) -> pd.DataFrame:
    """Return one row per model and fold, one column per metric, in the order of the scores."""
    scores = overview.comparison.scores
    scores = scores[scores["estimator"].isin(names)]
    table = scores.pivot(  # noqa: PD010
        index=["estimator", "repeat", "fold"], columns="metric", values="value"
    )
    return table[list(scores["metric"].unique())]

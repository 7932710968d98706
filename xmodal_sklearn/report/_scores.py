"""Sections of scores: summary, folds, pairs, time, learning curves, recall by class."""

from typing import Any

import pandas as pd

from ..benchmark._comparison import COSTS
from ..benchmark._metrics import CLASS_RECALL, LOSSES, metric_label
from ._figures import draw_folds, draw_learning, draw_time
from ._overview import SIGNIFICANT, Overview

__all__ = ["every_pair", "fold_by_fold", "learning_curves", "recall_by_class", "summary", "time"]


def summary(overview: Overview) -> dict[str, Any]:
    """Return the table of all metrics."""
    metrics = [*_measured(overview), *COSTS]
    # A model that guesses by the class frequencies is perfectly calibrated, which is no merit.
    better_than_chance = overview.summary[~overview.summary.index.isin(overview.at_chance)]
    means = better_than_chance.xs("mean", axis=1, level=1)
    best = {m: means[m].min() if m in (*LOSSES, *COSTS) else means[m].max() for m in metrics}
    heads = [
        {"label": metric_label(metric), "lower": metric in LOSSES, "cost": metric in COSTS}
        for metric in metrics
    ]
    rows = [
        {
            "name": name,
            "cells": [
                {
                    "mean": row[metric, "mean"],
                    "std": row[metric, "std"],
                    "best": name not in overview.at_chance
                    and metric not in COSTS
                    and row[metric, "mean"] == best[metric],
                    "cost": metric in COSTS,
                }
                for metric in metrics
            ],
        }
        for name, row in overview.summary.iterrows()
    ]
    return {"heads": heads, "rows": rows}


def fold_by_fold(overview: Overview) -> dict[str, Any]:
    """Return a figure of every fold for each metric."""
    return {"strips": [draw_folds(overview.comparison, m) for m in _measured(overview)]}


def every_pair(overview: Overview) -> dict[str, Any] | None:
    """Return the table of all pairs, or None where no pair can be tested."""
    pairs = overview.pairs
    if not pairs:
        return None
    tested = {name for pair in pairs for name in pair}
    names = [name for name in overview.names if name in tested]
    # The colours are for the differences between models that are better than chance.
    shown = [pair for names, pair in pairs.items() if not overview.at_chance & set(names)]
    largest = max(abs(pair["difference"]) for pair in shown or pairs.values()) or 1
    rows = [
        {
            "name": name,
            "cells": [_pair(pairs.get((name, other)), largest) for other in names],
        }
        for name in names
    ]
    return {"metric": metric_label(overview.metric), "rows": rows}


def _pair(pair: dict[str, float] | None, largest: float) -> dict[str, Any] | None:
    if pair is None:
        return None
    strength = min(abs(pair["difference"]) / largest, 1)
    return {**pair, "strength": strength, "significant": pair["p_holm"] < SIGNIFICANT}


def time(overview: Overview) -> dict[str, Any]:
    """Return the figure of time against the first metric."""
    figure = draw_time(overview.summary, overview.metric, overview.at_chance)
    return {"metric": metric_label(overview.metric), "figure": figure, "names": overview.names}


def learning_curves(overview: Overview) -> dict[str, Any] | None:
    """Return the figure of learning curves, or None where none were computed."""
    comparison = overview.comparison
    if comparison.learning is None:
        return None
    names = [name for name in overview.names if name in set(comparison.learning["estimator"])]
    scores = pd.concat([comparison.learning, comparison.scores], ignore_index=True)
    return {"figure": draw_learning(scores, overview.metric, names, overview.at_chance)}


def recall_by_class(overview: Overview) -> dict[str, Any]:
    """Return the table of recalls by model and class."""
    comparison = overview.comparison
    scores = comparison.scores[comparison.scores["metric"] == CLASS_RECALL]
    means = scores.groupby(["estimator", "part"])["value"].agg(["mean", "std"])
    parts = [str(label) for label in comparison.classes]
    rows = [
        {"name": name, "cells": [means.loc[(name, part)].to_dict() for part in parts]}
        for name in overview.names
    ]
    return {"labels": list(comparison.classes), "rows": rows}


def _measured(overview: Overview) -> list[str]:
    table = overview.summary
    return [m for m in overview.comparison.metrics if table[m, "mean"].notna().any()]

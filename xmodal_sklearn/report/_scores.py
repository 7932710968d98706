"""Sections of scores: summary, folds, pairwise tests, timing, learning curves, recall by class."""

from typing import Any

import pandas as pd

from ..benchmark._comparison import COSTS
from ..benchmark._metrics import CLASS_RECALL, LOSSES, metric_label
from ._figures import draw_folds, draw_learning, draw_timing
from ._overview import SIGNIFICANT, Overview


def summary_section(overview: Overview) -> dict[str, Any]:
    """Return the table of all metrics, and the best mean of each."""
    measured = _measured(overview)
    # A model that guesses by the class frequencies is perfectly calibrated, which is no merit.
    means = overview.summary.drop(list(overview.at_chance)).xs("mean", axis=1, level=1)
    return {
        "table": overview.summary,
        "labels": {metric: metric_label(metric) for metric in [*measured, *COSTS]},
        "best": {m: means[m].min() if m in LOSSES else means[m].max() for m in measured},
        "losses": LOSSES,
        "costs": COSTS,
    }


def fold_section(overview: Overview) -> dict[str, Any]:
    """Return a figure of all folds for each metric."""
    return {"strips": [draw_folds(overview.comparison, m) for m in _measured(overview)]}


def _measured(overview: Overview) -> list[str]:
    summary = overview.summary
    return [m for m in overview.comparison.metrics if summary[m, "mean"].notna().any()]


def pairwise_section(overview: Overview) -> dict[str, Any] | None:
    """Return the table of all pairs, or None if no pair can be tested."""
    pairs = overview.pairs
    if not pairs:
        return None
    # Shades are scaled to the differences between models that are better than chance.
    scaling = [pair for names, pair in pairs.items() if not overview.at_chance & set(names)]
    return {
        "metric": metric_label(overview.metric),
        "names": [name for name in overview.names if any(name in pair for pair in pairs)],
        "pairs": pairs,
        "largest": max(abs(pair["difference"]) for pair in scaling or pairs.values()) or 1,
        "level": SIGNIFICANT,
    }


def timing_section(overview: Overview) -> dict[str, Any]:
    """Return the figure of the first metric against the time to fit."""
    figure = draw_timing(overview.summary, overview.metric, overview.at_chance)
    return {"metric": metric_label(overview.metric), "figure": figure, "names": overview.names}


def learning_section(overview: Overview) -> dict[str, Any] | None:
    """Return the figure of learning curves, or None if none were computed."""
    comparison = overview.comparison
    if comparison.learning is None:
        return None
    names = [name for name in overview.names if name in set(comparison.learning["estimator"])]
    scores = pd.concat([comparison.learning, comparison.scores], ignore_index=True)
    return {"figure": draw_learning(scores, overview.metric, names, overview.at_chance)}


def recall_section(overview: Overview) -> dict[str, Any]:
    """Return the table of recalls by model and class."""
    scores = overview.comparison.scores
    by_model = scores[scores["metric"] == CLASS_RECALL].groupby(["estimator", "part"])["value"]
    return {
        "labels": [str(label) for label in overview.comparison.classes],
        "names": overview.names,
        "recalls": by_model.agg(["mean", "std"]),
    }

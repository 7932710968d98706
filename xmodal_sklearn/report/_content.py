"""What the report shows, section by section: figures and rows of tables."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support

from ..benchmark import Comparison
from ..benchmark._comparison import COSTS, FOLD, probability_column
from ..benchmark._metrics import LOSSES, metric_label, recall_metric
from ..inspection import stability_index
from ._figures import (
    draw_answered,
    draw_confusion,
    draw_folds,
    draw_frequencies,
    draw_learning,
    draw_reliability,
    draw_roc,
    draw_time,
)
from ._format import format_duration

__all__ = ["report_content"]

# Features of a modality in the table of the most often selected ones.
MAX_LISTED = 12
# Level of significance.
SIGNIFICANT = 0.05
LABELS = ["target", "predicted"]

Pairs = dict[tuple[str, str], dict[str, float]]


def report_content(comparison: Comparison) -> dict[str, Any]:
    """Gather what the template shows.

    Parameters
    ----------
    comparison : Comparison
        The comparison to report.

    Returns
    -------
    dict of str to object
        The variables of the template, a section each.
    """
    summary = comparison.summary()
    pairs = _pairs(comparison)
    first = comparison.metrics[0]
    measured = [m for m in comparison.metrics if summary[m, "mean"].notna().any()]
    return {
        "comparison": comparison,
        "facts": _facts(comparison),
        "names": list(summary.index),
        "first": metric_label(first),
        "headline": headline(comparison, summary, pairs),
        "summary": _summary_table(summary, [*measured, *COSTS]),
        "strips": [draw_folds(comparison, metric) for metric in measured],
        "pairwise": _pairwise_table(pairs, list(summary.index)),
        "time": draw_time(summary, first),
        "learning": _learning_figure(comparison, list(summary.index)),
        "recalls": _recall_table(comparison, list(summary.index)),
        "models": [_model(comparison, name) for name in summary.index],
        "selections": _selections(comparison, list(summary.index)),
    }


def _facts(comparison: Comparison) -> list[str]:
    """Say how large the data and the comparison were, as far as that is known."""
    info = comparison.info
    facts = [f"{len(comparison.classes)} classes"]
    if "n_samples" in info:
        facts.insert(0, f"{info['n_samples']:,} samples")
    sizes = [f"{number:,} {modality}" for modality, number in info.get("n_features", {}).items()]
    if sizes:
        facts.append(f"{' + '.join(sizes)} features")
    if "n_folds" in info:
        repeats = info.get("n_repeats", 1)
        facts.append(f"{info['n_folds']} folds" + (f" × {repeats} repeats" if repeats > 1 else ""))
    if "seconds" in info:
        facts.append(f"computed in {format_duration(info['seconds'])}")
    return facts


def headline(comparison: Comparison, summary: pd.DataFrame, pairs: Pairs) -> dict[str, Any]:
    """Say which model leads, and whether by more than chance."""
    metric = comparison.metrics[0]
    best = summary.index[0]
    shown = {
        "best": best,
        "metric": metric_label(metric),
        "mean": summary.loc[best, (metric, "mean")],
        "std": summary.loc[best, (metric, "std")],
    }
    if (best, *summary.index[1:2]) in pairs:
        second = summary.index[1]
        better, equal, _ = comparison.bayes(best, second)
        shown |= {"second": second, "better": better, "equal": equal, **pairs[best, second]}
        shown["significant"] = shown["p_holm"] < SIGNIFICANT
    return shown


def _summary_table(summary: pd.DataFrame, metrics: Sequence[str]) -> dict[str, Any]:
    best = {
        metric: summary[metric, "mean"].min()
        if metric in (*LOSSES, *COSTS)
        else summary[metric, "mean"].max()
        for metric in metrics
    }
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
                    "best": row[metric, "mean"] == best[metric],
                    "cost": metric in COSTS,
                }
                for metric in metrics
            ],
        }
        for name, row in summary.iterrows()
    ]
    return {"heads": heads, "rows": rows}


def _pairs(comparison: Comparison) -> Pairs:
    """Test all pairs of estimators that have scores of two folds, which a test needs."""
    first = comparison.scores[comparison.scores["metric"] == comparison.metrics[0]]
    counts = first.groupby("estimator")["value"].count()
    testable = comparison.scores["estimator"].isin(counts.index[counts > 1])
    if (counts > 1).sum() < 2:
        return {}
    table = replace(comparison, scores=comparison.scores[testable]).pairwise()
    return table.set_index(["estimator", "other"])[["difference", "p", "p_holm"]].to_dict("index")


def _pairwise_table(pairs: Pairs, names: list[str]) -> list[dict[str, Any]]:
    tested = {name for pair in pairs for name in pair}
    ranked = [(rank, name) for rank, name in enumerate(names, start=1) if name in tested]
    largest = max((abs(pair["difference"]) for pair in pairs.values()), default=0) or 1
    return [
        {
            "rank": rank,
            "name": name,
            "cells": [
                None
                if other == name
                else {
                    **pairs[name, other],
                    "strength": abs(pairs[name, other]["difference"]) / largest,
                    "significant": pairs[name, other]["p_holm"] < SIGNIFICANT,
                }
                for _, other in ranked
            ],
        }
        for rank, name in ranked
    ]


def _learning_figure(comparison: Comparison, names: list[str]) -> Any:
    if comparison.learning is None:
        return None
    names = [name for name in names if name in set(comparison.learning["estimator"])]
    scores = pd.concat([comparison.learning, comparison.scores], ignore_index=True)
    return draw_learning(scores, comparison.metrics[0], names)


def _recall_table(comparison: Comparison, names: list[str]) -> list[dict[str, Any]]:
    recalls = [recall_metric(label) for label in comparison.classes]
    scores = comparison.scores[comparison.scores["metric"].isin(recalls)]
    means = scores.groupby(["estimator", "metric"])["value"].agg(["mean", "std"])
    return [
        {
            "name": name,
            "cells": [means.loc[(name, metric)].to_dict() for metric in recalls],
        }
        for name in names
    ]


def _model(comparison: Comparison, name: str) -> dict[str, Any]:
    """Return the figures of one model and its scores by class, from all test folds together."""
    predictions = comparison.predictions[comparison.predictions["estimator"] == name]
    # scikit-learn's displays take neither pandas' strings nor numbers of dtype object.
    texts = {column: predictions[column].map(str).astype(object) for column in LABELS}
    predictions = predictions.assign(**texts)
    classes = [str(label) for label in comparison.classes]
    sizes = predictions.groupby("target")["sample"].nunique().reindex(classes, fill_value=0)
    by_class = precision_recall_fscore_support(
        *(predictions[column] for column in LABELS), labels=classes, zero_division=0
    )
    probabilities = predictions[[probability_column(label) for label in classes]]
    has_probabilities = bool(probabilities.notna().all(axis=None))
    return {
        "name": name,
        "by_class": [
            {"label": label, "precision": p, "recall": r, "f1": f1, "size": sizes[label]}
            for label, p, r, f1 in zip(classes, *by_class[:3], strict=True)
        ],
        "confusion": draw_confusion(name, predictions, classes),
        "roc": draw_roc(name, predictions, classes) if has_probabilities else None,
        "reliability": draw_reliability(name, predictions, classes) if has_probabilities else None,
        "answered": draw_answered(name, predictions, classes) if has_probabilities else None,
    }


def _selections(comparison: Comparison, names: list[str]) -> list[dict[str, Any]]:
    """Return each distinct selection with the models that share it."""
    shared: dict[frozenset, list[str]] = {}
    columns = [*FOLD, "modality", "feature"]
    for name, rows in comparison.selected.groupby("estimator"):
        # Many pipelines begin with the same selection, which is shown once.
        key = frozenset(rows[columns].itertuples(index=False, name=None))
        shared.setdefault(key, []).append(str(name))
    found = []
    for users in shared.values():
        rows = comparison.selected[comparison.selected["estimator"] == users[0]]
        modalities = [
            _modality(str(modality), part, comparison.info)
            for modality, part in rows.groupby("modality", sort=False)
        ]
        shares = {one["name"]: one["shares"].to_numpy() for one in modalities}
        found.append(
            {
                "models": sorted(users, key=names.index),
                "modalities": modalities,
                "figure": draw_frequencies(users[0], shares),
            }
        )
    return sorted(found, key=lambda one: names.index(one["models"][0]))


def _modality(name: str, selected: pd.DataFrame, info: dict[str, Any]) -> dict[str, Any]:
    """Summarise which features of one modality one model selected in its folds."""
    features = selected["feature"].str.removeprefix(f"{name}__")
    by_fold = [selected[column] for column in FOLD]
    chosen = pd.crosstab(by_fold, features) > 0
    # Among equal shares, the features that the folds rank higher come first.
    ranks = selected.groupby(FOLD).cumcount().groupby(features).mean()
    order = ranks.sort_values(kind="stable").index
    shares = chosen.mean()[order].sort_values(ascending=False, kind="stable")
    n_features = info.get("n_features", {}).get(name)
    stability = None
    if n_features is not None and len(chosen) > 1:
        never = np.zeros((len(chosen), n_features - chosen.shape[1]), dtype=bool)
        stability = stability_index(np.hstack([chosen.to_numpy(), never]))
    return {
        "name": name,
        "n_features": n_features,
        "per_fold": chosen.sum(axis=1).mean(),
        "always": list(shares.index[shares == 1]),
        "ever": len(shares),
        "stability": stability,
        "shares": shares,
        "top": [{"feature": f, "share": share} for f, share in shares[:MAX_LISTED].items()],
    }

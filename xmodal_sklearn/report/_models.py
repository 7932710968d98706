"""The section of figures and scores of each model."""

import re
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score

from ..benchmark import Comparison
from ..benchmark._comparison import FOLD, probability_column
from ..benchmark._statistics import corrected_variance
from ._model_figures import (
    draw_answered,
    draw_calibration,
    draw_confusion,
    draw_precision_recall,
    draw_reliability,
    draw_roc,
)
from ._overview import Overview

__all__ = ["each_model"]

LABELS = ["target", "predicted"]
CONFIDENCE = 0.95
CURVES = {
    "roc": draw_roc,
    "precision_recall": draw_precision_recall,
    "reliability": draw_reliability,
    "calibration": draw_calibration,
    "answered": draw_answered,
}


def each_model(overview: Overview) -> dict[str, Any]:
    """Return figures, scores by class and settings of each model."""
    return {
        "repeated": overview.info.get("n_repeats", 1) > 1,
        "models": [_model(overview.comparison, name) for name in overview.names],
    }


def _model(comparison: Comparison, name: str) -> dict[str, Any]:
    """Return the figures of one model and its scores by class, from all test folds together."""
    predictions = comparison.predictions[comparison.predictions["estimator"] == name]
    # scikit-learn's displays take neither pandas' strings nor numbers of dtype object.
    texts = {column: predictions[column].map(str).astype(object) for column in LABELS}
    predictions = predictions.assign(**texts)
    classes = [str(label) for label in comparison.classes]
    probabilities = predictions[[probability_column(label) for label in classes]]
    drawn = bool(probabilities.notna().all(axis=None))
    return {
        "name": name,
        "settings": _settings(comparison.info.get("models", {}).get(name)),
        "by_class": _by_class(comparison, name, predictions, classes),
        "confusion": draw_confusion(name, predictions, classes),
        **{
            figure: draw(name, predictions, classes) if drawn else None
            for figure, draw in CURVES.items()
        },
    }


def _settings(recorded: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Return K, seeds and parameters of a model, where they were recorded."""
    if recorded is None:
        return []
    seeds = [
        "not set" if one == "None" else one for one in dict.fromkeys(recorded["seeds"].values())
    ]
    found = [
        ("K", ", ".join(recorded["k"])),
        ("seeds", ", ".join(seeds)),
        # Without the lines into which scikit-learn breaks it.
        ("parameters", re.sub(r"\n\s*", " ", recorded["text"])),
    ]
    return [(name, text) for name, text in found if text]


def _by_class(
    comparison: Comparison, name: str, predictions: pd.DataFrame, classes: list[str]
) -> list[dict[str, Any]]:
    sizes = predictions.groupby("target")["sample"].nunique().reindex(classes, fill_value=0)
    scores = precision_recall_fscore_support(
        *(predictions[column] for column in LABELS), labels=classes, zero_division=0
    )
    mine = comparison.scores[comparison.scores["estimator"] == name]
    n_train, n_test = (mine.loc[mine["metric"] == m, "value"].mean() for m in ("n_train", "n_test"))
    rows = []
    for label, precision, recall, f1 in zip(classes, *scores[:3], strict=True):
        areas = _areas(predictions, label)
        rows.append(
            {
                "label": label,
                "size": sizes[label],
                "precision": precision,
                "recall": recall,
                "f1": f1,
                "auc": _interval(areas["auc"], n_test / n_train),
                "average_precision": areas["average_precision"].mean(),
            }
        )
    return rows


def _areas(predictions: pd.DataFrame, label: str) -> pd.DataFrame:
    """Return the areas under the curves of one class against the rest, fold by fold."""
    rows = []
    for _, fold in predictions.groupby(FOLD):
        is_class, probability = fold["target"] == label, fold[probability_column(label)]
        if is_class.any() and not is_class.all() and probability.notna().all():
            rows.append(
                {
                    "auc": roc_auc_score(is_class, probability),
                    "average_precision": average_precision_score(is_class, probability),
                }
            )
    return pd.DataFrame(rows, columns=["auc", "average_precision"], dtype=float)


def _interval(values: pd.Series, test_to_train: float) -> tuple[float, float, float]:
    """Return the mean over folds and its interval, which can't leave [0, 1]."""
    mean, n_folds = values.mean(), len(values)
    if n_folds < 2:
        return mean, np.nan, np.nan
    error = np.sqrt(corrected_variance(values.var(), n_folds, test_to_train))
    margin = stats.t.ppf(0.5 + CONFIDENCE / 2, df=n_folds - 1) * error
    return mean, max(mean - margin, 0.0), min(mean + margin, 1.0)

"""The section on each model: its settings, scores by class, and figures."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    PrecisionRecallDisplay,
    RocCurveDisplay,
    confusion_matrix,
    precision_recall_fscore_support,
)

from ..benchmark._comparison import FOLD, Comparison, probability_column
from ..benchmark._metrics import average_precisions, roc_areas
from ..plotting._common import line_style
from ..plotting._comparison import mean_intervals
from ..uncertainty._rejecting import confidence
from ._figures import LIGHT, UNNAMED, draw_legend_below, figure_for_page, name_in_figure
from ._overview import Overview

LABELS = ["target", "predicted"]
CONFIDENCE = 0.95
RATE_AXES = {"xlim": (-0.01, 1.01), "ylim": (-0.01, 1.01), "aspect": "equal"}
DIAGONAL = {"label": UNNAMED, "color": LIGHT["muted"], "linestyle": ":", "linewidth": 1}
LABEL_WIDTH = 16
MAX_BINS = 10
# More can't be told apart, and take minutes and hundreds of megabytes.
MAX_MODELS, MAX_CURVES, MAX_CELLS = 12, 12, 40**2
# The frequency in a bin of fewer samples is too uncertain.
MIN_IN_BIN = 10


def model_section(overview: Overview) -> dict[str, Any]:
    # Not a model all of whose fits failed.
    predicted = set(overview.comparison.predictions["estimator"].unique())
    names = [name for name in overview.names if name in predicted]
    return {
        "repeated": overview.info.get("n_repeats", 1) > 1,
        "models": [_model(overview, name) for name in names[:MAX_MODELS]],
        "more_models": max(len(names) - MAX_MODELS, 0),
        "more_classes": max(len(overview.classes) - MAX_CURVES, 0),
    }


def _model(overview: Overview, name: str) -> dict[str, Any]:
    """Return one model's figures and scores by class, from all test folds together."""
    comparison, classes = overview.comparison, overview.classes
    predictions = comparison.predictions[comparison.predictions["estimator"] == name]
    # scikit-learn's displays take neither pandas' strings nor numbers of dtype object.
    texts = {column: predictions[column].map(str).astype(object) for column in LABELS}
    predictions = predictions.assign(**texts)
    probabilities = predictions[[probability_column(label) for label in classes]]
    has_probabilities = bool(probabilities.notna().all(axis=None))
    return {
        "name": name,
        "settings": _settings(overview.info.get("models", {}).get(name)),
        "by_class": _by_class(comparison, name, predictions, classes),
        "confusion": draw_confusion(name, predictions, classes),
        "curves": {
            kind: draw_curve(kind, name, predictions, classes)
            for kind in CURVES
            if has_probabilities
        },
    }


def _settings(recorded: dict[str, Any] | None) -> list[tuple[str, str]]:
    if recorded is None:
        return []
    # Where rankings are kept is no setting of the model.
    text = re.sub(r"memory='[^']*'(,\s*)?|,\s*memory='[^']*'(?=\))", "", recorded["text"])
    seeds = dict.fromkeys(recorded["seeds"].values())
    settings = [
        ("K", ", ".join(recorded["k"])),
        ("seeds", ", ".join("not set" if seed == "None" else seed for seed in seeds)),
        # scikit-learn breaks it into lines.
        ("parameters", re.sub(r"\n\s*", " ", text)),
    ]
    return [(name, text) for name, text in settings if text]


def _by_class(
    comparison: Comparison, name: str, predictions: pd.DataFrame, classes: list[str]
) -> pd.DataFrame:
    """Return scores by class; ``mean``, ``lower`` and ``upper`` are of the area under the ROC."""
    sizes = predictions.groupby("target")["sample"].nunique().reindex(classes, fill_value=0)
    precision, recall, f1, _ = precision_recall_fscore_support(
        *(predictions[column] for column in LABELS), labels=classes, zero_division=0
    )
    own = comparison.scores[comparison.scores["estimator"] == name]
    n_train, n_test = (own.loc[own["metric"] == m, "value"].mean() for m in ("n_train", "n_test"))
    areas = _areas(predictions, classes)
    intervals = mean_intervals(areas["auc"], n_test / n_train, CONFIDENCE).clip(0, 1)
    return intervals.assign(
        size=sizes,
        precision=precision,
        recall=recall,
        f1=f1,
        average_precision=areas["average_precision"].mean(),
    )


def _areas(predictions: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """Return areas under the curves of each class versus the rest: a row per fold."""
    kinds = {"auc": roc_areas, "average_precision": average_precisions}
    everything = predictions[[probability_column(label) for label in classes]].to_numpy(float)
    targets = predictions["target"].to_numpy()[:, None] == np.array(classes, dtype=object)
    folds = predictions.groupby(FOLD).indices.values()
    areas = np.full((len(folds), len(kinds), len(classes)), np.nan)
    for by_kind, rows in zip(areas, folds, strict=True):
        is_class, probabilities = targets[rows], everything[rows]
        defined = (
            is_class.any(axis=0) & ~is_class.all(axis=0) & ~np.isnan(probabilities).any(axis=0)
        )
        for values, score in zip(by_kind, kinds.values(), strict=True):
            values[defined] = score(is_class[:, defined], probabilities[:, defined])
    columns = pd.MultiIndex.from_product([kinds, classes])
    return pd.DataFrame(areas.reshape(len(folds), -1), columns=columns)


def draw_confusion(name: str, predictions: pd.DataFrame, classes: Sequence[str]) -> Markup:
    """Draw the confusion matrix, with the share of the true class and the count in each cell."""
    with figure_for_page(f"Confusion matrix of {name}") as (ax, svg):
        rgb = to_rgb(LIGHT["series-1"])
        # From transparent to a color, to suit light and dark pages alike.
        shades = LinearSegmentedColormap.from_list("shades", [(*rgb, 0), (*rgb, 0.62)])
        counts = confusion_matrix(predictions["target"], predictions["predicted"], labels=classes)
        shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
        style = {"cmap": shades, "vmin": 0, "vmax": 1, "interpolation": "none"}
        if counts.size <= MAX_CELLS:
            _draw_cells(ax, counts, shares, classes, style)
        else:
            ax.imshow(shares, **style)
            ax.set(xticks=[], yticks=[])
        ax.grid(visible=False)
        ax.set(xlabel="predicted class", ylabel="true class")
        ax.tick_params(length=0, labelcolor=LIGHT["ink"])
        ax.spines[:].set_visible(False)
    return svg()


def _draw_cells(
    ax: Any, counts: np.ndarray, shares: np.ndarray, classes: Sequence[str], style: dict[str, Any]
) -> None:
    labels = [name_in_figure(label, LABEL_WIDTH, 4) for label in classes]
    rotation = 90 if len(classes) > 4 or max(map(len, classes)) > 8 else 0
    display = ConfusionMatrixDisplay(shares, display_labels=labels)
    display.plot(include_values=False, colorbar=False, im_kw=style, xticks_rotation=rotation, ax=ax)
    size = min(9.5, 62 / len(classes))
    for (row, column), count in np.ndenumerate(counts):
        cell = {"ha": "center", "color": LIGHT["ink"]}
        share = f"{shares[row, column]:.0%}"
        ax.text(column, row - 0.02, share, va="bottom", fontsize=size, **cell)
        ax.text(column, row + 0.06, f"{count}", va="top", fontsize=0.85 * size, **cell)


def draw_curve(kind: str, name: str, predictions: pd.DataFrame, classes: Sequence[str]) -> Markup:
    """Draw one of :data:`CURVES` of a model whose predictions have labels as text."""
    label, draw = CURVES[kind]
    with figure_for_page(label.format(name)) as (ax, svg):
        draw(ax, predictions, classes)
        ax.set(**RATE_AXES)
    return svg()


def _draw_by_class(
    ax: Any, predictions: pd.DataFrame, classes: Sequence[str], display: Any
) -> None:
    # Two classes have the same curve.
    shown = _most_frequent(predictions, classes) if len(classes) > 2 else list(classes[1:])
    for index, label in enumerate(shown):
        style = {
            **line_style(index),
            "linewidth": 1.4,
            "markersize": 4,
            # A part of the figure's diagonal, from another start for each curve.
            "markevery": (0.03 * (index % 5), 0.17),
        }
        probability = predictions[probability_column(label)]
        is_class = predictions["target"] == label
        display.from_predictions(
            is_class, probability, name=name_in_figure(label), curve_kwargs=style, ax=ax
        )
    draw_legend_below(ax)


def _most_frequent(predictions: pd.DataFrame, classes: Sequence[str]) -> list[str]:
    """Return the classes whose curves are drawn, in their order."""
    frequent = predictions["target"].value_counts().index[:MAX_CURVES]
    return [label for label in classes if label in frequent]


def _draw_roc(ax: Any, predictions: pd.DataFrame, classes: Sequence[str]) -> None:
    _draw_by_class(ax, predictions, classes, RocCurveDisplay)
    ax.plot([0, 1], [0, 1], **DIAGONAL)
    ax.set(xlabel="false positive rate", ylabel="true positive rate")


def _draw_precision_recall(ax: Any, predictions: pd.DataFrame, classes: Sequence[str]) -> None:
    _draw_by_class(ax, predictions, classes, PrecisionRecallDisplay)
    ax.set(xlabel="recall", ylabel="precision")


def _draw_reliability(ax: Any, predictions: pd.DataFrame, classes: Sequence[str]) -> None:
    _draw_frequency(ax, *_correct_by_confidence(predictions, classes), line_style(0))
    ax.set(xlabel="probability of the predicted class", ylabel="share correct")


def _draw_calibration(ax: Any, predictions: pd.DataFrame, classes: Sequence[str]) -> None:
    for index, label in enumerate(_most_frequent(predictions, classes)):
        style = {**line_style(index), "label": name_in_figure(label)}
        is_class = predictions["target"] == label
        _draw_frequency(ax, is_class, predictions[probability_column(label)], style)
    ax.set(xlabel="predicted probability of the class", ylabel="observed share of the class")
    draw_legend_below(ax)


def _draw_frequency(ax: Any, happens: pd.Series, probability: pd.Series, style: dict) -> None:
    """Draw the frequency of an event against its predicted probability, in bins of equal size."""
    n_bins = max(2, min(MAX_BINS, len(happens) // MIN_IN_BIN))
    share, mean = calibration_curve(
        happens, probability.clip(0, 1), n_bins=n_bins, strategy="quantile"
    )
    ax.plot(mean, share, markersize=4, **style)
    if not ax.lines[1:]:
        ax.plot([0, 1], [0, 1], **DIAGONAL)


def _draw_accuracy_coverage(ax: Any, predictions: pd.DataFrame, classes: Sequence[str]) -> None:
    correct, confidence = _correct_by_confidence(predictions, classes)
    ax.plot(*accuracy_coverage(confidence.to_numpy(), correct.to_numpy()), linewidth=1.4)
    ax.set(xlabel="share of samples predicted, most confident first", ylabel="share correct")


def _correct_by_confidence(
    predictions: pd.DataFrame, classes: Sequence[str]
) -> tuple[pd.Series, pd.Series]:
    """Return whether each prediction is correct, and the probability of the predicted class."""
    probabilities = predictions[[probability_column(label) for label in classes]].to_numpy()
    sure = confidence(classes, probabilities, predictions["predicted"])
    correct = predictions["target"] == predictions["predicted"]
    return correct, pd.Series(sure, predictions.index)


def accuracy_coverage(confidence: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return coverage and accuracy of the most confident predictions, at each distinct confidence.

    Both arguments have shape (n_samples,), both results (n_distinct,).
    """
    order = np.argsort(-confidence, kind="stable")
    n_predicted = np.arange(1, len(order) + 1)
    # No threshold separates predictions of equal confidence.
    last = np.append(np.diff(confidence[order]) != 0, True)
    return n_predicted[last] / len(order), (np.cumsum(correct[order]) / n_predicted)[last]


# The figures of a model's probabilities: a label, and what draws on axes predictions by class.
CURVES: dict[str, tuple[str, Callable[[Any, pd.DataFrame, Sequence[str]], None]]] = {
    "roc": ("ROC curves of {}", _draw_roc),
    "precision_recall": ("Precision and recall of {}", _draw_precision_recall),
    "reliability": ("Reliability of {}", _draw_reliability),
    "calibration": ("Calibration by class of {}", _draw_calibration),
    "accuracy_coverage": ("Accuracy of {} against coverage", _draw_accuracy_coverage),
}

"""Figures of one model."""

from collections.abc import Callable, Sequence
from textwrap import fill
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
)

from .._text import visible
from ..benchmark._comparison import probability_column
from ..plotting._common import line_style
from ._style import LIGHT, UNNAMED, draw_legend_below, figure_for_page

__all__ = [
    "answered_curve",
    "draw_answered",
    "draw_calibration",
    "draw_confusion",
    "draw_precision_recall",
    "draw_reliability",
    "draw_roc",
]

RATE_AXES = {"xlim": (-0.01, 1.01), "ylim": (-0.01, 1.01), "aspect": "equal"}
DIAGONAL = {"label": UNNAMED, "color": LIGHT["muted"], "linestyle": ":", "linewidth": 1}
LABEL_WIDTH = 16
MAX_BINS = 10
# Fewer samples in a bin say nothing of its frequency.
MIN_IN_BIN = 10


def draw_confusion(name: str, predictions: pd.DataFrame, classes: Sequence[str]) -> Markup:
    """Draw into which classes the samples of each class were put.

    Parameters
    ----------
    name : str
        Name of the model.
    predictions : DataFrame
        Predictions of the model, with labels as text.
    classes : sequence of str
        The classes, in order.

    Returns
    -------
    Markup
        The SVG.
    """
    with figure_for_page(f"Confusion matrix of {name}") as (ax, done):
        rgb = to_rgb(LIGHT["series-1"])
        # From transparent to colour, so that it suits light and dark pages alike.
        shades = LinearSegmentedColormap.from_list("shades", [(*rgb, 0), (*rgb, 0.62)])
        counts = confusion_matrix(predictions["target"], predictions["predicted"], labels=classes)
        shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
        ConfusionMatrixDisplay(
            shares, display_labels=[fill(visible(label), LABEL_WIDTH) for label in classes]
        ).plot(
            include_values=False,
            cmap=shades,
            colorbar=False,
            im_kw={"vmin": 0, "vmax": 1, "interpolation": "none"},
            xticks_rotation=90 if len(classes) > 4 or max(map(len, classes)) > 8 else 0,
            ax=ax,
        )
        size = min(9.5, 62 / len(classes))
        for (row, column), count in np.ndenumerate(counts):
            cell = {"ha": "center", "color": LIGHT["ink"]}
            share = f"{shares[row, column]:.0%}"
            ax.text(column, row - 0.02, share, va="bottom", fontsize=size, **cell)
            ax.text(column, row + 0.06, f"{count}", va="top", fontsize=0.85 * size, **cell)
        ax.grid(visible=False)
        ax.set(xlabel="predicted class", ylabel="true class")
        ax.tick_params(length=0, labelcolor=LIGHT["ink"])
        ax.spines[:].set_visible(False)
    return done()


def draw_roc(name: str, predictions: pd.DataFrame, classes: Sequence[str]) -> Markup:
    """Draw the ROC curve of each class against the rest.

    Parameters
    ----------
    name : str
        Name of the model.
    predictions : DataFrame
        Predictions of the model, with labels as text.
    classes : sequence of str
        The classes, in order.

    Returns
    -------
    Markup
        The SVG.
    """
    with figure_for_page(f"ROC curves of {name}") as (ax, done):
        _draw_each_class(ax, predictions, classes, RocCurveDisplay.from_predictions)
        ax.plot([0, 1], [0, 1], **DIAGONAL)
        ax.set(xlabel="false positive rate", ylabel="true positive rate", **RATE_AXES)
    return done()


def draw_precision_recall(name: str, predictions: pd.DataFrame, classes: Sequence[str]) -> Markup:
    """Draw the precision-recall curve of each class against the rest.

    Parameters
    ----------
    name : str
        Name of the model.
    predictions : DataFrame
        Predictions of the model, with labels as text.
    classes : sequence of str
        The classes, in order.

    Returns
    -------
    Markup
        The SVG.
    """
    with figure_for_page(f"Precision and recall of {name}") as (ax, done):
        _draw_each_class(ax, predictions, classes, PrecisionRecallDisplay.from_predictions)
        ax.set(xlabel="recall", ylabel="precision", **RATE_AXES)
    return done()


def draw_reliability(name: str, predictions: pd.DataFrame, classes: Sequence[str]) -> Markup:
    """Draw how often the predicted class is right, against its probability.

    Parameters
    ----------
    name : str
        Name of the model.
    predictions : DataFrame
        Predictions of the model, with labels as text.
    classes : sequence of str
        The classes, in order.

    Returns
    -------
    Markup
        The SVG.
    """
    with figure_for_page(f"Reliability of {name}") as (ax, done):
        confidence = predictions[[probability_column(label) for label in classes]].max(axis=1)
        correct = predictions["target"] == predictions["predicted"]
        _draw_calibration(ax, correct, confidence, line_style(0))
        ax.set(xlabel="probability of the predicted class", ylabel="share correct", **RATE_AXES)
    return done()


def answered_curve(confidence: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the accuracy among the most confident predictions, for every share of them.

    Parameters
    ----------
    confidence : ndarray of float of shape (n_samples,)
        Probability of the predicted class.
    correct : ndarray of bool of shape (n_samples,)
        Whether that is the true one.

    Returns
    -------
    shares, accuracies : ndarray of float of shape (n_distinct,)
        A point for each distinct confidence, as no threshold answers one of two that are equal.
    """
    order = np.argsort(-confidence, kind="stable")
    answered = np.arange(1, len(order) + 1)
    last = np.append(np.diff(confidence[order]) != 0, True)
    return answered[last] / len(order), (np.cumsum(correct[order]) / answered)[last]


def draw_answered(name: str, predictions: pd.DataFrame, classes: Sequence[str]) -> Markup:
    """Draw the accuracy among the samples answered, against their share.

    Parameters
    ----------
    name : str
        Name of the model.
    predictions : DataFrame
        Predictions of the model, with labels as text.
    classes : sequence of str
        The classes, in order.

    Returns
    -------
    Markup
        The SVG.
    """
    with figure_for_page(f"Accuracy of {name} among the samples answered") as (ax, done):
        confidence = predictions[[probability_column(label) for label in classes]].max(axis=1)
        correct = predictions["target"] == predictions["predicted"]
        ax.plot(*answered_curve(confidence.to_numpy(), correct.to_numpy()), linewidth=1.4)
        ax.set(xlabel="share answered, the surest first", ylabel="share correct", **RATE_AXES)
    return done()


def draw_calibration(name: str, predictions: pd.DataFrame, classes: Sequence[str]) -> Markup:
    """Draw how frequent each class is, against the probability that it is given.

    Parameters
    ----------
    name : str
        Name of the model.
    predictions : DataFrame
        Predictions of the model, with labels as text.
    classes : sequence of str
        The classes, in order.

    Returns
    -------
    Markup
        The SVG.
    """
    with figure_for_page(f"Calibration by class of {name}") as (ax, done):
        for number, label in enumerate(classes):
            is_class = predictions["target"] == label
            style = {**line_style(number), "label": visible(label)}
            _draw_calibration(ax, is_class, predictions[probability_column(label)], style)
        ax.set(xlabel="probability of the class", ylabel="share that are of it", **RATE_AXES)
        draw_legend_below(ax)
    return done()


def _draw_each_class(
    ax: Any, predictions: pd.DataFrame, classes: Sequence[str], draw: Callable[..., Any]
) -> None:
    # Two classes have the same curve.
    shown = [label for label in classes if (predictions["target"] == label).any()]
    shown = shown if len(classes) > 2 else list(classes[1:])
    for number, label in enumerate(shown):
        style = {
            **line_style(number),
            "linewidth": 1.4,
            "markersize": 4,
            # A part of the figure's diagonal, from another start for each curve.
            "markevery": (0.03 * (number % 5), 0.17),
        }
        is_class, probability = (
            predictions["target"] == label,
            predictions[probability_column(label)],
        )
        draw(is_class, probability, name=visible(label), curve_kwargs=style, ax=ax)
    draw_legend_below(ax)


def _draw_calibration(
    ax: Any, happens: pd.Series, probability: pd.Series, style: dict[str, Any]
) -> None:
    n_bins = max(2, min(MAX_BINS, len(happens) // MIN_IN_BIN))
    share, mean = calibration_curve(
        happens, probability.clip(0, 1), n_bins=n_bins, strategy="quantile"
    )
    ax.plot(mean, share, markersize=4, **style)
    if not ax.lines[1:]:
        ax.plot([0, 1], [0, 1], **DIAGONAL)

"""The figures of the report, as SVG that takes its colours from the page."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from textwrap import fill
from typing import Any
from zlib import crc32

import matplotlib as mpl
import numpy as np
import pandas as pd
from cycler import cycler
from markupsafe import Markup, escape
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import ConfusionMatrixDisplay, RocCurveDisplay
from sklearn.model_selection import LearningCurveDisplay

from .._text import visible
from ..benchmark._comparison import FOLD, probability_column
from ..benchmark._metrics import metric_label
from ..plotting import ComparisonDisplay
from ..plotting._common import plain_log_ticks

__all__ = [
    "COLOURS",
    "answered_curve",
    "draw_answered",
    "draw_confusion",
    "draw_folds",
    "draw_frequencies",
    "draw_learning",
    "draw_reliability",
    "draw_roc",
    "draw_time",
]

# The colours of each name, in light and in dark.
COLOURS = {
    "ink": ("#22262b", "#e7e4dd"),
    "muted": ("#666c74", "#9da3ab"),
    "line": ("#dfdcd4", "#34383e"),
    "series-1": ("#2b6c9c", "#74b4e0"),
    "series-2": ("#bf5430", "#ef946f"),
    "series-3": ("#37855b", "#71c697"),
    "series-4": ("#7a58a5", "#b79ce0"),
    "series-5": ("#a2760f", "#dfb750"),
    "series-6": ("#1c8585", "#5cc8c5"),
    "series-7": ("#b24a70", "#ea90b2"),
    "series-8": ("#85603f", "#cba483"),
    "series-9": ("#5c6f84", "#a3b3c6"),
    "series-10": ("#747e2c", "#bdc86c"),
    "series-11": ("#4a9cc7", "#abdcf5"),
    "series-12": ("#d17d42", "#f6bd93"),
}
LIGHT = {name: light for name, (light, _) in COLOURS.items()}
SERIES = [light for name, light in LIGHT.items() if name.startswith("series")]
# Black and light grey are what the displays draw in by themselves.
VARIABLES = {light: name for name, light in LIGHT.items()}
VARIABLES |= {"#000000": "ink", "#d3d3d3": "line"}

STYLE: Any = {
    "axes.edgecolor": LIGHT["line"],
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": LIGHT["muted"],
    "axes.labelsize": 10,
    "axes.prop_cycle": cycler(linestyle=["-", "--"]) * cycler(color=SERIES),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.size": 10,
    "grid.color": LIGHT["line"],
    "grid.linewidth": 0.6,
    "legend.fontsize": 9.5,
    "legend.handlelength": 1.4,
    "legend.frameon": False,
    "legend.labelcolor": LIGHT["ink"],
    "lines.linewidth": 1.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "xmodal",
    "text.color": LIGHT["ink"],
    "xtick.color": LIGHT["line"],
    "xtick.labelcolor": LIGHT["muted"],
    "ytick.color": LIGHT["line"],
    "ytick.labelcolor": LIGHT["ink"],
}
NAME_WIDTH = 24
METADATA = ("Creator", "Date", "Format", "Type")  # left out, so that equal figures are equal files
WIDTH = 4.4  # inches, so that text of 10 points is legible at the width of a phone
RATE_AXES = {"xlim": (-0.01, 1.01), "ylim": (-0.01, 1.01), "aspect": "equal"}


def draw_folds(comparison: Any, metric: str) -> Markup:
    """Draw every fold of every estimator for one metric.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    metric : str
        Name of the metric.

    Returns
    -------
    Markup
        The SVG.
    """
    with _figure(f"{metric_label(metric)} of every fold, by model") as (ax, done):
        display = ComparisonDisplay.from_comparison(comparison, metric=metric, ax=ax)
        ax.figure.set_size_inches(WIDTH, 0.7 + 0.34 * display.scores.shape[1])
        ax.set_yticks(
            ax.get_yticks(), labels=[fill(visible(name), NAME_WIDTH) for name in display.scores]
        )
        ax.tick_params(axis="y", length=0, labelsize=9.5)
        ax.grid(visible=False, axis="y")
        ax.spines["left"].set_visible(False)
    return done()


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
    with _figure(f"Confusion matrix of {name}") as (ax, done):
        rgb = to_rgb(LIGHT["series-1"])
        # From transparent to colour, so that it suits light and dark pages alike.
        shades = LinearSegmentedColormap.from_list("shades", [(*rgb, 0), (*rgb, 0.62)])
        ConfusionMatrixDisplay.from_predictions(
            predictions["target"],
            predictions["predicted"],
            labels=classes,
            display_labels=list(map(visible, classes)),
            normalize="true",
            values_format=".0%",
            cmap=shades,
            colorbar=False,
            im_kw={"vmin": 0, "vmax": 1, "interpolation": "none"},
            text_kw={"color": LIGHT["ink"], "fontsize": min(10, 85 / len(classes))},
            xticks_rotation=90 if len(classes) > 6 else 0,
            ax=ax,
        )
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
    with _figure(f"ROC curves of {name}") as (ax, done):
        # Two classes have the same curve.
        shown = classes if len(classes) > 2 else classes[1:]
        for label, style in zip(shown, mpl.rcParams["axes.prop_cycle"], strict=False):
            RocCurveDisplay.from_predictions(
                predictions["target"] == label,
                predictions[probability_column(label)],
                name=_in_legend(label),
                curve_kwargs={**style, "linewidth": 1.4},
                ax=ax,
            )
        ax.plot([0, 1], [0, 1], color=LIGHT["muted"], linestyle=":", linewidth=1)
        ax.set(xlabel="false positive rate", ylabel="true positive rate", **RATE_AXES)
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
    with _figure(f"Reliability of {name}") as (ax, done):
        confidence = predictions[[probability_column(label) for label in classes]].max(axis=1)
        correct = predictions["target"] == predictions["predicted"]
        CalibrationDisplay.from_predictions(
            correct.astype(int),
            confidence.clip(0, 1),
            n_bins=10,
            strategy="quantile",
            ref_line=False,
            marker="o",
            markersize=4,
            ax=ax,
        )
        ax.plot([0, 1], [0, 1], color=LIGHT["muted"], linestyle=":", linewidth=1)
        ax.get_legend().remove()
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
    with _figure(f"Accuracy of {name} among the samples answered") as (ax, done):
        confidence = predictions[[probability_column(label) for label in classes]].max(axis=1)
        correct = predictions["target"] == predictions["predicted"]
        ax.plot(*answered_curve(confidence.to_numpy(), correct.to_numpy()), linewidth=1.4)
        ax.set(xlabel="share answered, the surest first", ylabel="share correct", **RATE_AXES)
    return done()


def draw_time(summary: pd.DataFrame, metric: str) -> Markup:
    """Draw the mean score against the mean seconds to fit, each model as its number.

    Parameters
    ----------
    summary : DataFrame
        Summary of the comparison, best model first.
    metric : str
        Name of the metric.

    Returns
    -------
    Markup
        The SVG.
    """
    # The ticks of its logarithmic axis are formulas.
    with _figure(f"{metric_label(metric)} against seconds to fit", formulas=True) as (ax, done):
        seconds, score = summary["fit_seconds", "mean"], summary[metric, "mean"]
        ax.plot(seconds, score, "o", markersize=4.5)
        for number, place in enumerate(zip(seconds, score, strict=True), start=1):
            # Neighbours in rank have similar scores: their numbers go to opposite sides.
            away = 1 if number % 2 else -1
            ax.annotate(
                f"{number}",
                place,
                xytext=(6 * away, 6 * away),
                textcoords="offset points",
                ha="center",
                va="center",
            )
        ax.set(xscale="log", xlabel="seconds to fit, mean", ylabel=f"{metric_label(metric)}, mean")
        plain_log_ticks(ax.xaxis)
        ax.margins(0.08)
    return done()


def draw_learning(scores: pd.DataFrame, metric: str, estimators: Sequence[str]) -> Markup:
    """Draw the score against the number of training samples.

    Parameters
    ----------
    scores : DataFrame
        Scores after training on fewer samples and on all.
    metric : str
        Name of the metric.
    estimators : sequence of str
        Names of the models to draw.

    Returns
    -------
    Markup
        The SVG.
    """
    with _figure(f"{metric_label(metric)} against number of training samples") as (ax, done):
        for name in estimators:
            sizes, values = _by_size(scores[scores["estimator"] == name], metric)
            display = LearningCurveDisplay(
                train_sizes=sizes, train_scores=np.full_like(values, np.nan), test_scores=values
            )
            display.plot(ax, score_type="test", fill_between_kw={"alpha": 0.15, "linewidth": 0})
            display.lines_[0].set(label=_in_legend(name), marker="o", markersize=4)
        ax.figure.set_size_inches(WIDTH, 3.2 + 0.2 * len(estimators))
        ax.legend(loc="upper left", bbox_to_anchor=(0, -0.18))
        ax.set(xlabel="training samples, mean", ylabel=metric_label(metric), xscale="linear")
    return done()


def _by_size(scores: pd.DataFrame, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Return training sizes, smallest first, and the scores, one row per size."""
    sizes, values = (
        scores.loc[scores["metric"] == name, [*FOLD, "value"]].groupby(FOLD)["value"].agg(list)
        for name in ("n_train", metric)
    )
    # Folds differ in size by a sample or two, so each fold is sorted on its own.
    order = np.argsort(sizes.to_list(), axis=1)
    sizes, values = (np.take_along_axis(np.array(x.to_list()), order, 1).T for x in (sizes, values))
    return sizes.mean(axis=1), values


def draw_frequencies(name: str, shares: dict[str, np.ndarray]) -> Markup:
    """Draw the share of folds that select each feature, most frequent first, by modality.

    Parameters
    ----------
    name : str
        Name of the model.
    shares : dict of str to ndarray
        Share of folds that selected each feature, by modality.

    Returns
    -------
    Markup
        The SVG.
    """
    with _figure(f"How often {name} selected each feature") as (ax, done):
        for modality, share in shares.items():
            ax.step(
                np.arange(1, len(share) + 1),
                np.sort(share)[::-1],
                where="mid",
                label=_in_legend(modality),
            )
        ax.set(xlabel="features, most often selected first", ylabel="share of folds")
        ax.set_ylim(0, 1.03)
        ax.legend(loc="upper right")
    return done()


@contextmanager
def _figure(label: str, *, formulas: bool = False) -> Iterator[tuple[Any, Callable[[], Markup]]]:
    """Give axes to draw on in the report's style, and a function that returns their SVG."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        # A name that holds a dollar is no formula.
        mpl.rcParams["text.parse_math"] = formulas
        figure = Figure(figsize=(WIDTH, 0.86 * WIDTH), layout="constrained")
        text = StringIO()
        yield figure.add_subplot(), lambda: _for_page(text.getvalue(), label)
        figure.savefig(text, format="svg", metadata=dict.fromkeys(METADATA))


def _for_page(svg: str, label: str) -> Markup:
    """Turn an SVG file by matplotlib into part of an HTML page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    label = visible(label)
    # Only in tags: what stands between them may be a name.
    return Markup(re.sub("<[^>]*>", _tag_for_page(svg, label), svg))


def _tag_for_page(svg: str, label: str) -> Callable[[re.Match], str]:
    rename = _own_ids(svg, label)

    def change(found: re.Match) -> str:
        tag = found[0]
        if tag.startswith("<svg "):
            tag = re.sub(r' width="[\d.]+pt" height="[\d.]+pt"', "", tag, count=1)
            tag = tag.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1)
        else:
            tag = re.sub("|".join(VARIABLES), lambda colour: f"var(--{VARIABLES[colour[0]]})", tag)
            tag = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", tag)
        return rename(tag)

    return change


def _own_ids(svg: str, label: str) -> Callable[[str], str]:
    """Return what keeps only the ids that are referred to, under names of this figure's own."""
    tags = "".join(re.findall("<[^>]*>", svg))
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', tags))
    prefix = f"f{crc32((label + svg).encode()):x}-"

    def rename(found: re.Match) -> str:
        return f' id="{prefix}{found[1]}"' if found[1] in used else ""

    def in_tag(tag: str) -> str:
        tag = re.sub(r' id="([^"]+)"', rename, tag)
        return re.sub(r'(url\(#|href="#)', rf"\1{prefix}", tag)

    return in_tag


def _in_legend(name: str) -> str:
    # Matplotlib leaves names that begin with an underscore out of legends.
    return f" {visible(name)}" if name.startswith("_") else visible(name)

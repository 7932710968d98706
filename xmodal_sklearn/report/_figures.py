"""Figures of all models of a comparison together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from sklearn.model_selection import LearningCurveDisplay

from .._text import visible
from ..benchmark._comparison import FOLD
from ..benchmark._metrics import metric_label
from ..plotting import ComparisonDisplay
from ..plotting._common import draw_legend, line_style, plain_log_ticks
from ._style import LIGHT, WIDTH, draw_legend_below, figure_for_page

__all__ = ["draw_ablation", "draw_folds", "draw_frequencies", "draw_learning", "draw_time"]

NAME_WIDTH = 24
POINTS: Any = {"marker": "o", "linestyle": "", "markersize": 4.5}


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
    with figure_for_page(f"{metric_label(metric)} of every fold, by model") as (ax, done):
        display = ComparisonDisplay.from_comparison(comparison, metric=metric, ax=ax)
        ax.figure.set_size_inches(WIDTH, 0.7 + 0.34 * display.scores.shape[1])
        ax.set_yticks(ax.get_yticks(), labels=_name_rows(display.scores))
        ax.tick_params(axis="y", length=0, labelsize=9.5)
        ax.grid(visible=False, axis="y")
        ax.spines["left"].set_visible(False)
    return done()


def draw_time(summary: pd.DataFrame, metric: str, at_chance: Collection[str]) -> Markup:
    """Draw the mean score against the mean seconds to fit, each model as its number.

    Parameters
    ----------
    summary : DataFrame
        Summary of the comparison, best model first.
    metric : str
        Name of the metric.
    at_chance : collection of str
        Models that do not stretch the axis of the score.

    Returns
    -------
    Markup
        The SVG.
    """
    with figure_for_page(f"{metric_label(metric)} against seconds to fit") as (ax, done):
        seconds, score = summary["fit_seconds", "mean"], summary[metric, "mean"]
        guessing = summary.index.isin(at_chance)
        low, high = _limits(score[~guessing])
        outside = guessing & ~score.between(low, high)
        ax.plot(seconds, score.mask(outside), color=LIGHT["series-1"], **POINTS)
        ax.plot(seconds, score.where(outside).clip(low, high), color=LIGHT["muted"], **POINTS)
        places = zip(seconds, score.clip(low, high), score, outside, strict=True)
        for number, (x, y, value, is_outside) in enumerate(places, start=1):
            # Neighbours in rank have similar scores: their numbers go to opposite sides.
            away = 1 if (number % 2 or y == low) and y != high else -1
            ax.annotate(
                f"{number} ({value:.3g})" if is_outside else f"{number}",
                (x, y),
                xytext=(6 * away, 6 * away),
                textcoords="offset points",
                ha="left" if is_outside else "center",
                va="center",
            )
        ax.set(xscale="log", xlabel="seconds to fit, mean", ylabel=f"{metric_label(metric)}, mean")
        plain_log_ticks(ax.xaxis)
        ax.margins(0.08)
    return done()


def _limits(values: pd.Series) -> tuple[float, float]:
    low, high = values.min(), values.max()
    room = 0.08 * (high - low) or 0.01
    return low - room, high + room


def draw_learning(
    scores: pd.DataFrame, metric: str, estimators: Sequence[str], at_chance: Collection[str]
) -> Markup:
    """Draw the score against the number of training samples.

    Parameters
    ----------
    scores : DataFrame
        Scores after training on fewer samples and on all.
    metric : str
        Name of the metric.
    estimators : sequence of str
        Names of the models to draw.
    at_chance : collection of str
        Models that do not stretch the axis of the score.

    Returns
    -------
    Markup
        The SVG.
    """
    with figure_for_page(f"{metric_label(metric)} against number of training samples") as (
        ax,
        done,
    ):
        drawn = []
        for number, name in enumerate(estimators):
            sizes, values = _by_size(scores[scores["estimator"] == name], metric)
            display = LearningCurveDisplay(
                train_sizes=sizes, train_scores=np.full_like(values, np.nan), test_scores=values
            )
            style = line_style(number)
            band = {"alpha": 0.12, "linewidth": 0, "color": style["color"]}
            display.plot(ax, score_type="test", fill_between_kw=band)
            display.lines_[0].set(label=visible(name), markersize=4, **style)
            if name not in at_chance:
                mean, std = values.mean(axis=1), values.std(axis=1)
                drawn += [*(mean - std), *(mean + std)]
        if drawn:
            ax.set_ylim(_limits(pd.Series(drawn)))
        draw_legend_below(ax)
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
    with figure_for_page(f"How often {name} selected each feature") as (ax, done):
        for number, (modality, share) in enumerate(shares.items()):
            style = {**line_style(number), "markersize": 4, "markevery": (0.03 * number, 0.15)}
            place = np.arange(1, len(share) + 1)
            ax.step(place, np.sort(share)[::-1], where="mid", label=visible(modality), **style)
        ax.set(xlabel="features, most often selected first", ylabel="share of folds")
        ax.set_ylim(0, 1.03)
        draw_legend_below(ax)
    return done()


def draw_ablation(
    losses: Mapping[str, Mapping[str, tuple[float, float]]], metric: str, names: Sequence[str]
) -> Markup:
    """Draw what each model loses without each modality.

    Parameters
    ----------
    losses : mapping of str to mapping
        By modality and model, mean and standard deviation of the loss over the folds.
    metric : str
        Name of the metric.
    names : sequence of str
        The models, the first on top.

    Returns
    -------
    Markup
        The SVG.
    """
    label = f"Loss of {metric_label(metric)} without a modality"
    with figure_for_page(label) as (ax, done):
        shift = 0.5 / max(len(losses), 2)
        drawn: list[Any] = []
        for number, (modality, of_models) in enumerate(losses.items()):
            rows = np.arange(len(names)) + shift * (number - (len(losses) - 1) / 2)
            mean, std = np.array([of_models.get(name, (np.nan, np.nan)) for name in names]).T
            style = {**line_style(number), "linestyle": "", "elinewidth": 1}
            style |= {"markersize": 4, "label": visible(modality)}
            drawn.append(ax.errorbar(mean, rows, xerr=std, **style))
        ax.axvline(0, color=LIGHT["muted"], linestyle=":", linewidth=1)
        ax.figure.set_size_inches(WIDTH, 0.9 + 0.4 * len(names))
        ax.set_yticks(range(len(names)), labels=_name_rows(names))
        ax.tick_params(axis="y", length=0, labelsize=9.5)
        ax.grid(visible=False, axis="y")
        ax.spines["left"].set_visible(False)
        ax.set(ylim=(len(names) - 0.5, -0.5), xlabel=f"loss of {metric_label(metric)}")
        draw_legend(ax.figure, drawn, loc="outside upper left", ncols=min(len(drawn), 3))
    return done()


def _name_rows(names: Iterable[str]) -> list[str]:
    return [fill(visible(name), NAME_WIDTH) for name in names]

"""Figures of all models together, and how the page's figures look: SVG in the page's colors."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from textwrap import fill
from threading import RLock
from typing import Any
from zlib import crc32

import matplotlib as mpl
import numpy as np
import pandas as pd
from cycler import cycler
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from sklearn.model_selection import LearningCurveDisplay

from .._text import visible
from ..benchmark._comparison import FOLD, Comparison
from ..benchmark._metrics import metric_label
from ..plotting._common import SERIES, draw_legend, line_style, plain_log_ticks
from ..plotting._comparison import ComparisonDisplay

# The colors of each name, in light and in dark. Lines have the same in both except for black.
COLORS = {
    "ink": ("#22262b", "#e7e4dd"),
    "muted": ("#666c74", "#9da3ab"),
    "line": ("#dfdcd4", "#34383e"),
    "accent": ("#00609a", "#74b4e0"),
    **{f"series-{rank}": (color, color) for rank, color in enumerate(SERIES[:-1], start=1)},
}
LIGHT = {name: light for name, (light, _) in COLORS.items()}
# Black and grays are the displays' own colors.
VARIABLES = {light: name for name, light in LIGHT.items()}
VARIABLES |= {"#000000": "ink", "#d3d3d3": "line", "#696969": "muted"}

STYLE: Any = {
    "axes.edgecolor": LIGHT["line"],
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": LIGHT["muted"],
    "axes.labelsize": 10,
    "axes.prop_cycle": cycler(color=SERIES),
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
    # Names are text, even with dollars and backslashes.
    "text.parse_math": False,
    "xtick.color": LIGHT["line"],
    "xtick.labelcolor": LIGHT["muted"],
    "ytick.color": LIGHT["line"],
    "ytick.labelcolor": LIGHT["ink"],
}
METADATA = ("Creator", "Date", "Format", "Type")  # left out, so that equal figures are equal files
UNNAMED = "_\n"  # label of reference lines; no visible name has a line break
WIDTH = 4.4  # inches, so that text of 10 points is legible at the width of a phone
NAME_WIDTH = 24
SETTINGS = RLock()  # Matplotlib's are those of the process, whatever the thread
POINTS: Any = {"marker": "o", "linestyle": "", "markersize": 4.5}


@contextmanager
def figure_for_page(label: str) -> Iterator[tuple[Any, Callable[[], Markup]]]:
    """Yield axes in the report's style, and a function that returns the SVG after the block."""
    with SETTINGS, mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        figure = Figure(figsize=(WIDTH, 0.86 * WIDTH), layout="constrained")
        text = StringIO()
        yield figure.add_subplot(), lambda: _page_svg(text.getvalue(), label)
        figure.savefig(text, format="svg", metadata=dict.fromkeys(METADATA))


def name_in_figure(name: object, width: int = 60, lines: int = 1) -> str:
    """Return a name without hidden characters, truncated so that it leaves room for the plot."""
    return fill(visible(name), width, max_lines=lines, placeholder="…")


def draw_legend_below(ax: Any) -> None:
    """Draw a legend of all lines but those labeled `UNNAMED` below the axes, on more height."""
    lines = [line for line in ax.lines if line.get_label() != UNNAMED]
    width, height = ax.figure.get_size_inches()
    ax.figure.set_size_inches(width, height + 0.2 * len(lines))
    position = {"loc": "upper left", "bbox_to_anchor": (0, -0.16), "borderaxespad": 0}
    draw_legend(ax, lines, handlelength=3, **position)


def _page_svg(svg: str, label: str) -> Markup:
    svg = re.sub(r"<style.*?</style>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    label = visible(label)
    # Ids are unique on the page, and kept only where something refers to them.
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', "".join(re.findall("<[^>]*>", svg))))
    prefix = f"f{crc32((label + svg).encode()):x}-"

    def own_id(match: re.Match) -> str:
        return f' id="{prefix}{match[1]}"' if match[1] in used else ""

    def page_tag(match: re.Match) -> str:
        tag = match[0]
        if tag.startswith("<svg "):
            tag = re.sub(r' width="[\d.]+pt" height="[\d.]+pt"', "", tag, count=1)
            tag = tag.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1)
        else:
            tag = re.sub("|".join(VARIABLES), lambda color: f"var(--{VARIABLES[color[0]]})", tag)
            tag = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", tag)
        tag = re.sub(r' id="([^"]+)"', own_id, tag)
        return re.sub(r'(url\(#|href="#)', rf"\1{prefix}", tag)

    # Only tags change: text between them may be a name.
    return Markup(re.sub("<[^>]*>", page_tag, svg))


def draw_folds(comparison: Comparison, metric: str) -> Markup:
    with figure_for_page(f"{metric_label(metric)} of every fold, by model") as (ax, svg):
        display = ComparisonDisplay.from_comparison(comparison, metric=metric, ax=ax)
        ax.figure.set_size_inches(WIDTH, 0.7 + 0.34 * display.scores.shape[1])
        _name_rows(ax, display.scores)
    return svg()


def draw_timing(summary: pd.DataFrame, metric: str, at_chance: Collection[str]) -> Markup:
    """Draw mean score against mean seconds to fit, each model as its rank in the summary."""
    label = metric_label(metric)
    with figure_for_page(f"{label} against seconds to fit") as (ax, svg):
        seconds, score = summary["fit_seconds", "mean"], summary[metric, "mean"]
        guessing = summary.index.isin(at_chance)
        low, high = _limits(score[~guessing])
        outside = guessing & ~score.between(low, high)
        ax.plot(seconds, score.mask(outside), color=LIGHT["series-1"], **POINTS)
        ax.plot(seconds, score.where(outside).clip(low, high), color=LIGHT["muted"], **POINTS)
        points = zip(seconds, score.clip(low, high), score, outside, strict=True)
        for rank, (x, y, value, is_outside) in enumerate(points, start=1):
            # Neighbors in rank have similar scores: their numbers go to opposite sides.
            side = 1 if (rank % 2 or y == low) and y != high else -1
            ax.annotate(
                f"{rank} ({value:.3g})" if is_outside else f"{rank}",
                (x, y),
                xytext=(6 * side, 6 * side),
                textcoords="offset points",
                ha="left" if is_outside else "center",
                va="center",
            )
        ax.set(xscale="log", xlabel="mean seconds to fit", ylabel=f"mean {label}")
        plain_log_ticks(ax.xaxis)
        ax.margins(0.08)
    return svg()


def draw_learning(
    scores: pd.DataFrame, metric: str, estimators: Sequence[str], at_chance: Collection[str]
) -> Markup:
    label = metric_label(metric)
    with figure_for_page(f"{label} against number of training samples") as (ax, svg):
        bounds = []
        for rank, name in enumerate(estimators):
            sizes, values = _scores_by_size(scores[scores["estimator"] == name], metric)
            display = LearningCurveDisplay(
                train_sizes=sizes, train_scores=np.full_like(values, np.nan), test_scores=values
            )
            style = line_style(rank)
            band = {"alpha": 0.12, "linewidth": 0, "color": style["color"]}
            display.plot(ax, score_type="test", fill_between_kw=band)
            display.lines_[0].set(label=name_in_figure(name), markersize=4, **style)
            if name not in at_chance:
                mean, std = values.mean(axis=1), values.std(axis=1)
                bounds += [*(mean - std), *(mean + std)]
        if bounds:
            ax.set_ylim(_limits(pd.Series(bounds)))
        draw_legend_below(ax)
        ax.set(xlabel="mean number of training samples", ylabel=label, xscale="linear")
    return svg()


def _scores_by_size(scores: pd.DataFrame, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Return training sizes (n_sizes,), smallest first, and scores (n_sizes, n_folds)."""
    sizes, values = (
        scores.loc[scores["metric"] == name, [*FOLD, "value"]].groupby(FOLD)["value"].agg(list)
        for name in ("n_train", metric)
    )
    # Folds differ in size by a sample or two, so each fold is sorted on its own.
    order = np.argsort(sizes.to_list(), axis=1)
    sizes, values = (np.take_along_axis(np.array(x.to_list()), order, 1).T for x in (sizes, values))
    return sizes.mean(axis=1), values


def draw_frequencies(name: str, shares: Mapping[str, np.ndarray]) -> Markup:
    """Draw the share of folds that selected each feature, in decreasing order, by modality."""
    with figure_for_page(f"How often {name} selected each feature") as (ax, svg):
        for index, (modality, share) in enumerate(shares.items()):
            style = {**line_style(index), "markersize": 4, "markevery": (0.03 * index, 0.15)}
            ranks = np.arange(1, len(share) + 1)
            style["label"] = name_in_figure(modality)
            ax.step(ranks, np.sort(share)[::-1], where="mid", **style)
        ax.set(xlabel="features, most often selected first", ylabel="share of folds")
        ax.set_ylim(0, 1.03)
        draw_legend_below(ax)
    return svg()


def draw_ablation(losses: Mapping[str, pd.DataFrame], metric: str, names: Sequence[str]) -> Markup:
    """Draw each model's loss without each modality, the first model on top."""
    label = metric_label(metric)
    with figure_for_page(f"Loss in {label} without each modality") as (ax, svg):
        shift = 0.5 / max(len(losses), 2)
        bars: list[Any] = []
        for index, (modality, table) in enumerate(losses.items()):
            rows = np.arange(len(names)) + shift * (index - (len(losses) - 1) / 2)
            mean, std = table.reindex(names)[["mean", "std"]].to_numpy().T
            style = {**line_style(index), "linestyle": "", "elinewidth": 1}
            style |= {"markersize": 4, "label": name_in_figure(modality)}
            bars.append(ax.errorbar(mean, rows, xerr=std, **style))
        ax.axvline(0, color=LIGHT["muted"], linestyle=":", linewidth=1)
        ax.figure.set_size_inches(WIDTH, 0.9 + 0.4 * len(names))
        ax.set_yticks(range(len(names)))
        _name_rows(ax, names)
        ax.set(ylim=(len(names) - 0.5, -0.5), xlabel=f"loss in {label}")
        draw_legend(ax.figure, bars, loc="outside upper left", ncols=min(len(bars), 3))
    return svg()


def _name_rows(ax: Any, names: Iterable[str]) -> None:
    ax.set_yticks(ax.get_yticks(), labels=[name_in_figure(name, NAME_WIDTH, 4) for name in names])
    ax.tick_params(axis="y", length=0, labelsize=9.5)
    ax.grid(visible=False, axis="y")
    ax.spines["left"].set_visible(False)


def _limits(values: pd.Series) -> tuple[float, float]:
    low, high = values.min(), values.max()
    margin = 0.08 * (high - low) or 0.01
    return low - margin, high + margin

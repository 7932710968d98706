"""The look of the report's figures: SVG that takes its colours from the page."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any
from zlib import crc32

import matplotlib as mpl
from cycler import cycler
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from .._text import visible
from ..plotting._common import SERIES, draw_legend

__all__ = [
    "COLOURS",
    "LIGHT",
    "UNNAMED",
    "WIDTH",
    "draw_legend_below",
    "figure_for_page",
]

# The colours of each name, in light and in dark. Lines have the same in both but for black.
COLOURS = {
    "ink": ("#22262b", "#e7e4dd"),
    "muted": ("#666c74", "#9da3ab"),
    "line": ("#dfdcd4", "#34383e"),
    "accent": ("#00609a", "#74b4e0"),
    **{f"series-{number}": (colour, colour) for number, colour in enumerate(SERIES[:-1], start=1)},
}
LIGHT = {name: light for name, (light, _) in COLOURS.items()}
# Black and greys are what the displays draw in by themselves.
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
    # Names are text, whatever dollars and backslashes they hold.
    "text.parse_math": False,
    "xtick.color": LIGHT["line"],
    "xtick.labelcolor": LIGHT["muted"],
    "ytick.color": LIGHT["line"],
    "ytick.labelcolor": LIGHT["ink"],
}
METADATA = ("Creator", "Date", "Format", "Type")  # left out, so that equal figures are equal files
UNNAMED = "_\n"  # the label of a line of reference: no name, which would be on one line
WIDTH = 4.4  # inches, so that text of 10 points is legible at the width of a phone


@contextmanager
def figure_for_page(label: str) -> Iterator[tuple[Any, Callable[[], Markup]]]:
    """Give axes to draw on in the report's style, and a function that returns their SVG.

    Parameters
    ----------
    label : str
        What the figure shows, for readers who can't see it; also its name as a file.

    Yields
    ------
    ax : matplotlib Axes
        The axes.
    done : callable
        Returns the SVG, once the context has ended.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        figure = Figure(figsize=(WIDTH, 0.86 * WIDTH), layout="constrained")
        text = StringIO()
        yield figure.add_subplot(), lambda: _for_page(text.getvalue(), label)
        figure.savefig(text, format="svg", metadata=dict.fromkeys(METADATA))


def draw_legend_below(ax: Any) -> None:
    """Put a legend of the labelled lines under the axes, and make the figure that much taller.

    Parameters
    ----------
    ax : matplotlib Axes
        The axes; lines labelled `UNNAMED` are left out, the others have visible names.
    """
    lines = [line for line in ax.lines if line.get_label() != UNNAMED]
    width, height = ax.figure.get_size_inches()
    ax.figure.set_size_inches(width, height + 0.2 * len(lines))
    where = {"loc": "upper left", "bbox_to_anchor": (0, -0.16), "borderaxespad": 0}
    draw_legend(ax, lines, handlelength=3, **where)


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

"""Drawing shared by displays: axes, legends, strips of points, heat maps, distinct lines."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._text import visible

# The colors of Okabe and Ito, which color-blind readers can distinguish; their yellow is too pale
# for a line on white.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9", "#000000")
# For texts that contain names, which may have dollars and backslashes.
PLAIN: dict[str, Any] = {"parse_math": False, "usetex": False}
DASHES = ("-", (0, (5, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (1.5, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


class Display:
    """A display, which keeps the axes that it is drawn on."""

    def _set_axes(self, ax: Any, height: float = 4.8, width: float = 6.4) -> None:
        """Keep the axes to draw on: those given, or those of a new figure, in inches."""
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(figsize=(width, height), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure


def line_style(index: int) -> dict[str, Any]:
    """Return a color, a dash and a marker, as a combination unique among the first 28 lines."""
    return {
        "color": SERIES[index % len(SERIES)],
        "linestyle": DASHES[index % len(DASHES)],
        "marker": MARKERS[index % len(MARKERS)],
    }


def draw_legend(parent: Any, handles: Sequence[Any], **style: Any) -> Any:
    """Draw a legend of all handles on axes or a figure, with their labels as they are."""
    legend = parent.legend(handles, ["?"] * len(handles), **style)
    for text, handle in zip(legend.get_texts(), handles, strict=True):
        text.set(text=handle.get_label(), **PLAIN)
    return legend


def draw_strips(
    ax: Any, values: pd.DataFrame, means: pd.Series, *, height: float, **style: Any
) -> list[Any]:
    """Draw each column as a row of points with a diamond at its mean, the first column on top."""
    n_points, n_rows = values.shape
    offsets = np.linspace(-height / 2, height / 2, n_points) if n_points > 1 else np.zeros(1)
    style = {"color": SERIES[0], "linewidths": 0, "s": 16, "alpha": 0.6, **style}
    points = [ax.scatter(values[name], row + offsets, **style) for row, name in enumerate(values)]
    for row, name in enumerate(values):
        ax.plot(means[name], row, color="black", marker="D", markersize=4)
    ax.set_yticks(range(n_rows), list(map(visible, values)), **PLAIN)
    ax.set_ylim(n_rows - 0.5, -0.5)
    return points


def draw_heat_map(
    ax: Any, values: pd.DataFrame, *, label: str, column_style: Mapping[str, Any], **style: Any
) -> None:
    """Draw values as colors, which a bar with the label explains, and name rows and columns."""
    image = ax.imshow(values.to_numpy(), **{"aspect": "auto", **style})
    ax.set_xticks(range(values.shape[1]), values.columns, **column_style, **PLAIN)
    ax.set_yticks(range(len(values)), values.index, **PLAIN)
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.figure.colorbar(image, ax=ax).set_label(label)


def plain_log_ticks(axis: Any) -> None:
    """Label a logarithmic axis, with its data drawn, by plain numbers that do not overlap."""
    from matplotlib.ticker import LogLocator, NullFormatter

    lowest, highest = axis.get_data_interval()
    axis.set_major_locator(LogLocator(subs=(1,) if highest > 100 * lowest else (1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())

"""What several displays need: axes to draw on, their ticks, and lines that can be told apart."""

from collections.abc import Sequence
from typing import Any

__all__ = ["PLAIN", "SERIES", "draw_legend", "drawing_axes", "line_style", "plain_log_ticks"]

# The colours of Okabe and Ito, which colour-blind readers tell apart; their yellow is too pale for
# a line on white.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9", "#000000")
# Of texts that hold names: these are text, whatever dollars and backslashes they hold.
PLAIN: dict[str, Any] = {"parse_math": False, "usetex": False}
DASHES = ("-", (0, (5, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (1.5, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def drawing_axes(ax: Any, height: float = 4.8, width: float = 6.4) -> Any:
    """Return the axes to draw on.

    Parameters
    ----------
    ax : matplotlib Axes or None
        The axes; None makes a new figure.
    height, width : float, default=4.8 and 6.4
        Size of a new figure in inches.

    Returns
    -------
    matplotlib Axes
        Those given, or those of the new figure.
    """
    import matplotlib.pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    return ax


def line_style(number: int) -> dict[str, Any]:
    """Give a line a colour, a dash and a marker that together no other of the first 28 has.

    Parameters
    ----------
    number : int
        Number of the line, from 0.

    Returns
    -------
    dict of str to object
        Arguments of ``Axes.plot``.
    """
    return {
        "color": SERIES[number % len(SERIES)],
        "linestyle": DASHES[number % len(DASHES)],
        "marker": MARKERS[number % len(MARKERS)],
    }


def draw_legend(of: Any, handles: Sequence[Any], **style: Any) -> Any:
    """Draw a legend of all handles, by their labels as they are.

    Matplotlib would leave out names with an underscore first, and read those with two dollars as
    formulas.

    Parameters
    ----------
    of : matplotlib Axes or Figure
        What the legend belongs to.
    handles : sequence of matplotlib Artist
        The labelled artists.
    **style : dict
        Passed to ``of.legend``.

    Returns
    -------
    matplotlib Legend
        The legend.
    """
    legend = of.legend(handles, ["?"] * len(handles), **style)
    for text, handle in zip(legend.get_texts(), handles, strict=True):
        text.set(text=handle.get_label(), **PLAIN)
    return legend


def plain_log_ticks(axis: Any) -> None:
    """Label a logarithmic axis with plain numbers, few enough not to overlap.

    Parameters
    ----------
    axis : matplotlib Axis
        The axis, with its data drawn.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    lowest, highest = axis.get_data_interval()
    axis.set_major_locator(LogLocator(subs=(1,) if highest > 100 * lowest else (1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())

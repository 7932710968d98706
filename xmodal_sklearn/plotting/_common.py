"""What several displays need: axes to draw on, and their ticks."""

from typing import Any

from .._extras import needs_extra

__all__ = ["drawing_axes", "plain_log_ticks"]


def drawing_axes(ax: Any, height: float = 4.8) -> Any:
    """Return the axes to draw on.

    Parameters
    ----------
    ax : matplotlib Axes or None
        The axes; None makes a new figure.
    height : float, default=4.8
        Height of a new figure in inches.

    Returns
    -------
    matplotlib Axes
        Those given, or those of the new figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    with needs_extra("plot", "Drawing"):
        import matplotlib.pyplot as plt
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, height), layout="constrained")
    return ax


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

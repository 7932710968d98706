"""Numbers as the report shows them."""

import numpy as np
import pandas as pd

__all__ = [
    "format_duration",
    "format_number",
    "format_p",
    "format_p_equals",
    "format_seconds",
    "format_share",
    "format_signed",
]

MISSING = "–"


def format_number(value: float, digits: int = 3) -> str:
    """Format a number with a fixed number of decimals.

    Parameters
    ----------
    value : float
        The number; NaN is shown as a dash.
    digits : int, default=3
        Number of decimals.

    Returns
    -------
    str
        The number, with a true minus sign.
    """
    return MISSING if pd.isna(value) else f"{value:.{digits}f}".replace("-", "−")


def format_signed(value: float) -> str:
    """Format a difference with its sign.

    Parameters
    ----------
    value : float
        The difference; NaN is shown as a dash.

    Returns
    -------
    str
        The difference, with a plus or a true minus sign.
    """
    return MISSING if pd.isna(value) else f"{value:+.3f}".replace("-", "−")


def format_p(value: float) -> str:
    """Format a p value.

    Parameters
    ----------
    value : float
        The p value; NaN is shown as a dash.

    Returns
    -------
    str
        Three decimals, or that it is less than 0.001.
    """
    if pd.isna(value):
        return MISSING
    return "<\N{NO-BREAK SPACE}0.001" if value < 0.001 else f"{value:.3f}"


def format_p_equals(value: float) -> str:
    """Format a p value to follow the letter p.

    Parameters
    ----------
    value : float
        The p value.

    Returns
    -------
    str
        The value behind an equals or a less-than sign.
    """
    shown = format_p(value)
    return shown if shown.startswith("<") else f"=\N{NO-BREAK SPACE}{shown}"


def format_seconds(value: float) -> str:
    """Format seconds with three significant digits and at most three decimals.

    Parameters
    ----------
    value : float
        The seconds; NaN is shown as a dash.

    Returns
    -------
    str
        The seconds, without a unit.
    """
    if pd.isna(value):
        return MISSING
    digits = max(0, 2 - int(np.floor(np.log10(max(abs(value), 1e-3)))))
    return f"{value:,.{min(digits, 3)}f}"


def format_share(value: float) -> str:
    """Format a share as a percentage that is 0 or 100 only where the share is.

    Parameters
    ----------
    value : float
        The share, from 0 to 1.

    Returns
    -------
    str
        The percentage, with one decimal where that tells it from 0 or 100.
    """
    if value in (0, 1) or 0.01 <= value <= 0.99:
        return f"{value:.0%}"
    if 0.001 <= value <= 0.999:
        return f"{value:.1%}"
    return "<\N{NO-BREAK SPACE}0.1%" if value < 0.5 else ">\N{NO-BREAK SPACE}99.9%"


def format_duration(seconds: float) -> str:
    """Format a duration in the unit that suits it.

    Parameters
    ----------
    seconds : float
        The duration.

    Returns
    -------
    str
        The duration in hours, minutes or seconds.
    """
    minutes, hours = seconds / 60, seconds / 3600
    if hours >= 2:
        return f"{hours:.1f} hours"
    return f"{minutes:.0f} minutes" if minutes >= 2 else f"{seconds:.0f} seconds"

"""Numbers as the report shows them."""

import numpy as np
import pandas as pd

__all__ = ["duration", "equals", "number", "p_value", "seconds", "signed"]


def number(value: float, digits: int = 3) -> str:
    return "–" if pd.isna(value) else f"{value:.{digits}f}".replace("-", "−")


def signed(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:+.3f}".replace("-", "−")


def p_value(value: float) -> str:
    if pd.isna(value):
        return "–"
    return "<\N{NO-BREAK SPACE}0.001" if value < 0.001 else f"{value:.3f}"


def equals(value: float) -> str:
    shown = p_value(value)
    return shown if shown.startswith("<") else f"=\N{NO-BREAK SPACE}{shown}"


def seconds(value: float) -> str:
    """Three significant digits, and no more decimals than a reader can use."""
    if pd.isna(value):
        return "–"
    digits = max(0, 2 - int(np.floor(np.log10(max(abs(value), 1e-3)))))
    return f"{value:,.{min(digits, 3)}f}"


def duration(seconds: float) -> str:
    minutes, hours = seconds / 60, seconds / 3600
    if hours >= 2:
        return f"{hours:.1f} hours"
    return f"{minutes:.0f} minutes" if minutes >= 2 else f"{seconds:.0f} seconds"

"""Tables for notebooks, in the colors of the notebook, light or dark."""

from html import escape

import pandas as pd

# Half transparent, to be visible on white and on black.
BAR = "background: linear-gradient(90deg, #0072b270 {:.0%}, transparent 0); min-width: 6em"


def html_table(table: pd.DataFrame, caption: str, values: pd.Series | None = None) -> str:
    """Return a table as HTML; bars in its first column show values from 0 to 1 or the largest."""
    style = table.style.set_caption(escape(caption)).format(escape="html")
    style = style.set_table_styles([{"selector": "caption, td", "props": "white-space: nowrap"}])
    for axis in ("index", "columns"):
        style = style.format_index(escape="html", axis=axis)
    if values is not None:
        bars = [BAR.format(share) for share in (values / max(values.max(), 1)).clip(0).fillna(0)]
        style = style.apply(lambda _: bars, subset=list(table.columns[:1]))
    return style.to_html()


def html_weights(weights: pd.Series, caption: str) -> str:
    """Return the weights of branches as a table with bars."""
    table = weights.map("{:.2f}".format).to_frame("weight").rename_axis("branch")
    return html_table(table, caption, weights)

"""Tables of results in Markdown."""

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

__all__ = ["markdown", "mean_spread", "print_table"]

HIGHER = ("macro-F1", "weighted F1", "accuracy", "ROC AUC", "ROC AUC (ovr)")
LOWER = ("log loss", "calibration error")
NUMBER = re.compile(r"[+−]?\d[\d.]*")


def print_table(title: str, table: pd.DataFrame, **options: Any) -> None:
    """Print a paragraph and a table below it."""
    print(f"\n{title}\n\n{markdown(table, **options)}", flush=True)


def markdown(
    table: pd.DataFrame,
    *,
    by: str | None = None,
    higher: Sequence[str] = HIGHER,
    lower: Sequence[str] = LOWER,
    apart: str | None = None,
    best_in_row: str | None = None,
) -> str:
    """Return a table in Markdown, with the best scores in bold.

    They are the best of columns named in `higher` and `lower`: of all rows except the one that
    `apart` names in the first column, or of each value of the column `by`. With `best_in_row`,
    "max" or "min", they are the best of each row instead. Levels of the index that have a name are
    columns, too.
    """
    named = [name for name in table.index.names if name is not None]
    cells = table.reset_index(level=named).map(_text)
    if best_in_row is not None:
        cells[table.columns] = cells[table.columns].apply(_bold, axis=1, best=best_in_row)
    else:
        groups = (cells.iloc[:, 0] == apart) if by is None else cells[by]
        directions = dict.fromkeys(higher, "max") | dict.fromkeys(lower, "min")
        for column in cells.columns.intersection(list(directions)):
            by_group = cells[column].groupby(groups, group_keys=False)
            cells[column] = by_group.apply(_bold, best=directions[column])
    rows = [list(cells.columns), ["---"] * cells.shape[1], *cells.to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def mean_spread(rows: list[dict] | pd.DataFrame, by: str | list[str]) -> pd.DataFrame:
    """Return mean ± standard deviation of the rows, by some of their columns."""
    grouped = pd.DataFrame(rows).groupby(by, sort=False)
    mean, deviation = grouped.mean(), grouped.std()
    return mean.map("{:.3f}".format) + "±" + deviation.map("{:.3f}".format)


def _bold(cells: pd.Series, best: str) -> pd.Series:
    """Return cells with the best in bold, unless there is nothing to compare."""
    values = cells.map(_leading_number)
    if values.count() < 2:
        return cells
    return cells.mask(values == values.agg(best), "**" + cells + "**")


def _text(value: object) -> str:
    """Return a cell; numbers have three digits and a minus sign, a missing one is empty."""
    if isinstance(value, float):
        value = "" if pd.isna(value) else f"{value:.3f}"
    return re.sub(r"(?<![\w.])-(?=\d)", "−", str(value))


def _leading_number(cell: str) -> float:
    match = NUMBER.match(cell)
    return float(match[0].replace("−", "-")) if match else float("nan")

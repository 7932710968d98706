"""What the rows of a table are called: symbols, else Entrez ids."""

from pathlib import Path

import numpy as np
import pandas as pd

from .._names import DATE
from .._study import Report
from ._text_files import ENTREZ, LOCUS, ROW_NAMES

__all__ = ["column", "gene_names"]

# What spreadsheets make of symbols: dates, and numbers of RIKEN clones like 2310009E13.
SPOILT = rf"{DATE}|\d(?:\.\d+)?[eE]\+\d+"
NO_SYMBOL = {"", "NA", "NAN", "N/A", "NULL", "NONE", "UNKNOWN", "<NA>", "?", "-", "--", "---", "."}


def gene_names(path: Path, labels: pd.DataFrame, what: str, report: Report) -> np.ndarray:
    """Name each row by its symbol, else by its Entrez id, else not at all.

    A symbol names no row if it is a date or a number with an exponent, as spreadsheets make of
    some, or if its rows have several Entrez ids: they are of several genes.

    Parameters
    ----------
    path : Path
        The file, for the report.
    labels : DataFrame of str
        The columns that label the rows.
    what : str
        What to call the rows in the report.
    report : Report
        Takes how many rows are named otherwise than by their symbol.

    Returns
    -------
    ndarray of object
        A name for each row, "" where there is none.
    """
    of_rows = next((name for name in ROW_NAMES if name in labels), ENTREZ)
    symbols, entrez = column(labels, of_rows), column(labels, ENTREZ)
    if ENTREZ not in labels:
        entrez = column(labels, LOCUS)
    entrez = entrez.str.replace(r"\.0+$", "", regex=True)  # read as a float by someone before
    has_id = entrez.str.fullmatch("[1-9][0-9]*")
    unnamed = symbols.str.upper().isin(NO_SYMBOL) | (of_rows == ENTREZ)
    date = ~unnamed & symbols.str.fullmatch(SPOILT)
    n_ids = entrez[has_id].groupby(symbols[has_id]).nunique()
    # Repeated rows are of several genes; mutations of one gene repeat its symbol anyway.
    lost = date & ~has_id & symbols.duplicated(keep=False) & (what == "rows")
    several = ~unnamed & ~date & symbols.isin(n_ids.index[n_ids > 1])
    for which, why in [
        (unnamed & has_id, "named by their Entrez id"),
        (date & has_id, "with a date for a symbol, named by their Entrez id"),
        (several & has_id, "of symbols with several Entrez ids, named by these"),
        (unnamed & ~has_id, "without a gene symbol or Entrez id"),
        (lost, "of repeated dates for a symbol, without an Entrez id, left out"),
        (date & ~has_id & ~lost, "with a date for a symbol and without an Entrez id, kept"),
    ]:
        report.append((path.name, f"{what} {why}", int(which.sum())))
    by_id = (unnamed | date | several) & has_id
    return symbols.mask(by_id, entrez).mask((unnamed & ~has_id) | lost, "").to_numpy(dtype=object)


def column(labels: pd.DataFrame, name: str) -> pd.Series:
    """Return a column without blanks around its fields, blank if there is none of that name."""
    if name in labels:
        return labels[name].str.strip()
    return pd.Series("", labels.index, dtype=str)

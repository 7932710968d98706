"""Classes, as files spell them."""

import re
from pathlib import Path

import pandas as pd

from .._suggestions import did_you_mean
from ..modalities._columns import check_unique
from ._study import Report
from ._tables import PLACEHOLDERS, read_table

__all__ = ["is_unknown", "look_alikes", "read_labels", "spellings"]

# In lower case; so is whatever stands in square brackets, as in "[Not Applicable]". "None" is not
# among them, as it may be an answer.
UNKNOWN = PLACEHOLDERS | {
    "nc", "unk", "unknown", "missing", "not evaluated", "not specified", "unspecified", "---",
    "not evaluable", "not assessed", "not determined", "not known", "no data", "unavailable", "nat",
}  # fmt: skip
UNKNOWN_SPELT = {re.sub(r"[\s._]+", "", word) for word in UNKNOWN}


def is_unknown(labels: pd.Series) -> pd.Series:
    """Tell which labels only say that the class is not known; beside "+", "-" is a class."""
    plain = labels.str.strip().str.casefold().str.replace(r"[\s._]+", "", regex=True)
    plain = plain.str.replace("[\u2010-\u2015\u2212]", "-", regex=True)
    negative = (plain == "-") & bool((plain == "+").any())
    return (plain.isin(UNKNOWN_SPELT) | plain.str.fullmatch(r"\[.*\]")) & ~negative


def spellings(labels: pd.Series, where: str) -> Report:
    """Return a row of the report for each spelling of an unknown class but the blank one."""
    counts = labels[is_unknown(labels) & (labels != "")].value_counts(sort=False)
    return [(where, f"{spelling!r} taken for unknown", int(n)) for spelling, n in counts.items()]


def look_alikes(labels: pd.Series, where: str) -> Report:
    """Return a row of the report for each class that differs from another only in its spelling.

    That is in case, in what stands between words, or as 1 and 1.0 do.
    """
    sizes = labels.value_counts(sort=False)
    cased = sizes.index.astype(str).str.casefold()
    plain = pd.Index([_plain(label) for label in cased], dtype=object)
    return [
        (where, f"class {label!r} differs from another only in its {what}", int(sizes[label]))
        for what, alike in (
            ("case", cased.duplicated(keep=False)),
            ("spelling", plain.duplicated(keep=False) & ~cased.duplicated(keep=False)),
        )
        for label in sizes.index[alike]
    ]


def _plain(label: str) -> str:
    """Return a class with blanks between words, and as an integer if it is one."""
    number = re.fullmatch(r"(\d+)\.0+", label)
    return number[1] if number else re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", label)


def read_labels(path: Path, column: str | None, report: Report) -> pd.Series:
    """Return the class of each sample, a string without blanks around it, None where unknown."""
    table = read_table(path, dtype=str, report=report)
    if column is None and table.shape[1] > 1:
        raise ValueError(f"--target must say which column of {path} to predict: {list(table)}.")
    if column is not None and column not in table:
        raise ValueError(
            f"{path} has no column {column!r}{did_you_mean(column, table)} Its columns are "
            f"{list(table)}."
        )
    values = table.iloc[:, 0] if column is None else table[column]
    raw = values.astype(object).where(values.notna(), "").map(str)
    labels = raw.str.strip()
    check_unique(labels.index, f"samples of {path}")
    n_stripped = int((raw != labels).sum())
    report.append((path.name, "classes with blanks around them, dropped", n_stripped))
    report += spellings(labels, path.name)
    report += look_alikes(labels[~is_unknown(labels)], path.name)
    return labels.astype(object).mask(is_unknown(labels), None)

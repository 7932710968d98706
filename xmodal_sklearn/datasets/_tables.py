"""Tables in text and Parquet files, samples in rows."""

import bz2
import gzip
import lzma
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._extras import needs_extra
from ..modalities._columns import check_unique
from ._names import strip_names
from ._study import Report

__all__ = ["PLACEHOLDERS", "read_table"]

DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", ",": "commas", "|": "bars"}
OPENERS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}
COMPRESSIONS = {*OPENERS, ".zst"}
# In lower case; so is whatever stands in square brackets. "None" may be an answer.
PLACEHOLDERS = {
    "", "na", "n/a", "#n/a", "nan", "<na>", "null", "not available", "not applicable",
    "not reported", "-", "--", "'--", ".", "?",
}  # fmt: skip
# What pandas takes for missing at once; other placeholders are looked for one by one.
COMMON = ["", "NA", "NaN", "nan", "N/A", "n/a", "NULL", "null"]
FLAGS = {"true": 1.0, "false": 0.0}
HEADS_NAMES = re.compile("^$|sample|patient|case|barcode|name|tumou?r|index|id", re.IGNORECASE)
ENTREZ_ID = re.compile("[1-9][0-9]*")
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
# With marks of thousands, per cent or limits.
MARKED_NUMBER = re.compile(r"[<>~]?=?[+-]?\d[\d.,']*\s?%?")
# As many rows as tell whether names look alike.
FEW_ROWS = 20


def read_table(
    path: Path, dtype: type | None = None, *, report: Report | None = None
) -> pd.DataFrame:
    """Read a table whose first column, or Parquet index, names the samples.

    Parameters
    ----------
    path : Path
        Comma-separated (``.csv``), tab-separated (``.tsv``, ``.txt``), compressed or not, or
        Parquet (``.parquet``).
    dtype : type, default=None
        What to read the values of a text file as. None leaves it to pandas, once blanks and
        placeholders like ``NA`` are taken for missing.
    report : Report, default=None
        Takes what was reinterpreted: names with blanks around them, placeholders.

    Returns
    -------
    DataFrame of shape (n_samples, n_columns)
        Sample names, as strings, are the index.

    Raises
    ------
    ValueError
        If the name doesn't tell the format, the file is malformed or damaged, has no header, a
        column occurs twice, a column of numbers holds anything else, or a sample has no name.
    OSError
        If the file doesn't exist or can't be read.
    ImportError
        If pyarrow, which reads Parquet, is not installed.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    notes: Report = [] if report is None else report
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in COMPRESSIONS]
    suffix = suffixes[-1] if suffixes else ""
    if suffix != ".parquet" and suffix not in DELIMITERS:
        raise ValueError(
            f"Can't tell the format of {path} from its name, which should end in "
            f"{', '.join(DELIMITERS)} or .parquet."
        )
    with needs_extra("parquet", f"Reading {path}"):
        if suffix == ".parquet":
            import pyarrow  # noqa: F401
    with _errors_name(path):
        if suffix == ".parquet":
            table = _read_parquet(path)
        else:
            table = _read_delimited(path, DELIMITERS[suffix], dtype, notes)
        if table.empty:
            raise ValueError(f"it has no {'sample' if table.shape[1] else 'column of values'}")
        names, n_stripped = strip_names(table.index.astype(str))
        unnamed = table.index.isna() | (names == "")
        if unnamed.any():
            raise ValueError(f"the sample in data row {int(unnamed.argmax()) + 1} has no name")
    notes.append((path.name, "samples with blanks around their name, dropped", n_stripped))
    return table.set_axis(names.rename(table.index.name), axis=0)


@contextmanager
def _errors_name(path: Path) -> Iterator[None]:
    """Turn what a damaged file leads to, in any library, into an error that names the file."""
    try:
        yield
    except pd.errors.ParserError as error:
        raise ValueError(
            f"Can't read {path}: {error}. Every line must have as many values as the header has "
            "names, including the name of the sample column; from R, use write.table with "
            "col.names=NA."
        ) from error
    except UnicodeError as error:
        raise ValueError(f"Can't read {path}: {error}. Save the file as UTF-8 text.") from error
    except Exception as error:
        # What the operating system says of the file, and what is not there to read it.
        if isinstance(error, ImportError) or getattr(error, "errno", None):
            raise
        raise ValueError(f"Can't read {path}: {error or type(error).__name__}") from error


def _read_delimited(path: Path, delimiter: str, dtype: type | None, report: Report) -> pd.DataFrame:
    _check_delimiter(path, delimiter)
    # The header is read by itself, because pandas renames repeated columns, and together
    # with a row, because pandas would take the surplus value of a longer one for an index.
    with _text(path) as file:
        first = pd.read_csv(
            file, sep=delimiter, header=None, nrows=2, dtype=str, keep_default_na=False
        )
    read, n_stripped = strip_names(first.iloc[0])
    names = read.tolist()
    report.append((path.name, "columns with blanks around their name, dropped", n_stripped))
    if len(names) == 1:
        raise ValueError(
            f"the header has only one column, {names[0]!r}; columns must be separated by "
            f"{delimiter!r}"
        )
    check_unique(names, "columns")
    # A sample may be called NA.
    with _text(path) as file:
        table = pd.read_csv(
            file,
            sep=delimiter,
            header=0,
            names=names,
            dtype=dtype or {names[0]: str},
            keep_default_na=False,
            na_values=dict.fromkeys(names[1:], COMMON if dtype is None else [""]),
            low_memory=False,
        )
    _check_header(names, table)
    table = _drop_unnamed(path, table, report)
    if dtype is None:
        missing = int(table.iloc[:, 1:].isna().to_numpy().sum())
        report.append((path.name, "values missing, blank or NA", missing))
        table = _interpret(path, table, report)
    return table.set_index(names[0]).rename_axis(index=names[0] or None)


def _text(path: Path) -> Any:
    """Open a table as text in which all ends of lines are alike.

    pandas takes a carriage return at the start of a line, and the separator behind it, for nothing.
    """
    suffix = path.suffix.lower()
    if suffix == ".zst":
        return nullcontext(path)
    return OPENERS.get(suffix, open)(path, "rt", encoding="utf-8-sig")


def _check_delimiter(path: Path, delimiter: str) -> None:
    """Refuse a header that is separated otherwise, which pandas would misread."""
    suffix = path.suffix.lower()
    if suffix == ".zst":
        return
    with OPENERS.get(suffix, open)(path, "rt", encoding="utf-8-sig", newline="") as file:
        header = file.readline(2**20).rstrip()
    counts = {mark: header.count(mark) for mark in OTHER_DELIMITERS}
    mark = max(counts, key=lambda one: counts[one])
    if mark != delimiter and not counts[delimiter]:
        if not counts[mark]:
            return
        comma = ", and numbers with a decimal point" if mark == ";" else ""
        raise ValueError(
            f"the header has only one column, {header[:60]!r}, if columns are separated by "
            f"{delimiter!r}, but they seem to be separated by {OTHER_DELIMITERS[mark]} ({mark!r}). "
            f"Save the table with columns separated by {delimiter!r}{comma}, or rename it to "
            ".tsv if they are separated by tabs"
        )


def _check_header(names: list[str], table: pd.DataFrame) -> None:
    """Refuse a table whose first sample stands where its header should, or whose header recurs."""
    hint = "The first line must be a header that names the columns"
    columns = [name for name in names[1:] if name]
    if _is_sample(names[0], columns, table[names[0]].head(FEW_ROWS)):
        raise ValueError(f"the header looks like a sample: {', '.join(names[:3])}. {hint}")
    for name in columns:
        if table[name].dtype.kind not in "biuf" and (table[name] == name).any():
            row = int((table[name] == name).to_numpy().argmax()) + 2
            raise ValueError(
                f"the name of column {name!r} is also a value of it (line {row}), so the header is "
                f"missing or repeated. {hint}"
            )


def _drop_unnamed(path: Path, table: pd.DataFrame, report: Report) -> pd.DataFrame:
    """Leave out an unnamed column without values, as separators at the ends of lines make one."""
    if "" not in table.columns[1:]:
        return table
    position = int(np.flatnonzero(table.columns[1:] == "")[0]) + 1
    if table.iloc[:, position].notna().any():
        raise ValueError(f"column {position + 1} has values, but no name in the header")
    report.append((path.name, "unnamed columns without values, left out", 1))
    return table.iloc[:, [i for i in range(table.shape[1]) if i != position]]


def _is_sample(first: str, columns: list[str], samples: pd.Series) -> bool:
    """Tell whether the fields of a header look like a sample's name and values."""
    shapes = {_shape(name) for name in samples}
    if shapes == {_shape(first)} and re.search(r"\d", first):
        return True
    # Samples of one kind, of which the first field is not, or a word that heads names.
    if (len(shapes) == 1 and _shape(first) not in shapes) or HEADS_NAMES.search(first):
        return False
    # Entrez ids are whole numbers above 0.
    return all(map(_is_number, columns)) and not all(map(ENTREZ_ID.fullmatch, columns))


def _interpret(path: Path, table: pd.DataFrame, report: Report) -> pd.DataFrame:
    """Take placeholders for missing values; refuse columns that mix numbers and other things."""
    changed = {}
    found: dict[str, int] = {}
    for position in range(1, table.shape[1]):
        column = table.iloc[:, position]
        if column.dtype.kind in "biuf":
            continue
        numbers = pd.to_numeric(column, errors="coerce")
        # What is neither blank nor a number; few values, as a rule.
        odd = column[column.notna() & numbers.isna()].astype(object).map(str).str.strip()
        plain = odd.str.casefold()
        gaps = plain.isin(PLACEHOLDERS) | plain.str.fullmatch(r"\[.*\]")
        for spelling, count in odd[gaps].value_counts(sort=False).items():
            found[str(spelling)] = found.get(str(spelling), 0) + int(count)
        words = odd[~gaps]
        padded = pd.to_numeric(words, errors="coerce")
        words = words[padded.isna()]
        numbers = numbers.fillna(padded).fillna(plain.map(FLAGS))
        if not set(words.str.casefold()) <= set(FLAGS):
            _check_words(table.iloc[:, 0], column.name, words, numbers)
            changed[position] = column.astype(object).where(column.notna(), np.nan)
            changed[position].loc[odd.index] = odd.mask(gaps, np.nan)
            continue
        changed[position] = numbers
        n_flags = len(words) + int(column.map(lambda value: isinstance(value, bool)).sum())
        report.append((path.name, f"flags in column {column.name!r} read as 1 and 0", n_flags))
    report.extend(
        (path.name, f"values {spelling!r} taken for missing", count)
        for spelling, count in found.items()
    )
    if not changed:
        return table
    columns = [changed.get(position, table.iloc[:, position]) for position in range(table.shape[1])]
    return pd.concat(columns, axis=1, keys=table.columns)


def _check_words(samples: pd.Series, name: Any, words: pd.Series, numbers: pd.Series) -> None:
    """Refuse a column where numbers stand beside what is neither number nor placeholder."""
    row = words.index[0]
    where = f"column {name!r} is not numeric: sample {samples[row]!r} has {words[row]!r}"
    if words.map(lambda value: bool(DECIMAL_COMMA.fullmatch(value))).all():
        raise ValueError(f"{where}, a decimal comma. Save numbers with a decimal point")
    if words.map(lambda value: bool(MARKED_NUMBER.fullmatch(value))).all():
        raise ValueError(f"{where}. Save numbers with a decimal point and without other marks")
    if numbers.notna().any():
        raise ValueError(
            f"{where}, while others have numbers. Leave unknown values blank, and name categories "
            "by words"
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shape(name: object) -> str:
    """Return a name with every number in it replaced, so that names of one kind are equal."""
    return re.sub(r"\d+", "0", str(name))


def _read_parquet(path: Path) -> pd.DataFrame:
    table = pd.read_parquet(path, engine="pyarrow")
    if isinstance(table.index, pd.RangeIndex):
        if table.shape[1] < 2:
            raise ValueError("it has neither an index of sample names nor a first column of them")
        table = table.set_index(table.columns[0])
    if isinstance(table.index, pd.MultiIndex):
        raise ValueError("its index has several levels; one must name the samples")
    check_unique([str(name) for name in table.columns], "columns")
    return table

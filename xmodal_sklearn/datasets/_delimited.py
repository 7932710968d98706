"""Tables in delimited text: no wrong table, and errors that name the line."""

import bz2
import csv
import gzip
import lzma
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ._names import DATE, strip_name, strip_names
from ._study import Report

__all__ = ["OPENERS", "PLACEHOLDERS", "read_delimited"]

OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", ",": "commas", "|": "bars"}
OPENERS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}
# In lower case; so is whatever stands in square brackets. "None" may be an answer.
PLACEHOLDERS = {
    "", "na", "n/a", "#n/a", "nan", "<na>", "null", "not available", "not applicable",
    "not reported", "-", "--", "'--", ".", "?",
    "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!",
}  # fmt: skip
# What pandas takes for missing at once; other placeholders are looked for one by one.
COMMON = ["", "NA", "NaN", "nan", "N/A", "n/a", "NULL", "null"]
FLAGS = {"true": 1.0, "false": 0.0}
HEADS_NAMES = re.compile("^$|sample|patient|case|barcode|name|tumou?r|index|id", re.IGNORECASE)
ENTREZ_ID = re.compile("[1-9][0-9]*")
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
# With marks of thousands, per cent or limits, or digits that only people read.
MARKED_NUMBER = re.compile(r"[<>~=]*\s?[+\-\u2212]?\d[\d.,'\s·_]*([eE][+\-]?\d+)?\s?%?")
# A date, a time, or a number that was too wide for its cell.
SPREADSHEET = re.compile(rf"{DATE}|\d{{1,2}}:\d\d(?::\d\d)?|#{{2,}}")
# As many rows as tell whether names look alike.
FEW_ROWS = 20


def read_delimited(path: Path, delimiter: str, dtype: type | None, report: Report) -> pd.DataFrame:
    """Read a table of text whose first column names the samples.

    Parameters
    ----------
    path : Path
        The file, compressed or not.
    delimiter : str
        What separates columns.
    dtype : type, default=None
        What to read values as, see :func:`~xmodal_sklearn.datasets._tables.read_table`.
    report : Report
        Takes what was reinterpreted.

    Returns
    -------
    DataFrame of shape (n_samples, n_columns)
        Sample names, as strings without blanks around them, are the index.

    Raises
    ------
    ValueError
        If the file is not such a table; the message names the line and what to do.
    """
    text = _Text(path, delimiter)
    names = _read_header(text, report)
    table = _parse(text, names, dtype)
    if table.empty:
        raise ValueError("it has no sample, only a header. Add a line for each sample")
    _check_header(text, names, table)
    samples, n_stripped = strip_names(table[0])
    report.append((path.name, "samples with blanks around their name, dropped", n_stripped))
    _check_samples(text, samples)
    table = _drop_unnamed(text, names, table, report)
    if dtype is None:
        missing = int(table.isna().to_numpy().sum())
        report.append((path.name, "values missing, blank or NA", missing))
        table = _interpret(text, names, samples, table, report)
        _check_finite(text, names, samples, table)
    columns = pd.Index([names[position] for position in table.columns], dtype=str)
    return table.set_axis(columns, axis=1).set_axis(samples.rename(names[0] or None), axis=0)


class _Text(NamedTuple):
    """A file of text, and where its lines are."""

    path: Path
    delimiter: str

    def open(self, **options: Any) -> Any:
        """Open the file as text in which all ends of lines are alike.

        pandas takes a carriage return at the start of a line, and the separator behind it, for
        nothing.
        """
        suffix = self.path.suffix.lower()
        if suffix == ".zst":
            return nullcontext(self.path)
        return OPENERS.get(suffix, open)(self.path, "rt", encoding="utf-8-sig", **options)

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the number of the first line and the fields of each record that is not blank."""
        with self.open() as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            number = 1
            for fields in reader:
                if len(fields) > 1 or (fields and fields[0].strip(" \t")):
                    yield number, fields
                number = reader.line_num + 1

    def line_of(self, row: int) -> int:
        """Return the number of the line of a row below the header."""
        if self.path.suffix.lower() == ".zst":
            return row + 2
        return next(islice(self.records(), row + 1, None), (row + 2, []))[0]


def _read_header(text: _Text, report: Report) -> list[str]:
    """Return the names of the columns, without blanks around them."""
    line, fields = _check_first_lines(text)
    read, n_stripped = strip_names(fields)
    names = read.tolist()
    name = text.path.name
    report.append((name, "columns with blanks around their name, dropped", n_stripped))
    named = [one for one in names[1:] if one]
    n_dates = sum(bool(re.fullmatch(DATE, one)) for one in named)
    what = "columns called by a date, as spreadsheets make of genes like MARCH1"
    report.append((name, what, n_dates))
    repeated = [one for one, count in Counter(names).items() if one and count > 1]
    if repeated:
        where = [position + 1 for position, one in enumerate(names) if one == repeated[0]]
        raise ValueError(
            f"the columns must be unique, but {_quote(repeated[0])} occurs more than once in the "
            f"header (line {line}, columns {where[:5]}). Merge or rename them"
        )
    if len(named) < (len(names) - 1) / 2:
        few = [name[:20] for name in names[:5]]
        raise ValueError(
            f"the header (line {line}) names only {len(named)} of {len(names)} columns: {few}"
            ". Leave one header line with a name in each column, and no title or merged cells above"
        )
    return names


def _check_first_lines(text: _Text) -> tuple[int, list[str]]:
    """Return number and fields of the header; refuse one that pandas would misread."""
    if text.path.suffix.lower() == ".zst":
        first = pd.read_csv(text.path, sep=text.delimiter, header=None, nrows=1, dtype=str)
        return 1, first.fillna("").iloc[0].tolist()
    records = text.records()
    line, names = next(records, (0, []))
    if not names:
        raise ValueError("it is empty. Save the table again")
    if len(names) == 1:
        raise _other_delimiter(text, line, names[0])
    number, fields = next(records, (0, names))
    # pandas would take the surplus value for the name of a row.
    if len(fields) != len(names):
        raise _ragged(number, len(fields), len(names))
    return line, names


def _other_delimiter(text: _Text, line: int, header: str) -> ValueError:
    """Return the error about a header of one column."""
    counts = {mark: header.count(mark) for mark in OTHER_DELIMITERS}
    mark = max(counts, key=lambda one: counts[one])
    problem = (
        f"the header (line {line}) has only one column, {header[:60]!r}, if columns are separated "
        f"by {text.delimiter!r}"
    )
    if mark == text.delimiter or not counts[mark]:
        return ValueError(
            f"{problem}. Leave no title above the header, and separate columns by "
            f"{text.delimiter!r}"
        )
    comma = ", and numbers with a decimal point" if mark == ";" else ""
    return ValueError(
        f"{problem}, but they seem to be separated by {OTHER_DELIMITERS[mark]} ({mark!r}). Save "
        f"the table with columns separated by {text.delimiter!r}{comma}, or rename it to .tsv if "
        "they are separated by tabs"
    )


def _ragged(line: int, n_fields: int, n_names: int) -> ValueError:
    return ValueError(
        f"line {line} has {n_fields} values, the header {n_names} names. Give every line as many "
        "values as the header has names, including the name of the sample column; from R, use "
        "write.table with col.names=NA"
    )


def _parse(text: _Text, names: list[str], dtype: type | None) -> pd.DataFrame:
    """Read the rows below the header, columns called by their positions."""
    columns = range(len(names))
    try:
        # A sample may be called NA.
        with text.open() as file:
            table = pd.read_csv(
                file,
                sep=text.delimiter,
                header=0,
                names=columns,
                dtype=dtype or {0: str},
                keep_default_na=False,
                na_values=dict.fromkeys(columns[1:], COMMON if dtype is None else [""]),
                low_memory=False,
            )
    except pd.errors.ParserError as error:
        _check_lengths(text, len(names))
        if "EOF inside string" in str(error):
            *_, (line, _) = text.records()
            raise ValueError(
                f"line {line}: a quote opens that is never closed. Remove it, or close it"
            ) from error
        raise
    # pandas fills a short row with missing values, as if it had not been cut off.
    if table.iloc[:, -1].isna().any():
        _check_lengths(text, len(names))
    return table


def _check_lengths(text: _Text, n_names: int) -> None:
    for line, fields in text.records() if text.path.suffix.lower() != ".zst" else ():
        if len(fields) != n_names:
            raise _ragged(line, len(fields), n_names)


def _check_header(text: _Text, names: list[str], table: pd.DataFrame) -> None:
    """Refuse a table whose first sample stands where its header should, or whose header recurs."""
    hint = "Give one line of names, the first line, as header"
    columns = [name for name in names[1:] if name]
    if _is_sample(names[0], columns, table[0].head(FEW_ROWS)):
        raise ValueError(f"the header looks like a sample: {', '.join(names[:3])[:60]}. {hint}")
    for position, name in enumerate(names):
        values = table[position]
        if position and name and values.dtype.kind not in "biuf" and (values == name).any():
            line = text.line_of(int((values == name).to_numpy().argmax()))
            raise ValueError(
                f"the name of column {_quote(name)} is also a value of it (line {line}), so the "
                f"header is missing or repeated. {hint}"
            )


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


def _check_samples(text: _Text, samples: pd.Index) -> None:
    """Refuse samples without a name, with a broken one, or with that of another."""
    if (unnamed := samples == "").any():
        row = int(unnamed.argmax())
        raise ValueError(
            f"line {text.line_of(row)}: the sample in data row {row + 1} has no name. Name it in "
            "the first column, or remove it"
        )
    broken = samples.str.contains("[\r\n]")
    if broken.any():
        row = int(broken.argmax())
        raise ValueError(
            f"the name of the sample in line {text.line_of(row)} has an end of line in it: "
            f"{_quote(samples[row])}. Check the quotes around names"
        )
    repeated = samples.duplicated(keep=False)
    if repeated.any():
        name = samples[repeated][0]
        lines = [text.line_of(row) for row in np.flatnonzero(samples == name)[:3].tolist()]
        raise ValueError(
            f"the samples must be unique, but {_quote(name)} occurs more than once, in lines "
            f"{lines}. Merge or rename them"
        )


def _drop_unnamed(
    text: _Text, names: list[str], table: pd.DataFrame, report: Report
) -> pd.DataFrame:
    """Return the columns of values that have a name.

    Separators at the ends of lines make unnamed ones without values.
    """
    unnamed = [position for position, name in enumerate(names) if position and not name]
    for position in unnamed:
        there = table[position].notna()
        if there.any():
            raise ValueError(
                f"column {position + 1} has values, but no name in the header; the first is in "
                f"line {text.line_of(int(there.to_numpy().argmax()))}. Name it, or remove it"
            )
    what = "unnamed columns without values, left out"
    report.append((text.path.name, what, len(unnamed)))
    if len(unnamed) == len(names) - 1:
        raise ValueError("it has no column of values, but names of samples only. Add one")
    return table.drop(columns=[0, *unnamed])


def _interpret(
    text: _Text, names: Sequence[str], samples: pd.Index, table: pd.DataFrame, report: Report
) -> pd.DataFrame:
    """Take placeholders for missing values; refuse columns that mix numbers and other things."""
    changed = {}
    found: dict[str, int] = {}
    for position in table.columns:
        column = table[position]
        if column.dtype.kind in "biuf":
            continue
        try:
            numbers = pd.to_numeric(column, errors="coerce")
        except OverflowError:
            raise _infinite(text, names[position], samples, _is_huge(column)) from None
        # What is neither blank nor a number; few values, as a rule.
        odd = column[column.notna() & numbers.isna()].map(strip_name).astype(object)
        plain = odd.str.casefold()
        gaps = plain.isin(PLACEHOLDERS) | plain.str.fullmatch(r"\[.*\]")
        for spelling, count in odd[gaps].value_counts(sort=False).items():
            found[str(spelling)] = found.get(str(spelling), 0) + int(count)
        words = odd[~gaps]
        padded = pd.to_numeric(words, errors="coerce")
        words = words[padded.isna()]
        numbers = numbers.fillna(padded).fillna(plain.map(FLAGS))
        if not set(words.str.casefold()) <= set(FLAGS):
            _check_words(text, names[position], samples, words, numbers)
            changed[position] = column.astype(object).where(column.notna(), np.nan)
            changed[position].loc[odd.index] = odd.mask(gaps, np.nan)
            continue
        changed[position] = numbers
        n_flags = len(words) + int(column.map(lambda value: isinstance(value, bool)).sum())
        what = f"flags in column {_quote(names[position])} read as 1 and 0"
        report.append((text.path.name, what, n_flags))
    report.extend(
        (text.path.name, f"values {_quote(spelling)} taken for missing", count)
        for spelling, count in found.items()
    )
    if not changed:
        return table
    columns = [changed.get(position, table[position]) for position in table.columns]
    return pd.concat(columns, axis=1, keys=table.columns)


def _check_words(
    text: _Text, name: str, samples: pd.Index, words: pd.Series, numbers: pd.Series
) -> None:
    """Refuse a column where numbers stand beside what is neither number nor placeholder."""

    def wrong(row: int, rest: str) -> ValueError:
        where = f"line {text.line_of(row)}: column {_quote(name)} is not numeric: sample "
        return ValueError(f"{where}{_quote(samples[row])} has {_quote(words[row])}{rest}")

    row = words.index[0]
    if words.map(lambda value: bool(DECIMAL_COMMA.fullmatch(value))).all():
        raise wrong(row, ", a decimal comma. Save numbers with a decimal point")
    if words.map(lambda value: bool(MARKED_NUMBER.fullmatch(value)) or _is_number(value)).all():
        raise wrong(row, ". Save numbers with a decimal point and without other marks")
    spoilt = words.map(lambda value: bool(SPREADSHEET.fullmatch(value)))
    if spoilt.any():
        raise wrong(
            words.index[spoilt][0],
            ", which spreadsheets make of other values. Save the values as text, or leave the "
            "column out. Name periods of time by numbers",
        )
    if numbers.notna().any():
        raise wrong(
            row,
            ", while others have numbers. Leave unknown values blank, and name categories by words",
        )


def _check_finite(
    text: _Text, names: Sequence[str], samples: pd.Index, table: pd.DataFrame
) -> None:
    """Refuse numbers that are infinite, or larger than any that is told from infinity."""
    for position in table.columns:
        column = table[position]
        if column.dtype.kind == "f" and np.isinf(column.to_numpy()).any():
            raise _infinite(text, names[position], samples, np.isinf(column.to_numpy()))


def _infinite(text: _Text, name: str, samples: pd.Index, where: np.ndarray) -> ValueError:
    row = int(where.argmax())
    return ValueError(
        f"line {text.line_of(row)}: column {_quote(name)} holds infinity, or a number as large, "
        f"for sample {_quote(samples[row])}. Correct it, or leave it blank"
    )


def _is_huge(column: pd.Series) -> np.ndarray:
    return np.array([isinstance(one, int) and abs(one) > sys.float_info.max for one in column])


def _quote(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "…")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shape(name: object) -> str:
    """Return a name with every number in it replaced, so that names of one kind are equal."""
    return re.sub(r"\d+", "0", str(name))

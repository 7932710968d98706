"""Tables in delimited text and Parquet files, samples in rows; a cohort of several such tables."""

import re
import sys
from collections import Counter
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from .._extras import needs_extra
from .._suggestions import did_you_mean, first_names
from ..modalities._columns import check_unique
from ..modalities._concat import concat_modalities
from ..modalities._encoding import find_categorical
from ._names import (
    DATE,
    PATIENT,
    check_overlap,
    coarsest_level,
    is_normal,
    is_placeholder,
    is_unknown,
    match_names,
    merge_duplicates,
    rename_samples,
    report_similar_labels,
    strip_name,
    strip_names,
    truncate_barcodes,
)
from ._study import Report, make_study, make_target
from ._text import (
    OPENERS,
    add_path_to_errors,
    check_unique_columns,
    malformed,
    open_text,
    quote,
    ragged,
    records,
)

DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
DELIMITER_NAMES = {";": "semicolons", "\t": "tabs", ",": "commas", "|": "bars"}
# What pandas reads as missing at once; other placeholders are searched for value by value.
COMMON = ["", "NA", "NaN", "nan", "N/A", "n/a", "NULL", "null"]
FLAGS = {"true": 1.0, "false": 0.0}
NAME_HEADERS = re.compile("^$|sample|patient|case|barcode|name|tumou?r|index|id", re.IGNORECASE)
ENTREZ_ID = re.compile("[1-9][0-9]*")
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
# With marks of thousands, per cent or limits, or digits that only people read.
MARKED_NUMBER = re.compile(r"[<>~=]*\s?[+\-\u2212]?\d[\d.,'\s·_]*([eE][+\-]?\d+)?\s?%?")
# A date, a time, or a number that was too wide for its cell.
SPREADSHEET = re.compile(rf"{DATE}|\d{{1,2}}:\d\d(?::\d\d)?|#{{2,}}")


def read_tables(
    tables: Mapping[str, str | PathLike[str]],
    *,
    target: str | None = None,
    target_file: str | PathLike[str] | None = None,
    join: str = "inner",
) -> Bunch:
    r"""Read one table per modality, and the classes of their samples.

    The tables are aligned on their samples; samples whose class is unknown are left out.
    Whatever is left out, merged or reinterpreted is counted in a report.

    Parameters
    ----------
    tables : dict of str to (str or path-like)
        The file of each modality, in the order of the columns; the first is the classifier's
        primary modality. Comma-separated (``.csv``), tab-separated (``.tsv``, ``.txt``), each
        compressed or not (``.gz``, ``.bz2``, ``.xz``, ``.zst``), or Parquet (``.parquet``).
        Samples are rows; their names are the first column, or the index of a Parquet file.
    target : str, default=None
        Column of `target_file` that holds the classes. It may be omitted if there is only one.
    target_file : str or path-like, default=None
        Table of the classes, in one of the same formats. None reads samples without classes, such
        as those of a new cohort.
    join : {"inner", "outer"}, default="inner"
        Keep the samples that have all of the modalities, or those that have any. An absent
        modality is then a block of NaN.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        With the attributes

        data : DataFrame of shape (n_samples, n_features)
            Columns named ``modality__feature``, sample names as index. Columns of text are
            categorical columns.
        target : Series of object of shape (n_samples,), or None
            Class names, indexed like ``data``; None without `target_file`.
        target_names : ndarray of object of shape (n_classes,), or None
            Class names, sorted as in a classifier's ``classes_``.
        feature_names : list of str
            Columns of ``data``.
        modalities : dict of str to ndarray of int
            Column positions of each modality.
        report : DataFrame with the columns "where", "what" and "count"
            What was left out, merged or reinterpreted, and how often. With `target_file`, rows
            whose "where" is "samples" count the samples that are left out, each once.
        DESCR : str
            A description of the data.

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    ValueError
        If an argument is not allowed, a file is malformed or damaged, sample names are ambiguous,
        or no sample is left; the message names the file and the line. A table that mixes numbers
        and text in one column, or has its samples in columns, counts as malformed, too.
    ImportError
        If the package that reads a format is not installed; pyarrow reads Parquet.

    See Also
    --------
    read_cbioportal : Read a study folder into the same form.
    from_mudata : Read a MuData object into the same form.
    xmodal_sklearn.concat_modalities : Join tables that are in memory.

    Notes
    -----
    Names that differ only in case, blanks, or in dots for dashes mean the same sample. Barcodes of
    TCGA and TARGET are truncated to the level of the coarsest table; normal tissue and controls
    are then left out, and of several tumors of a patient a primary one is kept, else the first.

    Blanks, ``NA``, ``null``, ``-``, spreadsheet errors and anything in square brackets are missing
    values. ``TRUE`` and ``FALSE`` are 1 and 0. Class labels such as ``unknown`` and ``NC`` are
    unknown, too.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from xmodal_sklearn.datasets import read_tables
    >>> files = {
    ...     "exp.csv": "sample,ESR1,GATA3\nP1,2.5,1\nP2,-1,NA\nP3,0,3\n",
    ...     "mut.tsv": "sample\tTP53\np2\t1\np1\t0\n",
    ...     "clin.csv": "sample,subtype,age\nP1,LumA,51\nP2,Basal,62\nP3,LumA,43\n",
    ... }
    >>> with TemporaryDirectory() as folder:
    ...     for name, text in files.items():
    ...         _ = Path(folder, name).write_text(text)
    ...     cohort = read_tables(
    ...         {"exp": Path(folder, "exp.csv"), "mut": Path(folder, "mut.tsv")},
    ...         target="subtype",
    ...         target_file=Path(folder, "clin.csv"),
    ...     )
    >>> cohort.data
        exp__ESR1  exp__GATA3  mut__TP53
    P1        2.5         1.0          0
    P2       -1.0         NaN          1
    >>> cohort.target.to_dict()
    {'P1': 'LumA', 'P2': 'Basal'}
    >>> cohort.report
         where                                               what  count
    0  exp.csv                        values missing, blank or NA      1
    1      mut  sample names spelled differently than in clin.csv      2
    2  samples                                        without mut      1
    """
    if not isinstance(tables, Mapping) or not tables:
        raise ValueError(
            f'tables must map modalities to files, as {{"exp": path}}, got {tables!r}.'
        )
    if target is not None and target_file is None:
        raise ValueError(f"target={target!r} is a column of target_file. Pass target_file, too.")
    report = Report()
    labels = None if target_file is None else read_labels(Path(target_file), target, report)
    read = {}
    for modality, path in tables.items():
        try:
            read[modality] = read_table(Path(path), report=report)
        except ValueError as error:
            raise ValueError(f"Modality {modality!r}: {error}") from error
    read, labels = _truncate_barcodes(read, labels, report)
    source = next(iter(read)) if target_file is None else Path(target_file).name
    read = _match_samples(read, labels, source, report)
    for modality, table in read.items():
        report.add(modality, "categorical columns", len(find_categorical(table)))
    data = concat_modalities(read, join=join)
    classes = None
    if labels is not None:
        data = _drop_unlabeled(data, read, labels, source, report)
        classes = make_target(labels.loc[data.index], data.index, labels.name)
    return make_study(
        data, classes, DESCR=f"Tables {', '.join(read)} ({join} join).", report=report
    )


def _truncate_barcodes(
    tables: dict[str, pd.DataFrame], labels: pd.Series | None, report: Report
) -> tuple[dict[str, pd.DataFrame], pd.Series | None]:
    """Truncate barcodes to the level of the coarsest table; leave other names as they are."""
    groups = [list(table.index) for table in tables.values()]
    level = coarsest_level(groups if labels is None else [*groups, list(labels.index)])
    if level is None:
        return tables, labels
    truncated = {}
    for modality, table in tables.items():
        normal = is_normal(table.index) & (level == PATIENT)
        report.add(modality, "samples of normal tissue or controls, left out", normal)
        table = table[~normal]
        names = truncate_barcodes(table.index, level)
        what = f"samples named by the first {level} parts of barcodes"
        report.add(modality, what, names != table.index)
        what = "of the same tumor or patient"
        truncated[modality] = rename_samples(table, names, report, modality, what)
    if labels is not None:
        labels = labels[~(is_normal(labels.index) & (level == PATIENT))]
        labels = labels.set_axis(truncate_barcodes(labels.index, level))
        what = "additional samples of the same tumor or patient"
        report.add("classes", what, labels.index.duplicated())
        remedy = (
            "Barcodes are truncated to the level of the coarsest table. Give the sample one class, "
            "or use tables of samples instead of patients."
        )
        labels = merge_duplicates(labels, "classes", remedy)
    return truncated, labels


def _match_samples(
    tables: dict[str, pd.DataFrame], labels: pd.Series | None, source: str, report: Report
) -> dict[str, pd.DataFrame]:
    """Rename the samples of each table to match the labels, or else the tables before it."""
    reference = tables[source].index if labels is None else labels.index
    matched = {}
    for modality, table in tables.items():
        names = match_names(table.index, reference, where=modality, other=source, report=report)
        table = rename_samples(table, names, report, modality, "of the same name")
        matched[modality] = table
        swapped = table.columns.astype(str).isin(reference).any()
        if swapped and not table.index.isin(reference).any():
            raise ValueError(
                f"The table of modality {modality!r} is transposed: it has its samples in columns. "
                "Transpose it: samples go in rows."
            )
        where = "another table" if labels is None else source
        check_overlap(f"sample of modality {modality!r}", table.index, where, reference)
        if labels is None:
            reference = reference.union(table.index, sort=False)
    return matched


def _drop_unlabeled(
    data: pd.DataFrame,
    tables: dict[str, pd.DataFrame],
    labels: pd.Series,
    source: str,
    report: Report,
) -> pd.DataFrame:
    """Drop samples of unknown class, and report every sample that is left out, once."""
    is_labeled = data.index.isin(labels.dropna().index)
    if not is_labeled.any():
        raise ValueError(
            f"No sample that has all of {list(tables)} has a class in {source}. Use tables "
            "of the same samples, or the outer join."
        )
    names = pd.Index([name for table in tables.values() for name in table.index]).unique()
    missing = [
        ", ".join(modality for modality, table in tables.items() if name not in table.index)
        for name in names[~names.isin(data.index)]
    ]
    report.add("samples", "class unknown", ~is_labeled)
    report.add_values("samples", "without {}", pd.Series(missing, dtype=object))
    report.add("samples", "in the file of classes, but in no table", ~labels.index.isin(names))
    return data if is_labeled.all() else data[is_labeled]


def read_labels(path: Path, column: str | None, report: Report) -> pd.Series:
    """Return the class of each sample, a string without blanks around it, None where unknown."""
    table = read_table(path, str, report=report)
    if column is None and table.shape[1] > 1:
        raise ValueError(f"target must name one of the columns of {path}: {first_names(table)}.")
    if column is not None and column not in table:
        raise ValueError(
            f"{path} has no column {column!r}{did_you_mean(column, table)} Its columns are "
            f"{first_names(table)}."
        )
    values = table.iloc[:, 0] if column is None else table[column]
    raw = values.astype(object).where(values.notna(), "").map(str)
    labels = raw.str.strip()
    report.add(path.name, "classes stripped of surrounding blanks", raw != labels)
    unknown = is_unknown(labels)
    placeholders = labels[unknown & (labels != "")].map(repr)
    report.add_values(path.name, "{} read as unknown", placeholders)
    report_similar_labels(labels[~unknown], path.name, report)
    return labels.astype(object).mask(unknown, None)


def read_table(
    path: Path, dtype: type | None = None, *, report: Report | None = None
) -> pd.DataFrame:
    """Read a table whose first column, or Parquet index, names the samples."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    report = Report() if report is None else report
    unpacked = path.with_suffix("") if path.suffix.lower() in OPENERS else path
    suffix = unpacked.suffix.lower()
    if suffix != ".parquet" and suffix not in DELIMITERS:
        raise ValueError(
            f"Can't determine the format of {path} from its name, which should end in "
            f"{', '.join(DELIMITERS)} or .parquet."
        )
    with add_path_to_errors(path):
        if suffix == ".parquet":
            return _read_parquet(path, report)
        return _DelimitedReader(path, DELIMITERS[suffix], report).read(dtype)


def _read_parquet(path: Path, report: Report) -> pd.DataFrame:
    with needs_extra("parquet", f"Reading {path}"):
        import pyarrow  # noqa: F401
    # Checks the pages that were written with a checksum.
    table = pd.read_parquet(path, engine="pyarrow", page_checksum_verification=True)
    if isinstance(table.index, pd.RangeIndex):
        if table.shape[1] < 2:
            raise malformed(
                path,
                "it has neither an index of sample names nor a first column of them. Save it with "
                "the names as index",
            )
        table = table.set_index(table.columns[0])
    if isinstance(table.index, pd.MultiIndex):
        raise malformed(path, "its index has several levels. Name the samples by one of them")
    if table.empty:
        needed = "sample" if table.shape[1] else "column of values"
        raise malformed(path, f"it has no {needed}. Add one")
    check_unique(table.columns.astype(str), "columns")
    names = strip_names(table.index.astype(str), report, path.name)
    unnamed = table.index.isna() | (names == "")
    if unnamed.any():
        row = int(unnamed.argmax()) + 1
        raise malformed(path, f"the sample in data row {row} has no name. Name it, or remove it")
    check_unique(names, "samples")
    return table.set_axis(names.rename(table.index.name), axis=0)


class _DelimitedReader:
    """Reads a table of delimited text, and checks that nothing in it is misread."""

    def __init__(self, path: Path, delimiter: str, report: Report) -> None:
        self.path, self.delimiter, self.report = path, delimiter, report
        self.names: list[str] = []
        # Of the header, and of each row below it.
        self.lines: list[int] = []
        self.samples = pd.Index([], dtype=str)

    def read(self, dtype: type | None) -> pd.DataFrame:
        """Return the table, sample names as index."""
        self.names = self._read_header()
        table = self._parse(dtype)
        if table.empty:
            self._fail("it has no sample, only a header. Add a line for each sample")
        self._check_header(table)
        self.samples = strip_names(table[0], self.report, self.path.name)
        self._check_samples()
        table = self._drop_unnamed_columns(table)
        if dtype is None:
            self.report.add(self.path.name, "values missing, blank or NA", table.isna().to_numpy())
            table = self._interpret(table)
            for position, column in table.items():
                if column.dtype.kind == "f":
                    self._check_finite(position, np.isinf(column.to_numpy()))
        table.columns = pd.Index([self.names[position] for position in table], dtype=str)
        return table.set_axis(self.samples.rename(self.names[0] or None), axis=0)

    def _fail(self, problem: str, *, row: int | None = None, line: int | None = None) -> NoReturn:
        """Raise an error about the file, the line, or the row below the header."""
        raise malformed(self.path, problem, line if row is None else self.lines[row + 1])

    def _read_header(self) -> list[str]:
        """Return the names of the columns, and check that each row has as many fields."""
        rows = records(self.path, self.delimiter)
        line, fields = next(rows, (0, []))
        if not fields:
            self._fail("it is empty. Save the table again")
        if len(fields) == 1:
            self._fail(self._describe_delimiter(fields[0]), line=line)
        name = self.path.name
        names = strip_names(fields, self.report, name, "column names").tolist()
        named = [column for column in names[1:] if column]
        what = "columns named by a date, into which spreadsheets turn genes like MARCH1"
        self.report.add(name, what, [bool(re.fullmatch(DATE, column)) for column in named])
        check_unique_columns(self.path, [column or None for column in names], line)
        if len(named) < (len(names) - 1) / 2:
            few = [column[:20] for column in names[:5]]
            self._fail(
                f"the header names only {len(named)} of {len(names)} columns: {few}. Leave one "
                "header line with a name in each column, and no title or merged cells above",
                line=line,
            )
        self.lines = [line]
        # pandas would fill a short row, and use a surplus value as the name of a row.
        for line_number, row in rows:
            if len(row) != len(fields):
                raise ragged(self.path, len(row), len(fields), line_number)
            self.lines.append(line_number)
        return names

    def _describe_delimiter(self, header: str) -> str:
        """Return what is wrong with a header of one column."""
        mark = max(DELIMITER_NAMES, key=header.count)
        problem = f"the header has only one column, {header[:60]!r}, if columns are separated by"
        expected = repr(self.delimiter)
        if mark == self.delimiter or mark not in header:
            remedy = "Leave no title above the header, and separate columns by"
            return f"{problem} {expected}. {remedy} {expected}"
        comma = ", and numbers with a decimal point" if mark == ";" else ""
        return (
            f"{problem} {expected}, but they seem to be separated by {DELIMITER_NAMES[mark]} "
            f"({mark!r}). Save the table with columns separated by {expected}{comma}, or rename it "
            "to .tsv if they are separated by tabs"
        )

    def _parse(self, dtype: type | None) -> pd.DataFrame:
        """Read the rows below the header, columns named by their positions."""
        columns = range(len(self.names))
        try:
            # A sample may be called NA.
            with open_text(self.path) as file:
                table = pd.read_csv(
                    file,
                    sep=self.delimiter,
                    header=0,
                    names=columns,
                    dtype=dtype or {0: str},
                    keep_default_na=False,
                    na_values=dict.fromkeys(columns[1:], COMMON if dtype is None else [""]),
                    low_memory=False,
                )
        except pd.errors.ParserError as error:
            if "EOF inside string" in str(error):
                problem = "a quote opens that is never closed. Remove it, or close it"
                self._fail(problem, line=self.lines[-1])
            raise
        if len(table) + 1 != len(self.lines):
            self._fail("it has lines with only quotes and blanks. Remove them")
        return table

    def _check_header(self, table: pd.DataFrame) -> None:
        """Check that the header is no sample, and does not occur again."""
        remedy = "Use exactly one line of column names, the first"
        # Twenty names show whether the names of samples are alike.
        if self._is_sample(table[0].head(20)):
            header = ", ".join(self.names[:3])[:60]
            self._fail(f"the header looks like a sample: {header}. {remedy}")
        for position, name in enumerate(self.names):
            values = table[position]
            if position and name and values.dtype.kind not in "biuf" and (values == name).any():
                self._fail(
                    f"the name of column {quote(name)} is also one of its values, so the header "
                    f"is missing or repeated. {remedy}",
                    row=int((values == name).argmax()),
                )

    def _is_sample(self, samples: pd.Series) -> bool:
        """Return whether the fields of the header look like a sample's name and values."""
        first, *columns = [self.names[0], *filter(None, self.names[1:])]
        shapes = {_shape(name) for name in samples}
        if shapes == {_shape(first)} and re.search(r"\d", first):
            return True
        # Samples of one kind, of which the first field is not, or a word that heads names.
        if (len(shapes) == 1 and _shape(first) not in shapes) or NAME_HEADERS.search(first):
            return False
        # Entrez ids are whole numbers above 0.
        return all(map(_is_number, columns)) and not all(map(ENTREZ_ID.fullmatch, columns))

    def _check_samples(self) -> None:
        """Check that each sample has an intact name of its own."""
        samples = self.samples
        if (unnamed := samples == "").any():
            row = int(unnamed.argmax())
            problem = f"the sample in data row {row + 1} has no name. Name it in the first column"
            self._fail(f"{problem}, or remove it", row=row)
        if (broken := samples.str.contains("[\r\n]")).any():
            row = int(broken.argmax())
            problem = f"the sample name {quote(samples[row])} contains an end of line"
            self._fail(f"{problem}. Check the quotes around names", row=row)
        repeated = samples.duplicated(keep=False)
        if repeated.any():
            name = samples[repeated][0]
            lines = [self.lines[row + 1] for row in np.flatnonzero(samples == name)[:3]]
            self._fail(
                f"the samples must be unique, but {quote(name)} occurs more than once, in lines "
                f"{lines}. Merge or rename them"
            )

    def _drop_unnamed_columns(self, table: pd.DataFrame) -> pd.DataFrame:
        """Drop the columns without values that separators at the ends of lines make."""
        unnamed = [position for position, name in enumerate(self.names) if position and not name]
        for position in unnamed:
            if (given := table[position].notna()).any():
                problem = f"column {position + 1} has values, but no name in the header"
                self._fail(f"{problem}. Name it, or remove it", row=int(given.argmax()))
        self.report.add(self.path.name, "unnamed columns without values, left out", len(unnamed))
        if len(unnamed) == len(self.names) - 1:
            self._fail("it has no column of values, only sample names. Add one")
        return table.drop(columns=[0, *unnamed])

    def _interpret(self, table: pd.DataFrame) -> pd.DataFrame:
        """Read placeholders as missing and flags as numbers; check that no column is mixed."""
        changed = {}
        placeholders: Counter[str] = Counter()
        for position in table.columns:
            column = table[position]
            if column.dtype.kind in "biuf":
                continue
            try:
                numbers = pd.to_numeric(column, errors="coerce")
            except OverflowError:
                huge = [isinstance(x, int) and abs(x) > sys.float_info.max for x in column]
                self._check_finite(position, np.array(huge))
                raise
            # What is neither blank nor a number; few values, as a rule.
            text = column[column.notna() & numbers.isna()].map(strip_name).astype(object)
            missing = is_placeholder(text)
            placeholders.update(text[missing])
            categories = text[~missing]
            padded = pd.to_numeric(categories, errors="coerce")
            categories = categories[padded.isna()]
            numbers = numbers.fillna(padded).fillna(text.str.casefold().map(FLAGS))
            if not set(categories.str.casefold()) <= set(FLAGS):
                self._check_categories(position, categories, numbers)
                changed[position] = column.astype(object).where(column.notna(), np.nan)
                changed[position].loc[text.index] = text.mask(missing, np.nan)
                continue
            changed[position] = numbers
            n_flags = len(categories) + column.map(lambda value: isinstance(value, bool)).sum()
            what = f"flags in column {quote(self.names[position])} read as 1 and 0"
            self.report.add(self.path.name, what, n_flags)
        for spelling, count in placeholders.items():
            self.report.add(self.path.name, f"values {quote(spelling)} read as missing", count)
        if not changed:
            return table
        columns = [changed.get(position, table[position]) for position in table.columns]
        return pd.concat(columns, axis=1, keys=table.columns)

    def _check_categories(self, position: int, categories: pd.Series, numbers: pd.Series) -> None:
        """Check that a categorical column holds neither numbers nor what was one."""
        row = categories.index[0]
        converted = categories.map(lambda value: bool(SPREADSHEET.fullmatch(value)))
        if all(map(DECIMAL_COMMA.fullmatch, categories)):
            why = ", a decimal comma. Save numbers with a decimal point"
        elif all(MARKED_NUMBER.fullmatch(value) or _is_number(value) for value in categories):
            why = ". Save numbers with a decimal point and without other marks"
        elif converted.any():
            row = categories.index[converted][0]
            why = (
                ", into which spreadsheets turn other values. Save the values as text, name "
                "periods of time by numbers, or drop the column"
            )
        elif numbers.notna().any():
            why = (
                ", while others have numbers. Leave unknown values blank, and use words for "
                "categories"
            )
        else:
            return
        self._fail(
            f"column {quote(self.names[position])} is not numeric: sample "
            f"{quote(self.samples[row])} has {quote(categories[row])}{why}",
            row=row,
        )

    def _check_finite(self, position: int, is_infinite: np.ndarray) -> None:
        if is_infinite.any():
            row = int(is_infinite.argmax())
            self._fail(
                f"column {quote(self.names[position])} holds infinity, or too large a number, for "
                f"sample {quote(self.samples[row])}. Correct it, or leave it blank",
                row=row,
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

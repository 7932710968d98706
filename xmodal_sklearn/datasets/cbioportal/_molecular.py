"""Tables of numbers: samples in rows, one column per gene, named by symbol or Entrez id."""

import csv
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from .._names import DATE, strip_names
from .._study import Report
from .._text import (
    ANNOTATION,
    ENTITY,
    ENTREZ,
    GENERIC,
    LOCUS,
    ROW_NAMES,
    SYMBOL,
    chunks_of_lines,
    decode,
    drop_duplicate_rows,
    malformed,
    missing_column,
    open_table,
    quote,
    read_text_table,
)
from ._profiles import Profile

# Samples and genes with a larger share of missing values are left out.
MAX_MISSING, MAX_GENE_MISSING = 0.8, 0.5
# What spreadsheets make of symbols: dates, and numbers of RIKEN clones like 2310009E13.
CONVERTED = rf"{DATE}|\d(?:\.\d+)?[eE]\+\d+"
NO_SYMBOL = {"", "NA", "NAN", "N/A", "NULL", "NONE", "UNKNOWN", "<NA>", "?", "-", "--", "---", "."}
PLACEHOLDERS = ["NA", "N/A", "NaN", "NULL", "None", "<NA>", "#N/A", "[Not Available]", "[Null]"]
MISSING = sorted({"", *PLACEHOLDERS, *map(str.upper, PLACEHOLDERS), *map(str.lower, PLACEHOLDERS),
                  *map(str.capitalize, PLACEHOLDERS)})  # fmt: skip
LIMIT = re.compile(rb"\t[<>]=?(?=[0-9.])")
NUMBER = re.compile(rb" *[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)? *")


def read_values(profile: Profile, report: Report) -> pd.DataFrame:
    """Read the file of a profile of numbers."""
    path = profile.path
    header = {name.strip().casefold() for name in open_table(path)[1]}
    # Whatever its meta file says.
    is_long = profile.datatype == "DISCRETE_LONG" or {"sample_id", "value"} <= header
    labels, samples, values = (_read_long if is_long else _read_matrix)(profile, report)
    names = strip_names(samples, report, path.name)
    if names.has_duplicates:
        name = quote(names[names.duplicated()][0])
        raise malformed(path, f"its header names sample {name} more than once. Rename one")
    genes = gene_names(path, labels, "rows", report)
    is_named = genes != ""
    if not is_named.any():
        raise malformed(path, "names no gene by a symbol or an Entrez id. Name them so")
    if not is_named.all():
        genes, values = genes[is_named], values[is_named]
    repeated = pd.Series(genes).duplicated().to_numpy()
    report.add(path.name, "rows of repeated gene symbols, averaged", repeated)
    if repeated.any():
        genes, values = _average_rows(genes, values, repeated)
    missing = np.isnan(values).mean(axis=0)
    report.add(path.name, "samples without any value", missing == 1)
    what = f"samples that have no value of more than {MAX_MISSING:.0%} of the genes"
    report.add(path.name, what, (missing > MAX_MISSING) & (missing < 1))
    enough = missing <= MAX_MISSING
    if not enough.any():
        share = f"{1 - MAX_MISSING:.0%}"
        problem = f"has no sample with {share} of the genes' values. Use another profile"
        raise malformed(path, problem)
    if not enough.all():
        values = values[:, enough]
    return pd.DataFrame(
        values.T, index=names[enough], columns=pd.Index(genes, dtype=str), copy=False
    )


def drop_rare_genes(path: Path, table: pd.DataFrame, report: Report) -> pd.DataFrame:
    """Drop the genes that most of the samples have no value of; other missing values stay NaN."""
    missing = np.isnan(table.to_numpy())
    rare = missing.mean(axis=0) > MAX_GENE_MISSING if len(table) else np.zeros(table.shape[1], bool)
    what = f"genes that more than {MAX_GENE_MISSING:.0%} of the samples have no value of"
    report.add(path.name, what, rare)
    if rare.all():
        share = f"{1 - MAX_GENE_MISSING:.0%}"
        raise malformed(path, f"has no gene that {share} of samples have. Use another profile")
    report.add(path.name, "missing values, kept as such", missing[:, ~rare])
    return table.loc[:, ~rare] if rare.any() else table


def gene_names(path: Path, labels: pd.DataFrame, what: str, report: Report) -> np.ndarray:
    """Name each row by its symbol, else by its Entrez id, else ""."""
    name = next((name for name in ROW_NAMES if name in labels), ENTREZ)
    symbols, entrez = column(labels, name), column(labels, ENTREZ)
    if ENTREZ not in labels:
        entrez = column(labels, LOCUS)
    entrez = entrez.str.replace(r"\.0+$", "", regex=True)  # read as a float by someone before
    has_id = entrez.str.fullmatch("[1-9][0-9]*")
    unnamed = symbols.str.upper().isin(NO_SYMBOL) | (name == ENTREZ)
    date = ~unnamed & symbols.str.fullmatch(CONVERTED)
    n_ids = entrez[has_id].groupby(symbols[has_id]).nunique()
    # Repeated rows are of several genes; mutations of one gene repeat its symbol anyway.
    lost = date & ~has_id & symbols.duplicated(keep=False) & (what == "rows")
    several = ~unnamed & ~date & symbols.isin(n_ids.index[n_ids > 1])
    for rows, why in [
        (unnamed & has_id, "named by their Entrez id"),
        (date & has_id, "with a date for a symbol, named by their Entrez id"),
        (several & has_id, "of symbols with several Entrez ids, named by these"),
        (unnamed & ~has_id, "without a gene symbol or Entrez id"),
        (lost, "of repeated dates for a symbol, without an Entrez id, left out"),
        (date & ~has_id & ~lost, "with a date for a symbol and without an Entrez id, kept"),
    ]:
        report.add(path.name, f"{what} {why}", rows)
    by_id = (unnamed | date | several) & has_id
    return symbols.mask(by_id, entrez).mask((unnamed & ~has_id) | lost, "").to_numpy(dtype=object)


def column(labels: pd.DataFrame, name: str) -> pd.Series:
    """Return a column without blanks around its fields, blank if there is none of that name."""
    if name in labels:
        return labels[name].str.strip()
    return pd.Series("", labels.index, dtype=str)


def _average_rows(
    genes: np.ndarray, values: np.ndarray, repeated: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Replace the first row of a repeated gene by the mean of its rows, and drop the others."""
    several = np.isin(genes, genes[repeated])
    means = pd.DataFrame(values[several].astype(np.float64)).groupby(genes[several], sort=False)
    values[several & ~repeated] = means.mean().to_numpy()
    return genes[~repeated], values[~repeated]


def _read_long(profile: Profile, report: Report) -> tuple[pd.DataFrame, list[str], np.ndarray]:
    """Read a table that has a row for each gene and sample; return the same as for a matrix."""
    path = profile.path
    table, _ = read_text_table(path, ["SAMPLE_ID"])
    value = next((name for name in table if name.casefold() == "value"), None)
    if value is None:
        raise malformed(path, "has no column 'Value'. Name it so")
    labels = [name for name in table if name in (SYMBOL, ENTREZ)]
    if not labels:
        raise malformed(path, "has no column 'Hugo_Symbol'. Name it so")
    table = pd.DataFrame({name: column(table, name) for name in [*labels, "SAMPLE_ID", value]})
    table = drop_duplicate_rows(path, table, [*labels, "SAMPLE_ID"], report)
    is_missing = table[value].isin(MISSING)
    numbers = pd.to_numeric(table[value].mask(is_missing), errors="coerce")
    wrong = table.index[~np.isfinite(numbers) & ~is_missing]
    if len(wrong):
        problem = f"the value {quote(table[value][wrong[0]])} is not a finite number"
        raise malformed(path, f"{problem}. Correct it, or make it NA", wrong[0])
    # Genes and samples in the order of the file.
    rows = table.groupby(labels, sort=False).ngroup().to_numpy()
    columns, samples = pd.factorize(table["SAMPLE_ID"])
    values = np.full((rows.max() + 1, len(samples)), np.nan, dtype=np.float32)
    values[rows, columns] = numbers
    what = "genes of a sample without a row, read as missing"
    report.add(path.name, what, values.size - len(table))
    return table[labels].drop_duplicates(), list(samples), values


def _read_matrix(profile: Profile, report: Report) -> tuple[pd.DataFrame, list[str], np.ndarray]:
    """Read a table of numbers, each column of which is a sample unless it is an annotation.

    Return the annotations by line number, the samples, and float32 values of shape
    (n_rows, n_samples).
    """
    path = profile.path
    _, header, rows = open_table(path)
    annotation = {*ANNOTATION, *profile.annotations, *(GENERIC if ENTITY in header else ())}
    label_columns = [i for i, name in enumerate(header) if name in annotation]
    # Rows may be named by Entrez ids alone, but only in the first column, lest a column of other
    # names be read as a sample.
    if not set(ROW_NAMES) & set(header) and header[0] != ENTREZ:
        raise missing_column(path, SYMBOL, header)
    columns = [i for i in range(len(header)) if i not in label_columns]
    samples = [header[i] for i in columns]
    if not samples:
        raise malformed(path, "its header names no sample. Add a column for each sample")
    if not all(map(str.strip, samples)):
        position = [name.strip() for name in header].index("") + 1
        raise malformed(path, f"column {position} of its header has no name. Name it")
    line_numbers, labels, values, n_limits = [], [], [], 0
    for chunk in chunks_of_lines(rows):
        for line_number, line in chunk:
            fields = line.split(b"\t", label_columns[-1] + 1)
            line_numbers.append(line_number)
            labels.append([decode(path, line_number, fields[i]) for i in label_columns])
        if profile.datatype == "LIMIT-VALUE":
            n_limits += sum(len(LIMIT.findall(line)) for _, line in chunk)
            chunk = [(line_number, LIMIT.sub(b"\t", line)) for line_number, line in chunk]
        values.append(_parse_numbers(path, chunk, header, columns))
    report.add(path.name, "values read without the < or > before them", n_limits)
    names = [header[i] for i in label_columns]
    return pd.DataFrame(labels, line_numbers, names, dtype=str), samples, np.concatenate(values)


# A number too large for float32 becomes an infinity, which is an error below.
@np.errstate(over="ignore")
def _parse_numbers(
    path: Path, chunk: list[tuple[int, bytes]], header: list[str], columns: list[int]
) -> np.ndarray:
    """Parse the given columns of lines, whose fields have been counted, as float32."""
    try:
        values = pd.read_csv(
            BytesIO(b"\n".join(line for _, line in chunk)),
            sep="\t",
            header=None,
            names=range(len(header)),
            usecols=columns,
            dtype=np.float32,
            quoting=csv.QUOTE_NONE,
            na_values=MISSING,
            keep_default_na=False,
            encoding_errors="replace",
            low_memory=False,
        ).to_numpy()
    except (ValueError, OverflowError) as error:
        raise _bad_number(path, chunk, header, columns, str(error)) from error
    if values.shape != (len(chunk), len(columns)) or np.isinf(values).any():
        raise _bad_number(path, chunk, header, columns, "not all values are finite numbers")
    # Row by row, because genes become the columns of the table; selecting samples is then fast.
    return np.ascontiguousarray(values)


@np.errstate(over="ignore")
def _bad_number(
    path: Path, chunk: list[tuple[int, bytes]], header: list[str], columns: list[int], reason: str
) -> ValueError:
    """Return the error that names the first value that is neither missing nor a finite number."""
    missing = {text.encode() for text in MISSING}
    for line_number, line in chunk:
        fields = line.split(b"\t")
        for i in columns:
            field = fields[i]
            if field in missing or (NUMBER.fullmatch(field) and np.isfinite(np.float32(field))):
                continue
            gene = next((other for j, other in enumerate(fields) if j not in columns), b"")
            return malformed(
                path,
                f"sample {quote(header[i])} has {quote(field.decode(errors='replace'))} "
                f"for gene {quote(gene.decode(errors='replace'))}, which is not a finite number. "
                "Correct it, make it NA, or remove the column if it is no sample",
                line_number,
            )
    return malformed(path, f"{reason}, between lines {chunk[0][0]} and {chunk[-1][0]}. Correct it")

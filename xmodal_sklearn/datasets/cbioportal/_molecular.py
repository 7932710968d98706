"""One table of numbers per modality: samples in rows, one column per gene."""

from pathlib import Path

import numpy as np
import pandas as pd

from ...modalities._missing import MAX_MISSING
from .._names import strip_names
from .._study import Report
from ._genes import column, gene_names
from ._mutations import read_mutations
from ._profiles import Profile, StudyFolder
from ._text_files import (
    ENTREZ,
    MISSING,
    SYMBOL,
    Matrix,
    malformed,
    quote,
    read_matrix,
    read_text_table,
)

__all__ = ["drop_rare_genes", "read_profile"]

# So far below what estimators refuse that no fold of a study exceeds it.
MAX_GENE_MISSING = 0.5


def read_profile(
    study: StudyFolder, profile: Profile, samples: pd.DataFrame, report: Report
) -> pd.DataFrame:
    """Read a profile's file; return samples in rows, one column per gene.

    What `samples` are in the sample file matters to mutations only.
    """
    if profile.datatype == "MAF":
        return read_mutations(study, profile, samples, report)
    if profile.datatype == "DISCRETE_LONG" or _is_long(profile.path):
        return _read_values(profile.path, _read_long(profile.path, report), report)
    limits = profile.datatype == "LIMIT-VALUE"
    matrix = read_matrix(profile.path, profile.annotations, limits=limits)
    return _read_values(profile.path, matrix, report)


def _read_values(path: Path, matrix: Matrix, report: Report) -> pd.DataFrame:
    labels, samples, values, n_limits = matrix
    report.append((path.name, "values read without the < or > before them", n_limits))
    names = _strip_samples(path, samples, report)
    genes = gene_names(path, labels, "rows", report)
    known = genes != ""
    if not known.any():
        raise malformed(path, "names no gene by a symbol or an Entrez id. Name them so")
    if not known.all():
        genes, values = genes[known], values[known]
    repeated = pd.Series(genes).duplicated().to_numpy()
    report.append((path.name, "rows of repeated gene symbols, averaged", int(repeated.sum())))
    if repeated.any():
        genes, values = _average_rows(genes, values, repeated)
    share = np.isnan(values).mean(axis=0)
    report.append((path.name, "samples without any value", int((share == 1).sum())))
    thin = (share > MAX_MISSING) & (share < 1)
    what = f"samples that have no value of more than {MAX_MISSING:.0%} of the genes"
    report.append((path.name, what, int(thin.sum())))
    enough = share <= MAX_MISSING
    if not enough.any():
        raise malformed(
            path,
            f"has no sample with {1 - MAX_MISSING:.0%} of the genes' values. Take another profile",
        )
    if not enough.all():
        values = values[:, enough]
    return pd.DataFrame(
        values.T, index=names[enough], columns=pd.Index(genes, dtype=str), copy=False
    )


def drop_rare_genes(path: Path, table: pd.DataFrame, report: Report) -> pd.DataFrame:
    """Leave out the genes that most of the samples have no value of; other gaps stay NaN."""
    missing = np.isnan(table.to_numpy())
    rare = missing.mean(axis=0) > MAX_GENE_MISSING if len(table) else np.zeros(table.shape[1], bool)
    what = f"genes that more than {MAX_GENE_MISSING:.0%} of the samples have no value of"
    report.append((path.name, what, int(rare.sum())))
    if rare.all():
        raise malformed(
            path,
            f"has no gene that {1 - MAX_GENE_MISSING:.0%} of samples have. Take another profile",
        )
    report.append((path.name, "missing values, kept as such", int(missing[:, ~rare].sum())))
    return table.loc[:, ~rare] if rare.any() else table


def _strip_samples(path: Path, samples: list[str], report: Report) -> pd.Index:
    names, n_stripped = strip_names(samples)
    report.append((path.name, "samples with blanks around their name, dropped", n_stripped))
    if names.has_duplicates:
        name = names[names.duplicated()][0]
        raise malformed(
            path, f"its header names the column {quote(name)} more than once. Rename one"
        )
    return names


def _average_rows(
    genes: np.ndarray, values: np.ndarray, repeated: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Replace the first row of a repeated gene by the mean of its rows, and drop the others."""
    several = np.isin(genes, genes[repeated])
    means = pd.DataFrame(values[several].astype(np.float64)).groupby(genes[several], sort=False)
    values[several & ~repeated] = means.mean().to_numpy()
    return genes[~repeated], values[~repeated]


def _is_long(path: Path) -> bool:
    """Tell whether a table has a row for each value, whatever its meta file says."""
    with path.open("rb") as file:
        for line in file:
            if not line.startswith(b"#"):
                fields = {field.strip().lower() for field in line.split(b"\t")}
                return {b"sample_id", b"value"} <= fields
    return False


def _read_long(path: Path, report: Report) -> Matrix:
    """Read a table that has a row for each gene and sample."""
    table = read_text_table(path, ["SAMPLE_ID"]).fields
    value = next((name for name in table if name.casefold() == "value"), None)
    if value is None:
        raise malformed(path, "has no column 'Value'. Name it so")
    labels = [name for name in table if name in (SYMBOL, ENTREZ)]
    if not labels:
        raise malformed(path, "has no column 'Hugo_Symbol'. Name it so")
    table = pd.DataFrame({name: column(table, name) for name in [*labels, "SAMPLE_ID", value]})
    same = table.duplicated()
    report.append((path.name, "rows that repeat another one", int(same.sum())))
    table = table[~same]
    key = [*labels, "SAMPLE_ID"]
    repeated = table.index[table.duplicated(key)]
    if len(repeated):
        raise malformed(path, "a gene has two values in one sample. Keep one", repeated[0])
    numbers = pd.to_numeric(table[value].mask(table[value].isin(MISSING)), errors="coerce")
    wrong = table.index[~np.isfinite(numbers) & ~table[value].isin(MISSING)]
    if len(wrong):
        found = quote(table[value][wrong[0]])
        raise malformed(
            path, f"the value {found} is not a finite number. Correct it, or make it NA", wrong[0]
        )
    # Genes and samples in the order of the file.
    row = table.groupby(labels, sort=False).ngroup().to_numpy()
    column_of, samples = pd.factorize(table["SAMPLE_ID"])
    values = np.full((row.max() + 1, len(samples)), np.nan, dtype=np.float32)
    values[row, column_of] = numbers
    n_without_row = values.size - len(table)
    report.append((path.name, "genes of a sample without a row, taken for missing", n_without_row))
    return Matrix(table[labels].drop_duplicates(), list(samples), values)

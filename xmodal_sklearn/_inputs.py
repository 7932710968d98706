"""A cohort from a table per modality and a file of classes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from sklearn.utils import Bunch

from ._suggestions import did_you_mean
from .datasets._labels import read_labels
from .datasets._names import (
    coarsest_level,
    cut_barcodes,
    examples,
    is_normal,
    match_names,
    rename_samples,
)
from .datasets._study import Report, make_study
from .datasets._tables import read_table
from .modalities._columns import check_unique
from .modalities._concat import concat_modalities
from .modalities._dtypes import find_categorical

__all__ = ["read_cohort", "read_tables"]

CLASSES = "classes"


def read_cohort(
    *,
    tables: Sequence[str],
    target_file: Path | None,
    target: str | None = None,
    modalities: Sequence[str] | None = None,
    join: str = "inner",
) -> Bunch:
    """Read the tables of several modalities, and the classes of their samples.

    Names that differ only in case, blanks, or dots for dashes mean the same sample. Barcodes of
    TCGA meet at the level of the coarsest table; of several tumours of a patient, a primary one
    is kept, else the first.

    Parameters
    ----------
    tables : sequence of str
        ``modality=file`` each. The files are read by
        :func:`~xmodal_sklearn.datasets._tables.read_table`.
    target_file : Path or None
        Table of the classes, samples in its first column.
    target : str, default=None
        The column of `target_file` that holds the classes. May be left out if there is only one.
    modalities : sequence of str, default=None
        Which of the tables to use, the primary one first. None means all.
    join : {"inner", "outer"}, default="inner"
        Keep the samples that have all of the modalities, or those that have any.

    Returns
    -------
    Bunch
        What :func:`~xmodal_sklearn.datasets._study.make_study` makes, and ``source``.

    Raises
    ------
    ValueError
        If something is missing, a file is malformed, or names meet nowhere or ambiguously.
    OSError
        If a file can't be read.
    ImportError
        If the extra that reads a format is not installed.
    """
    if target_file is None:
        raise ValueError(
            "--table needs --target-file, a table with the samples in its first column and their "
            "classes in another."
        )
    report: Report = []
    labels = read_labels(target_file, target, report)
    read = _read_files(tables, report)
    absent = set(modalities or ()) - set(read)
    if absent:
        raise ValueError(
            f"--modalities names {sorted(absent)}, but the tables are of {list(read)}"
            f"{did_you_mean(min(absent), read)}"
        )
    read = {modality: read[modality] for modality in modalities or read}
    read, labels = _meet(read, labels, target_file, report)
    for modality, table in read.items():
        report.append(
            (modality, "columns of words, taken for categories", len(find_categorical(table)))
        )
    data = concat_modalities(read, join=join)
    known = data.index.isin(labels.dropna().index)
    if not known.any():
        raise ValueError(
            f"No sample that has all of {list(read)} has a class in {target_file}. Give tables "
            "of the same samples, or --join outer."
        )
    report += _left_out(read, data.index, known, labels.index)
    data = data if known.all() else data[known]
    classes = labels.loc[data.index].to_numpy(dtype=object)
    return make_study(
        data,
        pd.Series(classes, index=data.index, name=labels.name, dtype=object),
        DESCR=f"Tables {', '.join(read)} ({join} join).",
        report=report,
        source=", ".join(read),
    )


def read_tables(arguments: Sequence[str], report: Report) -> dict[str, pd.DataFrame]:
    """Read ``modality=file`` arguments into tables of the same samples.

    Raises
    ------
    ValueError
        If an argument or a file is malformed, or no sample of a table is in any other.
    """
    tables, _ = _meet_at_barcodes(_read_files(arguments, report), None, report)
    first, *others = tables
    names = tables[first].index
    for modality in others:
        tables[modality] = _rename(modality, tables[modality], names, first, report)
        if not tables[modality].index.isin(names).any():
            raise ValueError(
                f"No sample of modality {modality!r} ({examples(tables[modality].index)}) is in "
                f"another table ({examples(names)}). Use the same names in all."
            )
        names = names.union(tables[modality].index, sort=False)
    return tables


def _read_files(arguments: Sequence[str], report: Report) -> dict[str, pd.DataFrame]:
    read = {}
    for argument in arguments:
        modality, separator, path = argument.partition("=")
        if not separator or not modality or not path:
            raise ValueError(
                f"--table takes modality=file, like exp=expression.csv, got {argument!r}."
            )
        if modality in read:
            raise ValueError(f"--table names the modality {modality!r} twice.")
        try:
            read[modality] = read_table(Path(path), report=report)
        except ValueError as error:
            raise ValueError(f"Modality {modality!r}: {error}") from error
        check_unique(read[modality].index, f"samples of modality {modality!r}")
    return read


def _meet(
    tables: Mapping[str, pd.DataFrame], labels: pd.Series, target_file: Path, report: Report
) -> tuple[dict[str, pd.DataFrame], pd.Series]:
    """Call the samples of every table as the classes are called, or all by barcodes cut alike."""
    met, labels = _meet_at_barcodes(tables, labels, report)
    for modality, table in met.items():
        met[modality] = _rename(modality, table, labels.index, target_file.name, report)
        _check_samples(modality, met[modality], labels, target_file)
    return met, labels


def _meet_at_barcodes(
    tables: Mapping[str, pd.DataFrame], labels: pd.Series | None, report: Report
) -> tuple[dict[str, pd.DataFrame], pd.Series]:
    """Cut barcodes at the level of the coarsest table; leave other names as they are."""
    met = dict(tables)
    groups = [list(table.index) for table in met.values()]
    level = coarsest_level(groups if labels is None else [*groups, list(labels.index)])
    labels = pd.Series(dtype=object) if labels is None else labels
    if level is None:
        return met, labels
    for modality, table in met.items():
        normal = is_normal(table.index) & (level == 1)
        report.append((modality, "samples of normal tissue or controls, left out", normal.sum()))
        table = table[~normal]
        cut = cut_barcodes(table.index, level)
        n_cut = int((cut != table.index).sum())
        report.append((modality, f"samples named by the first {level} parts of barcodes", n_cut))
        met[modality], further = rename_samples(table, cut)
        what = "further samples of the same tumour or patient, left out"
        report.append((modality, what, further))
    labels = labels[~(is_normal(labels.index) & (level == 1))]
    return met, _merge_labels(labels.set_axis(cut_barcodes(labels.index, level)), report)


def _merge_labels(labels: pd.Series, report: Report) -> pd.Series:
    """Keep one class for each name, a known one; refuse names that would have several."""
    several = labels.groupby(level=0).nunique()
    several = several[several > 1]
    if len(several):
        classes = labels.loc[several.index[0]].unique().tolist()
        raise ValueError(
            f"{several.index[0]!r} has the classes {classes}, once barcodes are cut as they are in "
            "the coarsest table. Give it one class, or tables of samples instead of patients."
        )
    repeated = int(labels.index.duplicated().sum())
    report.append((CLASSES, "further samples of the same tumour or patient", repeated))
    return labels.groupby(level=0, sort=False).first()


def _rename(
    modality: str, table: pd.DataFrame, known: pd.Index, other: str, report: Report
) -> pd.DataFrame:
    names = match_names(table.index, known, where=modality, other=other, report=report)
    renamed, further = rename_samples(table, names)
    report.append((modality, "further samples of the same name, left out", further))
    return renamed


def _left_out(
    tables: Mapping[str, pd.DataFrame], joined: pd.Index, known: pd.Series, labelled: pd.Index
) -> Report:
    """Count every sample of a table or of the classes that is left out, once, with the reason."""
    names = pd.Index([], dtype=str)
    for table in tables.values():
        names = names.union(table.index, sort=False)
    lost = names[~names.isin(joined)]
    lacking = pd.Series(
        [", ".join(m for m, table in tables.items() if name not in table.index) for name in lost],
        dtype=object,
    ).value_counts(sort=False)
    return [
        ("samples", "class unknown", int((~known).sum())),
        *(("samples", f"without {which}", int(count)) for which, count in lacking.items()),
        ("samples", "in the file of classes, but in no table", int((~labelled.isin(names)).sum())),
    ]


def _check_samples(
    modality: str, table: pd.DataFrame, labels: pd.Series, target_file: Path
) -> None:
    """Refuse a table none of whose samples has a class."""
    if table.index.isin(labels.index).any():
        return
    if table.columns.astype(str).isin(labels.index).any():
        raise ValueError(
            f"The table of modality {modality!r} is transposed: it has its samples in columns. "
            "Transpose it: samples go in rows."
        )
    raise ValueError(
        f"No sample of modality {modality!r} ({examples(table.index)}) has a class in "
        f"{target_file} ({examples(labels.index)}). Use the same names in both."
    )

"""Reading the cohort that the options name, and new samples for a saved model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.utils import Bunch

from .._fitted_model import steps_of
from .._inputs import read_tables
from ..datasets import fetch_cbioportal, from_mudata, make_multiomics, read_cbioportal
from ..datasets._labels import read_labels
from ..datasets._mudata import find_labels, load_mudata, modalities_of_mudata, read_modality
from ..datasets._names import coarsest_level, cut_barcodes
from ..datasets._study import Report
from ..datasets._tables import errors_name, read_table
from ..datasets.cbioportal._clinical_column import read_clinical_column, unpacked_study
from ..inspection import drift
from ..modalities import align_features
from ..modalities._columns import SEPARATOR, check_unique, resolve_modalities
from ..modalities._concat import concat_modalities
from ..modalities._encoding import ModalityEncoder
from ..modalities._missing import find_missing

__all__ = [
    "absent_modalities",
    "align_to_model",
    "check_folds",
    "check_values",
    "filled_values",
    "measure_drift",
    "parse_normalize",
    "read_column",
    "read_feature_map",
    "read_mudata",
    "read_study",
    "read_unlabelled",
    "simulate",
]

STUDY_MODALITIES = ("exp", "cna", "mut")
STUDY_TARGET = "CLAUDIN_SUBTYPE"


def read_study(
    folder: Path | None,
    study_id: str | None,
    target: str | None,
    modalities: Sequence[str] | None,
    join: str,
) -> Bunch:
    """Read a cBioPortal study from its folder, or else download the one that an id names."""
    read: Any = read_cbioportal if folder else fetch_cbioportal
    wanted = [name.partition("=") for name in modalities or STUDY_MODALITIES]
    check_unique([name for name, *_ in wanted], "names in --modalities")
    cohort = read(
        folder or study_id,
        modalities={name: profile or None for name, _, profile in wanted},
        target=target or STUDY_TARGET,
        join=join,
    )
    cohort.source = folder.resolve().name if folder else study_id
    return cohort


def read_mudata(
    path: Path, target: str | None, modalities: Sequence[str] | None, join: str
) -> Bunch:
    """Read a MuData or AnnData file whose classes are a column of obs."""
    mdata = load_mudata(path)
    if target is None:
        raise ValueError(
            f"--mudata needs --target, a column of obs; {path.name} has {list(mdata.obs)}."
        )
    with errors_name(path):
        cohort = from_mudata(mdata, target=target, modalities=modalities, join=join)
    cohort.source = path.stem
    return cohort


def simulate(seed: int) -> Bunch:
    """Make the cohort of a command that is given no source."""
    cohort = make_multiomics(random_state=seed)
    cohort.source = "simulated data"
    return cohort


def read_column(
    column: str,
    samples: pd.Index,
    folder: Path | None,
    study_id: str | None,
    target_file: Path | None,
    mudata: Path | None,
) -> pd.Series:
    """Read a further column of a cohort from where its classes are.

    Parameters
    ----------
    column : str
        The name of the column.
    samples : Index
        The samples of the cohort.
    folder, study_id, target_file, mudata : Path, str or None
        Where the classes are; one of them.

    Returns
    -------
    Series of object of shape (n_samples,)
        A value for each sample, None where it is not known.

    Raises
    ------
    ValueError
        If there is no such column, or it has several values for a sample.
    """
    if folder is not None:
        values = read_clinical_column(folder, column)
    elif study_id is not None:
        with unpacked_study(study_id) as unpacked:
            values = read_clinical_column(unpacked, column)
    elif mudata is not None:
        values = find_labels(load_mudata(mudata), column).astype(object)
    else:
        assert target_file is not None
        values = read_labels(target_file, column, [])
        level = coarsest_level([list(samples)])
        if level is not None:
            values = values.set_axis(cut_barcodes(values.index, level))
    values = values[values.index.isin(samples)]
    several = values.groupby(level=0).nunique()
    several = several[several > 1]
    if len(several):
        found = values.loc[several.index[0]].unique().tolist()
        raise ValueError(
            f"Column {column!r} has several values for sample {several.index[0]!r}, {found} "
            f"({len(several)} such samples). Give each sample one."
        )
    return values.groupby(level=0).first().reindex(samples)


def check_values(data: pd.DataFrame) -> None:
    """Refuse values now that every fit would refuse later."""
    encoder = ModalityEncoder(data, resolve_modalities(data, None))
    find_missing(data, encoder.blocks(data), encoder.origins)


def check_folds(cohort: Bunch, folds: int) -> None:
    """Refuse a cohort that can't be split into stratified folds."""
    sizes = cohort.target.value_counts()
    if len(sizes) < 2:
        raise ValueError(f"All samples are of one class, {sizes.index.tolist()[0]!r}.")
    if sizes.min() < folds:
        raise ValueError(
            f"{folds} folds need {folds} samples of each class; {sizes.idxmin()!r} has "
            f"{sizes.min()}. Use fewer --folds, or other --modalities or --target."
        )


def read_unlabelled(
    tables: Sequence[str], mudata: Path | None, report: Report | None = None
) -> dict[str, pd.DataFrame]:
    """Read the tables of samples whose classes are not known.

    Parameters
    ----------
    tables : sequence of str
        ``modality=file`` each.
    mudata : Path or None
        A MuData or AnnData file, where there are no `tables`.
    report : Report, default=None
        Takes what was left out or reinterpreted.

    Returns
    -------
    dict of str to DataFrame
        The table of each modality, sample names as index.
    """
    if bool(tables) == (mudata is not None):
        raise ValueError("Give the samples either by --table or by --mudata.")
    if mudata is None:
        return read_tables(tables, [] if report is None else report)
    parts = modalities_of_mudata(load_mudata(mudata), None)
    with errors_name(mudata):
        return {modality: read_modality(modality, part, None) for modality, part in parts.items()}


def align_to_model(
    tables: Mapping[str, pd.DataFrame], fitted: Any, report: list, **options: Any
) -> pd.DataFrame:
    """Join tables of samples and bring them to the columns of a saved pipeline.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Samples in rows; a modality of the model that has no table becomes a block of NaN.
    fitted : Pipeline, or a classifier that wraps one
        The selection and the classifier.
    report : list
        Extended by what was renamed, left out or filled.
    **options
        Further arguments of :func:`~xmodal_sklearn.align_features`.

    Returns
    -------
    DataFrame of shape (n_samples, n_columns)
        The samples of all tables.

    Raises
    ------
    ValueError
        If the model doesn't know the modality of a table, or a table lacks features.
    """
    selector = steps_of(fitted)[0]
    unknown = [modality for modality in tables if modality not in selector.modalities_]
    if unknown:
        raise ValueError(
            f"The model knows the modalities {list(selector.modalities_)}, not {unknown[0]!r}. "
            "Name the tables as they were named when it was fitted."
        )
    X = concat_modalities(tables, join="outer")
    columns = selector.feature_names_in_
    absent = [name for name in columns if name.partition(SEPARATOR)[0] not in tables]
    X = X.reindex(columns=[*X.columns, *absent])
    aligned, rows = align_features(X, fitted, return_report=True, **options)
    report += rows.itertuples(index=False, name=None)
    return aligned


def parse_normalize(values: Sequence[str] | None) -> str | dict[str, str]:
    """Read ``--normalize``: a word for all modalities, or one for each that is named."""
    parted = [value.rpartition("=") for value in values or ["training"]]
    if len(parted) == 1 and not parted[0][1]:
        return parted[0][2]
    if not all(name for name, _, _ in parted):
        raise ValueError(
            f"--normalize takes one word for all modalities, or NAME=word for each, got {values}."
        )
    check_unique([name for name, _, _ in parted], "modalities of --normalize")
    return {name: how for name, _, how in parted}


def measure_drift(X: pd.DataFrame, fitted: Any) -> pd.DataFrame | None:
    """Measure how far samples lie from those of training; None if the model can't tell."""
    return drift(fitted, X)


def filled_values(X: pd.DataFrame, fitted: Any) -> list[str]:
    """Count the values that samples lack of selected features, in modalities that they have."""
    selector = steps_of(fitted)[0]
    selected = selector.get_support()
    counted = {}
    for modality, positions in selector.modalities_.items():
        missing = X[selector.feature_names_in_[positions[selected[positions]]]].isna()
        counted[modality] = int(missing[~missing.all(axis=1)].to_numpy().sum())
    return [
        f"{modality}: {count} values are missing; their means in training stand for them."
        for modality, count in counted.items()
        if count
    ]


def absent_modalities(tables: Mapping[str, pd.DataFrame], fitted: Any) -> list[str]:
    """Say which modalities of a saved pipeline have no table."""
    return [
        f"{modality} was not given; the model takes it as absent."
        for modality in steps_of(fitted)[0].modalities_
        if modality not in tables
    ]


def read_feature_map(path: Path, report: Report) -> pd.Series:
    """Read a table of two columns: old names of features, and the model's names."""
    table = read_table(path, dtype=str, report=report)
    if table.shape[1] != 1:
        raise ValueError(
            f"{path} has the columns {[table.index.name, *table]}; it must have two: names as they "
            "are in the tables, and the model's names."
        )
    return table.iloc[:, 0]

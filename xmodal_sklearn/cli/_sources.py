"""Reading the cohort that the options name, and new samples for a saved model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.utils import Bunch

from .._fitted_model import kept_features, steps_of
from .._suggestions import did_you_mean
from ..datasets import fetch_cbioportal, from_mudata, read_cbioportal, read_tables
from ..datasets._mudata import find_labels, load_mudata, modalities_of_mudata, read_modality
from ..datasets._names import coarsest_level, merge_duplicates, truncate_barcodes
from ..datasets._study import Report, make_study
from ..datasets._tables import read_labels, read_table
from ..datasets._text import add_path_to_errors
from ..datasets.cbioportal._fetch import unpacked_study
from ..datasets.cbioportal._reader import read_clinical_column
from ..modalities import align_features
from ..modalities._columns import SEPARATOR, check_unique, resolve_modalities
from ..modalities._concat import concat_modalities
from ..modalities._input import ModalityInput

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
    profiles = [name.partition("=") for name in modalities or STUDY_MODALITIES]
    check_unique([name for name, *_ in profiles], "names in --modalities")
    cohort = read(
        folder or study_id,
        modalities={name: profile or None for name, _, profile in profiles},
        target=target or STUDY_TARGET,
        join=join,
    )
    cohort.source = f"study {folder.resolve().name if folder else study_id}"
    return cohort


def read_labeled_tables(
    tables: Sequence[str],
    target_file: Path | None,
    target: str | None,
    modalities: Sequence[str] | None,
    join: str,
) -> Bunch:
    """Read ``modality=file`` tables, all or the named ones, and the classes of their samples."""
    if target_file is None:
        raise ValueError(
            "--table needs --target-file, a table with the samples in its first column and their "
            "classes in another."
        )
    paths = _parse_tables(tables)
    unknown = set(modalities or ()) - set(paths)
    if unknown:
        raise ValueError(
            f"--modalities names {sorted(unknown)}, but the tables are {list(paths)}"
            f"{did_you_mean(min(unknown), paths)}"
        )
    paths = {modality: paths[modality] for modality in modalities or paths}
    cohort = read_tables(paths, target=target, target_file=target_file, join=join)
    cohort.source = ", ".join(path.name for path in paths.values())
    return cohort


def _parse_tables(arguments: Sequence[str]) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for argument in arguments:
        modality, separator, path = argument.partition("=")
        if not separator or not modality or not path:
            raise ValueError(
                f"--table takes modality=file, like exp=expression.csv, got {argument!r}."
            )
        if modality in paths:
            raise ValueError(f"--table names the modality {modality!r} twice.")
        paths[modality] = Path(path)
    return paths


def read_mudata(
    path: Path, target: str | None, modalities: Sequence[str] | None, join: str
) -> Bunch:
    """Read a MuData or AnnData file whose classes are a column of obs."""
    mdata = load_mudata(path)
    if target is None:
        raise ValueError(
            f"--mudata needs --target, a column of obs; {path.name} has {list(mdata.obs)}."
        )
    with add_path_to_errors(path):
        cohort = from_mudata(mdata, target=target, modalities=modalities, join=join)
    cohort.source = path.stem
    return cohort


def read_column(
    column: str,
    samples: pd.Index,
    folder: Path | None,
    study_id: str | None,
    target_file: Path | None,
    mudata: Path | None,
) -> pd.Series:
    """Read a further column from the one place that has the classes; None where it is unknown."""
    if folder is not None:
        values = read_clinical_column(folder, column)
    elif study_id is not None:
        with unpacked_study(study_id) as unpacked:
            values = read_clinical_column(unpacked, column)
    elif mudata is not None:
        values = find_labels(load_mudata(mudata), column).astype(object)
    else:
        assert target_file is not None
        values = read_labels(target_file, column, Report())
        level = coarsest_level([list(samples)])
        if level is not None:
            values = values.set_axis(truncate_barcodes(values.index, level))
    values = values[values.index.isin(samples)]
    what, remedy = f"values of column {column!r}", "Give each sample one value."
    return merge_duplicates(values, what, remedy).reindex(samples)


def check_values(data: pd.DataFrame) -> None:
    """Check now what every fit would check later."""
    ModalityInput(data).read(data)


def check_folds(cohort: Bunch, folds: int) -> None:
    """Check that a cohort can be split into stratified folds."""
    sizes = cohort.target.value_counts()
    if len(sizes) < 2:
        raise ValueError(f"All samples belong to one class, {sizes.index.tolist()[0]!r}.")
    if sizes.min() < folds:
        raise ValueError(
            f"{folds} folds need {folds} samples of each class; {sizes.idxmin()!r} has "
            f"{sizes.min()}. Use fewer --folds, or other --modalities or --target."
        )


def read_unlabeled(tables: Sequence[str], mudata: Path | None) -> Bunch:
    """Read samples without classes from ``modality=file`` tables or from a MuData file."""
    if bool(tables) == (mudata is not None):
        raise ValueError("Pass the samples with either --table or --mudata.")
    if mudata is None:
        return read_tables(_parse_tables(tables), join="outer")
    parts = modalities_of_mudata(load_mudata(mudata), None)
    with add_path_to_errors(mudata):
        read = {name: read_modality(name, part, None) for name, part in parts.items()}
        return make_study(concat_modalities(read, join="outer"), None, DESCR=mudata.name)


def align_to_model(
    X: pd.DataFrame, fitted: Any, **options: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Align samples with the columns of a saved model; return the report of it, too."""
    selector, modalities = steps_of(fitted)[0], resolve_modalities(X, None)
    unknown = [modality for modality in modalities if modality not in selector.modalities_]
    if unknown:
        raise ValueError(
            f"The model has the modalities {list(selector.modalities_)}, not {unknown[0]!r}. "
            "Name the tables as they were named when it was fitted."
        )
    columns = selector.feature_names_in_
    absent = [name for name in columns if name.partition(SEPARATOR)[0] not in modalities]
    X = X.reindex(columns=[*X.columns, *absent])
    return align_features(X, fitted, return_report=True, **options)


def parse_normalize(values: Sequence[str] | None) -> str | dict[str, str]:
    """Return the method for all modalities, or a dict of methods by modality."""
    parts = [value.rpartition("=") for value in values or ["training"]]
    if len(parts) == 1 and not parts[0][1]:
        return parts[0][2]
    if not all(name for name, _, _ in parts):
        raise ValueError(
            f"--normalize takes a method for all modalities, or NAME=METHOD for each; got {values}."
        )
    check_unique([name for name, _, _ in parts], "modalities of --normalize")
    return {name: method for name, _, method in parts}


def describe_gaps(X: pd.DataFrame, given: Mapping[str, Any], fitted: Any) -> list[str]:
    """Describe modalities that were not given, and missing values in those that samples have."""
    absent, imputed = [], []
    for modality, features in kept_features(steps_of(fitted)[0]).items():
        if modality not in given:
            absent.append(f"{modality} was not passed; the model treats it as absent.")
        missing = X[list(features)].isna()
        count = int(missing[~missing.all(axis=1)].to_numpy().sum())
        if count:
            imputed.append(f"{modality}: imputed {count} missing values with training means.")
    return absent + imputed


def read_feature_map(path: Path) -> pd.Series:
    """Read a table of two columns: old names of features, and the model's names."""
    table = read_table(path, str)
    if table.shape[1] != 1:
        raise ValueError(
            f"{path} has the columns {[table.index.name, *table]}; it must have two: feature names "
            "in the tables, and the model's names."
        )
    return table.iloc[:, 0]

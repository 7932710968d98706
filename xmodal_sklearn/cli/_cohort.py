"""Which cohort the options name: a study, a table per modality, a MuData file, or simulated."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.utils import Bunch

from .. import _inputs
from ..datasets import fetch_cbioportal, from_mudata, make_multiomics, read_cbioportal
from ..datasets._mudata import load_mudata, modalities_of_mudata, read_modality
from ..datasets._study import Report
from ..modalities._columns import SEPARATOR, check_unique, resolve_modalities
from ..modalities._concat import concat_modalities
from ..modalities._validation import modality_blocks, modality_presence
from ._options import (
    Join,
    ModalityNames,
    MuDataFile,
    Seed,
    Study,
    StudyId,
    TableFiles,
    Target,
    TargetFile,
)
from ._session import usage_errors

__all__ = ["align_to_model", "check_folds", "read_cohort", "read_unlabelled", "with_cohort"]

STUDY_MODALITIES = ("exp", "cna", "mut")
STUDY_TARGET = "CLAUDIN_SUBTYPE"


def read_cohort(
    *,
    study: Study = None,
    study_id: StudyId = None,
    table: TableFiles = None,
    mudata: MuDataFile = None,
    target_file: TargetFile = None,
    target: Target = None,
    modalities: ModalityNames = None,
    join: Join = "inner",
    seed: Seed = 0,
) -> Bunch:
    """Read the samples and their classes from one source, or simulate them if none is named.

    Parameters
    ----------
    study : Path, default=None
        A cBioPortal study folder.
    study_id : str, default=None
        A study that cBioPortal publishes.
    table : list of str, default=None
        ``modality=file`` each; the classes are in `target_file`. The files are read by
        :func:`~xmodal_sklearn.datasets._tables.read_table`.
    mudata : Path, default=None
        A MuData (``.h5mu``) or AnnData (``.h5ad``) file.
    target_file : Path, default=None
        Table of the classes, samples in its first column.
    target : str, default=None
        The column that holds the classes: of the study's clinical files, of `target_file`, where
        it may be left out if there is only one, or of ``obs``.
    modalities : str, default=None
        Which modalities to read, separated by commas, the primary one first. None means all. Of a
        study, ``name=profile`` reads any profile as a modality.
    join : {"inner", "outer"}, default="inner"
        Keep the samples that have all of the modalities, or those that have any.
    seed : int, default=0
        Seed of the simulation.

    Returns
    -------
    Bunch
        ``data``, ``target``, ``source`` (what to call the cohort), and ``report``, a DataFrame of
        what was left out.

    Raises
    ------
    ValueError
        If there is more than one source, something is missing, or a file is malformed.
    OSError
        If a file can't be read or downloaded.
    ImportError
        If the extra that reads a format is not installed.
    """
    sources = {"--study": study, "--study-id": study_id, "--table": table, "--mudata": mudata}
    named = [option for option, value in sources.items() if value]
    if len(named) > 1:
        raise ValueError(f"Give one source of data, not {' and '.join(named)}.")
    if target_file is not None and not table:
        raise ValueError(
            "--target-file holds the classes for --table. Give --table, or no --target-file."
        )
    chosen = None if modalities is None else modalities.split(",")
    if table:
        cohort = _inputs.read_cohort(
            tables=table, target_file=target_file, target=target, modalities=chosen, join=join
        )
    elif mudata is not None:
        cohort = _read_mudata(mudata, target, chosen, join)
    elif study is not None or study_id is not None:
        cohort = _read_study(study, study_id, target, chosen, join)
    elif target or chosen:
        raise ValueError(
            "--target and --modalities need a source of data. Give --study, --study-id, --table "
            "or --mudata."
        )
    else:
        cohort = make_multiomics(random_state=seed)
        cohort.source = "simulated data"
    _check_values(cohort.data)
    return cohort


def with_cohort(**fixed: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that name a cohort, and hand it that cohort.

    The options are the parameters of :func:`read_cohort`. In the signature that typer reads, they
    replace the command's parameter ``cohort``. Only ``seed``, which the models may need too, goes
    before ``jobs``; a command that has a parameter ``seed`` is handed its value.

    Parameters
    ----------
    **fixed
        Arguments of :func:`read_cohort` that this command doesn't offer as options.

    Returns
    -------
    callable
        Decorator of a command with the keyword-only parameters ``cohort`` and ``jobs``.
    """
    options = dict(inspect.signature(read_cohort).parameters)
    for name in fixed:
        del options[name]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command).parameters

        @wraps(command)
        def read_and_run(**given: Any) -> None:
            named = {name: given.pop(name) for name in options}
            with usage_errors():
                cohort = read_cohort(**named, **fixed)
            if "seed" in own:
                given["seed"] = named["seed"]
            command(cohort=cohort, **given)

        signature = _join_parameters(own, options)
        read_and_run.__signature__ = signature  # type: ignore[attr-defined]
        read_and_run.__annotations__ = {
            name: parameter.annotation for name, parameter in signature.parameters.items()
        }
        return read_and_run

    return decorate


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
        return _inputs.read_tables(tables, [] if report is None else report)
    parts = modalities_of_mudata(load_mudata(mudata), None)
    return {modality: read_modality(modality, part, None) for modality, part in parts.items()}


def align_to_model(
    tables: Mapping[str, pd.DataFrame], columns: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Bring tables into the columns that a model was fitted to.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Samples in rows. A modality that the model knows becomes a block of NaN if it is missing
        here, or for the samples that its table lacks.
    columns : sequence of str
        The model's columns, ``modality__feature``.

    Returns
    -------
    X : DataFrame of shape (n_samples, n_columns)
        The samples of all tables.
    notes : list of str
        What was left out or is absent.

    Raises
    ------
    ValueError
        If the model doesn't know the modality of a table, or a table lacks a feature.
    """
    header = pd.DataFrame(columns=pd.Index(columns, dtype=object))
    known = resolve_modalities(header, None)
    unknown = [modality for modality in tables if modality not in known]
    if unknown:
        raise ValueError(
            f"The model knows the modalities {list(known)}, not {unknown[0]!r}. Name the tables "
            "as they were named when it was fitted."
        )
    X = concat_modalities(tables, join="outer")
    given = set(X.columns)
    notes = []
    for modality, positions in known.items():
        needed = [columns[position] for position in positions]
        missing = [column for column in needed if column not in given]
        if modality not in tables:
            notes.append(f"{modality} was not given; the model takes it as absent.")
        elif missing:
            raise ValueError(
                f"The table of modality {modality!r} lacks {len(missing)} of the {len(needed)} "
                "features that the model was fitted to; the first is "
                f"{missing[0].partition(SEPARATOR)[2]!r}. Add them, measured in the same way."
            )
        else:
            n_unknown = tables[modality].shape[1] - len(needed)
            if n_unknown:
                notes.append(f"Features of {modality} unknown to the model, ignored: {n_unknown}.")
    return X.reindex(columns=columns), notes


def _join_parameters(
    own: Mapping[str, inspect.Parameter], options: Mapping[str, inspect.Parameter]
) -> inspect.Signature:
    """Put the options of a cohort among the parameters of a command, in the order of the help."""
    source = [option for name, option in options.items() if name != "seed"]
    parameters: list[inspect.Parameter] = []
    for name, parameter in own.items():
        if name == "cohort":
            parameters += source
        elif name == "jobs":
            parameters += [options["seed"], parameter]
        elif name != "seed":
            parameters.append(parameter)
    return inspect.Signature(parameters)


def _read_study(
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


def _read_mudata(
    path: Path, target: str | None, modalities: Sequence[str] | None, join: str
) -> Bunch:
    mdata = load_mudata(path)
    if target is None:
        raise ValueError(
            f"--mudata needs --target, a column of obs; {path.name} has {list(mdata.obs)}."
        )
    cohort = from_mudata(mdata, target=target, modalities=modalities, join=join)
    cohort.source = path.stem
    return cohort


def _check_values(data: pd.DataFrame) -> None:
    """Refuse values now that every fit would refuse later."""
    modalities = resolve_modalities(data, None)
    modality_presence(data, modality_blocks(data, modalities), modalities)

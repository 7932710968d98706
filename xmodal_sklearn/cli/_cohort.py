"""Which cohort the options name: a study, a table per modality, a MuData file, or simulated."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

from ._options import (
    Batch,
    Groups,
    Join,
    ModalityNames,
    MuDataFile,
    Seed,
    Study,
    StudyId,
    TableFiles,
    Target,
    TargetFile,
    set_signature,
)
from ._session import usage_errors

if TYPE_CHECKING:
    from sklearn.utils import Bunch

__all__ = ["read_cohort", "with_cohort"]


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
    groups: Groups = None,
    batch: Batch = None,
    seed: Seed = 0,
) -> "Bunch":
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
    groups, batch : str, default=None
        Further columns, found where `target` is.
    seed : int, default=0
        Seed of the simulation.

    Returns
    -------
    Bunch
        ``data``, ``target``, ``source`` (what to call the cohort), ``report``, a DataFrame of
        what was left out, and ``groups`` and ``batch``, a value for each sample, or None.

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
    # Takes a second that the help, which reads this function's options, need not wait for.
    from .._inputs import read_cohort as read_labelled_tables
    from . import _sources

    chosen = None if modalities is None else [name.strip() for name in modalities.split(",")]
    if table:
        cohort = read_labelled_tables(
            tables=table, target_file=target_file, target=target, modalities=chosen, join=join
        )
    elif mudata is not None:
        cohort = _sources.read_mudata(mudata, target, chosen, join)
    elif study is not None or study_id is not None:
        cohort = _sources.read_study(study, study_id, target, chosen, join)
    elif target or chosen or groups or batch:
        raise ValueError(
            "--target, --modalities, --groups and --batch need a source of data. Give --study, "
            "--study-id, --table or --mudata."
        )
    else:
        cohort = _sources.simulate(seed)
    _sources.check_values(cohort.data)
    for option, column in {"groups": groups, "batch": batch}.items():
        cohort[option] = column and _sources.read_column(
            column, cohort.data.index, study, study_id, target_file, mudata
        )
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

        set_signature(read_and_run, _join_parameters(own, options))
        return read_and_run

    return decorate


def _join_parameters(
    own: Mapping[str, inspect.Parameter], options: Mapping[str, inspect.Parameter]
) -> list[inspect.Parameter]:
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
    return parameters

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
    """Read the samples and their classes from one source, or simulate them if none is named."""
    sources = {"--study": study, "--study-id": study_id, "--table": table, "--mudata": mudata}
    named = [option for option, value in sources.items() if value]
    if len(named) > 1:
        raise ValueError(f"Give one source of data, not {' and '.join(named)}.")
    if target_file is not None and not table:
        raise ValueError(
            "--target-file holds the classes for --table. Give --table, or omit --target-file."
        )
    # Imports for a second, while the help needs only this function's options.
    from . import _sources

    chosen = None if modalities is None else [name.strip() for name in modalities.split(",")]
    if table:
        cohort = _sources.read_labeled_tables(table, target_file, target, chosen, join)
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
    """Return a decorator that adds the options that name a cohort, and passes the cohort."""
    options = dict(inspect.signature(read_cohort).parameters)
    for name in fixed:
        del options[name]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command).parameters

        @wraps(command)
        def read_and_run(**arguments: Any) -> None:
            source = {name: arguments.pop(name) for name in options}
            with usage_errors():
                cohort = read_cohort(**source, **fixed)
            if "seed" in own:
                arguments["seed"] = source["seed"]
            command(cohort=cohort, **arguments)

        set_signature(read_and_run, _join_parameters(own, options))
        return read_and_run

    return decorate


def _join_parameters(
    own: Mapping[str, inspect.Parameter], options: Mapping[str, inspect.Parameter]
) -> list[inspect.Parameter]:
    """Return the parameters of a command and its cohort's options, in the order of the help."""
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

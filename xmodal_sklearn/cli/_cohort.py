"""Which cohort the options name: a study, a table per modality, a MuData file, or simulated."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ._options import split_names

if TYPE_CHECKING:
    from sklearn.utils import Bunch


def read_cohort(
    *,
    study: Path | None = None,
    study_id: str | None = None,
    table: list[str] | None = None,
    mudata: Path | None = None,
    target_file: Path | None = None,
    target: str | None = None,
    modalities: str | None = None,
    join: Literal["inner", "outer"] = "inner",
    groups: str | None = None,
    batch: str | None = None,
    seed: int = 0,
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

    chosen = None if modalities is None else split_names(modalities)
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

"""The command that explains one prediction."""

from pathlib import Path
from typing import Annotated

import typer

from ._options import AllowPickle, ModelFile, MuDataFile, Normalize, TableFiles
from ._session import EXIT_CODES, console, status, usage_errors

__all__ = ["EXAMPLES", "explain"]

EXAMPLES = (
    "Examples: xmodal explain model.xmodal --table exp=exp.csv --table mut=mut.csv --sample MB-0001"
    "\n\nxmodal explain model.xmodal --table exp=new.csv --sample P7 --train-table exp=exp.csv "
    "--train-target-file classes.csv\n\n" + EXIT_CODES
)
TRAINING = "Training samples"

SampleName = Annotated[str, typer.Option(help="Name of the sample to explain.")]
TrainTables = Annotated[
    list[str] | None,
    typer.Option(
        "--train-table",
        metavar="NAME=FILE",
        help="A table that the model was fitted to, to tell how typical the sample is. Repeat it "
        "for each modality.",
        rich_help_panel=TRAINING,
    ),
]
TrainTargetFile = Annotated[
    Path | None,
    typer.Option(help="The classes of these samples.", rich_help_panel=TRAINING),
]


def explain(
    model: ModelFile,
    sample: SampleName,
    table: TableFiles = None,
    mudata: MuDataFile = None,
    train_table: TrainTables = None,
    train_target_file: TrainTargetFile = None,
    normalize: Normalize = None,
    allow_pickle: AllowPickle = False,
) -> None:
    """Explain the prediction of a saved model for one sample."""
    from ._files import load_model, pipeline_of
    from ._sources import (
        absent_modalities,
        align_to_model,
        filled_values,
        parse_normalize,
        read_unlabelled,
    )
    from ._tables import report_lines

    with usage_errors():
        report: list[tuple[str, str, int]] = []
        tables = read_unlabelled(table or (), mudata, report)
        by_themselves = parse_normalize(normalize)
    with status("Loading PyTorch"), usage_errors():
        from .._inputs import read_cohort
        from ..inspection import explain as explain_sample
        from ..modalities import split_modalities

        fitted = pipeline_of(load_model(model, allow_pickle=allow_pickle))
    with usage_errors():
        X = align_to_model(tables, fitted, normalize=by_themselves, report=report)
        if sample not in X.index:
            raise ValueError(
                f"No table has a sample {sample!r}; they have {len(X)}, the first is "
                f"{X.index[0]!r}."
            )
        train = None
        if train_table:
            cohort = read_cohort(tables=train_table, target_file=train_target_file, join="outer")
            of_training = split_modalities(cohort.data)
            train = align_to_model(of_training, fitted), cohort.target
    with status("Explaining"), usage_errors():
        found = explain_sample(fitted, X.loc[[sample]], train=train)
    notes = absent_modalities(tables, fitted) + filled_values(X, fitted) + report_lines(report)
    console.print(*notes, found.to_text(), sep="\n")

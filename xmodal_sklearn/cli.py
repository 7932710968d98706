"""The command ``xmodal``."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from sklearn.utils import Bunch

from . import _console as show
from ._inputs import align_to_model, read_cohort, read_tables

__all__ = ["app"]

ATTENTION = "cross-modal attention"
EXIT_CODES = (
    "Exit codes: 0 done; 1 unexpected error; 2 wrong options or bad input, said in one message; "
    "130 stopped by Ctrl-C."
)
INPUT, MODEL, RUN = "Data", "Model", "Run"

Study = Annotated[Path | None, typer.Option(help="A cBioPortal study folder.", rich_help_panel=INPUT)]
StudyId = Annotated[
    str | None,
    typer.Option(help="A study to download from cBioPortal.", rich_help_panel=INPUT),
]
Tables = Annotated[
    list[str] | None,
    typer.Option(
        "--table",
        metavar="NAME=FILE",
        help="A table of one modality, samples in rows, names in the first column: .csv, .tsv, "
        ".parquet. Repeat it for each modality, the primary one first.",
        rich_help_panel=INPUT,
    ),
]
MuDataFile = Annotated[
    Path | None,
    typer.Option("--mudata", help="A MuData or AnnData file: .h5mu, .h5ad.", rich_help_panel=INPUT),
]
TargetFile = Annotated[
    Path | None,
    typer.Option(
        help="The classes of --table: samples in the first column.", rich_help_panel=INPUT
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        help="Column of the classes: in the study's clinical files (CLAUDIN_SUBTYPE by default), "
        "--target-file or obs.",
        rich_help_panel=INPUT,
    ),
]
Modalities = Annotated[
    str | None,
    typer.Option(
        help="Modalities to read, the primary one first: exp,cna. All by default.",
        rich_help_panel=INPUT,
    ),
]
Join = Annotated[
    str,
    typer.Option(
        help="Samples with all modalities (inner) or with any (outer).", rich_help_panel=INPUT
    ),
]
K = Annotated[int, typer.Option(min=1, help="Features to keep per modality.", rich_help_panel=MODEL)]
Seed = Annotated[
    int, typer.Option(min=0, help="Seed of data, folds and models.", rich_help_panel=RUN)
]
Jobs = Annotated[
    int, typer.Option(help="Fits in parallel; -1 is one per processor.", rich_help_panel=RUN)
]
Folds = Annotated[int, typer.Option(min=2, help="Stratified outer folds.", rich_help_panel=RUN)]
Repeats = Annotated[int, typer.Option(min=1, help="Repeats of the folds.", rich_help_panel=RUN)]

app = typer.Typer(
    help="Cross-modal attention for multi-omics classification.",
    epilog=EXIT_CODES,
    add_completion=False,
    no_args_is_help=True,
    # A traceback with local variables would show patients' data.
    pretty_exceptions_enable=False,
)


@app.command(
    epilog="Examples: xmodal bench\n\nxmodal bench --study brca_metabric --modalities exp,cna "
    "--repeats 5 --out metabric\n\nxmodal bench --table exp=exp.csv --table mut=mut.tsv "
    "--target-file classes.csv\n\nRun again with the same --out, it goes on where it was stopped.\n\n"
    + EXIT_CODES
)
def bench(
    study: Study = None,
    study_id: StudyId = None,
    table: Tables = None,
    mudata: MuDataFile = None,
    target_file: TargetFile = None,
    target: Target = None,
    modalities: Modalities = None,
    join: Join = "inner",
    k: K = 100,
    folds: Folds = 5,
    repeats: Repeats = 1,
    seed: Seed = 0,
    jobs: Jobs = -1,
    out: Annotated[
        Path, typer.Option(help="Folder for finished folds, scores and report.", rich_help_panel=RUN)
    ] = Path("xmodal-bench"),
) -> None:
    """Compare cross-modal attention with classical models on the same folds.

    Without a source of data, on a simulated cohort.
    """
    cohort = _read(study, study_id, table, mudata, target_file, target, modalities, join, seed)
    _check_folds(cohort, folds)
    console.print(show.cohort_text(cohort), highlight=False)
    with _loading():
        from .baselines import make_baselines
        from .benchmark import compare

        models = {
            ATTENTION: _pipeline(k, seed),
            **make_baselines(k=k, random_state=seed),
        }
    with _resumable(out):
        result = compare(
            models,
            cohort.data,
            cohort.target,
            cv=_outer_folds(folds, repeats, seed),
            store=out / "folds",
            n_jobs=jobs,
            verbose=1,
        )
    console.print(
        f"\nK = {k} per modality; mean ± standard deviation over {folds} folds × {repeats}\n"
    )
    console.print(show.summary_table(result), "", show.test_table(result, ATTENTION), sep="\n")
    _finish(result, out)


@app.command(
    epilog="Examples: xmodal paper --study-id brca_metabric --k 300 500 1000 1500 --out paper\n\n"
    "xmodal paper --k 50 100 --folds 3\n\nRun again with the same --out, it goes on where it was "
    "stopped.\n\n" + EXIT_CODES
)
def paper(
    study: Study = None,
    study_id: StudyId = None,
    table: Tables = None,
    mudata: MuDataFile = None,
    target_file: TargetFile = None,
    target: Target = None,
    modalities: Modalities = None,
    k: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Features to keep per modality.", show_default="300 500 1000 1500", rich_help_panel=MODEL),
    ] = None,
    more_k: Annotated[list[int] | None, typer.Argument(min=1, metavar="[K]...", help="Further K.", hidden=True)] = None,
    folds: Folds = 5,
    repeats: Repeats = 1,
    seed: Seed = 0,
    jobs: Jobs = -1,
    out: Annotated[
        Path, typer.Option(help="Folder for finished folds, scores and report.", rich_help_panel=RUN)
    ] = Path("xmodal-paper"),
) -> None:
    """Make the paper's table: modalities added to the primary one, for several K.

    The paper is doi:10.23950/jcmk/18568; where the data are METABRIC, its figures are shown beside
    ours. One ranking per fold and modality serves all models.
    """
    from .paper import KS, REPORTED, SOURCE, is_metabric, make_paper_models, rank_folds

    cohort = _read(study, study_id, table, mudata, target_file, target, modalities, "inner", seed)
    _check_folds(cohort, folds)
    console.print(show.cohort_text(cohort), highlight=False)

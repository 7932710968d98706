"""The command ``xmodal``."""

import shlex
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from sklearn.utils import Bunch

from .._extras import needs_extra
from ..modalities._columns import resolve_modalities
from . import _tables as show
from ._cohort import align_to_model, read_cohort, read_unlabelled
from ._files import load_model, tabulate_predictions, tabulate_rankings, write_file

__all__ = ["app"]

ATTENTION = "cross-modal attention"
EXIT_CODES = (
    "Exit codes: 0 done; 1 unexpected error; 2 wrong options or bad input, said in one message; "
    "130 stopped by Ctrl-C."
)
MOST_WARNINGS = 5
GOES_ON = "Run again with the same --out, it goes on where it was stopped.\n\n"
INPUT, MODEL, RUN = "Data", "Model", "Run"

# Results go to the output, everything else to the error stream. The names of genes and classes are
# not to be taken for markup.
console = Console(markup=False, emoji=False, highlight=False)
errors = Console(stderr=True, markup=False, emoji=False, highlight=False)

Study = Annotated[
    Path | None, typer.Option(help="A cBioPortal study folder.", rich_help_panel=INPUT)
]
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
    Literal["inner", "outer"],
    typer.Option(
        help="Samples with all modalities (inner) or with any (outer).", rich_help_panel=INPUT
    ),
]
K = Annotated[
    int, typer.Option(min=1, help="Features to keep per modality.", rich_help_panel=MODEL)
]
Seed = Annotated[
    int, typer.Option(min=0, help="Seed of data, folds and models.", rich_help_panel=RUN)
]
Jobs = Annotated[
    int, typer.Option(help="Fits in parallel; -1 is one per processor.", rich_help_panel=RUN)
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="tcp://HOST:PORT",
        help="Run on the workers of this Dask scheduler (extra distributed).",
        rich_help_panel=RUN,
    ),
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
    "--target-file classes.csv\n\n" + GOES_ON + EXIT_CODES
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
    models: Annotated[
        str,
        typer.Option(
            help="Classical models to compare with, as make_baselines names them; or all.",
            rich_help_panel=MODEL,
        ),
    ] = "logistic regression,random forest",
    fusion: Annotated[
        str,
        typer.Option(
            help="How these join the modalities, out of early, late, stacked.",
            rich_help_panel=MODEL,
        ),
    ] = "early,late",
    controls: Annotated[
        bool,
        typer.Option(
            "--controls",
            help="Add attention on permuted labels, and on noise in place of each modality.",
            rich_help_panel=MODEL,
        ),
    ] = False,
    learning: Annotated[
        bool,
        typer.Option(
            "--learning-curves",
            help="Fit all models on 20, 40, 60 and 80% of the training samples, too.",
            rich_help_panel=RUN,
        ),
    ] = False,
    folds: Folds = 5,
    repeats: Repeats = 1,
    seed: Seed = 0,
    jobs: Jobs = -1,
    scheduler: Scheduler = None,
    out: Annotated[
        Path,
        typer.Option(help="Folder for finished folds, scores and report.", rich_help_panel=RUN),
    ] = Path("xmodal-bench"),
) -> None:
    """Compare cross-modal attention with classical models on the same folds.

    Without a source of data, on a simulated cohort.
    """
    cohort = _read(study, study_id, table, mudata, target_file, target, modalities, join, seed)
    _check_folds(cohort, folds)
    console.print(show.cohort_text(cohort))
    with _waiting("Loading PyTorch"):
        from ..baselines import make_baselines
        from ..benchmark import compare
        from ..learning import learning_curves

        memory = str((out / "rankings").absolute())
        with _refusing():
            baselines = make_baselines(
                k=k,
                models=None if models == "all" else models.split(","),
                fusion=fusion.split(","),
                random_state=seed,
                memory=memory,
            )
        attention = _pipeline(k, seed, memory=memory)
    estimators = {ATTENTION: attention, **baselines}
    run = {
        "cv": _outer_folds(folds, repeats, seed),
        "store": out / "folds",
        "n_jobs": jobs,
        "verbose": 1,
        "random_state": seed,
    }
    with _resumable(out), _workers_of(scheduler):
        result = compare(estimators, cohort.data, cohort.target, controls=controls, **run)
        if learning:
            curves = learning_curves(estimators, cohort.data, cohort.target, **run)
            result = replace(result, learning=curves)
    console.print(
        f"\nK = {k} per modality; mean ± standard deviation over {folds} folds × {repeats}\n"
    )
    console.print(
        show.summary_table(result), "", show.significance_table(result, ATTENTION), sep="\n"
    )
    _finish(result, out)


@app.command(
    epilog="Examples: xmodal paper --study-id brca_metabric --k 300 500 1000 1500 --out paper\n\n"
    "xmodal paper --k 50 100 --folds 3\n\n" + GOES_ON + EXIT_CODES
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
        typer.Option(
            min=1,
            help="Features to keep per modality.",
            show_default="300 500 1000 1500",
            rich_help_panel=MODEL,
        ),
    ] = None,
    more_k: Annotated[
        list[int] | None, typer.Argument(min=1, metavar="K", help="Further K.", hidden=True)
    ] = None,
    folds: Folds = 5,
    repeats: Repeats = 1,
    seed: Seed = 0,
    jobs: Jobs = -1,
    scheduler: Scheduler = None,
    out: Annotated[
        Path,
        typer.Option(help="Folder for finished folds, scores and report.", rich_help_panel=RUN),
    ] = Path("xmodal-paper"),
) -> None:
    """Make the paper's table: modalities added to the primary one, for several K.

    The paper: doi:10.23950/jcmk/18568. On METABRIC, its figures are shown too.
    """
    cohort = _read(study, study_id, table, mudata, target_file, target, modalities, "inner", seed)
    _check_folds(cohort, folds)
    console.print(show.cohort_text(cohort))
    with _waiting("Loading PyTorch"):
        from ..classifier import CrossModalAttentionClassifier
        from ..paper import KS, REPORTED, SOURCE, compare_modalities, is_metabric, paper_settings
    ks = [*(k or []), *(more_k or [])] or KS
    with _resumable(out), _workers_of(scheduler):
        result = compare_modalities(
            cohort.data,
            cohort.target,
            CrossModalAttentionClassifier(random_state=seed),
            ks=ks,
            cv=_outer_folds(folds, repeats, seed),
            store=out,
            n_jobs=jobs,
            verbose=1,
        )
    on_metabric = is_metabric(cohort.data.index)
    settings = paper_settings(list(resolve_modalities(cohort.data, None)), ks)
    console.print(f"\nmean ± standard deviation over {folds} folds × {repeats}\n")
    console.print(show.paper_table(result, settings, REPORTED if on_metabric else {}))
    if on_metabric:
        console.print(
            f"\nThe paper's figures: {SOURCE}. It finds EXP+CNA+MUT best at K of 300 to 500."
        )
    _finish(result, out)


@app.command(
    epilog="Example: xmodal select --study brca_metabric --out rankings.csv\n\n" + EXIT_CODES
)
def select(
    out: Annotated[Path, typer.Option(help="CSV file to write: modality, rank, feature, score.")],
    study: Study = None,
    study_id: StudyId = None,
    table: Tables = None,
    mudata: MuDataFile = None,
    target_file: TargetFile = None,
    target: Target = None,
    modalities: Modalities = None,
    join: Join = "inner",
    k: Annotated[
        int | None,
        typer.Option(
            min=1, help="Features to write per modality; all by default.", rich_help_panel=MODEL
        ),
    ] = None,
    seed: Seed = 0,
    jobs: Jobs = -1,
) -> None:
    """Rank the features of each modality by an elastic net on all samples.

    To judge a model, use bench: it selects features inside the folds.
    """
    from ..selection import MultiOmicsSelector

    cohort = _read(study, study_id, table, mudata, target_file, target, modalities, join, seed)
    console.print(show.cohort_text(cohort), "", sep="\n")
    with _waiting("Ranking"), _refusing():
        selector = MultiOmicsSelector(n_jobs=jobs).fit(cohort.data, cohort.target.to_numpy())
    rankings = tabulate_rankings(selector, k)
    with _refusing():
        write_file(out, lambda path: rankings.to_csv(path, index=False))
    console.print(show.ranking_table(rankings, top=10))
    console.print(f"\n{len(rankings)} features in {out}")


@app.command(
    epilog="Example: xmodal fit --study brca_metabric --k 300 --out model.joblib\n\n" + EXIT_CODES
)
def fit(
    out: Annotated[Path, typer.Option(help="File to write the fitted pipeline to, by joblib.")],
    study: Study = None,
    study_id: StudyId = None,
    table: Tables = None,
    mudata: MuDataFile = None,
    target_file: TargetFile = None,
    target: Target = None,
    modalities: Modalities = None,
    join: Join = "inner",
    k: K = 100,
    seed: Seed = 0,
    jobs: Jobs = -1,
) -> None:
    """Fit selection and cross-modal attention to all samples, and save them."""
    import joblib

    cohort = _read(study, study_id, table, mudata, target_file, target, modalities, join, seed)
    console.print(show.cohort_text(cohort))
    with _waiting("Loading PyTorch"):
        model = _pipeline(k, seed, jobs=jobs)
    with _waiting("Fitting"), _refusing():
        model.fit(cohort.data, cohort.target.to_numpy())
    with _refusing():
        write_file(out, lambda path: joblib.dump(model, path, compress=3))
    console.print(f"\nModel in {out}")


@app.command(
    epilog="Example: xmodal predict model.joblib --table exp=exp.csv --table mut=mut.csv "
    "--out predictions.csv\n\n" + EXIT_CODES
)
def predict(
    model: Annotated[
        Path,
        typer.Argument(
            help="What fit saved. Load only files that you trust: loading a joblib file can run "
            "any code in it."
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="CSV file to write: sample, prediction, a probability per class.")
    ],
    table: Tables = None,
    mudata: MuDataFile = None,
) -> None:
    """Predict the classes of new samples by a saved model.

    A modality that is not given, or that a sample lacks, is taken as absent.
    """
    with _refusing():
        tables = read_unlabelled(table or (), mudata)
    with _waiting("Loading PyTorch"), _refusing():
        fitted = load_model(model)
    with _refusing():
        X, notes = align_to_model(tables, fitted[0].feature_names_in_)
    with _waiting("Predicting"), _refusing():
        probabilities = fitted.predict_proba(X)
    predictions = tabulate_predictions(X.index, fitted.classes_, probabilities)
    with _refusing():
        write_file(out, lambda path: predictions.to_csv(path, index=False))
    console.print(*notes, show.prediction_table(fitted.classes_, probabilities), sep="\n")
    console.print(f"\nPredictions in {out}")


@app.command(epilog="Example: xmodal report xmodal-bench\n\n" + EXIT_CODES)
def report(
    folder: Annotated[Path, typer.Argument(help="What bench or paper wrote by --out.")],
) -> None:
    """Make report.html of a finished comparison again."""
    from ..benchmark import Comparison
    from ..report import write_report

    with _refusing():
        result = Comparison.load(folder)
        page = write_report(result, folder / "report.html")
    console.print(f"Report in {page}")


def _read(
    study: Path | None,
    study_id: str | None,
    table: list[str] | None,
    mudata: Path | None,
    target_file: Path | None,
    target: str | None,
    modalities: str | None,
    join: str,
    seed: int,
) -> Bunch:
    with _refusing():
        return read_cohort(
            study=study,
            study_id=study_id,
            tables=table or (),
            mudata=mudata,
            target_file=target_file,
            target=target,
            modalities=None if modalities is None else modalities.split(","),
            join=join,
            random_state=seed,
        )


def _check_folds(cohort: Bunch, folds: int) -> None:
    sizes = cohort.target.value_counts()
    if len(sizes) < 2:
        raise typer.BadParameter(f"All samples are of one class, {sizes.index.tolist()[0]!r}.")
    if sizes.min() < folds:
        raise typer.BadParameter(
            f"{folds} folds need {folds} samples of each class; {sizes.idxmin()!r} has "
            f"{sizes.min()}. Use fewer --folds, or other --modalities or --target."
        )


def _outer_folds(folds: int, repeats: int, seed: int) -> Any:
    from sklearn.model_selection import RepeatedStratifiedKFold

    return RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=seed)


def _pipeline(k: int, seed: int, *, memory: str | None = None, jobs: int | None = None) -> Any:
    # Imported here because PyTorch takes seconds that `xmodal --help` need not wait for.
    from sklearn.pipeline import make_pipeline

    from ..classifier import CrossModalAttentionClassifier
    from ..selection import MultiOmicsSelector

    return make_pipeline(
        MultiOmicsSelector(k, memory=memory, n_jobs=jobs),
        CrossModalAttentionClassifier(random_state=seed),
    )


def _finish(result: Any, out: Path) -> None:
    """Save a comparison and, where the extra is installed, its report."""
    from ..report import write_report

    result.info["command"] = shlex.join(["xmodal", *sys.argv[1:]])
    with _refusing():
        result.save(out)
    for warning in result.warnings[:MOST_WARNINGS]:
        errors.print(f"Warning: {warning}", style="yellow")
    if len(result.warnings) > MOST_WARNINGS:
        errors.print(f"All {len(result.warnings)} warnings are in {out / 'comparison.json'}.")
    try:
        page = write_report(result, out / "report.html")
    except ImportError as error:
        console.print(f"\nScores in {out}; no report.html: {error}")
    else:
        console.print(f"\nScores and {page.name} in {out}")


def _waiting(what: str) -> Any:
    return errors.status(f"{what} …")


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what is wrong with the input into a message and exit code 2."""
    try:
        yield
    except (ValueError, OSError, ImportError) as error:
        raise typer.BadParameter(str(error)) from error


@contextmanager
def _workers_of(scheduler: str | None) -> Iterator[None]:
    """Compute on a cluster, where there is one."""
    if scheduler is None:
        yield
        return
    with needs_extra("distributed", "--scheduler"):
        from distributed import Client
    from joblib import parallel_config

    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, ValueError) as error:
        raise ValueError(f"No Dask scheduler answers at {scheduler}: {error}") from error
    with client, parallel_config("dask"):
        yield


@contextmanager
def _resumable(out: Path) -> Iterator[None]:
    """Say on Ctrl-C what is kept and how to go on."""
    try:
        with _refusing(), warnings.catch_warnings():
            # They are kept in the result, and shown with it.
            warnings.simplefilter("ignore")
            out.mkdir(parents=True, exist_ok=True)
            yield
    except KeyboardInterrupt:
        errors.print(
            f"\nStopped. Finished folds are kept in {out}; the same command goes on from there."
        )
        raise typer.Exit(130) from None

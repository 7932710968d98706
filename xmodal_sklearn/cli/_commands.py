"""The commands: reading options, calling the library, printing.

A command imports what it calls when it runs, so that the help waits for none of it.
"""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ._cohort import with_cohort
from ._explain import EXAMPLES, explain
from ._network import with_network
from ._options import (
    AllowPickle,
    Calibrate,
    CardFile,
    Controls,
    Coverage,
    CrossValidation,
    FeatureMapFile,
    Folds,
    Fusion,
    Inspect,
    Jobs,
    K,
    Ks,
    LearningCurves,
    MaxMissing,
    MinProba,
    Missing,
    ModelFile,
    Models,
    MoreKs,
    MuDataFile,
    NewModelFile,
    Normalize,
    PredictionsFile,
    Quick,
    RankingsFile,
    Repeats,
    ResultFolder,
    ResultPath,
    Scheduler,
    TableFiles,
    TopK,
    Version,
)
from ._session import (
    EXIT_CODES,
    console,
    dask_workers,
    error_console,
    resumable,
    status,
    usage_errors,
    warnings_as_lines,
    writing_results,
)

if TYPE_CHECKING:
    from sklearn.utils import Bunch

__all__ = ["app"]

ATTENTION = "cross-modal attention"
MAX_WARNINGS = 5
MAX_RANKS = 10
QUICK = {
    "k": 20,
    "models": "logistic regression",
    "fusion": "early",
    "folds": 3,
    "n_estimators": 4,
}
RESUMES = "Run again with the same --out to go on where it stopped.\n\n"

app = typer.Typer(
    epilog=EXIT_CODES,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    # A traceback with local variables would show patients' data.
    pretty_exceptions_enable=False,
)


@app.callback()
def main(version: Version = False) -> None:
    """Cross-modal attention for multi-omics classification."""


@app.command(
    epilog="Examples: xmodal bench --quick\n\n"
    "xmodal bench --study brca_metabric --modalities exp,cna --repeats 5 --out metabric\n\n"
    "xmodal bench --table exp=exp.csv --table mut=mut.tsv "
    "--target-file classes.csv\n\n" + RESUMES + EXIT_CODES
)
@with_cohort()
@with_network
def bench(
    *,
    context: typer.Context,
    cohort: "Bunch",
    k: K = 100,
    models: Models = "logistic regression,random forest",
    fusion: Fusion = "early,late",
    controls: Controls = False,
    quick: Quick = False,
    network: dict,
    learning: LearningCurves = False,
    inspect: Inspect = False,
    folds: Folds = 5,
    repeats: Repeats = 1,
    seed: int,
    jobs: Jobs = -1,
    scheduler: Scheduler = None,
    out: ResultFolder = Path("xmodal-bench"),
) -> None:
    """Compare cross-modal attention with classical models on the same folds.

    Without a source of data, on a simulated cohort.
    """
    if quick:
        members = {"n_estimators": network["n_estimators"]}
        given = {"k": k, "models": models, "fusion": fusion, "folds": folds, **members}
        k, models, fusion, folds, network["n_estimators"] = _quick_settings(context, given)
    _start(cohort, folds)
    with status("Loading PyTorch"):
        from ..benchmark import compare
        from ..learning import learning_curves
        from ._importance import measure_importance
        from ._models import attention_pipeline, classical_pipelines, outer_folds
        from ._tables import significance_table, summary_table

    memory = str((out / "rankings").absolute())
    with usage_errors():
        attention = attention_pipeline(k, seed, network, memory=memory)
        classical = classical_pipelines(k, models, fusion, seed, network["device"], memory)
    estimators = {ATTENTION: attention, **classical}
    settings: dict[str, Any] = {
        "cv": outer_folds(folds, repeats, seed, cohort),
        "groups": cohort.groups,
        "store": out / "folds",
        "n_jobs": jobs,
        "verbose": 1,
        "random_state": seed,
    }
    with resumable(out), dask_workers(scheduler):
        samples = cohort.data, cohort.target
        result = compare(estimators, *samples, batch=cohort.batch, controls=controls, **settings)
        if learning:
            curves = learning_curves(estimators, *samples, **settings)
            result = replace(result, learning=curves)
        importance = measure_importance(attention, cohort, folds, seed, jobs) if inspect else None
    console.print(
        f"\nK = {k} per modality; mean ± standard deviation over {folds} folds × {repeats}\n"
    )
    console.print(summary_table(result), "", significance_table(result, ATTENTION), sep="\n")
    _finish(result, out, importance)


@app.command(
    epilog="Examples: xmodal paper --study-id brca_metabric --k 300 500 1000 1500 --out paper\n\n"
    "xmodal paper --k 50 100 --folds 3\n\n" + RESUMES + EXIT_CODES
)
@with_cohort(join="inner", groups=None, batch=None)
@with_network
def paper(
    *,
    cohort: "Bunch",
    k: Ks = None,
    more_k: MoreKs = None,
    network: dict,
    folds: Folds = 5,
    repeats: Repeats = 1,
    seed: int,
    jobs: Jobs = -1,
    scheduler: Scheduler = None,
    out: ResultFolder = Path("xmodal-paper"),
) -> None:
    """Make the paper's table: modalities added to the primary one, for several K.

    The paper: doi:10.23950/jcmk/18568. On METABRIC, its figures are shown too. The last row is the
    network that the paper describes, on all modalities with the smallest K.
    """
    _start(cohort, folds)
    with status("Loading PyTorch"):
        from ..modalities._columns import resolve_modalities
        from ..paper import (
            KS,
            REPORTED,
            SOURCE,
            compare_modalities,
            is_metabric,
            paper_network,
            paper_settings,
        )
        from ._models import PAPER_NETWORK, attention_classifier, outer_folds
        from ._tables import paper_table

    ks = [*(k or []), *(more_k or [])] or KS
    with usage_errors():
        classifier = attention_classifier(seed, network)
    described = paper_network(min(ks), random_state=seed, device=network["device"])
    with resumable(out), dask_workers(scheduler):
        result = compare_modalities(
            cohort.data,
            cohort.target,
            classifier,
            ks=ks,
            others={PAPER_NETWORK: described},
            cv=outer_folds(folds, repeats, seed, cohort),
            store=out,
            n_jobs=jobs,
            verbose=1,
        )
    on_metabric = is_metabric(cohort.data.index)
    models = paper_settings(list(resolve_modalities(cohort.data, None)), ks)
    # Short, or the table is wider than 80 columns.
    models[PAPER_NETWORK] = (PAPER_NETWORK.removeprefix("the "), min(ks))
    console.print(f"\nmean ± standard deviation over {folds} folds × {repeats}\n")
    console.print(paper_table(result, models, REPORTED if on_metabric else {}))
    if on_metabric:
        console.print(
            f"\nThe paper's figures: {SOURCE}. It finds EXP+CNA+MUT best at K of 300 to 500."
        )
    _finish(result, out)


@app.command(
    epilog="Example: xmodal select --study brca_metabric --out rankings.csv\n\n" + EXIT_CODES
)
@with_cohort(groups=None, batch=None)
def select(*, out: RankingsFile, cohort: "Bunch", k: TopK = None, jobs: Jobs = -1) -> None:
    """Rank the features of each modality by an elastic net on all samples.

    To judge a model, use bench: it selects features inside the folds.
    """
    from ..selection import MultiOmicsSelector
    from ._files import tabulate_rankings, write_csv
    from ._tables import cohort_text, ranking_table

    console.print(cohort_text(cohort), "", sep="\n")
    with status("Ranking"), usage_errors():
        selector = MultiOmicsSelector(n_jobs=jobs).fit(cohort.data, cohort.target.to_numpy())
    rankings = tabulate_rankings(selector, k)
    with usage_errors():
        write_csv(rankings, out)
    console.print(ranking_table(rankings, top=MAX_RANKS))
    console.print(f"\n{len(rankings)} features in {out}")


@app.command(
    epilog="Example: xmodal fit --study brca_metabric --k 300 --out model.xmodal\n\n" + EXIT_CODES
)
@with_cohort(groups=None, batch=None)
@with_network
def fit(
    *,
    out: NewModelFile,
    cohort: "Bunch",
    k: K = 100,
    calibrate: Calibrate = None,
    network: dict,
    cv: CrossValidation = None,
    seed: int,
    jobs: Jobs = -1,
) -> None:
    """Fit selection and cross-modal attention to all samples, and save them."""
    from ._files import check_new_model, save_model
    from ._tables import cohort_text

    with usage_errors():
        check_new_model(out)
    if cv is not None:
        _start(cohort, cv)
    else:
        console.print(cohort_text(cohort))
    with status("Loading PyTorch"):
        from ..persistence import describe_training
        from ._models import attention_pipeline, calibrated, cross_validated
    with usage_errors():
        model = attention_pipeline(k, seed, network, jobs=jobs)
        comparison = None if cv is None else cross_validated(model, cohort, cv, seed, jobs)
        if calibrate is not None:
            model = calibrated(model, calibrate, seed)
    with status("Fitting"), usage_errors():
        model.fit(cohort.data, cohort.target.to_numpy())
    with usage_errors():
        training = describe_training(
            cohort.data, cohort.target, source=cohort.source, comparison=comparison
        )
        save_model(model, out, training=training)
    console.print(f"\nModel in {out}")


@app.command(
    epilog="Examples: xmodal predict model.xmodal --table exp=exp.csv --table mut=mut.csv "
    "--out predictions.csv\n\nxmodal predict model.xmodal --table exp=rnaseq.csv "
    "--normalize exp=within --out predictions.csv\n\n" + EXIT_CODES
)
def predict(
    model: ModelFile,
    out: PredictionsFile,
    table: TableFiles = None,
    mudata: MuDataFile = None,
    feature_map: FeatureMapFile = None,
    missing: Missing = "error",
    max_missing: MaxMissing = 0.2,
    normalize: Normalize = None,
    coverage: Coverage = None,
    min_proba: MinProba = 0.0,
    allow_pickle: AllowPickle = False,
) -> None:
    """Predict the classes of new samples by a saved model.

    Tables need the features that the model selected, in any order. A modality that is not given, or
    that a sample lacks, is taken as absent. Says how far the samples lie from those of training.
    """
    from ._files import load_model, pipeline_of, predict_sets, tabulate_predictions, write_csv
    from ._sources import measure_drift, read_unlabelled
    from ._tables import drift_table, prediction_table, unsure_lines

    with usage_errors():
        report: list[tuple[str, str, int]] = []
        tables = read_unlabelled(table or (), mudata, report)
        options = _alignment_options(feature_map, normalize, report)
    with status("Loading PyTorch"), usage_errors():
        fitted = load_model(model, allow_pickle=allow_pickle)
    pipeline = pipeline_of(fitted)
    X, notes = _align(tables, pipeline, missing=missing, max_missing=max_missing, **options)
    with usage_errors(), warnings_as_lines():
        drift = measure_drift(X, pipeline)
    with status("Predicting"), usage_errors():
        probabilities = fitted.predict_proba(X)
    sets = None
    with usage_errors(), warnings_as_lines():
        if coverage is not None:
            sets = predict_sets(fitted, probabilities, coverage)
        predictions = tabulate_predictions(X.index, fitted.classes_, probabilities, min_proba, sets)
        write_csv(predictions, out)
    table_of_classes = prediction_table(fitted.classes_, probabilities)
    unsure = unsure_lines(probabilities, min_proba, sets, coverage)
    console.print(*notes, drift_table(drift), "", table_of_classes, *unsure, sep="\n")
    console.print(f"\nPredictions in {out}")


app.command(epilog=EXAMPLES)(explain)


@app.command(epilog="Example: xmodal card model.xmodal --out card.html\n\n" + EXIT_CODES)
def card(model: ModelFile, out: CardFile = None) -> None:
    """Say what a saved model was fitted to, how well it does, what it needs, and its limits.

    The model is not loaded.
    """
    from ..report import card_text, write_card

    with usage_errors():
        if out is None:
            console.print(card_text(model), soft_wrap=True)
        else:
            out.parent.mkdir(parents=True, exist_ok=True)
            console.print(f"Card in {write_card(model, out)}")


@app.command(epilog="Example: xmodal report xmodal-bench\n\n" + EXIT_CODES)
def report(folder: ResultPath) -> None:
    """Make report.html of a finished comparison again."""
    from ..benchmark import Comparison
    from ..report import write_report
    from ._importance import load_importance

    with usage_errors():
        result = Comparison.load(folder)
        importance = load_importance(folder, result.info.get("run"))
    with writing_results(folder):
        page = write_report(result, folder / "report.html", importance=importance)
    console.print(f"Report in {page}")


def _alignment_options(
    feature_map: Path | None, normalize: list[str] | None, report: list
) -> dict[str, Any]:
    """Return the arguments of align_features that the options give."""
    from ._sources import parse_normalize, read_feature_map

    names = None if feature_map is None else read_feature_map(feature_map, report)
    return {"feature_map": names, "normalize": parse_normalize(normalize), "report": report}


def _align(tables: Mapping[str, Any], pipeline: Any, **options: Any) -> tuple[Any, list[str]]:
    """Bring tables to the columns of a model; return them, and what is to be said of that."""
    from ._sources import absent_modalities, align_to_model, filled_values
    from ._tables import report_lines

    with usage_errors(), warnings_as_lines():
        X = align_to_model(tables, pipeline, **options)
    notes = absent_modalities(tables, pipeline) + filled_values(X, pipeline)
    return X, notes + report_lines(options["report"])


def _quick_settings(context: typer.Context, settings: dict[str, Any]) -> list[Any]:
    """Replace the settings that were not given on the command line by those of a quick look."""
    return [
        QUICK[name] if str(context.get_parameter_source(name)).endswith("DEFAULT") else value
        for name, value in settings.items()
    ]


def _start(cohort: "Bunch", folds: int) -> None:
    """Say what is compared on, if it can be split."""
    from ._sources import check_folds
    from ._tables import cohort_text

    with usage_errors():
        check_folds(cohort, folds)
    console.print(cohort_text(cohort))


def _finish(result: Any, out: Path, importance: Any = None) -> None:
    """Save a comparison and its report, both or neither."""
    from ..benchmark._result_folder import publishing
    from ..report import write_report
    from ._importance import save_importance

    result.info["command"] = shlex.join(["xmodal", *sys.argv[1:]])
    failed: Exception | None = None
    with writing_results(out), publishing(out) as aside:
        result.save(aside)
        if importance is not None:
            save_importance(importance, aside, result.info["run"])
        try:
            write_report(result, aside / "report.html", importance=importance)
        except OSError:
            raise
        # Scores are worth keeping whatever is wrong with the report.
        except Exception as error:
            failed = error
    for warning in result.warnings[:MAX_WARNINGS]:
        error_console.print(f"Warning: {warning}", style="yellow")
    if len(result.warnings) > MAX_WARNINGS:
        error_console.print(
            f"All {len(result.warnings)} warnings are in {out / 'comparison.json'}."
        )
    if failed is None:
        console.print(f"\nScores and report.html in {out}")
    else:
        raise failed

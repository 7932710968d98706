"""The commands: they read options, call the library and print.

A command imports what it calls when it runs, so that the help waits for none of it.
"""

import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from .._text import visible
from ._options import Network, read_cohort, with_help, with_options_for
from ._session import (
    EXIT_CODES,
    Command,
    console,
    dask_workers,
    error_console,
    prepare_process,
    reported_later,
    resumable,
    status,
    writing_results,
)

if TYPE_CHECKING:
    from sklearn.utils import Bunch

ATTENTION = "cross-modal attention"
MAX_WARNINGS = 5
MAX_RANKS = 10
DEMO_TABLES = ("exp", "mut")
RESUMES = "Run again with the same --out to resume where it stopped."

app = typer.Typer(
    epilog=EXIT_CODES,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    # A traceback with local variables would show patients' data.
    pretty_exceptions_enable=False,
)


@app.callback()
@with_help
def main(version: bool = False) -> None:
    """Cross-modal attention for multi-omics classification."""
    prepare_process()


def command(*epilog: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds a command with these paragraphs below its help."""

    def add(function: Callable[..., None]) -> Callable[..., None]:
        text = "\n\n".join([*epilog, EXIT_CODES])
        return app.command(cls=Command, epilog=text)(with_help(function))

    return add


@command(
    "Examples: xmodal bench --quick",
    "xmodal bench --study brca_metabric --modalities exp,cna --repeats 5 --out metabric",
    "xmodal bench --table exp=exp.csv --table mut=mut.tsv --target-file classes.csv",
    RESUMES,
)
@with_options_for("cohort", read_cohort)
@with_options_for("network", Network)
def bench(
    *,
    cohort: "Bunch",
    k: int = 100,
    models: str = "logistic regression,random forest",
    fusion: str = "early,late",
    controls: bool = False,
    quick: bool = False,
    network: Network,
    learning_curves: bool = False,
    inspect: bool = False,
    folds: int = 5,
    repeats: int = 1,
    seed: int = 0,
    jobs: int = -1,
    scheduler: str | None = None,
    out: Path = Path("xmodal-bench"),
    json: bool = False,
) -> None:
    """Compare cross-modal attention with classical models on the same folds."""
    _start(cohort, folds, k)
    with status("Loading PyTorch"):
        from .. import learning
        from ..benchmark import compare
        from ..benchmark._splits import repeated_folds
        from . import _models
        from ._tables import significance_table, summary_table

    memory = str((out / "rankings").absolute())
    attention = _models.attention_pipeline(k, seed, network, memory=memory)
    classical = _models.classical_pipelines(k, models, fusion, seed, network.device, memory)
    estimators = {ATTENTION: attention, **classical}
    n_controls = 1 + len(cohort.modalities) if controls else 0
    _announce(len(estimators) + n_controls, folds, repeats, out)
    design: dict[str, Any] = {
        "cv": repeated_folds(folds, repeats, seed, grouped=cohort.groups is not None),
        "groups": cohort.groups,
        "store": out / "folds",
        "n_jobs": jobs,
        "verbose": 1,
        "random_state": seed,
    }
    with resumable(out), dask_workers(scheduler):
        samples = cohort.data, cohort.target
        controlled = ATTENTION if controls else None
        result = compare(estimators, *samples, batch=cohort.batch, controls=controlled, **design)
        errors: list[str] = []
        if learning_curves:
            with reported_later("learning curves", errors):
                scores = learning.learning_curves(estimators, *samples, **design)
                result = replace(result, learning=scores)
        importance = None
        if inspect:
            with reported_later("importance of modalities", errors):
                importance = _models.measure_importance(attention, cohort, folds, seed, jobs)
    _save(result, out, cohort, errors, importance)
    console.print(
        f"\nK = {k} per modality; mean ± standard deviation over {folds} folds × {repeats}\n"
    )
    console.print(summary_table(result), "", significance_table(result, ATTENTION), sep="\n")
    _finish(result, out, errors, json)


@command(
    "Examples: xmodal paper --study-id brca_metabric --k 300 500 1000 1500 --out paper",
    "xmodal paper --k 50 100 --folds 3",
    RESUMES,
)
@with_options_for("cohort", read_cohort, join="inner", groups=None, batch=None)
@with_options_for("network", Network)
def paper(
    *,
    cohort: "Bunch",
    k: list[int] | None = None,
    more_k: list[int] | None = None,
    network: Network,
    folds: int = 5,
    repeats: int = 1,
    seed: int = 0,
    jobs: int = -1,
    scheduler: str | None = None,
    out: Path = Path("xmodal-paper"),
    json: bool = False,
) -> None:
    """Compute the paper's table: modalities added to the primary one, for several K.

    The paper is doi:10.23950/jcmk/18568; on METABRIC, its scores are shown, too. The last row is
    the network that the paper describes, on all modalities with the smallest K.
    """
    given = [*(k or []), *(more_k or [])]
    _start(cohort, folds, *given)
    with status("Loading PyTorch"):
        from .. import paper as published
        from ..benchmark._splits import repeated_folds
        from ._models import PAPER_NETWORK, attention_classifier
        from ._tables import paper_table

    ks = given or published.KS
    classifier = attention_classifier(seed, network)
    network_of_paper = published.paper_network(min(ks), random_state=seed, device=network.device)
    models = published.paper_settings(list(cohort.modalities), ks)
    # Short, so that the table is no wider than 80 columns.
    models[PAPER_NETWORK] = (PAPER_NETWORK.removeprefix("the "), min(ks))
    _announce(len(models), folds, repeats, out)
    with resumable(out), dask_workers(scheduler):
        result = published.compare_modalities(
            cohort.data,
            cohort.target,
            classifier,
            ks=ks,
            others={PAPER_NETWORK: network_of_paper},
            cv=repeated_folds(folds, repeats, seed, grouped=False),
            store=out,
            n_jobs=jobs,
            verbose=1,
        )
    errors: list[str] = []
    _save(result, out, cohort, errors)
    on_metabric = published.is_metabric(cohort.data.index)
    console.print(f"\nmean ± standard deviation over {folds} folds × {repeats}\n")
    console.print(paper_table(result, models, published.REPORTED if on_metabric else {}))
    if on_metabric:
        console.print(
            f"\nThe paper's scores: {published.SOURCE}. "
            "It reports EXP+CNA+MUT as best for K from 300 to 500."
        )
    _finish(result, out, errors, json)


@command("Example: xmodal select --study brca_metabric --out rankings.csv")
@with_options_for("cohort", read_cohort, groups=None, batch=None)
def select(
    *,
    out: Path,
    cohort: "Bunch",
    k: int | None = None,
    seed: int = 0,
    jobs: int = -1,
    json: bool = False,
) -> None:
    """Rank the features of each modality by an elastic net on all samples."""
    from ..selection import MultiOmicsSelector
    from ._tables import cohort_text, json_text, ranking_table, tabulate_rankings, write_table

    console.print(cohort_text(cohort), "", sep="\n")
    with status("Ranking"):
        selector = MultiOmicsSelector(n_jobs=jobs).fit(cohort.data, cohort.target.to_numpy())
    rankings = tabulate_rankings(selector, k)
    write_table(rankings, out)
    console.print(ranking_table(rankings, top=MAX_RANKS))
    console.print(f"\n{len(rankings)} features in {out}")
    if json:
        typer.echo(json_text({"rankings": rankings}))


@command("Example: xmodal fit --study brca_metabric --k 300 --out model.xmodal")
@with_options_for("cohort", read_cohort, groups=None, batch=None)
@with_options_for("network", Network)
def fit(
    *,
    out: Path,
    cohort: "Bunch",
    k: int = 100,
    calibrate: float | None = None,
    network: Network,
    cv: int | None = None,
    seed: int = 0,
    jobs: int = -1,
) -> None:
    """Fit selection and cross-modal attention to all samples, and save them."""
    _start(cohort, cv, k)
    with status("Loading PyTorch"):
        from ..persistence import describe_training
        from ._models import attention_pipeline, calibrated, cross_validate, save_model
    pipeline = attention_pipeline(k, seed, network, jobs=jobs)
    model = pipeline if calibrate is None else calibrated(pipeline, calibrate, seed)
    comparison = None if cv is None else cross_validate(pipeline, cohort, cv, seed, jobs)
    with status("Fitting"):
        model.fit(cohort.data, cohort.target.to_numpy())
    training = describe_training(
        cohort.data, cohort.target, source=cohort.source, comparison=comparison
    )
    save_model(model, out, training=training)
    console.print(f"\nModel in {out}")


@command(
    "Examples: xmodal predict model.xmodal --table exp=exp.csv --table mut=mut.csv "
    "--out predictions.csv",
    "xmodal predict model.xmodal --table exp=rnaseq.csv --normalize exp=within "
    "--out predictions.csv",
)
def predict(
    model: Path,
    out: Path,
    table: list[str] | None = None,
    mudata: Path | None = None,
    feature_map: Path | None = None,
    missing: Literal["error", "absent", "impute"] = "error",
    normalize: list[str] | None = None,
    coverage: float | None = None,
    min_proba: float = 0.0,
    allow_pickle: bool = False,
    json: bool = False,
) -> None:
    """Predict the classes of new samples with a saved model."""
    from . import _tables
    from ._sources import parse_normalize, read_feature_map, read_unlabeled

    samples = read_unlabeled(table or (), mudata)
    names = None if feature_map is None else read_feature_map(feature_map)
    rescaled = parse_normalize(normalize)
    with status("Loading PyTorch"):
        from ..inspection import drift
        from ._models import load_model, predict_sets

        fitted = load_model(model, allow_pickle=allow_pickle)
    X, notes = _align(samples, fitted, feature_map=names, missing=missing, normalize=rescaled)
    moved = drift(fitted, X)
    with status("Predicting"):
        probabilities, predicted = fitted.predict_proba(X), fitted.predict(X)
    sets = None if coverage is None else predict_sets(fitted, probabilities, coverage)
    labels = fitted.classes_
    predictions = _tables.tabulate_predictions(
        X.index, labels, probabilities, predicted, min_proba, sets
    )
    _tables.write_table(predictions, out)
    classes = _tables.prediction_table(labels, probabilities, predicted)
    abstentions = _tables.abstention_lines(predictions, min_proba, sets, coverage)
    console.print(*notes, _tables.drift_table(moved), "", classes, *abstentions, sep="\n")
    console.print(f"\nPredictions in {out}")
    if json:
        typer.echo(_tables.json_text({"predictions": predictions, "drift": moved, "notes": notes}))


@command(
    "Examples: xmodal explain model.xmodal --table exp=exp.csv --table mut=mut.csv "
    "--sample MB-0001",
    "xmodal explain model.xmodal --table exp=new.csv --sample P7 --train-table exp=exp.csv "
    "--train-target-file classes.csv",
)
def explain(
    model: Path,
    sample: str,
    table: list[str] | None = None,
    mudata: Path | None = None,
    train_table: list[str] | None = None,
    train_target_file: Path | None = None,
    normalize: list[str] | None = None,
    allow_pickle: bool = False,
    json: bool = False,
) -> None:
    """Explain the prediction of a saved model for one sample."""
    from ._sources import align_to_model, parse_normalize, read_labeled_tables, read_unlabeled
    from ._tables import json_text

    samples = read_unlabeled(table or (), mudata)
    rescaled = parse_normalize(normalize)
    with status("Loading PyTorch"):
        from ..inspection import explain as explain_sample
        from ._models import load_model

        fitted = load_model(model, allow_pickle=allow_pickle)
    X, notes = _align(samples, fitted, normalize=rescaled)
    train = None
    if sample not in X.index:
        raise ValueError(
            f"No table has a sample {sample!r}; they have {len(X)} samples, the first is "
            f"{X.index[0]!r}."
        )
    if train_table:
        cohort = read_labeled_tables(train_table, train_target_file, None, None, "outer")
        train = align_to_model(cohort.data, fitted)[0], cohort.target
    with status("Explaining"):
        explanation = explain_sample(fitted, X.loc[[sample]], train=train)
    console.print(*notes, explanation.to_text(), sep="\n")
    if json:
        typer.echo(json_text(vars(explanation)))


@command("Example: xmodal demo --out example")
def demo(out: Path = Path("xmodal-demo")) -> None:
    """Write three small simulated CSV files, and print what to type next."""
    from ..datasets import make_multiomics
    from ..modalities import split_modalities
    from ._tables import write_table

    samples = make_multiomics(
        150, {"exp": 200, "mut": 40}, n_classes=3, class_sep=1.5, random_state=0
    )
    sites = ["Leeds", "Oslo"] * 75
    classes = samples.target.rename("subtype").to_frame().assign(site=sites)
    paths = {name: out / f"{name}.csv" for name in (*DEMO_TABLES, "classes")}
    if existing := [str(path) for path in paths.values() if path.exists()]:
        raise ValueError(f"{existing[0]} exists. Choose another --out.")
    for name, table in {**split_modalities(samples.data), "classes": classes}.items():
        write_table(table.rename_axis("sample").reset_index(), paths[name])
    tables = [f"--table={name}={paths[name]}" for name in DEMO_TABLES]
    options = [*tables, f"--target-file={paths['classes']}", "--target=subtype"]
    run = shlex.join(["xmodal", "bench", "--quick", *options, f"--out={out / 'comparison'}"])
    console.print(f"150 simulated patients in {', '.join(map(str, paths.values()))}. Next:\n")
    console.print(run, soft_wrap=True)


@command("Example: xmodal card model.xmodal --out card.html")
def card(model: Path, out: Path | None = None) -> None:
    """Describe a saved model: its training data, performance, requirements and limits.

    The model is not loaded.
    """
    from ..report import card_text, write_card

    if out is None:
        console.print(card_text(model), soft_wrap=True)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        console.print(f"Card in {write_card(model, out)}")


@command("Example: xmodal report xmodal-bench")
def report(folder: Path) -> None:
    """Rewrite the report.html of a finished comparison."""
    from ..benchmark import Comparison
    from ..benchmark._result_folder import check_replaceable
    from ..report import write_report
    from ._models import load_importance

    result = Comparison.load(folder)
    check_replaceable(folder, ["report.html"])
    importance = load_importance(folder, result.info.get("run"))
    with writing_results(folder):
        page = write_report(result, folder / "report.html", importance=importance)
    console.print(f"Report in {page}")


def _align(samples: "Bunch", model: Any, **arguments: Any) -> tuple[Any, list[str]]:
    """Return samples in the columns of a model, and notes on what was changed."""
    from ._sources import align_to_model, describe_gaps
    from ._tables import report_lines

    X, report = align_to_model(samples.data, model, **arguments)
    notes = describe_gaps(X, samples.modalities, model)
    return X, notes + report_lines(samples.report) + report_lines(report)


def _start(cohort: "Bunch", folds: int | None, *ks: int) -> None:
    """Print which cohort the folds are of, if it can be split into them; None is no folds."""
    from ._sources import check_folds
    from ._tables import cohort_text

    if folds is not None:
        check_folds(cohort, folds)
    console.print(cohort_text(cohort))
    for modality, columns in cohort.modalities.items():
        if len(columns) < max(ks, default=0):
            console.print(f"--k {max(ks)} keeps all {len(columns)} features of {visible(modality)}")


def _announce(n_models: int, folds: int, repeats: int, out: Path) -> None:
    """Print what will be computed."""
    times = "" if repeats == 1 else f" × {repeats} repeats"
    console.print(
        f"{n_models} models × {folds} folds{times} = {n_models * folds * repeats} fits, "
        f"kept in {out}. Progress includes an estimate of the time left."
    )


def _save(
    result: Any, out: Path, cohort: "Bunch", errors: list[str], importance: Any = None
) -> None:
    """Save a comparison and its report; add an error of the report, without which it is kept."""
    from ..benchmark._result_folder import publishing
    from ..report import write_report
    from ._models import save_importance

    command = shlex.join(["xmodal", *sys.argv[1:]])
    data = {**result.info["data"], "source": cohort.source}
    result = replace(result, info={**result.info, "command": command, "data": data})
    with writing_results(out), publishing(out) as aside:
        result.save(aside)
        if importance is not None:
            save_importance(importance, aside, result.info["run"])
        with reported_later("report.html", errors):
            write_report(result, aside / "report.html", importance=importance)


def _finish(result: Any, out: Path, errors: list[str], json: bool) -> None:
    """Print the warnings of a comparison, and where its results are."""
    from ._tables import comparison_tables, json_text

    for warning in result.warnings[:MAX_WARNINGS]:
        error_console.print(f"Warning: {visible(warning)}", style="yellow")
    if len(result.warnings) > MAX_WARNINGS:
        error_console.print(
            f"All {len(result.warnings)} warnings are in {out / 'comparison.json'}."
        )
    if errors:
        raise RuntimeError(f"Scores and predictions are in {out}, without {'; '.join(errors)}.")
    report = out / "report.html"
    console.print(f"\nOpen {report} in a browser. Scores and predictions are in {out}.")
    if json:
        typer.echo(json_text({**comparison_tables(result), "report": str(report)}))

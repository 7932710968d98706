"""The command ``xmodal``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from .baselines import make_baselines
from .benchmark import Comparison, compare
from .datasets import make_multiomics, read_cbioportal
from .selection import MultiOmicsSelector

__all__ = ["app"]

ATTENTION = "cross-modal attention"
BASELINES = ("logistic regression", "random forest")
HEADERS = {
    "f1_macro": "macro-F1",
    "f1_weighted": "weighted F1",
    "accuracy": "accuracy",
    "roc_auc_ovr": "ROC AUC",
}

app = typer.Typer(
    help="Cross-modal attention for multi-omics classification.", add_completion=False
)


@app.callback()
def main() -> None:
    """Keep `bench` a sub-command while it is the only one."""


@app.command(epilog="Example: xmodal bench --study brca_metabric --modalities exp,cna --repeats 5")
def bench(
    study: Annotated[
        Path | None, typer.Option(help="A cBioPortal study folder; without it, simulated data.")
    ] = None,
    modalities: Annotated[
        str, typer.Option(help="Modalities to read from the study, the primary one first.")
    ] = "exp,cna,mut",
    target: Annotated[
        str, typer.Option(help="Clinical column of the study to predict.")
    ] = "CLAUDIN_SUBTYPE",
    join: Annotated[
        str, typer.Option(help="Patients with all modalities (inner) or with any (outer).")
    ] = "inner",
    k: Annotated[int, typer.Option(min=1, help="Features to keep per modality.")] = 100,
    folds: Annotated[int, typer.Option(min=2, help="Stratified outer folds.")] = 5,
    repeats: Annotated[int, typer.Option(min=1, help="Repeats of the outer folds.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the data, the folds and the models.")] = 0,
    jobs: Annotated[int, typer.Option(help="Fits in parallel; -1 is one per processor.")] = -1,
) -> None:
    """Compare cross-modal attention with classical models on the same folds."""
    # Imported here because PyTorch takes seconds that `xmodal --help` need not wait for.
    from sklearn.model_selection import RepeatedStratifiedKFold
    from sklearn.pipeline import make_pipeline

    from .classifier import CrossModalAttentionClassifier

    if study is None:
        data = make_multiomics(random_state=seed)
    else:
        try:
            data = read_cbioportal(
                study, modalities=tuple(modalities.split(",")), target=target, join=join
            )
        except (ValueError, OSError) as error:
            raise typer.BadParameter(str(error)) from error
    sizes = data.target.value_counts()
    if sizes.min() < folds:
        raise typer.BadParameter(
            f"{folds} folds need {folds} samples of each class; {sizes.idxmin()!r} has "
            f"{sizes.min()}. Use fewer --folds, or other --modalities or --target."
        )
    attention = make_pipeline(
        MultiOmicsSelector(k), CrossModalAttentionClassifier(random_state=seed)
    )
    result = compare(
        {ATTENTION: attention, **make_baselines(k=k, models=BASELINES, random_state=seed)},
        data.data,
        data.target,
        cv=RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=seed),
        n_jobs=jobs,
        verbose=1,
    )
    console = Console()
    source = "simulated data" if study is None else study.name
    n_classes = data.target.nunique()
    console.print(
        f"\n{source}: {data.data.shape[0]} samples, {n_classes} classes, K = {k} per modality\n"
        f"mean ± standard deviation over {folds} folds × {repeats}\n"
    )
    console.print(_summary_table(result), "", _test_table(result), sep="\n")


def _summary_table(result: Comparison) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("model", no_wrap=True)
    for header in (*HEADERS.values(), "s a fit"):
        table.add_column(header)
    for name, row in result.summary().iterrows():
        scores = (f"{row[metric, 'mean']:.3f}±{row[metric, 'std']:.3f}" for metric in HEADERS)
        table.add_row(str(name), *scores, f"{row['fit_seconds', 'mean']:.1f}")
    return table


def _test_table(result: Comparison) -> Table:
    table = Table(f"{ATTENTION} against", "macro-F1 difference", "p", box=SIMPLE, show_edge=False)
    for name, row in result.test(ATTENTION).iterrows():
        table.add_row(str(name), f"{row['difference']:+.3f}", f"{row['p']:.3f}")
    table.caption = "p of the corrected resampled t-test (Nadeau and Bengio 2003)"
    return table

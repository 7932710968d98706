"""Results as tables for a terminal, and as files."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text
from sklearn.utils import Bunch

from .._extras import needs_extra
from .._files import atomic_write
from .._text import visible
from ..benchmark._comparison import probability_column
from ..benchmark._metrics import metric_label
from ..inspection._view import gene_name
from ..selection import MultiOmicsSelector
from ..uncertainty._rejecting import reject
from ._options import table_format
from ._session import with_options

# What the paper reports; beside a model's name, 80 columns have room for three of them.
PAPER_METRICS = ("f1_macro", "f1_weighted", "accuracy", "roc_auc_ovr")
SUMMARY_METRICS = ("f1_macro", "accuracy", "roc_auc_ovr")
SECONDS = "fit_seconds"


def cohort_text(cohort: Bunch) -> str:
    """Return the numbers of samples, features and classes, and what was left out."""
    sizes = cohort.target.value_counts()
    features = (f"{visible(name)} {len(columns)}" for name, columns in cohort.modalities.items())
    classes = (f"{visible(name)} {n}" for name, n in sizes.items())
    lines = [
        f"{visible(cohort.source)}: {len(cohort.data)} samples; features: {', '.join(features)}",
        f"{len(sizes)} classes: {', '.join(classes)}",
    ]
    return "\n".join(lines + report_lines(cohort.report))


def report_lines(report: pd.DataFrame) -> list[str]:
    """Return a line for each entry of a report: what was left out or changed, where, how often."""
    return [
        f"left out or changed: {visible(with_options(where))}: {visible(what)} ({count})"
        for where, what, count in report.itertuples(index=False, name=None)
    ]


def summary_table(comparison: Any) -> Table:
    """Tabulate mean and standard deviation over the folds, best model first."""
    columns = Column("model", overflow="fold"), *_score_columns(SUMMARY_METRICS)
    table = Table(*columns, box=None, padding=(0, 1, 0, 0))
    for name, row in comparison.summary().iterrows():
        table.add_row(visible(name), *_scores(row, SUMMARY_METRICS))
    return table


def significance_table(comparison: Any, estimator: str) -> Table:
    """Tabulate the differences between one model and the others, and their p values."""
    pairs = comparison.pairwise("f1_macro")
    columns = (f"{estimator} against", f"{metric_label('f1_macro')} difference", "p")
    caption = (
        "p of the corrected resampled t-test (Nadeau and Bengio 2003), adjusted for all "
        f"{len(pairs) // 2} pairs of models (Holm)"
    )
    table = Table(*columns, caption=caption, box=SIMPLE, show_edge=False)
    for _, row in pairs[pairs["estimator"] == estimator].iterrows():
        table.add_row(visible(row["other"]), f"{row['difference']:+.3f}", f"{row['p_holm']:.3f}")
    return table


def paper_table(
    comparison: Any, models: Mapping[str, tuple[str, int]], reported: Mapping[Any, Mapping]
) -> Table:
    """Tabulate the models in the paper's order, each above the figures that the paper reports."""
    columns = Column("modalities"), Column("K", justify="right"), *_score_columns(PAPER_METRICS)
    table = Table(*columns, box=None, padding=(0, 1, 0, 0))
    summary = comparison.summary()
    for name, (modalities, k) in models.items():
        table.add_row(visible(modalities), str(k), *_scores(summary.loc[name], PAPER_METRICS))
        if (modalities, k) in reported:
            figures = reported[modalities, k]
            shown = (f"{figures[metric]:.3f}" for metric in PAPER_METRICS)
            table.add_row("  the paper", "", *shown, style="bold")
    return table


def comparison_tables(comparison: Any) -> dict[str, pd.DataFrame]:
    """Return means over the folds, and tests of every pair of models, one row each."""
    summary = comparison.summary().rename_axis(columns=["metric", None])
    return {
        "summary": summary.stack("metric").reset_index(),  # noqa: PD013
        "pairwise": comparison.pairwise(),
    }


def json_text(content: Mapping[str, Any]) -> str:
    """Return tables and values as JSON: a table is a list of rows, a series an object."""

    def convert(value: Any) -> Any:
        if isinstance(value, pd.DataFrame):
            rows = value if isinstance(value.index, pd.RangeIndex) else value.reset_index()
            return json.loads(rows.to_json(orient="records", double_precision=15))
        if isinstance(value, pd.Series):
            return json.loads(value.to_json(double_precision=15))
        return value.item() if isinstance(value, np.generic) else str(value)

    return json.dumps(content, default=convert, ensure_ascii=False, indent=1)


def ranking_table(rankings: pd.DataFrame, *, top: int) -> RenderableType:
    """Tabulate the best features of each modality."""
    by_modality = rankings.groupby("modality", sort=False)["feature"]
    best = {modality: features.head(top) for modality, features in by_modality}
    columns = (Column(visible(modality), overflow="fold") for modality in best)
    table = Table(Column("rank", justify="right"), *columns, box=None, padding=(0, 2, 0, 0))
    for rank, features in enumerate(zip_longest(*best.values(), fillvalue=""), start=1):
        table.add_row(str(rank), *map(visible, features))
    return table


def prediction_table(
    classes: Sequence[Any], probabilities: np.ndarray, predicted: np.ndarray
) -> RenderableType:
    """Tabulate the number of samples predicted as each class, and their mean probability."""
    table = Table("class", "samples", "mean probability", box=None, padding=(0, 2, 0, 0))
    for code, label in enumerate(classes):
        chosen = probabilities[predicted == label, code]
        mean = f"{chosen.mean():.2f}" if len(chosen) else ""
        table.add_row(visible(label), str(len(chosen)), mean)
    return Group(Text(f"{len(probabilities)} samples"), table)


def drift_table(drift: pd.DataFrame) -> RenderableType:
    """Tabulate how far samples lie from those of training."""
    first, last = (Column(name, overflow="fold") for name in ("modality", "most moved"))
    counts = (Column(name, justify="right") for name in ("samples", "outside", "features", "moved"))
    table = Table(first, *counts, last, box=None, padding=(0, 2, 0, 0))
    for name, row in drift.iterrows():
        outside, moved = (
            "" if np.isnan(row[share]) else f"{row[share]:.0%}" for share in ("outside", "moved")
        )
        most = ", ".join(visible(gene_name(str(feature))) for feature in row["most moved"])
        shown = str(row["samples"]), outside, str(row["features"]), moved
        table.add_row(visible(name), *shown, most)
    title = "Distance from the training samples, of which 2% are outside the range:"
    return Group(Text(title), table)


def abstention_lines(
    predictions: pd.DataFrame, min_proba: float, sets: np.ndarray | None, coverage: float | None
) -> list[str]:
    """Return the number of samples without a predicted class, and the sizes of the sets."""
    lines = []
    if min_proba:
        n_rejected = predictions["predicted"].isna().sum()
        lines.append(f"{n_rejected} without a class: its probability is below {min_proba:g}")
    if sets is not None:
        sizes = sets.sum(axis=1)
        lines.append(
            f"sets for a coverage of {coverage:g}: {(sizes == 1).sum()} of one class, "
            f"{(sizes > 1).sum()} of several, {(sizes == 0).sum()} empty"
        )
    return lines


def _score_columns(metrics: Iterable[str]) -> list[Column]:
    # Seconds as wide as their longest word, so that the table fits into 80 columns.
    return [*map(Column, map(metric_label, metrics)), Column(metric_label(SECONDS), max_width=7)]


def _scores(row: pd.Series, metrics: Iterable[str]) -> list[str]:
    scores = [f"{row[metric, 'mean']:.3f}±{row[metric, 'std']:.3f}" for metric in metrics]
    return [*scores, f"{row[SECONDS, 'mean']:.1f}"]


def tabulate_rankings(selector: MultiOmicsSelector, k: int | None) -> pd.DataFrame:
    """Return modality, rank, feature and score of the best `k` features, or of all."""
    scores = dict(zip(selector.feature_names_in_, selector.scores_, strict=True))
    rows = [
        (modality, rank, name, scores[name])
        for modality, names in selector.rankings_.items()
        for rank, name in enumerate(names[:k], start=1)
    ]
    return pd.DataFrame(rows, columns=["modality", "rank", "feature", "score"])


def tabulate_predictions(
    samples: pd.Index,
    classes: np.ndarray,
    probabilities: np.ndarray,
    predicted: np.ndarray,
    min_proba: float = 0.0,
    sets: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return the predicted class and the probability ``p: CLASS`` of each sample."""
    kept = reject(classes, probabilities, predicted, min_proba)
    columns = {"sample": samples, "predicted": kept}
    columns |= zip(map(probability_column, classes), probabilities.T, strict=True)
    if sets is not None:
        columns |= zip((f"in set: {label}" for label in classes), sets.T.astype(int), strict=True)
    return pd.DataFrame(columns)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table without its index, as the name of the file says."""
    separator, compression = table_format(path)

    def write(scratch: Path) -> None:
        if separator is None:
            with needs_extra("parquet", f"Writing {path}"):
                table.to_parquet(scratch, index=False)
            return
        data = table.to_csv(sep=separator, index=False, quoting=csv.QUOTE_NONNUMERIC).encode()
        # By pandas, the archive would hold the name of the scratch file.
        scratch.write_bytes(import_module(compression).compress(data) if compression else data)

    write_file(path, write)


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all, by a function that takes a scratch file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as scratch:
            write(scratch)
    except OSError as error:
        raise OSError(f"Can't write {path}: {error.strerror or error}") from error

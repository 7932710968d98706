"""Compare the classifier's defaults with tuned baselines on many cohorts, and rank all of them.

    python -m benchmarks.accuracy.many_cohorts
    python -m benchmarks.accuracy.many_cohorts --small      # those of at most 250 patients

All models use the same five folds. Most small cohorts have one table, so there is nothing to fuse
late. For log loss, the classical models are tuned again, without class weights. Leads of the
classifier in macro-F1 come with p values of the corrected resampled t-test, and mean ranks with the
critical difference of Nemenyi's test. Cohorts that took part in choosing the classifier's defaults
are marked with †; the simulated ones have other seeds than those that did. Those with thousands of
genes keep the best 100, selected inside each fold. The real cohorts are read from $XMODAL_DATA
(default ../shared/data).
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline

from benchmarks.accuracy.interactions import SIZES, simulate
from benchmarks.markdown import print_table
from benchmarks.shared import (
    COHORTS,
    FOR_LOG_LOSS,
    MICROARRAYS,
    STORE,
    fold_parser,
    simulated,
    tuned_baselines,
)
from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.benchmark import Comparison, DatasetRanks, compare, rank_datasets
from xmodal_sklearn.plotting import metric_label

OURS = "cross-modal attention"
METRICS = ["f1_macro", "log_loss"]
# Late fusion and stacking of the others take minutes per fold.
FUSED = ["logistic regression", "RBF SVM", "random forest"]
SMALL = ["breast_tcga", "metabric-exp", *MICROARRAYS]
LARGE = [name for name in COHORTS if name not in SMALL]
CHOSEN_ON = {"tcga", *(name for name in LARGE if "discovery" in name)}
KINDS = ["switch", "gate"]


def main() -> None:
    parser = fold_parser(__doc__, repeats=1)
    parser.add_argument("--small", action="store_true", help="only cohorts of at most 250 patients")
    arguments = parser.parse_args()
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=arguments.repeats, random_state=0)
    comparisons = {
        name: compare(
            models("all" if k is None else k, early_only=arguments.small),
            X,
            y,
            cv=folds,
            scoring=METRICS,
            store=STORE / "comparisons",
            n_jobs=arguments.jobs,
            verbose=1,
        )
        for name, X, y, k in cohorts(small=arguments.small)
    }
    figures = Path("docs/results")
    for metric in METRICS:
        for_metric = {name: select_models(result, metric) for name, result in comparisons.items()}
        print_scores(for_metric, metric)
        print_leads(for_metric, metric)
        ranks = rank_datasets(for_metric, metric=metric)
        file = f"{'small' if arguments.small else 'ten'}-cohorts-{metric.replace('_', '-')}.svg"
        draw_ranks(ranks, figures / file)
        print(
            f"\n![Mean ranks in {metric_label(metric)} over {len(comparisons)} cohorts]({file})\n\n"
            f"Friedman's test: p = {ranks.p:.2g}. Mean ranks that differ by more than "
            f"{ranks.critical_difference:.2f} differ significantly."
        )


def cohorts(*, small: bool) -> Iterator[tuple[str, pd.DataFrame, np.ndarray, int | None]]:
    """Yield name, table, labels, and how many features to select, None for all."""
    for name in SMALL if small else [*SMALL, *LARGE]:
        dagger = "†" if name in CHOSEN_ON else ""
        yield f"{name}{dagger}", *COHORTS[name](), 100 if name in MICROARRAYS else None
    yield "simulated, 100 samples", *simulated(100, 50, 2), None
    if not small:
        yield "simulated, 500 samples", *simulated(500, 100, 5), None
        for kind in KINDS:
            cohort, y = simulate(kind, 800, SIZES[115], 0)
            yield f"simulated, {kind}", cohort.data, y, None


def models(k: int | str, *, early_only: bool) -> dict:
    """Return the classifier and the tuned baselines, which share the rankings of features."""
    memory = str((STORE / "rankings").absolute())
    ours = make_pipeline(MultiOmicsSelector(k), CrossModalAttentionClassifier(random_state=0))
    options: dict[str, Any] = {"k": k, "random_state": 0, "memory": memory}
    early = tuned_baselines(fusion=["early"], **options)
    if early_only:
        return {OURS: ours, **early}
    late = tuned_baselines(models=FUSED, fusion=["late"], **options)
    stacked = tuned_baselines(models=FUSED[:1], fusion=["stacked"], **options)
    return {OURS: ours, **early, **late, **stacked}


def select_models(result: Comparison, metric: str) -> Comparison:
    """Return the scores of the classifier and of the models that were tuned for a metric."""
    names = result.scores["estimator"]
    for_log_loss = names.str.endswith(FOR_LOG_LOSS)
    tuned = for_log_loss if metric == "log_loss" else ~for_log_loss
    return replace(result, scores=result.scores[tuned | names.isin([OURS, "dummy"])])


def means(comparisons: dict[str, Comparison], metric: str) -> pd.DataFrame:
    """Return the mean over the folds by cohort and model, models in the order of their mean."""
    by_cohort = {name: result.summary()[metric, "mean"] for name, result in comparisons.items()}
    table = pd.DataFrame(by_cohort).T.rename_axis("cohort")
    order = table.mean().sort_values(ascending=metric == "log_loss").index
    return table[order]


def print_scores(comparisons: dict[str, Comparison], metric: str) -> None:
    best = "min" if metric == "log_loss" else "max"
    title = f"{metric_label(metric)}, mean over 5 folds; cohorts with † took part in choosing"
    print_table(f"{title} the defaults", means(comparisons, metric), best_in_row=best)


def print_leads(comparisons: dict[str, Comparison], metric: str) -> None:
    """Print on how many cohorts the classifier leads each model, and how often significantly."""
    tests = pd.concat(
        {name: result.test(OURS, metric) for name, result in comparisons.items()},
        names=["cohort", "model"],
    )
    by_model = tests.groupby("model", sort=False)
    table = pd.DataFrame(
        {
            "mean lead": by_model["difference"].mean().map("{:+.3f}".format),
            "ahead": by_model["difference"].agg(lambda lead: f"{(lead > 0).sum()} of {len(lead)}"),
        }
    )
    significant = tests[tests["p"] < 0.05]["difference"]
    for name, chosen in {"ahead": significant > 0, "behind": significant < 0}.items():
        count = significant[chosen].groupby("model").size().reindex(table.index, fill_value=0)
        table[f"{name} with p < 0.05"] = count
    title = f"Lead of {OURS} in {metric_label(metric)}, by the corrected resampled t-test"
    print_table(f"{title} without a correction for the number of tests", table)


def draw_ranks(ranks: DatasetRanks, path: Path) -> None:
    """Draw mean ranks, and a bar below all models within the critical difference of the best."""
    mean = ranks.mean_rank
    figure = Figure(figsize=(7, 0.8 + 0.27 * len(mean)), layout="constrained")
    ax = figure.subplots()
    colors = ["#0072B2" if name == OURS else "#666666" for name in mean.index]
    ax.scatter(mean, range(len(mean)), color=colors)
    ax.plot([mean.iloc[0], mean.iloc[0] + ranks.critical_difference], [-1, -1], "k", linewidth=2)
    ax.annotate("critical difference", (mean.iloc[0], -1), (0, 3), textcoords="offset points")
    ax.set_yticks(range(len(mean)), mean.index)
    ax.set(xlabel="mean rank, 1 is best", ylim=(len(mean) - 0.5, -2))
    ax.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()

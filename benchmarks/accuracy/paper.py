"""Make the paper's table on METABRIC's discovery cohort.

    python -m benchmarks.accuracy.paper --repeats 5

Expression alone, with each other table and with both, each with several K, for the classifier's
defaults and for the network of the paper. The public tables have 489 of some 24,000 genes with
expression, so K=1000 of the paper can't be repeated. Read from $XMODAL_DATA (default
../shared/data).
"""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from sklearn.model_selection import RepeatedStratifiedKFold

from benchmarks.markdown import mean_spread, print_table
from benchmarks.shared import COHORTS, STORE, fold_parser
from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.benchmark import Comparison
from xmodal_sklearn.paper import (
    REPORTED,
    SOURCE,
    compare_modalities,
    modality_sets,
    paper_network,
    paper_settings,
)
from xmodal_sklearn.plotting import metric_label

METRICS = ["f1_macro", "f1_weighted", "accuracy", "roc_auc_ovr"]
MODALITIES = ["exp", "cna", "mut"]
KS = [100, 200, 300, "all"]
CLASSIFIERS = {
    "defaults": CrossModalAttentionClassifier(random_state=0),
    "network of the paper": paper_network(random_state=0)[-1],
}


def main() -> None:
    parser = fold_parser(__doc__, repeats=5)
    parser.add_argument("--figure", type=Path, default=Path("docs/results/paper.svg"))
    arguments = parser.parse_args()
    X, y = COHORTS["metabric-discovery-exp-cna-mut"]()
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=arguments.repeats, random_state=0)
    scores = pd.concat(
        {
            name: by_setting(
                compare_modalities(
                    X,
                    y,
                    classifier,
                    ks=KS,
                    cv=folds,
                    store=STORE / "paper",
                    n_jobs=arguments.jobs,
                    verbose=1,
                )
            )
            for name, classifier in CLASSIFIERS.items()
        },
        names=["classifier"],
    )
    table = mean_spread(scores, ["tables", "K", "classifier"]).rename(columns=metric_label)
    order = {
        tables: place for place, (tables, _) in enumerate(paper_settings(MODALITIES, [0]).values())
    }
    table = table.sort_index(
        level="tables", key=lambda level: level.map(order), sort_remaining=False, kind="stable"
    )
    title = f"METABRIC discovery: {len(X)} samples, 5 folds × {arguments.repeats}"
    print_table(title, table, by="tables")
    reported = pd.DataFrame(REPORTED).T.rename_axis(["tables", "K"])[METRICS]
    title = f"Reported by the paper ({SOURCE}), which had all genes"
    print_table(title, reported.rename(columns=metric_label))
    draw(scores, arguments.figure)
    print(f"\n![macro-F1 by number of features per table]({arguments.figure.name})")


def by_setting(result: Comparison) -> pd.DataFrame:
    """Return the scores of each fold by tables and K."""
    settings = paper_settings(MODALITIES, KS)
    rows = result.scores[result.scores["metric"].isin(METRICS)]
    names = pd.DataFrame(rows["estimator"].map(settings).tolist(), rows.index, ["tables", "K"])
    by_fold = rows.join(names).pivot_table(
        index=["tables", "K", "repeat", "fold"], columns="metric", values="value", sort=False
    )
    return by_fold[METRICS]


def draw(scores: pd.DataFrame, path: Path) -> None:
    """Draw macro-F1 by K, one panel for each set of tables."""
    means = scores["f1_macro"].groupby(["tables", "K", "classifier"], sort=False).mean()
    sets = ["+".join(names).upper() for names in modality_sets(MODALITIES)]
    figure = Figure(figsize=(9, 3), layout="constrained")
    for ax, tables in zip(figure.subplots(1, len(sets), sharey=True), sets, strict=True):
        for marker, name in zip("os", CLASSIFIERS, strict=True):
            values = means[tables].xs(name, level="classifier")
            ax.plot(values.index.astype(str), values, marker=marker, label=name)
        ax.set(title=tables, xlabel="K")
        ax.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("macro-F1")
    figure.axes[0].legend(frameon=False)
    figure.savefig(path)


if __name__ == "__main__":
    main()

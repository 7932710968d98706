"""Measure the contribution of each table: sets of tables on the same folds.

Each table alone, the first with each other, all, and all with the rows of the last one shuffled,
which turns it into noise. Differences are paired: to the best single table, and of the shuffled set
to the same tables without the last; mean and standard error over the repeats of the five folds.

    python -m benchmarks.accuracy.tables metabric-discovery-exp-cna-mut tcga metabric-pam50
    python -m benchmarks.accuracy.tables simulated --sizes 300x100x5 --repeats 1

The real cohorts are read from $XMODAL_DATA (default ../shared/data).
"""

import numpy as np
import pandas as pd
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline

from benchmarks.accuracy.baselines import accuracy_parser
from benchmarks.markdown import print_table
from benchmarks.shared import STORE, read_cohorts
from xmodal_sklearn import (
    CrossModalAttentionClassifier,
    MultiOmicsSelector,
    concat_modalities,
    split_modalities,
)
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.plotting import metric_label

METRICS = ["f1_macro", "roc_auc_ovr", "log_loss"]
NOISE = "the last shuffled"


def main() -> None:
    arguments = accuracy_parser(__doc__).parse_args()
    for name, X, y, k in read_cohorts(arguments.cohorts, arguments.sizes.split(",")):
        model = make_pipeline(MultiOmicsSelector(k), CrossModalAttentionClassifier(random_state=0))
        folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=arguments.repeats, random_state=0)
        by_set = {}
        for of, of_set in sets_of_tables(X).items():
            result = compare(
                {"cross-modal attention": model},
                of_set,
                y,
                cv=folds,
                scoring=METRICS,
                store=STORE / "comparisons",
                n_jobs=arguments.jobs,
            )
            attention = result.scores.query("estimator == 'cross-modal attention'")
            by_set[of] = attention.pivot_table(
                index=["repeat", "fold"], columns="metric", values="value"
            )
        title = f"{name}: {len(X)} samples, 5 folds × {arguments.repeats}"
        print_table(title, table(by_set, list(split_modalities(X))))


def sets_of_tables(X: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the tables to compare by their names."""
    tables = split_modalities(X)
    primary, *others = tables
    names = [(modality,) for modality in tables]
    names += [(primary, other) for other in others if len(others) > 1]
    names.append(tuple(tables))
    sets = {"+".join(of): concat_modalities({m: tables[m] for m in of}) for of in names}
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = tables[others[-1]].iloc[order].set_axis(X.index)
    sets[NOISE] = concat_modalities(tables | {others[-1]: shuffled})
    return {of: table.loc[X.index] for of, table in sets.items()}


def table(by_set: dict[str, pd.DataFrame], modalities: list[str]) -> pd.DataFrame:
    """Return the scores, and the lead of each set."""
    scores = pd.concat({of: scores[METRICS].mean() for of, scores in by_set.items()}, axis=1).T
    best = scores.loc[modalities, "f1_macro"].idxmax()
    without_noise = "+".join(modalities[:-1])
    shown = scores.map("{:.3f}".format)
    ahead = {of: ahead_in_f1(by_set[of], by_set[best]) for of in by_set}
    shown[f"ahead of {best}"] = pd.Series(ahead)
    shown.loc[NOISE, f"ahead of {without_noise}"] = ahead_in_f1(
        by_set[NOISE], by_set[without_noise]
    )
    return shown.fillna("").rename(columns=metric_label).rename_axis("tables")


def ahead_in_f1(scores: pd.DataFrame, reference: pd.DataFrame) -> str:
    """Return the mean difference in macro-F1, with its standard error over the repeats."""
    by_repeat = (scores["f1_macro"] - reference["f1_macro"]).groupby("repeat").mean()
    return f"{by_repeat.mean():+.3f}±{by_repeat.sem():.3f}"


if __name__ == "__main__":
    main()

"""Compare nested selection with weights learned from samples that helped to select.

    python -m benchmarks.accuracy.nested gravier singh golub simulated-150 simulated-300
    python -m benchmarks.accuracy.nested gate-150 simulated-100 --exp 20000 --models all

Each cohort has thousands of features a table, of which a selector keeps 100. *Nested* is the
pipeline of selector and classifier; *not nested* has a step between them that loses the hand-over,
so that held-out samples, which weigh the branches, have helped to select. The classical models are
tuned for macro-F1, with balanced classes, and again for log loss, without class weights. They are
tuned on samples that have helped to select, as usual; *nested* versions of two select again in each
inner fold. The microarrays are read from $XMODAL_DATA (default ../shared/data).
"""

import warnings

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from benchmarks.accuracy.interactions import KINDS, simulate
from benchmarks.markdown import mean_spread, print_table
from benchmarks.shared import (
    COHORTS,
    FOR_LOG_LOSS,
    MICROARRAYS,
    STORE,
    fold_parser,
    measure_folds,
    model_scores,
    tuned_baselines,
)
from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.baselines._models import GRIDS
from xmodal_sklearn.datasets import make_multiomics

SIZES = {"exp": 5000, "cna": 3000, "mut": 300}
BASELINES = ["logistic regression", "random forest"]


def main() -> None:
    parser = fold_parser(__doc__, repeats=1)
    cohorts = f"microarrays, simulated-N, or KIND-N with an interaction ({', '.join(KINDS)})"
    parser.add_argument("cohorts", nargs="+", help=cohorts, metavar="cohort")
    parser.add_argument("--exp", type=int, default=5000, help="simulated genes with expression")
    parser.add_argument("--seeds", type=int, default=2, help="of simulated cohorts")
    parser.add_argument("--k", type=int, default=100, help="features per table")
    parser.add_argument("--models", default=",".join(BASELINES), help="comma-separated, or all")
    arguments = parser.parse_args()
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=arguments.repeats, random_state=0)
    chosen = None if arguments.models == "all" else arguments.models.split(",")
    for name in arguments.cohorts:
        tables = read(name, {**SIZES, "exp": arguments.exp}, arguments.seeds)
        cohorts = [(X, y, {"k": arguments.k, "models": chosen}) for X, y in tables]
        rows = measure_folds(measure_fold, cohorts, folds, arguments.jobs)
        size = " × ".join(map(str, cohorts[0][0].shape))
        print_table(f"{name}, {size}, {len(cohorts)} cohorts", mean_spread(rows, "model"))


def read(name: str, sizes: dict[str, int], n_seeds: int) -> list[tuple[pd.DataFrame, np.ndarray]]:
    if name in MICROARRAYS:
        return [COHORTS[name]()]
    kind, n_samples = name.split("-")
    seeds = range(n_seeds)
    if kind in KINDS:
        cohorts = [simulate(kind, int(n_samples), sizes, seed) for seed in seeds]
        return [(cohort.data, y) for cohort, y in cohorts]
    drawn = [
        make_multiomics(int(n_samples), sizes, return_X_y=True, random_state=seed) for seed in seeds
    ]
    return [(X, y.to_numpy(object)) for X, y in drawn]


def models(options: dict) -> dict:
    memory = str((STORE / "rankings").absolute())
    selector = MultiOmicsSelector(options["k"], memory=memory)
    classifier = CrossModalAttentionClassifier(random_state=0)
    return {
        "nested": make_pipeline(selector, classifier),
        "not nested": make_pipeline(selector, FunctionTransformer(pd.DataFrame.copy), classifier),
        **nested_baselines(selector),
        **tuned_baselines(**options, fusion=["early"], random_state=0, memory=memory),
    }


def nested_baselines(selector: MultiOmicsSelector) -> dict:
    """Return classical models that are tuned for log loss with selection in each inner fold."""
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    regression = make_pipeline(selector, StandardScaler(), LogisticRegression(max_iter=1000))
    forest = make_pipeline(selector, RandomForestClassifier(300, random_state=0))
    strengths = {"logisticregression__C": GRIDS["logistic regression"]["model__C"]}
    sizes = {"randomforestclassifier__min_samples_leaf": GRIDS["random forest"]["min_samples_leaf"]}
    return {
        f"nested {name}{FOR_LOG_LOSS}": GridSearchCV(model, grid, scoring="neg_log_loss", cv=folds)
        for name, model, grid in (
            ("logistic regression", regression, strengths),
            ("random forest", forest, sizes),
        )
    }


def measure_fold(
    X: pd.DataFrame, y: np.ndarray, options: dict, train: np.ndarray, test: np.ndarray
) -> list[dict]:
    rows = []
    for name, model in models(options).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = clone(model).fit(X.iloc[train], y[train])
        rows.append({"model": name, **model_scores(fitted, X.iloc[test], y[test])})
    return rows


if __name__ == "__main__":
    main()

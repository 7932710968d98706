"""Compare nested selection with weights learned from samples that helped to select.

    python -m benchmarks.accuracy.nested gravier singh golub simulated-150 simulated-300

Each cohort has thousands of features a table, of which a selector keeps 100. *Nested* is the
pipeline of selector and classifier; *not nested* has a step between them that loses the hand-over,
so that held-out samples, which weigh the branches, have helped to select. The microarrays are read
from $XMODAL_DATA (default ../shared/data).
"""

import warnings

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from benchmarks.markdown import mean_spread, print_table
from benchmarks.shared import COHORTS, MICROARRAYS, fold_parser, measure_folds, model_scores
from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.baselines import make_baselines
from xmodal_sklearn.datasets import make_multiomics

SIZES = {"exp": 5000, "cna": 3000, "mut": 300}
BASELINES = ["logistic regression", "random forest"]


def main() -> None:
    parser = fold_parser(__doc__, repeats=1)
    parser.add_argument("cohorts", nargs="+", help="microarrays, or simulated-N of N samples")
    parser.add_argument("--seeds", type=int, default=2, help="of simulated cohorts")
    parser.add_argument("--k", type=int, default=100, help="features per table")
    arguments = parser.parse_args()
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=arguments.repeats, random_state=0)
    for name in arguments.cohorts:
        cohorts = [(X, y, arguments.k) for X, y in read(name, arguments.seeds)]
        rows = measure_folds(measure_fold, cohorts, folds, arguments.jobs)
        size = " × ".join(map(str, cohorts[0][0].shape))
        print_table(f"{name}, {size}, {len(cohorts)} cohorts", mean_spread(rows, "model"))


def read(name: str, n_seeds: int) -> list[tuple[pd.DataFrame, np.ndarray]]:
    if name in MICROARRAYS:
        return [COHORTS[name]()]
    n_samples = int(name.removeprefix("simulated-"))
    cohorts = (
        make_multiomics(n_samples, SIZES, return_X_y=True, random_state=seed)
        for seed in range(n_seeds)
    )
    return [(X, y.to_numpy(object)) for X, y in cohorts]


def models(k: int) -> dict:
    selector, classifier = MultiOmicsSelector(k), CrossModalAttentionClassifier(random_state=0)
    tuned = make_baselines(k=k, models=BASELINES, fusion=["early"], random_state=0)
    return {
        "nested": make_pipeline(selector, classifier),
        "not nested": make_pipeline(selector, FunctionTransformer(pd.DataFrame.copy), classifier),
        **tuned,
    }


def measure_fold(
    X: pd.DataFrame, y: np.ndarray, k: int, train: np.ndarray, test: np.ndarray
) -> list[dict]:
    rows = []
    for name, model in models(k).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = clone(model).fit(X.iloc[train], y[train])
        rows.append({"model": name, **model_scores(fitted, X.iloc[test], y[test])})
    return rows


if __name__ == "__main__":
    main()

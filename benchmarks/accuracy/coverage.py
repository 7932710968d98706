"""Measure the coverage of prediction sets over splits of a cohort.

    python -m benchmarks.accuracy.coverage metabric-discovery-exp-cna-mut tcga

Each split tests on a quarter of the samples and calibrates on a third of the rest. `--quick` uses
the 50 best features of each modality, two networks and few epochs. Cohorts are read from
$XMODAL_DATA (default ../shared/data).
"""

import warnings

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline

from benchmarks.shared import COHORTS, make_parser
from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.uncertainty import ConformalClassifier


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("cohorts", nargs="+", choices=COHORTS)
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--coverage", type=float, nargs="+", default=[0.8, 0.9, 0.95])
    parser.add_argument("--k", type=int, default=100, help="features per modality")
    parser.add_argument("--quick", action="store_true", help="a small network, briefly trained")
    parser.add_argument("--jobs", type=int, default=2, help="splits at a time")
    arguments = parser.parse_args()
    network = {"n_estimators": 2, "max_epochs": 15} if arguments.quick else {}
    k = 50 if arguments.quick else arguments.k
    for name in arguments.cohorts:
        X, y = COHORTS[name]()
        splits = StratifiedShuffleSplit(arguments.splits, test_size=0.25, random_state=0)
        rows = Parallel(n_jobs=arguments.jobs)(
            delayed(measure_split)(X, y, train, test, seed, k, network, arguments.coverage)
            for seed, (train, test) in enumerate(splits.split(X, y))
        )
        table = pd.DataFrame([row for of_split in rows for row in of_split])
        print(f"{name}: {len(X)} samples, {len(np.unique(y))} classes, {arguments.splits} splits")
        print(table.groupby("asked").agg(["mean", "std"]).round(3).to_string(), flush=True)


def measure_split(
    X: pd.DataFrame,
    y: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    seed: int,
    k: int,
    network: dict,
    coverages: list[float],
) -> list[dict]:
    """Fit to one split; return coverage and size of the sets of its test samples."""
    # In the process of a split, not only in the one that starts them: a class of few samples is
    # in every set, which is part of what is measured.
    warnings.filterwarnings("ignore", message="A coverage of")
    model = make_pipeline(
        MultiOmicsSelector(k), CrossModalAttentionClassifier(random_state=seed, **network)
    )
    conformal = ConformalClassifier(model, random_state=seed).fit(X.iloc[train], y[train])
    probabilities = conformal.predict_proba(X.iloc[test])
    true = np.searchsorted(conformal.classes_, y[test])
    rows = []
    for coverage in coverages:
        sets = conformal.sets_from_proba(probabilities, coverage)
        held = sets[np.arange(len(test)), true]
        by_class = [held[true == code].mean() for code in range(len(conformal.classes_))]
        rows.append(
            {
                "asked": coverage,
                "coverage": held.mean(),
                "lowest class": min(by_class),
                "classes in a set": sets.sum(axis=1).mean(),
                "one class": (sets.sum(axis=1) == 1).mean(),
                "accuracy": (probabilities.argmax(axis=1) == true).mean(),
            }
        )
    return rows


if __name__ == "__main__":
    main()

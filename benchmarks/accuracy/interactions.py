"""Measure which models detect interactions between modalities, compared with the best possible.

Two classes of equal size depend on pairs of features across modalities
(make_multiomics(interaction=…)). Prints ROC AUC as mean over folds, then mean and standard
deviation over seeds. All columns are used, unless --k makes a selector keep the best of each table
inside the fold; then another row has a selector with pairs=True. "best possible" uses the
probabilities from which the classes were drawn.

    python -m benchmarks.accuracy.interactions
    python -m benchmarks.accuracy.interactions --samples 300 800 3000 --columns 115 600 2000
    python -m benchmarks.accuracy.interactions --columns 600 --k 50
    python -m benchmarks.accuracy.interactions --kinds switch --models "gradient boosting" --seeds 1
"""

import argparse

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.utils import Bunch

from benchmarks.markdown import print_table
from benchmarks.shared import STORE, make_parser
from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.baselines import make_baselines
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.datasets import make_multiomics

BEST, MEAN = "best possible", "mean of interactions"
KINDS = ["switch", "gate", "dosage", "cis", "additive"]
MODELS = [
    "logistic regression",
    "RBF SVM",
    "random forest",
    "gradient boosting",
    "MLP",
    "nearest shrunken centroid",
]
SIZES = {
    115: {"exp": 60, "cna": 30, "mut": 25},
    600: {"exp": 300, "cna": 200, "mut": 100},
    2000: {"exp": 1000, "cna": 800, "mut": 200},
}


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--samples", nargs="+", type=int, default=[800])
    parser.add_argument("--columns", nargs="+", type=int, choices=SIZES, default=[115])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument(
        "--models", default=",".join(MODELS), help="classical models, comma-separated"
    )
    parser.add_argument("--k", type=int, help="features to select in each table")
    parser.add_argument("--fusion", default="early", help="of the classical models")
    parser.add_argument("--jobs", type=int, default=2, help="folds at a time")
    arguments = parser.parse_args()
    for n_samples in arguments.samples:
        for n_columns in arguments.columns:
            by_kind = {
                kind: pd.DataFrame(
                    {
                        seed: areas(kind, n_samples, SIZES[n_columns], seed, arguments)
                        for seed in range(arguments.seeds)
                    }
                )
                for kind in arguments.kinds
            }
            title = f"ROC AUC: {n_samples} samples, {n_columns} columns, {arguments.seeds} seeds"
            print_table(title, table(by_kind), higher=[*by_kind, MEAN], apart=BEST)


def simulate(kind: str, n_samples: int, sizes: dict, seed: int) -> tuple[Bunch, np.ndarray]:
    """Simulate two classes of equal size, and return their labels as plain strings too."""
    cohort = make_multiomics(
        n_samples, sizes, 2, weights=[1, 1], interaction=kind, random_state=seed
    )
    return cohort, cohort.target.to_numpy(dtype=object).astype(str)


def areas(
    kind: str, n_samples: int, sizes: dict, seed: int, arguments: argparse.Namespace
) -> pd.Series:
    """Return the ROC AUC of every model, and of the true probabilities, on one cohort."""
    cohort, y = simulate(kind, n_samples, sizes, seed)
    folds = StratifiedKFold(arguments.folds, shuffle=True, random_state=seed)
    baselines = make_baselines(
        k=arguments.k or "all",
        models=arguments.models.split(","),
        fusion=arguments.fusion.split(","),
        random_state=seed,
    )
    classifier = CrossModalAttentionClassifier(random_state=seed)
    attention = {
        "cross-modal attention": make_pipeline(MultiOmicsSelector(arguments.k or "all"), classifier)
    }
    if arguments.k:
        attention["after selecting pairs"] = make_pipeline(
            MultiOmicsSelector(arguments.k, pairs=True), classifier
        )
    result = compare(
        attention | baselines,
        cohort.data,
        y,
        cv=folds,
        scoring=["roc_auc_ovr"],
        store=STORE / "comparisons",
        n_jobs=arguments.jobs,
    )
    truth = cohort.proba["class_1"].to_numpy()
    best = [
        roc_auc_score(y[test] == "class_1", truth[test]) for _, test in folds.split(cohort.data, y)
    ]
    by_model = result.summary()["roc_auc_ovr", "mean"]
    return pd.concat([pd.Series({BEST: np.mean(best)}), by_model])


def table(by_kind: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return mean and standard deviation over the seeds, a column per kind, and their mean."""
    models = next(iter(by_kind.values())).index.rename("model")
    # Each kind has its own best model, and so its own order.
    by_kind = {kind: areas.loc[models] for kind, areas in by_kind.items()}
    means = pd.DataFrame({kind: areas.mean(axis=1) for kind, areas in by_kind.items()})
    shown = pd.DataFrame(
        {
            kind: [f"{mean:.3f}±{std:.3f}" for mean, std in zip(*_spread(areas), strict=True)]
            for kind, areas in by_kind.items()
        },
        index=models,
    )
    interactions = [kind for kind in by_kind if kind != "additive"]
    if interactions:
        shown[MEAN] = means[interactions].mean(axis=1).map("{:.3f}".format)
    return shown


def _spread(areas: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    return areas.mean(axis=1), areas.std(axis=1, ddof=0)


if __name__ == "__main__":
    main()

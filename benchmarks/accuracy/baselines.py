"""Compare the classifier, with its default settings, with tuned classical models.

All models use the same outer folds; selection, scaling and tuning happen inside each training fold.
Completed folds are kept in --out, so an interrupted run can resume.

    python -m benchmarks.accuracy.baselines tcga --repeats 5
    python -m benchmarks.accuracy.baselines metabric-discovery-exp-cna-mut --repeats 1
    python -m benchmarks.accuracy.baselines metabric-pam50 metabric-intclust --repeats 1
    python -m benchmarks.accuracy.baselines simulated --sizes 100x50x2,1000x300x5x30 --repeats 1

The real cohorts are read from $XMODAL_DATA (default ../shared/data).
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline

from benchmarks.shared import COHORTS, fold_parser, read_cohorts
from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.baselines import make_baselines
from xmodal_sklearn.benchmark import Comparison, compare

__all__ = ["accuracy_parser", "measure"]

ATTENTION = "cross-modal attention"
MODELS = [
    "logistic regression",
    "RBF SVM",
    "random forest",
    "gradient boosting",
    "MLP",
    "nearest shrunken centroid",
]
METRICS = ["f1_macro", "roc_auc_ovr", "f1_weighted", "accuracy", "log_loss", "ece"]


def main() -> None:
    parser = accuracy_parser(__doc__)
    parser.add_argument(
        "--models", default=",".join(MODELS), help="classical models, comma-separated"
    )
    parser.add_argument("--fusion", default="early,late", help="of the classical models")
    parser.add_argument("--k", type=int, help="features per modality, in place of the usual number")
    arguments = parser.parse_args()
    for name, X, y, usual_k in read_cohorts(arguments.cohorts, arguments.sizes.split(",")):
        k = arguments.k or usual_k
        models = make_baselines(
            k=k,
            models=arguments.models.split(","),
            fusion=arguments.fusion.split(","),
            random_state=0,
        )
        measure(name, X, y, k, models, arguments)


def accuracy_parser(docstring: str) -> argparse.ArgumentParser:
    """Return a parser with the options shared by all comparisons of cohorts."""
    parser = fold_parser(docstring, repeats=5)
    cohorts = [*COHORTS, "simulated"]
    parser.add_argument(
        "cohorts", nargs="+", choices=cohorts, metavar="cohort", help=", ".join(cohorts)
    )
    parser.add_argument(
        "--sizes",
        default="100x50x2,300x100x5,1000x300x5",
        help="of the simulated cohorts: samples x K x classes [x imbalance]",
    )
    parser.add_argument("--out", type=Path, help="folder that keeps finished folds")
    return parser


def measure(
    name: str,
    X: pd.DataFrame,
    y: np.ndarray,
    k: int | str,
    models: dict,
    arguments: argparse.Namespace,
) -> None:
    """Compare the default classifier with other models on one cohort, and print the table."""
    attention = make_pipeline(MultiOmicsSelector(k), CrossModalAttentionClassifier(random_state=0))
    result = compare(
        {ATTENTION: attention, **models},
        X,
        y,
        cv=RepeatedStratifiedKFold(n_splits=5, n_repeats=arguments.repeats, random_state=0),
        scoring=METRICS,
        store=arguments.out,
        n_jobs=arguments.jobs,
        verbose=1,
    )
    classes = np.unique(y, return_counts=True)[1]
    print(
        f"\n{name}: {X.shape[0]} samples, {X.shape[1]} features, K = {k}, classes of "
        f"{sorted(classes.tolist(), reverse=True)}, 5 folds x {arguments.repeats}"
    )
    print(table(result).to_string(), flush=True)


def table(result: Comparison) -> pd.DataFrame:
    """Return means and standard deviations, and the lead of attention."""
    summary = result.summary()
    metrics = [*METRICS, "fit_seconds"]
    columns = {
        metric: [
            f"{mean:.3f}±{std:.3f}"
            for mean, std in zip(summary[metric, "mean"], summary[metric, "std"], strict=True)
        ]
        for metric in metrics
    }
    for metric in METRICS[:2]:
        against = result.test(ATTENTION, metric).reindex(summary.index)
        columns[f"ahead in {metric}"] = against["difference"].map("{:+.3f}".format)
        columns[f"p ({metric})"] = against["p"].map("{:.3f}".format)
    return pd.DataFrame(columns, index=summary.index)


if __name__ == "__main__":
    main()

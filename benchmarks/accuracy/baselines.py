"""Compare the classifier, with its default settings, with tuned classical models.

All models use the same outer folds; selection, scaling and tuning happen inside each training fold.
"Ahead" is the mean lead of the classifier, and p is of the corrected resampled t-test. The
classical models are tuned for macro-F1, with balanced classes, and again for log loss, without
class weights. The classifier is also fitted without class weights, which aims at accuracy in place
of macro-F1.

    python -m benchmarks.accuracy.baselines tcga --repeats 5
    python -m benchmarks.accuracy.baselines metabric-discovery-exp-cna-mut --repeats 1
    python -m benchmarks.accuracy.baselines metabric-pam50 metabric-intclust --repeats 1
    python -m benchmarks.accuracy.baselines simulated --sizes 100x50x2,1000x300x5x30 --repeats 1

The real cohorts are read from $XMODAL_DATA (default ../shared/data).
"""

import argparse

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline

from benchmarks.markdown import mean_spread, print_table
from benchmarks.shared import COHORTS, STORE, fold_parser, read_cohorts, tuned_baselines
from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.benchmark import Comparison, compare
from xmodal_sklearn.plotting import metric_label

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
METRICS = ["f1_macro", "log_loss", "roc_auc_ovr", "accuracy"]


def main() -> None:
    parser = accuracy_parser(__doc__)
    parser.add_argument(
        "--models", default=",".join(MODELS), help="classical models, comma-separated, or all"
    )
    parser.add_argument("--fusion", default="early,late", help="of the classical models")
    parser.add_argument("--k", type=int, help="features per modality, in place of the usual number")
    arguments = parser.parse_args()
    for name, X, y, usual_k in read_cohorts(arguments.cohorts, arguments.sizes.split(",")):
        k = arguments.k or usual_k
        models = tuned_baselines(
            k=k,
            models=None if arguments.models == "all" else arguments.models.split(","),
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
    unweighted = clone(attention).set_params(crossmodalattentionclassifier__class_weight=None)
    result = compare(
        {ATTENTION: attention, f"{ATTENTION}, class_weight=None": unweighted, **models},
        X,
        y,
        cv=RepeatedStratifiedKFold(n_splits=5, n_repeats=arguments.repeats, random_state=0),
        scoring=METRICS,
        store=STORE / "comparisons",
        n_jobs=arguments.jobs,
        verbose=1,
    )
    classes = np.unique(y, return_counts=True)[1]
    sizes = ", ".join(map(str, sorted(classes, reverse=True)))
    print_table(
        f"{name}: {X.shape[0]} samples, {X.shape[1]} features, K = {k}, classes of {sizes} "
        f"samples, 5 folds × {arguments.repeats}",
        table(result),
    )


def table(result: Comparison) -> pd.DataFrame:
    """Return means and standard deviations, and the lead of attention in the first metrics."""
    shown = result.scores[result.scores["metric"].isin(METRICS)]
    by_fold = shown.pivot_table(
        index=["estimator", "repeat", "fold"], columns="metric", values="value"
    )
    columns = mean_spread(by_fold, "estimator").loc[result.summary().index].rename_axis("model")
    columns = columns[METRICS]
    for metric in METRICS[:2]:
        against = result.test(ATTENTION, metric).reindex(columns.index)
        place = columns.columns.get_loc(metric) + 1
        ahead = against["difference"].map("{:+.3f}".format, na_action="ignore")
        columns.insert(place, f"ahead in {metric_label(metric)}", ahead.fillna(""))
        columns.insert(place + 1, f"p of {metric_label(metric)}", against["p"])
    return columns.rename(columns=metric_label)


if __name__ == "__main__":
    main()

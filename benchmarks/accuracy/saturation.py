"""Blend the classifier with tuned models of other families, to see what it misses.

    python -m benchmarks.accuracy.saturation metabric-discovery-exp metabric-discovery-exp-cna-mut
    python -m benchmarks.accuracy.saturation tcga lgg

The other models are tuned for log loss, without class weights. The blend of two models is the
normalized product of their probabilities, each to the power of its weight. The weight is the one
with the lowest log loss of out-of-fold predictions of the training samples. A blend with a lower
log loss on test samples shows something to learn from the table that the classifier does not learn.
Macro-F1 is that of the most probable classes. The cohorts are read from $XMODAL_DATA (default
../shared/data).
"""

import warnings

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedKFold, cross_val_predict

from benchmarks.markdown import mean_spread, print_table
from benchmarks.shared import COHORTS, fold_parser, measure_folds, scores
from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.baselines import make_baselines

PEERS = ["logistic regression", "RBF SVM", "LightGBM", "random forest"]
WEIGHTS = np.linspace(0, 1, 21)


def main() -> None:
    parser = fold_parser(__doc__, repeats=1)
    parser.add_argument("cohorts", nargs="+", choices=COHORTS, metavar="cohort")
    parser.add_argument("--peers", nargs="+", help="boosted stumps or names of baselines")
    arguments = parser.parse_args()
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=arguments.repeats, random_state=0)
    for name in arguments.cohorts:
        X, y = COHORTS[name]()
        cohort = [(X, y, arguments.peers or ["boosted stumps", *PEERS])]
        rows = measure_folds(measure_fold, cohort, folds, arguments.jobs)
        print_table(name, mean_spread(rows, "model").replace("nan±nan", ""))


def models(peers: list[str]) -> dict:
    tuned = make_baselines(
        k="all",
        models=[peer for peer in peers if peer in PEERS],
        fusion=["early"],
        scoring="neg_log_loss",
        class_weight=None,
        random_state=0,
    )
    stumps = LGBMClassifier(
        num_leaves=2,
        n_estimators=300,
        colsample_bytree=0.2,
        random_state=0,
        n_jobs=1,
        verbose=-1,
    )
    del tuned["dummy"]
    return tuned | ({"boosted stumps": stumps} if "boosted stumps" in peers else {})


def measure_fold(
    X: pd.DataFrame, y: np.ndarray, peers: list[str], train: np.ndarray, test: np.ndarray
) -> list[dict]:
    classes = np.unique(y)
    ours = CrossModalAttentionClassifier(random_state=0)
    held_out, tested = predictions(ours, X.iloc[train], y[train], X.iloc[test])
    alone = log_loss(y[test], np.exp(tested), labels=classes)
    rows = [{"model": "cross-modal attention", **scores(y[test], np.exp(tested), classes)}]
    for name, peer in models(peers).items():
        peer_held_out, peer_tested = predictions(peer, X.iloc[train], y[train], X.iloc[test])
        losses = [
            log_loss(y[train], blend(held_out, peer_held_out, weight), labels=classes)
            for weight in WEIGHTS
        ]
        weight = WEIGHTS[np.argmin(losses)]
        proba = blend(tested, peer_tested, weight)
        rows.append({"model": name, **scores(y[test], np.exp(peer_tested), classes)})
        gain = alone - log_loss(y[test], proba, labels=classes)
        blended = {**scores(y[test], proba, classes), "weight": weight, "gain": gain}
        rows.append({"model": f"blend with {name}", **blended})
    return rows


def predictions(
    model: object, X: pd.DataFrame, y: np.ndarray, new: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Return log-probabilities of training samples, out of fold, and of new samples."""
    folds = StratifiedKFold(5, shuffle=True, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        held_out = cross_val_predict(model, X, y, cv=folds, method="predict_proba")
        tested = clone(model).fit(X, y).predict_proba(new)
    tiny = np.finfo(np.float32).tiny
    return np.log(held_out + tiny), np.log(tested + tiny)


def blend(ours: np.ndarray, theirs: np.ndarray, weight: float) -> np.ndarray:
    return np.exp(log_softmax((1 - weight) * ours + weight * theirs, axis=1))


if __name__ == "__main__":
    main()

"""Measure whether attributions identify the features that the classifier uses.

Deletion: in the test folds, the top features of a ranking are set to their training means, and the
fitted classifier is scored again. Rankings are by integrated gradients (on the test samples,
without their classes), by the elastic net of the training fold, and random. The program prints the
losses in ROC AUC and macro-F1, mean ± standard error over the folds; the number of folds in which
integrated gradients cost more; the stability of the top features over folds and over seeds; the
agreement of the rankings; and all of these with labels permuted in training.

    python -m benchmarks.accuracy.faithfulness tcga metabric-discovery-exp-cna-mut
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.model_selection import StratifiedKFold

from benchmarks.shared import COHORTS, make_parser, scores
from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.inspection import integrated_gradients, stability_index

DELETED = (10, 30, 100)
FIRST = 50
N_RANDOM = 10
LABELS = ["true", "permuted"]
METRICS = ["ROC AUC", "macro-F1"]


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("cohorts", nargs="+", choices=COHORTS)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3, help="fits of the first fold, 2 or more")
    parser.add_argument("--labels", nargs="+", choices=LABELS, default=LABELS)
    arguments = parser.parse_args()
    for name in arguments.cohorts:
        X, y = COHORTS[name]()
        folds = list(StratifiedKFold(arguments.folds, shuffle=True, random_state=0).split(X, y))
        for labels in arguments.labels:
            measured = [fold_of(X, y, *fold, labels, seed=0) for fold in folds]
            more = [fold_of(X, y, *folds[0], labels, seed) for seed in range(1, arguments.seeds)]
            print(f"\n{name}, {labels} labels in training: {len(X)} samples, {len(folds)} folds")
            report(measured, [measured[0], *more])


def fold_of(
    X: pd.DataFrame, y: np.ndarray, train: np.ndarray, test: np.ndarray, labels: str, seed: int
) -> dict:
    """Return the rankings of one fit, and the losses when their top features are deleted."""
    rng = np.random.default_rng(seed)
    train_labels = y[train] if labels == "true" else rng.permutation(y[train])
    X_train, X_test = X.iloc[train], X.iloc[test]
    model = CrossModalAttentionClassifier(random_state=seed).fit(X_train, train_labels)
    attributions = integrated_gradients(model, X_test)
    together = {"all": slice(None)}
    selector = MultiOmicsSelector("all", modalities=together).fit(X_train, train_labels)
    importance = {
        "integrated gradients": attributions.importance().abs().mean(axis=1).to_numpy(),
        "elastic net": rank_scores(selector, X),
    }
    orders = {ranking: np.argsort(-size, kind="stable") for ranking, size in importance.items()}
    random = [rng.permutation(X.shape[1]) for _ in range(N_RANDOM)]
    before = pd.Series(scores(y[test], model.predict_proba(X_test), model.classes_))[METRICS]
    lost = {
        (ranking, n): before - deleted(model, X_train, X_test, y[test], order[:n])
        for ranking, order in orders.items()
        for n in DELETED
    }
    for n in DELETED:
        losses = [before - deleted(model, X_train, X_test, y[test], order[:n]) for order in random]
        lost["random", n] = pd.concat(losses, axis=1).mean(axis=1)
    sizes = np.sort(importance["integrated gradients"])[::-1]
    return {
        "before": before,
        "lost": pd.DataFrame(lost),
        "orders": orders,
        "spearman": spearmanr(*importance.values())[0],
        "spread of logits": attributions.logits.std().mean(),
        "share of the first": sizes[:FIRST].sum() / sizes.sum(),
    }


def rank_scores(selector: MultiOmicsSelector, X: pd.DataFrame) -> np.ndarray:
    """Return a value per column, higher for better ranks of the elastic net."""
    rank = {name: -place for place, name in enumerate(selector.rankings_["all"])}
    return np.array([rank[name] for name in X])


def deleted(
    model: CrossModalAttentionClassifier,
    X_train: pd.DataFrame,
    X_test: pd.DataFrame,
    y: np.ndarray,
    columns: np.ndarray,
) -> pd.Series:
    """Return the scores after some columns are set to their training means."""
    names = X_test.columns[columns]
    means = {name: X_train[name].mean() for name in names}
    proba = model.predict_proba(X_test.assign(**means))
    return pd.Series(scores(y, proba, model.classes_))[METRICS]


def report(measured: list[dict], seeds: list[dict]) -> None:
    lost = pd.concat([fold["lost"] for fold in measured], keys=range(len(measured)))
    for metric in METRICS:
        losses = lost.xs(metric, level=1)
        before = np.mean([fold["before"][metric] for fold in measured])
        print(f"{metric} {before:.3f}; lost by deleting the first")
        shown = losses.agg(lambda losses: f"{losses.mean():+.3f}±{losses.sem():.3f}")
        print(pd.DataFrame({n: shown.xs(n, level=1) for n in DELETED}).to_string())
        for other in ("random", "elastic net"):
            ahead = [
                f"{(losses['integrated gradients', n] > losses[other, n]).sum()} at {n}"
                for n in DELETED
            ]
            print(f"integrated gradients cost more than {other}, folds: {', '.join(ahead)}")
    for ranking in ("integrated gradients", "elastic net"):
        over_folds = stability(fold["orders"][ranking] for fold in measured)
        over_seeds = stability(fit["orders"][ranking] for fit in seeds)
        print(f"stability of the first {FIRST}, {ranking}: folds {over_folds}, seeds {over_seeds}")
    for what in ("spearman", "spread of logits", "share of the first"):
        print(f"{what}: {np.mean([fold[what] for fold in measured]):.3f}", flush=True)


def stability(orders: Iterable[np.ndarray]) -> str:
    chosen = []
    for order in orders:
        chosen.append(np.isin(np.arange(len(order)), order[:FIRST]))
    return "{:.2f} ({:.2f} to {:.2f})".format(*stability_index(np.array(chosen)))


if __name__ == "__main__":
    main()

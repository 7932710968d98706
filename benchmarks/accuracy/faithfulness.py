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

from benchmarks.markdown import print_table
from benchmarks.shared import COHORTS, make_parser, model_scores, stored
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
            measured = [stored(fold_of, X, y, *fold, labels, 0) for fold in folds]
            seeds = range(1, arguments.seeds)
            more = [stored(fold_of, X, y, *folds[0], labels, seed) for seed in seeds]
            title = f"{name}, {labels} labels in training: {len(X)} samples, {len(folds)} folds"
            report(title, measured, [measured[0], *more])


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
    before = deleted(model, X_train, X_test, y[test], np.arange(0))
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
    return pd.Series(model_scores(model, X_test.assign(**means), y))[METRICS]


def report(title: str, measured: list[dict], seeds: list[dict]) -> None:
    lost = pd.concat([fold["lost"] for fold in measured], keys=range(len(measured)))
    rows = []
    for metric in METRICS:
        losses = lost.xs(metric, level=1)
        before = np.mean([fold["before"][metric] for fold in measured])
        shown = losses.agg(lambda losses: f"{losses.mean():+.3f}±{losses.sem():.3f}")
        ours = losses["integrated gradients"]
        for ranking in shown.index.unique(0):
            row = {"score": f"{metric}, {before:.3f}", "features by": ranking}
            row |= {f"{n} deleted": shown[ranking, n] for n in DELETED}
            if ranking != "integrated gradients":
                less = [str((ours[n] > losses[ranking, n]).sum()) for n in DELETED]
                row["folds in which integrated gradients cost more"] = ", ".join(less)
            rows.append(row)
    print_table(title, pd.DataFrame(rows).fillna(""))
    quantities = {
        f"stability of the top {FIRST} over {which}, {ranking}": stability(
            fit["orders"][ranking] for fit in fits
        )
        for ranking in ("integrated gradients", "elastic net")
        for which, fits in (("folds", measured), ("seeds", seeds))
    }
    quantities |= {
        name: f"{np.mean([fold[key] for fold in measured]):.3f}"
        for name, key in {
            "Spearman correlation of the two rankings": "spearman",
            "standard deviation of the logits": "spread of logits",
            f"share of the top {FIRST} in all attributions": "share of the first",
        }.items()
    }
    print_table(title, pd.Series(quantities, name="value").rename_axis("quantity").to_frame())


def stability(orders: Iterable[np.ndarray]) -> str:
    chosen = []
    for order in orders:
        chosen.append(np.isin(np.arange(len(order)), order[:FIRST]))
    return "{:.2f} ({:.2f} to {:.2f})".format(*stability_index(np.array(chosen)))


if __name__ == "__main__":
    main()

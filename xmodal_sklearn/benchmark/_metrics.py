"""Metrics of one fold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn import metrics as sk
from sklearn.utils import assert_all_finite

from .._suggestions import did_you_mean

# Metrics with one value for each part: class, modality or branch of a network.
CLASS_RECALL, WITHOUT_MODALITY, BRANCH_WEIGHT = "class_recall", "without_modality", "branch_weight"

# Lower is better.
LOSSES = frozenset({"log_loss", "brier", "ece"})

COST_LABELS = {
    "fit_seconds": "seconds to fit",
    "predict_seconds": "seconds to predict",
    "peak_mb": "peak memory, MB",
}
COSTS = tuple(COST_LABELS)
# Names that users must not give.
RESERVED = {CLASS_RECALL, WITHOUT_MODALITY, BRANCH_WEIGHT, *COSTS, "n_train", "n_test"}


def metric_label(metric: str) -> str:
    """Return the name of a metric for figures and tables.

    Parameters
    ----------
    metric : str
        Name that scikit-learn and :func:`~xmodal_sklearn.benchmark.compare` use.

    Returns
    -------
    str
        The name in plain words.

    Examples
    --------
    >>> from xmodal_sklearn.plotting import metric_label
    >>> metric_label("f1_macro")
    'macro-F1'
    """
    if metric in METRICS:
        return FUNCTIONS[metric][0]
    return COST_LABELS.get(metric, metric.removeprefix("neg_").replace("_", " "))


@dataclass(frozen=True)
class Predictions:
    """Predictions of test samples."""

    labels: np.ndarray
    probabilities: np.ndarray | None


def resolve_scoring(scoring: Any) -> dict[str, Any]:
    """Return what to measure: names of METRICS mapped to themselves, other names to scorers."""
    if scoring is None:
        scoring = METRICS
    elif isinstance(scoring, str):
        scoring = [scoring]
    elif callable(scoring):
        scoring = {"score": scoring}
    if isinstance(scoring, list | tuple) and all(isinstance(name, str) for name in scoring):
        if len(set(scoring)) < len(scoring):
            raise ValueError(f"scoring must name each metric once, got {list(scoring)}.")
        scoring = {name: name for name in scoring}
    if not isinstance(scoring, Mapping):
        raise ValueError(
            "scoring must be a metric's name, a list of names, a callable, or a dict of names to "
            f'metrics or callables, got {scoring!r}. Pass scorers as scoring={{"name": scorer}}.'
        )
    if not scoring:
        raise ValueError("scoring must name at least one metric, got none.")
    return {name: _resolve_scorer(name, scorer) for name, scorer in scoring.items()}


def _resolve_scorer(name: Any, scorer: Any) -> Any:
    if not isinstance(name, str) or name in RESERVED:
        raise ValueError(f"scoring must not use the name {name!r}. Choose another string.")
    if name != scorer and LOSSES & {name, scorer if isinstance(scorer, str) else ""}:
        raise ValueError(
            f"scoring maps {name!r} to {scorer!r}, but {sorted(LOSSES)}, for which lower is "
            "better, must keep their names."
        )
    if callable(scorer) or scorer in METRICS:
        return scorer
    names = [*METRICS, *sk.get_scorer_names()]
    if scorer not in names:
        raise ValueError(
            f"scoring has the unknown metric {scorer!r}{did_you_mean(str(scorer), names)} It takes "
            f"{list(METRICS)} and the names of scikit-learn's scorers."
        )
    return sk.get_scorer(scorer)


def compute_metric(
    name: str, target: np.ndarray, predictions: Predictions, classes: np.ndarray
) -> float:
    """Compute one of METRICS; NaN if it needs probabilities or several classes and has none."""
    _, needed, score = FUNCTIONS[name]
    values = getattr(predictions, needed)
    return np.nan if values is None else float(score(target, values, classes))


def class_recalls(
    target: np.ndarray, predicted: np.ndarray, classes: np.ndarray
) -> dict[str, float]:
    """Return the recall of each class, NaN for a class that no target has."""
    recalls = sk.recall_score(target, predicted, labels=classes, average=None, zero_division=np.nan)
    return {str(label): float(recall) for label, recall in zip(classes, recalls, strict=True)}


def expected_calibration_error(
    target: np.ndarray, probabilities: np.ndarray, classes: np.ndarray, n_bins: int = 15
) -> float:
    """Return the mean absolute gap between confidence and accuracy over bins of confidence."""
    confidence = probabilities.max(axis=1)
    correct = classes[probabilities.argmax(axis=1)] == target
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(bins, weights=correct - confidence, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(target))


def _macro(score: Callable) -> Callable[..., float]:
    """Average a score by class over the classes among the targets, each against the rest."""

    def average(target: np.ndarray, probabilities: np.ndarray, classes: np.ndarray) -> float:
        present = np.flatnonzero(np.isin(classes, target))
        if len(present) < 2:
            return np.nan
        assert_all_finite(probabilities)
        compared = present[1:] if len(classes) == 2 else present
        return score(target[:, None] == classes[compared], probabilities[:, compared]).mean()

    return average


def roc_areas(is_class: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the area under the ROC curve of each column, NaN without samples of both kinds."""
    n_class = is_class.sum(axis=0)
    n_pairs = n_class * (len(is_class) - n_class)
    ranks = (rankdata(probabilities, axis=0) * is_class).sum(axis=0)
    no_pairs = np.full(len(n_pairs), np.nan)
    return np.divide(ranks - n_class * (n_class + 1) / 2, n_pairs, out=no_pairs, where=n_pairs > 0)


def average_precisions(is_class: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the average precision of each column, NaN without samples of the class."""
    order = np.argsort(-probabilities, axis=0)
    is_class, descending = (np.take_along_axis(x, order, 0) for x in (is_class, probabilities))
    # No threshold separates equal probabilities, so the last of them counts for all.
    n_samples = len(order)
    is_last = np.vstack([np.diff(descending, axis=0) != 0, np.ones((1, descending.shape[1]), bool)])
    last = np.where(is_last, np.arange(n_samples)[:, None], n_samples)
    last = np.minimum.accumulate(last[::-1], axis=0)[::-1]
    precision = np.take_along_axis(is_class.cumsum(axis=0), last, 0) / (last + 1)
    n_class = is_class.sum(axis=0)
    total = (precision * is_class).sum(axis=0)
    return np.divide(total, n_class, out=np.full(len(n_class), np.nan), where=n_class > 0)


def _roc_auc_ovo(target: np.ndarray, probabilities: np.ndarray, classes: np.ndarray) -> float:
    """Average the AUC over the pairs of classes among the targets (Hand and Till 2001)."""
    assert_all_finite(probabilities)
    present, codes, counts = np.unique(target, return_inverse=True, return_counts=True)
    n_pairs = len(present) * (len(present) - 1)
    total = 0.0
    for c, column in enumerate(probabilities[:, np.isin(classes, present)].T):
        own = np.sort(column[codes == c])
        # Of each sample, the share of those of the class that score more, and half of equal ones.
        n_less = (np.searchsorted(own, column) + np.searchsorted(own, column, "right")) / 2
        areas = np.bincount(codes, 1 - n_less / len(own)) / counts
        total += areas.sum() - areas[c]
    return total / n_pairs if n_pairs else np.nan


# Name in figures; what of the predictions is needed; and function of the targets, that, and the
# classes.
FUNCTIONS: dict[str, tuple[str, str, Callable[..., float]]] = {
    "f1_macro": ("macro-F1", "labels", lambda y, p, _: sk.f1_score(y, p, average="macro")),
    "f1_weighted": ("weighted F1", "labels", lambda y, p, _: sk.f1_score(y, p, average="weighted")),
    "accuracy": ("accuracy", "labels", lambda y, p, _: sk.accuracy_score(y, p)),
    "balanced_accuracy": (
        "balanced accuracy",
        "labels",
        # scikit-learn's warns if a class is predicted that the fold does not test.
        lambda y, p, _: sk.recall_score(y, p, labels=np.unique(y), average="macro"),
    ),
    "roc_auc_ovr": ("ROC AUC (ovr)", "probabilities", _macro(roc_areas)),
    "roc_auc_ovo": ("ROC AUC (ovo)", "probabilities", _roc_auc_ovo),
    "average_precision": ("average precision", "probabilities", _macro(average_precisions)),
    "log_loss": ("log loss", "probabilities", lambda y, p, c: sk.log_loss(y, p, labels=c)),
    "brier": (
        "Brier score",
        "probabilities",
        # From 0 to 2.
        lambda y, p, c: sk.brier_score_loss(y, p, labels=c, scale_by_half=False),
    ),
    "ece": ("calibration error", "probabilities", expected_calibration_error),
    "mcc": ("Matthews correlation", "labels", lambda y, p, _: sk.matthews_corrcoef(y, p)),
}
METRICS: Sequence[str] = tuple(FUNCTIONS)

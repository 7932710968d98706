"""The metrics of one fold, from its true labels, predictions and probabilities."""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    matthews_corrcoef,
    recall_score,
    roc_auc_score,
)

__all__ = [
    "BRANCH_WEIGHT",
    "CLASS_RECALL",
    "LOSSES",
    "METRICS",
    "METRIC_LABELS",
    "WITHOUT_MODALITY",
    "class_recalls",
    "expected_calibration_error",
    "fold_metric",
    "metric_label",
]

# Metrics with one value for each part: class, modality or branch of a network.
CLASS_RECALL, WITHOUT_MODALITY, BRANCH_WEIGHT = "class_recall", "without_modality", "branch_weight"

# Lower is better.
LOSSES = frozenset({"log_loss", "brier", "ece"})

METRIC_LABELS = {
    "f1_macro": "macro-F1",
    "f1_weighted": "weighted F1",
    "balanced_accuracy": "balanced accuracy",
    "roc_auc_ovr": "ROC AUC (ovr)",
    "roc_auc_ovo": "ROC AUC (ovo)",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "calibration error",
    "mcc": "Matthews correlation",
    "fit_seconds": "seconds to fit",
    "predict_seconds": "seconds to predict",
    "peak_mb": "peak memory, MB",
}


def metric_label(metric: str) -> str:
    """Give the name of a metric as a figure or a table shows it.

    Parameters
    ----------
    metric : str
        Name that scikit-learn and :func:`~xmodal_sklearn.benchmark.compare` use.

    Returns
    -------
    str
        The name in words.

    Examples
    --------
    >>> from xmodal_sklearn.plotting import metric_label
    >>> metric_label("f1_macro")
    'macro-F1'
    """
    return METRIC_LABELS.get(metric, metric.removeprefix("neg_").replace("_", " "))


def fold_metric(
    name: str,
    target: np.ndarray,
    predicted: np.ndarray,
    probabilities: np.ndarray | None,
    classes: np.ndarray,
) -> float:
    """Compute one of :data:`METRICS`.

    Parameters
    ----------
    name : str
        Name of the metric.
    target, predicted : ndarray of shape (n_samples,)
        True and predicted labels.
    probabilities : ndarray of shape (n_samples, n_classes) or None
        Columns in the order of `classes`; None where the estimator gives no probabilities.
    classes : ndarray of shape (n_classes,)
        All labels, sorted.

    Returns
    -------
    float
        NaN where the metric needs probabilities and there are none, or needs more than one class
        among the targets and there is only one.
    """
    if name in FROM_LABELS:
        return float(FROM_LABELS[name](target, predicted))
    if probabilities is None:
        return np.nan
    return float(FROM_PROBABILITIES[name](target, probabilities, classes))


def class_recalls(
    target: np.ndarray, predicted: np.ndarray, classes: np.ndarray
) -> dict[str, float]:
    """Return the recall of each class, NaN for a class that no target has."""
    recalls = recall_score(target, predicted, labels=classes, average=None, zero_division=np.nan)
    return {str(label): float(recall) for label, recall in zip(classes, recalls, strict=True)}


def expected_calibration_error(
    target: np.ndarray, probabilities: np.ndarray, classes: np.ndarray, n_bins: int = 15
) -> float:
    """Average the gap between confidence and accuracy over bins of confidence.

    Parameters
    ----------
    target : ndarray of shape (n_samples,)
        True labels.
    probabilities : ndarray of shape (n_samples, n_classes)
        Columns in the order of `classes`.
    classes : ndarray of shape (n_classes,)
        All labels, sorted.
    n_bins : int, default=15
        Number of bins of equal width. The default is that of Guo et al. [1]_.

    Returns
    -------
    float
        Mean absolute gap, weighted by the samples in each bin.

    Notes
    -----
    The confidence of a prediction is the largest probability of its sample.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks",
       ICML 2017, arXiv:1706.04599.
    """
    confidence = probabilities.max(axis=1)
    correct = classes[probabilities.argmax(axis=1)] == target
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(bins, weights=correct - confidence, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(target))


def _over_classes(score: Callable) -> Callable[..., float]:
    """Average a two-class score over the classes among the targets, each against the rest.

    Unlike scikit-learn's averages, this is defined even where a small test fold lacks a class.
    """

    def average(target: np.ndarray, probabilities: np.ndarray, classes: np.ndarray) -> float:
        present = np.flatnonzero(np.isin(classes, target))
        if len(present) < 2:
            return np.nan
        if len(classes) == 2:
            return score(target == classes[1], probabilities[:, 1])
        return float(np.mean([score(target == classes[c], probabilities[:, c]) for c in present]))

    return average


def _roc_auc_ovo(target: np.ndarray, probabilities: np.ndarray, classes: np.ndarray) -> float:
    """Average the AUC over the pairs of classes among the targets (Hand and Till 2001)."""
    areas = [np.nan]
    for pair in combinations(np.flatnonzero(np.isin(classes, target)), 2):
        of_pair = np.isin(target, classes[list(pair)])
        for c in pair:
            areas.append(roc_auc_score(target[of_pair] == classes[c], probabilities[of_pair, c]))
    return float(np.mean(areas[1:])) if len(areas) > 1 else np.nan


FROM_LABELS: dict[str, Callable] = {
    "f1_macro": lambda target, predicted: f1_score(target, predicted, average="macro"),
    "f1_weighted": lambda target, predicted: f1_score(target, predicted, average="weighted"),
    "accuracy": accuracy_score,
    # scikit-learn's own warns where a class is predicted that the fold does not test.
    "balanced_accuracy": lambda target, predicted: recall_score(
        target, predicted, labels=np.unique(target), average="macro"
    ),
    "mcc": matthews_corrcoef,
}

FROM_PROBABILITIES: dict[str, Callable] = {
    "roc_auc_ovr": _over_classes(roc_auc_score),
    "roc_auc_ovo": _roc_auc_ovo,
    "average_precision": _over_classes(average_precision_score),
    "log_loss": lambda target, p, classes: log_loss(target, p, labels=classes),
    "brier": lambda target, p, classes: _brier(target, p, classes),
    "ece": expected_calibration_error,
}

METRICS: Sequence[str] = (
    "f1_macro",
    "f1_weighted",
    "accuracy",
    "balanced_accuracy",
    "roc_auc_ovr",
    "roc_auc_ovo",
    "average_precision",
    "log_loss",
    "brier",
    "ece",
    "mcc",
)


def _brier(target: np.ndarray, probabilities: np.ndarray, classes: np.ndarray) -> float:
    """Return the squared distance of probabilities and one-hot targets, from 0 to 2."""
    return brier_score_loss(target, probabilities, labels=classes, scale_by_half=False)

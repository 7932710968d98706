"""What all displays need: axes to draw on, and names of metrics."""

from typing import Any

from .._extras import needs_extra

__all__ = ["drawing_axes", "metric_label", "plain_log_ticks"]

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
    """Return how a metric is called in a figure or a table.

    Parameters
    ----------
    metric : str
        As scikit-learn and :func:`~xmodal_sklearn.benchmark.compare` name it.

    Returns
    -------
    str
        Its name in words.

    Examples
    --------
    >>> from xmodal_sklearn.plotting import metric_label
    >>> metric_label("f1_macro")
    'macro-F1'
    """
    return METRIC_LABELS.get(metric, metric.removeprefix("neg_").replace("_", " "))


def drawing_axes(ax: Any, height: float = 4.8) -> Any:
    """Return the axes given, or those of a new figure."""
    with needs_extra("plot", "Drawing"):
        import matplotlib.pyplot as plt
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, height), layout="constrained")
    return ax


def plain_log_ticks(axis: Any) -> None:
    """Label a logarithmic axis by plain numbers, few enough to stand side by side."""
    from matplotlib.ticker import LogLocator, NullFormatter

    lowest, highest = axis.get_data_interval()
    axis.set_major_locator(LogLocator(subs=(1,) if highest > 100 * lowest else (1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())

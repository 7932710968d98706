"""Writing the report as one HTML file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from .._files import atomic_write
from ..benchmark import Comparison
from ..inspection import ModalityImportance

__all__ = ["write_report"]


def write_report(
    comparison: Comparison,
    path: str | Path,
    *,
    command: str | None = None,
    title: str | None = None,
    importance: ModalityImportance | None = None,
    features: pd.DataFrame | None = None,
    maps: Mapping[Any, pd.DataFrame] | None = None,
) -> Path:
    """Write a comparison as one HTML file that needs no other file and no network.

    It shows the data, the summary, every fold, tests between all pairs, time against score, what
    each modality contributes, each model's settings, confusion matrix, curves, calibration and
    scores by class, the samples that most models get wrong, how often each feature was selected,
    and a paragraph on methods. Tables are sorted by a click on a column's header, or by the
    keyboard; each table can be saved as CSV and each figure as SVG.

    Parameters
    ----------
    comparison : Comparison
        Result of :func:`~xmodal_sklearn.benchmark.compare` or of
        :meth:`Comparison.load <xmodal_sklearn.benchmark.Comparison.load>`.
    path : str or Path
        The file to write; its folder must exist.
    command : str, default=None
        The command that made the comparison, to be shown in the report; None takes
        ``comparison.info["command"]`` if there is one.
    title : str, default=None
        The title; None is "Comparison of classifiers".
    importance : ModalityImportance, default=None
        How much each table matters to a model, from
        :func:`~xmodal_sklearn.inspection.modality_importance`, for a section "What the model looked
        at".
    features : DataFrame of shape (n_features, n_classes), default=None
        Which features speak for which class, from
        :meth:`Attributions.importance <xmodal_sklearn.inspection.Attributions.importance>`, for
        that section.
    maps : dict of class to DataFrame, default=None
        Which pairs of features it looks at, from
        :func:`attention_map(…, by="class") <xmodal_sklearn.inspection.attention_map>`, for that
        section.

    Returns
    -------
    Path
        The file written.

    Notes
    -----
    Confusion matrices, curves and scores by class take the predictions of all test folds
    together; every other figure is a mean over folds. What the comparison has no data for is left
    out: curves of an estimator that gives no probabilities, selected features of one that selects
    none, settings and hardware of a comparison stored before these were kept. Models that predict
    no better than chance stand last, and are never the best of a column.

    Where X has an index, the samples that most models get wrong are listed by its names.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.linear_model import LogisticRegression
    >>> from xmodal_sklearn.benchmark import compare
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.report import write_report
    >>> X, y = make_multiomics(100, {"exp": 40, "mut": 10}, return_X_y=True, random_state=0)
    >>> models = {"logistic": LogisticRegression(max_iter=1000), "dummy": DummyClassifier()}
    >>> with TemporaryDirectory() as folder:
    ...     written = write_report(compare(models, X, y, cv=3), f"{folder}/report.html")
    ...     written.read_text(encoding="utf-8")[:15]
    '<!doctype html>'
    """
    from ._content import report_content
    from ._overview import Inspected
    from ._page import page_environment
    from ._style import COLOURS, LIGHT

    text = (
        page_environment()
        .get_template("report.html")
        .render(
            report_content(comparison, Inspected(importance, features, maps)),
            colours=COLOURS,
            light=LIGHT,
            command=command or comparison.info.get("command"),
            run=comparison.info.get("run"),
            title=title or "Comparison of classifiers",
        )
    )
    path = Path(path)
    with atomic_write(path) as scratch:
        scratch.write_text(text, encoding="utf-8")
    return path

"""Writing the report as one HTML file."""

from pathlib import Path

from .._extras import needs_extra
from ..benchmark import Comparison
from ._format import (
    format_number,
    format_p,
    format_p_equals,
    format_seconds,
    format_share,
    format_signed,
)

__all__ = ["write_report"]


def write_report(
    comparison: Comparison,
    path: str | Path,
    *,
    command: str | None = None,
    title: str | None = None,
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

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ImportError
        If jinja2 or matplotlib is not installed; the extra ``report`` brings both.

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
    with needs_extra("report", "write_report"):
        import jinja2
        import matplotlib  # noqa: F401
    from ._content import report_content
    from ._style import COLOURS, LIGHT

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("xmodal_sklearn.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": format_number,
        "signed": format_signed,
        "percent": "{:.0%}".format,
        "share": format_share,
        "p": format_p,
        "p_equals": format_p_equals,
        "seconds": format_seconds,
    }
    text = environment.get_template("report.html").render(
        report_content(comparison),
        colours=COLOURS,
        light=LIGHT,
        command=command or comparison.info.get("command"),
        title=title or "Comparison of classifiers",
    )
    path = Path(path)
    path.write_text(text, encoding="utf-8")
    return path

"""Writing pages: the report of a comparison, and what its page shares with the card of a model."""

import re
from collections.abc import Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._files import atomic_write, check_extension
from .._text import visible
from ..benchmark._comparison import Comparison
from ..benchmark._metrics import metric_label
from ..inspection._importance import ModalityImportance

MISSING = "–"
PAGES = ".html", ".htm"


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

    It shows the data, the summary, every fold, pairwise tests, timing, the contribution of each
    modality, each model's settings, confusion matrix, curves, calibration and scores by class, the
    samples that most models misclassify, named as in the index of X, how often each feature was
    selected, and a paragraph on methods. Tables can be sorted by mouse or keyboard; each table can
    be saved as CSV and each figure as SVG.

    Parameters
    ----------
    comparison : Comparison
        Result of :func:`~xmodal_sklearn.benchmark.compare` or of
        :meth:`Comparison.load <xmodal_sklearn.benchmark.Comparison.load>`.
    path : str or Path
        The file to write; its folder must exist.
    command : str, default=None
        The command that produced the comparison; None shows that in ``comparison.info``, if any.
    title : str, default=None
        The title; None uses "Comparison of classifiers" and, if known, the source of the data.
    importance : ModalityImportance, default=None
        From :func:`~xmodal_sklearn.inspection.modality_importance`, for the section on inspection.
    features : DataFrame of shape (n_features, n_classes), default=None
        From :meth:`Attributions.importance <xmodal_sklearn.inspection.Attributions.importance>`,
        for that section.
    maps : dict of class to DataFrame, default=None
        From :func:`attention_map(…, by="class") <xmodal_sklearn.inspection.attention_map>`, for
        that section.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ValueError
        If the name of the file has an extension other than ``.html`` or ``.htm``.

    Notes
    -----
    Confusion matrices, curves and scores by class pool the predictions of all test folds; all
    other values are means over folds. Parts without data are left out, such as curves of an
    estimator without probabilities, or the selected features of one that selects none. Models that
    predict no better than chance are listed last and never highlighted as best.

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
    from . import _inspection, _models, _sections
    from ._overview import Overview, headline

    check_extension(Path(path), *PAGES)
    # Name of the template and id in the page, heading in the contents, variables of the template;
    # a section without variables is left out.
    sections = (
        ("data", "Data", _sections.data_section),
        ("summary", "Summary", _sections.summary_section),
        ("folds", "Folds", _sections.fold_section),
        ("pairwise", "Pairwise", _sections.pairwise_section),
        ("timing", "Timing", _sections.timing_section),
        ("learning", "Learning curves", _sections.learning_section),
        ("classes", "Classes", _sections.recall_section),
        ("modalities", "Modalities", _inspection.ablation_section),
        ("branches", "Branches", _inspection.branch_section),
        ("models", "Models", _models.model_section),
        ("hard", "Hard samples", _sections.hard_sample_section),
        ("features", "Features", _inspection.selection_section),
        ("inspection", "Inspection", _inspection.inspection_section),
        ("methods", "Methods", _sections.methods_section),
        ("glossary", "Glossary", _sections.glossary_section),
        ("origin", "Origin", _sections.origin_section),
    )
    overview = Overview(comparison, importance, features, maps)
    contents = [(name, heading, section(overview)) for name, heading, section in sections]
    return write_page(
        "report.html",
        path,
        title=title or ": ".join(filter(None, ["Comparison of classifiers", overview.source])),
        overview=overview,
        headline=headline(overview),
        sections=[section for section in contents if section[-1] is not None],
        command=without_folders(command or overview.info.get("command") or ""),
    )


def write_page(template: str, path: str | Path, **variables: Any) -> Path:
    """Write one of the templates, filled in, in which names are shown whole and harmless."""
    import jinja2

    from ._figures import COLORS, LIGHT

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("xmodal_sklearn.report"),
        autoescape=True,
        # Plain strings, unlike our markup, may be names or contain them.
        finalize=lambda value: visible(value) if type(value) is str else value,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    numbers = {"figure": count(1), "table": count(1)}
    environment.globals["next_number"] = lambda kind: next(numbers[kind])
    environment.filters |= {
        "number": format_number,
        "signed": partial(format_number, sign="+"),
        "label": metric_label,
        "percent": "{:.0%}".format,
        "share": format_share,
        "p": format_p,
        "seconds": format_seconds,
        "duration": format_duration,
    }
    text = environment.get_template(template).render(colors=COLORS, light=LIGHT, **variables)
    path = Path(path)
    with atomic_write(path) as scratch:
        scratch.write_text(text, encoding="utf-8")
    return path


def without_folders(text: str) -> str:
    """Return a text in which absolute paths are names of files, as folders may name people."""
    return re.sub(r"(?<![\w.:/])(?:[A-Za-z]:)?[/\\](?:[^\s'\"=,/\\]+[/\\])+", "", text)


def format_number(value: float | None, digits: int = 3, sign: str = "-") -> str:
    """Return a number with a fixed number of decimals and a true minus sign."""
    return MISSING if pd.isna(value) else f"{value:{sign}.{digits}f}".replace("-", "−")


def format_p(value: float, equals: str = "") -> str:
    """Return a p value, after `equals` or a less-than sign."""
    if pd.isna(value):
        return MISSING
    return "<\N{NO-BREAK SPACE}0.001" if value < 0.001 else f"{equals}{value:.3f}"


def format_seconds(value: float) -> str:
    """Return seconds with three significant digits and at most three decimals."""
    if pd.isna(value):
        return MISSING
    digits = max(0, 2 - int(np.floor(np.log10(max(abs(value), 1e-3)))))
    return f"{value:,.{min(digits, 3)}f}"


def format_share(value: float) -> str:
    """Return a percentage that is 0 or 100 only if the share is."""
    if value in (0, 1) or 0.01 <= value <= 0.99:
        return f"{value:.0%}"
    if 0.001 <= value <= 0.999:
        return f"{value:.1%}"
    return "<\N{NO-BREAK SPACE}0.1%" if value < 0.5 else ">\N{NO-BREAK SPACE}99.9%"


def format_duration(seconds: float) -> str:
    minutes, hours = seconds / 60, seconds / 3600
    if hours >= 2:
        return f"{hours:.1f} hours"
    return f"{minutes:.0f} minutes" if minutes >= 2 else f"{seconds:.0f} seconds"

"""Writing the report, and what its template shows."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support

from .._extras import needs_extra
from ..benchmark import Comparison
from ..benchmark._comparison import COSTS
from ..benchmark._metrics import LOSSES
from ..inspection import stability_index
from ..plotting import metric_label
from ._format import duration, equals, number, p_value, seconds, signed

__all__ = ["write_report"]

MOST_LISTED = 12
SIGNIFICANT = 0.05
LABELS = ["target", "predicted"]

Pairs = dict[tuple[str, str], dict[str, float]]


def write_report(
    comparison: Comparison,
    path: str | Path,
    *,
    command: str | None = None,
    title: str | None = None,
) -> Path:
    """Write a comparison as one HTML file that needs nothing beside it, and no network.

    It shows the summary, every fold, tests between all pairs, time against score, each model's
    confusion matrix, ROC curves, reliability and scores by class, and which features were
    selected how often. Tables sort by a click or a key on a column's head.

    Parameters
    ----------
    comparison : Comparison
        What :func:`~xmodal_sklearn.benchmark.compare` returned, or
        :meth:`Comparison.load <xmodal_sklearn.benchmark.Comparison.load>`.
    path : str or Path
        The file to write; its folder must be there.
    command : str, default=None
        The command that made the comparison, to be shown in the report; None is
        ``comparison.info["command"]``, where there is one.
    title : str, default=None
        The title; None is a general one.

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
    together; every other figure is a mean over folds. What the comparison has no data for is
    left out: curves where an estimator gives no probabilities, selected features where it
    selects none.

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
    from ._figures import COLOURS

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("xmodal_sklearn.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "signed": signed,
        "percent": "{:.0%}".format,
        "p": p_value,
        "equals": equals,
        "seconds": seconds,
    }
    text = environment.get_template("report.html").render(
        _content(comparison),
        colours=COLOURS,
        command=command or comparison.info.get("command"),
        title=title or "Comparison of classifiers",
    )
    path = Path(path)
    path.write_text(text, encoding="utf-8")
    return path


def _content(comparison: Comparison) -> dict[str, Any]:
    """Return what the template shows, section by section."""
    from . import _figures as figures

    summary = comparison.summary()
    pairs = _pairs(comparison)
    first = comparison.metrics[0]
    measured = [m for m in comparison.metrics if summary[m, "mean"].notna().any()]
    return {
        "comparison": comparison,
        "facts": _facts(comparison),
        "names": list(summary.index),
        "first": metric_label(first),
        "verdict": _verdict(comparison, summary, pairs),
        "summary": _summary_table(summary, [*measured, *COSTS]),
        "strips": [figures.strip(comparison, metric) for metric in measured],
        "pairwise": _pairwise_table(pairs, list(summary.index)),
        "time": figures.time_against_score(summary, first),
        "learning": _learning_figure(comparison, list(summary.index)),
        "recalls": _recall_table(comparison, list(summary.index)),
        "models": [_model(comparison, name) for name in summary.index],
        "selections": _selections(comparison, list(summary.index)),
    }


def _facts(comparison: Comparison) -> list[str]:
    """Tell what was compared on what, as far as it is known."""
    info = comparison.info
    facts = [f"{len(comparison.classes)} classes"]
    if "n_samples" in info:
        facts.insert(0, f"{info['n_samples']:,} samples")
    sizes = [f"{number:,} {modality}" for modality, number in info.get("n_features", {}).items()]
    if sizes:
        facts.append(f"{' + '.join(sizes)} features")
    if "n_folds" in info:
        repeats = info.get("n_repeats", 1)
        facts.append(f"{info['n_folds']} folds" + (f" × {repeats} repeats" if repeats > 1 else ""))
    if "seconds" in info:
        facts.append(f"computed in {duration(info['seconds'])}")
    return facts


def _verdict(comparison: Comparison, summary: pd.DataFrame, pairs: Pairs) -> dict[str, Any]:
    """Say which model leads, and whether by more than chance."""
    metric = comparison.metrics[0]
    best = summary.index[0]
    verdict = {
        "best": best,
        "metric": metric_label(metric),
        "mean": summary.loc[best, (metric, "mean")],
        "std": summary.loc[best, (metric, "std")],
    }
    if (best, *summary.index[1:2]) in pairs:
        second = summary.index[1]
        better, equal, _ = comparison.bayes(best, second)
        verdict |= {"second": second, "better": better, "equal": equal, **pairs[best, second]}
        verdict["significant"] = verdict["p_holm"] < SIGNIFICANT
    return verdict


def _summary_table(summary: pd.DataFrame, metrics: Sequence[str]) -> dict[str, Any]:
    best = {
        metric: summary[metric, "mean"].min()
        if metric in (*LOSSES, *COSTS)
        else summary[metric, "mean"].max()
        for metric in metrics
    }
    heads = [
        {"label": metric_label(metric), "lower": metric in LOSSES, "cost": metric in COSTS}
        for metric in metrics
    ]
    rows = [
        {
            "name": name,
            "cells": [
                {
                    "mean": row[metric, "mean"],
                    "std": row[metric, "std"],
                    "best": row[metric, "mean"] == best[metric],
                    "cost": metric in COSTS,
                }
                for metric in metrics
            ],
        }
        for name, row in summary.iterrows()
    ]
    return {"heads": heads, "rows": rows}


def _pairs(comparison: Comparison) -> Pairs:
    """Test all pairs of those estimators that have scores of two folds, which a test needs."""
    first = comparison.scores[comparison.scores["metric"] == comparison.metrics[0]]
    counts = first.groupby("estimator")["value"].count()
    testable = comparison.scores["estimator"].isin(counts.index[counts > 1])
    if (counts > 1).sum() < 2:
        return {}
    table = replace(comparison, scores=comparison.scores[testable]).pairwise()
    return table.set_index(["estimator", "other"])[["difference", "p", "p_holm"]].to_dict("index")


def _pairwise_table(pairs: Pairs, names: list[str]) -> list[dict[str, Any]]:
    tested = {name for pair in pairs for name in pair}
    ranked = [(rank, name) for rank, name in enumerate(names, start=1) if name in tested]
    largest = max((abs(pair["difference"]) for pair in pairs.values()), default=0) or 1
    return [
        {
            "rank": rank,
            "name": name,
            "cells": [
                None
                if other == name
                else {
                    **pairs[name, other],
                    "strength": abs(pairs[name, other]["difference"]) / largest,
                    "significant": pairs[name, other]["p_holm"] < SIGNIFICANT,
                }
                for _, other in ranked
            ],
        }
        for rank, name in ranked
    ]


def _learning_figure(comparison: Comparison, names: list[str]) -> Any:
    from . import _figures as figures

    if comparison.learning is None:
        return None
    names = [name for name in names if name in set(comparison.learning["estimator"])]
    scores = pd.concat([comparison.learning, comparison.scores], ignore_index=True)
    return figures.learning(scores, comparison.metrics[0], names)


def _recall_table(comparison: Comparison, names: list[str]) -> list[dict[str, Any]]:
    recall = comparison.scores[comparison.scores["metric"].str.startswith("recall: ")]
    means = recall.groupby(["estimator", "metric"])["value"].agg(["mean", "std"])
    return [
        {
            "name": name,
            "cells": [
                means.loc[(name, f"recall: {label}")].to_dict() for label in comparison.classes
            ],
        }
        for name in names
    ]


def _model(comparison: Comparison, name: str) -> dict[str, Any]:
    """Return the figures of one model and its scores by class, over all test folds together."""
    from . import _figures as figures

    predictions = comparison.predictions[comparison.predictions["estimator"] == name]
    # Words, as scikit-learn's displays take neither pandas' strings nor numbers as objects.
    words = {column: predictions[column].map(str).astype(object) for column in LABELS}
    predictions = predictions.assign(**words)
    classes = [str(label) for label in comparison.classes]
    sizes = predictions.groupby("target")["sample"].nunique().reindex(classes, fill_value=0)
    by_class = precision_recall_fscore_support(
        *(predictions[column] for column in LABELS), labels=classes, zero_division=0
    )
    probabilities = predictions[[f"p: {label}" for label in classes]]
    has_probabilities = bool(probabilities.notna().all(axis=None))
    return {
        "name": name,
        "by_class": [
            {"label": label, "precision": p, "recall": r, "f1": f1, "size": sizes[label]}
            for label, p, r, f1 in zip(classes, *by_class[:3], strict=True)
        ],
        "confusion": figures.confusion(name, predictions, classes),
        "roc": figures.roc(name, predictions, classes) if has_probabilities else None,
        "reliability": figures.reliability(name, predictions, classes)
        if has_probabilities
        else None,
    }


def _selections(comparison: Comparison, names: list[str]) -> list[dict[str, Any]]:
    """Return the selections that differ, each with the models that share it."""
    from . import _figures as figures

    shared: dict[frozenset, list[str]] = {}
    columns = ["repeat", "fold", "modality", "feature"]
    for name, rows in comparison.selected.groupby("estimator"):
        # Many pipelines begin with the same selection.
        key = frozenset(rows[columns].itertuples(index=False, name=None))
        shared.setdefault(key, []).append(str(name))
    found = []
    for users in shared.values():
        rows = comparison.selected[comparison.selected["estimator"] == users[0]]
        modalities = [
            _modality(str(modality), part, comparison.info)
            for modality, part in rows.groupby("modality", sort=False)
        ]
        shares = {one["name"]: one["shares"].to_numpy() for one in modalities}
        found.append(
            {
                "models": sorted(users, key=names.index),
                "modalities": modalities,
                "figure": figures.frequencies(users[0], shares),
            }
        )
    return sorted(found, key=lambda one: names.index(one["models"][0]))


def _modality(name: str, selected: pd.DataFrame, info: dict[str, Any]) -> dict[str, Any]:
    """Summarise which features of one modality one model selected in its folds."""
    features = selected["feature"].str.removeprefix(f"{name}__")
    by_fold = [selected["repeat"], selected["fold"]]
    chosen = pd.crosstab(by_fold, features) > 0
    # Of equal shares, those first that the folds rank higher.
    ranks = selected.groupby(["repeat", "fold"]).cumcount().groupby(features).mean()
    order = ranks.sort_values(kind="stable").index
    shares = chosen.mean()[order].sort_values(ascending=False, kind="stable")
    n_features = info.get("n_features", {}).get(name)
    stability = None
    if n_features is not None and len(chosen) > 1:
        never = np.zeros((len(chosen), n_features - chosen.shape[1]), dtype=bool)
        stability = stability_index(np.hstack([chosen.to_numpy(), never]))
    return {
        "name": name,
        "n_features": n_features,
        "per_fold": chosen.sum(axis=1).mean(),
        "always": list(shares.index[shares == 1]),
        "ever": len(shares),
        "stability": stability,
        "shares": shares,
        "top": [{"feature": f, "share": share} for f, share in shares[:MOST_LISTED].items()],
    }

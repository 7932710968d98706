"""What several sections of the report need, computed once, and its headline."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pandas as pd

from ..benchmark import Comparison
from ..benchmark._chance import at_chance
from ..benchmark._metrics import metric_label
from ..inspection import ModalityImportance
from ._format import format_duration

__all__ = ["SIGNIFICANT", "Inspected", "Overview", "facts", "headline", "overview_of"]

# Level of significance.
SIGNIFICANT = 0.05

Pairs = dict[tuple[str, str], dict[str, float]]


class Inspected(NamedTuple):
    """What is known of how a model decides.

    Parameters
    ----------
    importance : ModalityImportance, default=None
        How much each table matters.
    features : DataFrame of shape (n_features, n_classes), default=None
        Signed importance of features.
    maps : mapping of class to DataFrame, default=None
        Attention maps.
    """

    importance: ModalityImportance | None = None
    features: pd.DataFrame | None = None
    maps: Mapping[Any, pd.DataFrame] | None = None


@dataclass(frozen=True)
class Overview:
    """A comparison and what its sections share.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    at_chance : frozenset of str
        Models that predict no better than chance.
    summary : DataFrame
        Summary, best model first, those at chance last.
    pairs : dict of (str, str) to dict
        ``difference``, ``p`` and ``p_holm`` of every ordered pair that can be tested.
    inspected : Inspected
        What is known of how a model decides.
    """

    comparison: Comparison
    at_chance: frozenset[str]
    summary: pd.DataFrame
    pairs: Pairs
    inspected: Inspected

    @property
    def names(self) -> list[str]:
        """Names of the models, in the order of the summary."""
        return list(self.summary.index)

    @property
    def metric(self) -> str:
        """The first metric."""
        return self.comparison.metrics[0]

    @property
    def info(self) -> dict[str, Any]:
        """What the comparison says of itself."""
        return self.comparison.info


def overview_of(comparison: Comparison, inspected: Inspected) -> Overview:
    """Compute what the sections share.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    inspected : Inspected
        What is known of how a model decides.

    Returns
    -------
    Overview
        The comparison with its summary and tests.
    """
    guessing = at_chance(comparison)
    summary = comparison.summary()
    order = summary.index.isin(guessing).argsort(kind="stable")
    return Overview(comparison, guessing, summary.iloc[order], _pairs(comparison), inspected)


def facts(overview: Overview) -> list[str]:
    """Say how large the data and the comparison were, as far as that is known."""
    info = overview.info
    found = [f"{len(overview.comparison.classes)} classes"]
    if "n_samples" in info:
        found.insert(0, f"{info['n_samples']:,} samples")
    sizes = [f"{number:,} {modality}" for modality, number in info.get("n_features", {}).items()]
    if sizes:
        found.append(f"{' + '.join(sizes)} features")
    if "n_folds" in info:
        repeats = info.get("n_repeats", 1)
        found.append(f"{info['n_folds']} folds" + (f" × {repeats} repeats" if repeats > 1 else ""))
    if "seconds" in info:
        found.append(f"computed in {format_duration(info['seconds'])}")
    return found


def headline(overview: Overview) -> dict[str, Any]:
    """Say which model leads, and whether by more than chance."""
    summary, metric = overview.summary, overview.metric
    best = summary.index[0]
    shown = {
        "best": best,
        "metric": metric_label(metric),
        "mean": summary.loc[best, (metric, "mean")],
        "std": summary.loc[best, (metric, "std")],
    }
    if (best, *summary.index[1:2]) in overview.pairs:
        second = summary.index[1]
        better, equal, _ = overview.comparison.bayes(best, second)
        pair = overview.pairs[best, second]
        shown |= {"second": second, "better": better, "equal": equal, **pair}
        shown["significant"] = shown["p_holm"] < SIGNIFICANT
    return shown


def _pairs(comparison: Comparison) -> Pairs:
    """Test all pairs of estimators that have scores of two folds, which a test needs."""
    first = comparison.scores[comparison.scores["metric"] == comparison.metrics[0]]
    counts = first.groupby("estimator")["value"].count()
    testable = comparison.scores["estimator"].isin(counts.index[counts > 1])
    if (counts > 1).sum() < 2:
        return {}
    table = replace(comparison, scores=comparison.scores[testable]).pairwise()
    return table.set_index(["estimator", "other"])[["difference", "p", "p_holm"]].to_dict("index")

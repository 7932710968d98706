"""What several sections of the report share, computed once, and the report's headline."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from ..benchmark._comparison import Comparison, at_chance
from ..inspection._importance import ModalityImportance

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Overview:
    """A comparison, what its sections share, and the parameters of :func:`write_report`."""

    comparison: Comparison
    importance: ModalityImportance | None = None
    features: pd.DataFrame | None = None
    maps: Mapping[Any, pd.DataFrame] | None = None

    @cached_property
    def at_chance(self) -> frozenset[str]:
        """Models that predict no better than chance."""
        return at_chance(self.comparison)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Summary, best model first, those at chance last."""
        summary = self.comparison.summary()
        return summary.iloc[summary.index.isin(self.at_chance).argsort(kind="stable")]

    @cached_property
    def pairs(self) -> dict[tuple[str, str], dict[str, float]]:
        """Difference, p values and significance of every ordered pair that can be tested."""
        try:
            table = self.comparison.pairwise().dropna()
        except ValueError:  # a test needs scores of two models in two folds
            return {}
        table["significant"] = table["p_holm"] < SIGNIFICANT
        columns = ["difference", "p", "p_holm", "significant"]
        return table.set_index(["estimator", "other"])[columns].to_dict("index")

    @cached_property
    def class_sizes(self) -> dict[str, int]:
        """The size of each class, as recorded or among the tested samples."""
        sizes = self.data.get("class_sizes")
        if sizes is None:
            tested = self.comparison.predictions.drop_duplicates("sample")
            sizes = tested["target"].map(str).value_counts().to_dict()
        return {label: int(sizes.get(label, 0)) for label in self.classes}

    @property
    def classes(self) -> list[str]:
        return [str(label) for label in self.comparison.classes]

    @property
    def names(self) -> list[str]:
        return list(self.summary.index)

    @property
    def metric(self) -> str:
        return self.comparison.metrics[0]

    @property
    def source(self) -> str:
        """What the data are, empty if that was not recorded."""
        return self.data.get("source", "")

    @property
    def info(self) -> dict[str, Any]:
        """What the comparison records about data, models and machine."""
        return self.comparison.info

    @property
    def data(self) -> dict[str, Any]:
        return self.info.get("data", {})


def headline(overview: Overview) -> dict[str, Any]:
    best, *others = overview.names
    mean, std = overview.summary.loc[best, overview.metric][["mean", "std"]]
    shown = {"best": best, "mean": mean, "std": std}
    pair = overview.pairs.get((best, others[0])) if others else None
    if pair is not None:
        better, equal, _ = overview.comparison.bayes(best, others[0])
        shown |= {"second": others[0], "better": better, "equal": equal, **pair}
    return shown

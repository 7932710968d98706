"""The display of a comparison, fold by fold."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from .._text import visible
from ..benchmark._comparison import FOLD, Comparison, at_chance
from ..benchmark._metrics import metric_label
from ..benchmark._statistics import corrected_variance
from ._common import PLAIN, Display, draw_strips

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(kw_only=True, eq=False, repr=False)
class ComparisonDisplay(Display):
    """Scores of models, with a point for every fold, the mean, and a confidence interval.

    Parameters
    ----------
    scores : DataFrame of shape (n_folds, n_estimators)
        The score of each fold; columns in the order to draw, the first on top.
    intervals : DataFrame of shape (n_estimators, 3)
        ``mean``, ``lower`` and ``upper`` of each estimator.
    metric : str
        Name of the metric.
    at_chance : collection of str, default=()
        Estimators that predict no better than chance. They do not stretch the axis; an arrow and
        the mean mark those outside of it.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where the display is drawn.
    points_ : list of matplotlib PathCollection
        The folds of each estimator.

    See Also
    --------
    xmodal_sklearn.report.write_report : Draw all metrics, and more.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.linear_model import LogisticRegression
    >>> from xmodal_sklearn.benchmark import compare
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.plotting import ComparisonDisplay
    >>> X, y = make_multiomics(100, {"exp": 40, "mut": 10}, return_X_y=True, random_state=0)
    >>> models = {"logistic": LogisticRegression(max_iter=1000), "dummy": DummyClassifier()}
    >>> display = ComparisonDisplay.from_comparison(compare(models, X, y, cv=3))
    >>> display.scores.shape
    (3, 2)
    """

    scores: pd.DataFrame
    intervals: pd.DataFrame
    metric: str
    at_chance: Collection[str] = ()

    @classmethod
    def from_comparison(
        cls,
        comparison: Comparison,
        *,
        metric: str | None = None,
        confidence: float = 0.95,
        ax: "Axes | None" = None,
    ) -> "ComparisonDisplay":
        """Draw the result of :func:`~xmodal_sklearn.benchmark.compare`.

        Parameters
        ----------
        comparison : Comparison
            The comparison.
        metric : str, default=None
            The metric to draw; None uses the first.
        confidence : float, default=0.95
            Coverage of the intervals, in (0, 1).
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        ComparisonDisplay
            The display, drawn.

        Notes
        -----
        Folds share training samples. The intervals use the corrected variance of Nadeau and Bengio
        (Machine Learning 52, 2003), which is 1 / (number of folds) + (test samples) / (training
        samples) times the variance between folds.
        """
        metric = metric or comparison.metrics[0]
        table = comparison.scores[comparison.scores["part"] == ""]
        if metric not in table["metric"].unique():
            metrics = list(table["metric"].unique())
            raise ValueError(f"The comparison has no metric {metric!r}. Choose one of {metrics}.")
        by_fold = table[table["metric"].isin([metric, "n_train", "n_test"])].pivot(  # noqa: PD010
            index=FOLD, columns=["metric", "estimator"], values="value"
        )
        scores = by_fold[metric][list(comparison.summary().index)]
        ratio = (by_fold["n_test"] / by_fold["n_train"]).mean()
        intervals = mean_intervals(scores, ratio[scores.columns], confidence)
        return cls(
            scores=scores, intervals=intervals, metric=metric, at_chance=at_chance(comparison)
        ).plot(ax)

    def plot(self, ax: "Axes | None" = None, **point_kwargs: Any) -> "ComparisonDisplay":
        """Draw the folds from top to bottom, mean and interval of each estimator.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **point_kwargs : dict
            Passed to ``Axes.scatter`` for the folds.

        Returns
        -------
        ComparisonDisplay
            The display itself.
        """
        self._set_axes(ax, height=1.2 + 0.4 * self.scores.shape[1])
        intervals = self.intervals.loc[list(self.scores)]
        for row, ends in enumerate(intervals[["lower", "upper"]].to_numpy()):
            self.ax_.plot(ends, [row, row], color="black", linestyle="-", linewidth=1.2)
        style = {"s": 12, "alpha": 0.45, **point_kwargs}
        means = intervals["mean"]
        self.points_ = draw_strips(self.ax_, self.scores, means, height=0.5, **style)
        self.ax_.set_xlim(self._limits())
        self.ax_.set_xlabel(visible(metric_label(self.metric)), **PLAIN)
        low, high = sorted(self.ax_.get_xlim())
        for row, mean in enumerate(means):
            if mean < low:
                text, x, align = f"◂ {mean:.3g}", 0, "left"
            elif mean > high:
                text, x, align = f"{mean:.3g} ▸", 1, "right"
            else:
                continue
            style = {"va": "center", "color": "dimgrey", "fontsize": "small"}
            self.ax_.annotate(text, (x, row), xycoords=("axes fraction", "data"), ha=align, **style)
        return self

    def _limits(self) -> tuple[float, float] | None:
        """Return limits that contain all folds of estimators better than chance."""
        rows = ~self.scores.columns.isin(self.at_chance)
        values = self.scores.loc[:, rows].to_numpy()
        if np.isnan(values).all():
            return None
        low, high = np.nanmin(values), np.nanmax(values)
        # Intervals over two or three folds are so wide that nothing else could be seen.
        room = (high - low) / 2 or 0.01
        lower, upper = (self.intervals.loc[rows, end] for end in ("lower", "upper"))
        low = max(low - room, np.nanmin([low, *lower]))
        high = min(high + room, np.nanmax([high, *upper]))
        margin = 0.04 * (high - low) or 0.01
        return low - margin, high + margin


def mean_intervals(
    scores: pd.DataFrame, test_to_train: float | pd.Series, confidence: float
) -> pd.DataFrame:
    """Return ``mean``, ``lower`` and ``upper`` over the folds of each column of scores."""
    mean, n_folds = scores.mean(), scores.count()
    error = np.sqrt(corrected_variance(scores.var(), n_folds, test_to_train))
    margin = stats.t.ppf(0.5 + confidence / 2, df=n_folds - 1) * error
    return pd.DataFrame({"mean": mean, "lower": mean - margin, "upper": mean + margin})

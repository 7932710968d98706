"""The display of a score against K."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._text import visible
from ..benchmark._metrics import metric_label
from ._common import PLAIN, Display, draw_legend, line_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(kw_only=True, eq=False, repr=False)
class KScoreDisplay(Display):
    """The score against K, the number of features selected per modality.

    Create it with :meth:`from_estimator` or :meth:`from_scores`.

    Parameters
    ----------
    scores : DataFrame
        One row per group and K: ``group``, ``k``, ``mean`` and ``std`` over the folds.
    score_name : str
        Name of the score.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where the display is drawn.
    lines_ : list of matplotlib ErrorbarContainer
        One per group.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from xmodal_sklearn import MultiOmicsSelector
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.plotting import KScoreDisplay
    >>> X, y = make_multiomics(100, {"exp": 40, "mut": 10}, return_X_y=True, random_state=0)
    >>> model = make_pipeline(MultiOmicsSelector(), LogisticRegression(max_iter=5000))
    >>> search = GridSearchCV(model, {"multiomicsselector__k": [5, 10, 20]}, cv=3).fit(X, y)
    >>> KScoreDisplay.from_estimator(search).scores["k"].to_list()
    [5, 10, 20]
    """

    scores: pd.DataFrame
    score_name: str

    @classmethod
    def from_estimator(
        cls,
        search: BaseEstimator,
        *,
        param: str | None = None,
        score_name: str | None = None,
        ax: "Axes | None" = None,
    ) -> "KScoreDisplay":
        """Draw a fitted search over K.

        Parameters
        ----------
        search : GridSearchCV or another search with ``cv_results_``
            Fitted over K, and over other parameters, whose combinations are drawn as lines.
        param : str, default=None
            The parameter that is K; None uses the only one named ``k`` or ending in ``__k``.
        score_name : str, default=None
            Name of the score; None uses that of the search.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        KScoreDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the search was not over K, over several such parameters, or over K as a dict.
        """
        check_is_fitted(search, "cv_results_")
        parameters = list(search.cv_results_["params"])
        varied = sorted({name for setting in parameters for name in setting})
        param = param or _only_k(varied)
        if param not in varied:
            raise ValueError(f"The search was not over {param!r}, but over {varied}.")
        metric = search.refit if isinstance(search.refit, str) else "score"
        scores = pd.DataFrame(
            {
                "group": [_label_setting(setting, without=param) for setting in parameters],
                "k": [setting.get(param) for setting in parameters],
                "mean": search.cv_results_[f"mean_test_{metric}"],
                "std": search.cv_results_[f"std_test_{metric}"],
            }
        )
        _check_ks(scores["k"])
        if score_name is None:
            scoring = metric if metric != "score" else search.scoring
            score_name = metric_label(scoring) if isinstance(scoring, str) else "score"
        return cls(scores=scores, score_name=score_name).plot(ax)

    @classmethod
    def from_scores(
        cls,
        scores: pd.DataFrame,
        *,
        k: str = "k",
        score: str = "score",
        group: str | None = None,
        ax: "Axes | None" = None,
    ) -> "KScoreDisplay":
        """Draw scores from a table with one row per fold.

        Parameters
        ----------
        scores : DataFrame
            One row per K and fold, and per group if there are groups.
        k : str, default="k"
            Column that holds K.
        score : str, default="score"
            Column that holds the score.
        group : str, default=None
            Column with the name of the line, such as the modalities used; None draws one line.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        KScoreDisplay
            The display, drawn.
        """
        absent = [name for name in (k, score, group) if name is not None and name not in scores]
        if absent:
            raise ValueError(f"scores has no column {absent[0]!r}. Choose from {list(scores)}.")
        _check_ks(scores[k])
        # Groups keep their order in the table.
        groups = "" if group is None else scores[group].map(str)
        table = pd.DataFrame({"group": groups, "k": scores[k], "score": scores[score]})
        summary = table.groupby(["group", "k"], sort=False)["score"].agg(["mean", "std"])
        return cls(scores=summary.reset_index(), score_name=metric_label(score)).plot(ax)

    def plot(self, ax: "Axes | None" = None, **line_kwargs: Any) -> "KScoreDisplay":
        """Draw the mean score against K, with bars of one standard deviation over the folds.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_kwargs : dict
            Passed to ``Axes.errorbar``.

        Returns
        -------
        KScoreDisplay
            The display itself.
        """
        self._set_axes(ax)
        ks = sorted(self.scores["k"].unique(), key=lambda k: (k == "all", k))
        # "all" is not a number: it follows the numbers, all at equal distances.
        ticks = {k: rank for rank, k in enumerate(ks)} if "all" in ks else {k: k for k in ks}
        self.lines_ = []
        for index, (name, rows) in enumerate(self.scores.groupby("group", sort=False)):
            style = {**line_style(index), "markersize": 4, "capsize": 2, **line_kwargs}
            rows = rows.assign(x=rows["k"].map(ticks)).sort_values("x", kind="stable")
            style["label"] = visible(name)
            self.lines_.append(self.ax_.errorbar(rows["x"], rows["mean"], rows["std"], **style))
        if "all" not in ks and len(ks) > 1:
            self.ax_.set_xscale("log")
        self.ax_.set_xticks(list(ticks.values()), labels=[f"{k}" for k in ks])
        self.ax_.minorticks_off()
        self.ax_.set_xlabel("features per modality, K")
        self.ax_.set_ylabel(visible(self.score_name), **PLAIN)
        if len(self.lines_) > 1:
            draw_legend(self.ax_, self.lines_)
        return self


def _only_k(names: list[str]) -> str:
    ks = [name for name in names if name == "k" or name.endswith("__k")]
    if len(ks) != 1:
        raise ValueError(
            "The search must be over one parameter named k or ending in __k, but it was over "
            f"{names}. Pass the name of the parameter that is K as param=."
        )
    return ks[0]


def _label_setting(parameters: dict, *, without: str) -> str:
    """Return all parameters but one as text, each with the last part of its name."""
    others = {name: value for name, value in parameters.items() if name != without}
    return ", ".join(f"{name.rpartition('__')[2]}={value}" for name, value in others.items())


def _check_ks(ks: pd.Series) -> None:
    for k in ks:
        if k != "all" and not isinstance(k, int | np.integer):
            raise ValueError(f'K must be an integer or "all" to be drawn, got {k!r}.')

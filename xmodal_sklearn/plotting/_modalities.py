"""Displays of modalities: their importance fold by fold, and the score without each."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import StrOptions

from .._text import visible
from .._typing import Labels, Scoring, Seed, Table, at_least, check_arguments
from ..benchmark._metrics import metric_label
from ..inspection._importance import ModalityImportance, ablation_scores, modality_importance
from ._common import PLAIN, Display, draw_strips

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELS = {
    "permutation": "loss in score when permuted",
    "shapley": "share of the score (Shapley value)",
    "gradients": "share of integrated gradients",
    "stacking": "stacking weight",
}


class ModalityImportanceDisplay(Display):
    """Importance of each modality by one measure, with a point for every fold.

    Create it with :meth:`from_estimator` or :meth:`from_importance`.

    Parameters
    ----------
    importance : ModalityImportance
        The measures of importance.
    measure : {"shapley", "permutation", "gradients", "stacking"}, default="shapley"
        Which measure to draw.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where the display is drawn.

    See Also
    --------
    xmodal_sklearn.inspection.modality_importance : Compute the measures.

    Examples
    --------
    >>> from xmodal_sklearn import CrossModalAttentionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.plotting import ModalityImportanceDisplay
    >>> X, y = make_multiomics(120, {"exp": 40, "mut": 10}, 2, return_X_y=True, random_state=0)
    >>> model = CrossModalAttentionClassifier(n_estimators=2, max_epochs=5, random_state=0)
    >>> display = ModalityImportanceDisplay.from_estimator(model, X, y, cv=2, random_state=0)
    >>> display.ax_.get_xlabel()
    'share of the score (Shapley value)'
    """

    def __init__(self, importance: ModalityImportance, *, measure: str = "shapley"):
        self.importance = importance
        self.measure = measure

    @classmethod
    def from_estimator(
        cls,
        model: BaseEstimator,
        X: Any,
        y: Any,
        *,
        measure: str = "shapley",
        ax: "Axes | None" = None,
        **settings: Any,
    ) -> "ModalityImportanceDisplay":
        """Compute the importance of each modality, and draw it.

        Parameters
        ----------
        model : CrossModalAttentionClassifier, or Pipeline that ends in one
            Fitted or not.
        X : DataFrame or array of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Their classes.
        measure : {"shapley", "permutation", "gradients", "stacking"}, default="shapley"
            Which measure to draw.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **settings : dict
            Passed to :func:`~xmodal_sklearn.inspection.modality_importance`.

        Returns
        -------
        ModalityImportanceDisplay
            The display, drawn.
        """
        importance = modality_importance(model, X, y, **settings)
        return cls.from_importance(importance, measure=measure, ax=ax)

    @classmethod
    def from_importance(
        cls, importance: ModalityImportance, *, measure: str = "shapley", ax: "Axes | None" = None
    ) -> "ModalityImportanceDisplay":
        """Draw measures that were computed before.

        Parameters
        ----------
        importance : ModalityImportance
            The measures of importance.
        measure : {"shapley", "permutation", "gradients", "stacking"}, default="shapley"
            Which measure to draw.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        ModalityImportanceDisplay
            The display, drawn.
        """
        if not isinstance(importance, ModalityImportance):
            raise TypeError(
                "importance must be a ModalityImportance, as modality_importance returns, got "
                f"{type(importance).__name__}."
            )
        if measure not in LABELS:
            raise ValueError(f"measure must be one of {list(LABELS)}, got {measure!r}.")
        return cls(importance, measure=measure).plot(ax)

    def plot(self, ax: "Axes | None" = None, **point_kwargs: Any) -> "ModalityImportanceDisplay":
        """Draw a row of points and their mean for each modality.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **point_kwargs : dict
            Passed to ``Axes.scatter``.

        Returns
        -------
        ModalityImportanceDisplay
            The display itself.
        """
        values = self.importance.folds[self.measure].dropna(axis=1)
        self._set_axes(ax, height=1.4 + 0.4 * values.shape[1])
        draw_strips(self.ax_, values, values.mean(), height=0.3, **point_kwargs)
        self.ax_.axvline(0, color="lightgrey", zorder=0)
        self.ax_.set_xlabel(LABELS[self.measure])
        return self


@dataclass(kw_only=True, eq=False, repr=False)
class ModalityAblationDisplay(Display):
    """Score of a fitted model without each modality.

    Parameters
    ----------
    score : float
        The score with all modalities.
    scores : DataFrame of shape (n_repeats, n_modalities)
        The scores without each modality.
    method : {"permute", "absent"}
        How a modality was removed.
    score_name : str
        Name of the score.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where the display is drawn.
    points_ : list of matplotlib PathCollection
        The repeats of each modality.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.plotting import ModalityAblationDisplay
    >>> X, y = make_multiomics(200, {"exp": 40, "mut": 10}, return_X_y=True, random_state=0)
    >>> model = LogisticRegression(max_iter=1000).fit(X[:100], y[:100])
    >>> display = ModalityAblationDisplay.from_estimator(model, X[100:], y[100:], random_state=0)
    >>> list(display.scores)
    ['exp', 'mut']
    """

    score: float
    scores: pd.DataFrame
    method: str
    score_name: str

    @classmethod
    @check_arguments(
        method=[StrOptions({"permute", "absent"})],
        n_repeats=[at_least(1)],
        random_state=["random_state"],
    )
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Table,
        y: Labels,
        *,
        modalities: dict | None = None,
        method: str = "permute",
        scoring: Scoring = None,
        n_repeats: int = 10,
        random_state: Seed = None,
        ax: "Axes | None" = None,
    ) -> "ModalityAblationDisplay":
        """Score a fitted estimator without each modality in turn, and draw the scores.

        Parameters
        ----------
        estimator : estimator
            Fitted, for example a pipeline.
        X : DataFrame or array of shape (n_samples, n_features)
            Samples that the estimator was not fitted to.
        y : array-like of shape (n_samples,)
            Class labels.
        modalities : dict of str to columns, default=None
            The columns of each modality; None reads them from the column names.
        method : {"permute", "absent"}, default="permute"
            ``"permute"`` exchanges the modality between samples, all of its columns together.
            ``"absent"`` sets its columns to NaN, for estimators that accept absent modalities.
        scoring : str or callable, default=None
            The score; None uses that of the estimator.
        n_repeats : int, default=10
            Number of permutations; with ``"absent"``, a single score is computed.
        random_state : int, RandomState instance or None, default=None
            Determines the permutations.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        ModalityAblationDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a sample would have no modality left, or the estimator does not accept NaN.

        Notes
        -----
        The loss may be small for modalities that share information, even if each alone suffices.
        """
        n_repeats = 0 if method == "absent" else n_repeats
        score, scores = ablation_scores(
            estimator, X, y, modalities, scoring, n_repeats, random_state
        )
        score_name = metric_label(scoring) if isinstance(scoring, str) else "score"
        return cls(score=score, scores=scores, method=method, score_name=score_name).plot(ax)

    def plot(self, ax: "Axes | None" = None, **point_kwargs: Any) -> "ModalityAblationDisplay":
        """Draw the scores without each modality, and a line at the score with all of them.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **point_kwargs : dict
            Passed to ``Axes.scatter``.

        Returns
        -------
        ModalityAblationDisplay
            The display itself.
        """
        suffix = {"permute": "permuted", "absent": "absent"}[self.method]
        means = self.scores.mean()
        self._set_axes(ax, height=1.5 + 0.5 * len(means))
        self.ax_.hlines(range(len(means)), means, self.score, color="lightgrey", zorder=1)
        self.points_ = draw_strips(self.ax_, self.scores, means, height=0.4, **point_kwargs)
        names = [f"{visible(modality)} {suffix}" for modality in self.scores]
        self.ax_.set_yticks(range(len(names)), names, **PLAIN)
        self.ax_.axvline(self.score, color="black", linestyle=":", label="all modalities")
        self.ax_.set_xlabel(visible(self.score_name), **PLAIN)
        self.ax_.legend(loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False)
        return self

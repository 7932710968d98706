"""How much each modality matters, fold by fold."""

from typing import Any

import numpy as np

from .._text import visible
from ..inspection import ModalityImportance, modality_importance
from ._common import PLAIN, SERIES, drawing_axes

__all__ = ["ModalityImportanceDisplay"]

LABELS = {
    "permutation": "score lost by permuting",
    "shapley": "share of the score (Shapley value)",
    "gradients": "share of integrated gradients",
    "stacking": "stacking weight",
}


class ModalityImportanceDisplay:
    """How much each modality matters by one measure, every fold a point.

    Create it by :meth:`from_estimator` or :meth:`from_importance`.

    Parameters
    ----------
    importance : ModalityImportance
        The measures.
    measure : {"shapley", "permutation", "gradients", "stacking"}, default="shapley"
        Which of them to draw.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        Their figure.

    See Also
    --------
    xmodal_sklearn.inspection.modality_importance : Measures.

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
        model: Any,
        X: Any,
        y: Any,
        *,
        measure: str = "shapley",
        ax: Any = None,
        **settings: Any,
    ) -> "ModalityImportanceDisplay":
        """Measure the importance of each modality, and draw it.

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
        return cls.from_importance(
            modality_importance(model, X, y, **settings), measure=measure, ax=ax
        )

    @classmethod
    def from_importance(
        cls, importance: ModalityImportance, *, measure: str = "shapley", ax: Any = None
    ) -> "ModalityImportanceDisplay":
        """Draw measures that are there already.

        Parameters
        ----------
        importance : ModalityImportance
            The measures.
        measure : {"shapley", "permutation", "gradients", "stacking"}, default="shapley"
            Which of them to draw.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        ModalityImportanceDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If `importance` is something else.
        ValueError
            If there is no such measure.
        """
        if not isinstance(importance, ModalityImportance):
            raise TypeError(
                "importance must be what modality_importance returns, got "
                f"{type(importance).__name__}."
            )
        if measure not in LABELS:
            raise ValueError(f"measure must be one of {list(LABELS)}, got {measure!r}.")
        return cls(importance, measure=measure).plot(ax)

    def plot(self, ax: Any = None, **point_kwargs: Any) -> "ModalityImportanceDisplay":
        """Draw a row of points per modality, and their mean.

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
        self.ax_ = drawing_axes(ax, height=1.4 + 0.4 * values.shape[1])
        self.figure_ = self.ax_.figure
        spread = np.linspace(-0.15, 0.15, len(values)) if len(values) > 1 else np.zeros(1)
        style = {"s": 16, "color": SERIES[0], "alpha": 0.6, "linewidths": 0, **point_kwargs}
        for row, modality in enumerate(values):
            self.ax_.scatter(values[modality], row + spread, **style)
            self.ax_.plot(values[modality].mean(), row, color="black", marker="D", markersize=5)
        self.ax_.axvline(0, color="lightgrey", zorder=0)
        self.ax_.set_yticks(range(values.shape[1]), list(map(visible, values)), **PLAIN)
        self.ax_.set(ylim=(values.shape[1] - 0.5, -0.5), xlabel=LABELS[self.measure])
        return self

"""Which features speak for which class, and which way."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import Interval, validate_params

from .._text import visible
from ..inspection import integrated_gradients
from ._common import PLAIN, drawing_axes

__all__ = ["FeatureImportanceDisplay"]

MIN_ROWS = 8  # that leave room for the label of the colours


class FeatureImportanceDisplay:
    """The features with the largest attributions, signed, by class.

    Create it by :meth:`from_estimator` or :meth:`from_importance`.

    Parameters
    ----------
    importance : DataFrame of shape (n_features, n_classes)
        Positive where high values speak for a class, negative where low values do.
    n : int, default=20
        How many features to draw.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        Their figure.
    shown_ : DataFrame of shape (n, n_classes)
        What is drawn, the largest first.

    See Also
    --------
    xmodal_sklearn.inspection.integrated_gradients : Attributes logits to features.

    Examples
    --------
    >>> from xmodal_sklearn import CrossModalAttentionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.plotting import FeatureImportanceDisplay
    >>> X, y = make_multiomics(120, {"exp": 40, "mut": 10}, 2, return_X_y=True, random_state=0)
    >>> model = CrossModalAttentionClassifier(n_estimators=2, max_epochs=5, random_state=0)
    >>> display = FeatureImportanceDisplay.from_estimator(model.fit(X, y), X, n=10)
    >>> display.shown_.shape
    (10, 2)
    """

    def __init__(self, importance: pd.DataFrame, *, n: int = 20):
        self.importance = importance
        self.n = n

    @classmethod
    def from_estimator(
        cls, model: Any, X: Any, *, n: int = 20, ax: Any = None
    ) -> "FeatureImportanceDisplay":
        """Attribute the logits of samples to their features, and draw the summary.

        Parameters
        ----------
        model : CrossModalAttentionClassifier, or Pipeline or search that ends in one
            Fitted.
        X : DataFrame or array of shape (n_samples, n_features)
            Samples to summarise over.
        n : int, default=20
            How many features to draw.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        FeatureImportanceDisplay
            The display, drawn.
        """
        return cls.from_importance(integrated_gradients(model, X).importance(), n=n, ax=ax)

    @classmethod
    @validate_params(
        {"importance": [pd.DataFrame], "n": [Interval(Integral, 1, None, closed="left")]},
        prefer_skip_nested_validation=True,
    )
    def from_importance(
        cls, importance: pd.DataFrame, *, n: int = 20, ax: Any = None
    ) -> "FeatureImportanceDisplay":
        """Draw a summary that is there already.

        Parameters
        ----------
        importance : DataFrame of shape (n_features, n_classes)
            As :meth:`Attributions.importance <xmodal_sklearn.inspection.Attributions.importance>`
            returns it.
        n : int, default=20
            How many features to draw.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        FeatureImportanceDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there is no feature or no class.
        """
        if importance.empty:
            raise ValueError("importance has no features or no classes: there is nothing to draw.")
        return cls(importance, n=n).plot(ax)

    def plot(self, ax: Any = None, **image_kwargs: Any) -> "FeatureImportanceDisplay":
        """Draw a table of colours, a row per feature and a column per class.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **image_kwargs : dict
            Passed to ``Axes.imshow``.

        Returns
        -------
        FeatureImportanceDisplay
            The display itself.
        """
        order = self.importance.abs().max(axis=1).sort_values(ascending=False, kind="stable")
        self.shown_ = self.importance.loc[order.index[: self.n]]
        n_rows, n_classes = self.shown_.shape
        self.ax_ = drawing_axes(ax, height=1.6 + 0.22 * max(n_rows, MIN_ROWS))
        self.figure_ = self.ax_.figure
        limit = float(np.abs(self.shown_.to_numpy()).max()) or 1.0
        # Purple and orange are told apart by all who see colours differently.
        style = {"cmap": "PuOr_r", "vmin": -limit, "vmax": limit, "aspect": "auto", **image_kwargs}
        image = self.ax_.imshow(self.shown_.to_numpy(), **style)
        names = [visible(name) for name in self.shown_.columns]
        turned = sum(map(len, names)) > 20
        self.ax_.set_xticks(
            range(n_classes),
            names,
            rotation=45 if turned else 0,
            ha="right" if turned else "center",
            **PLAIN,
        )
        self.ax_.set_yticks(range(n_rows), [_short(name) for name in self.shown_.index], **PLAIN)
        self.ax_.tick_params(length=0)
        self.ax_.grid(visible=False)
        if n_rows < len(self.importance):
            self.ax_.set_title(f"{n_rows} of {len(self.importance):,} features", fontsize="medium")
        bar = self.figure_.colorbar(image, ax=self.ax_)
        bar.set_label("mean attribution in logits\n− low values, + high values")
        return self


def _short(name: Any, longest: int = 28) -> str:
    """Cut names that would leave no room for the figure."""
    text = visible(name).replace("__", " ", 1)
    return text if len(text) <= longest else text[: longest - 1] + "…"

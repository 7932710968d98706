"""A display of shapes: what each feature adds to the logits in the additive branch."""

from typing import Any

import pandas as pd

from .._text import visible
from .._typing import check_arguments
from ..inspection._shapes import additive_shapes
from ._common import PLAIN, Display, draw_legend, line_style
from ._features import _short

MAX_COLUMNS = 4
LEGEND_HEIGHT = 0.1  # of that of a panel, at least
BAR_WIDTH = 0.8  # of all classes together, beside one another
COLUMNS = ("feature", "class", "value", "contribution")


class AdditiveShapeDisplay(Display):
    """The shapes of the most important features in the additive branch, a panel for each.

    Create it by :meth:`from_estimator` or :meth:`from_shapes`.

    Parameters
    ----------
    shapes : DataFrame with the columns "feature", "class", "value" and "contribution"
        The shapes.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where the display is drawn.
    axes_ : list of matplotlib Axes
        The panels, the most important feature first.

    See Also
    --------
    xmodal_sklearn.inspection.additive_shapes : Compute the shapes.

    Examples
    --------
    >>> from xmodal_sklearn import CrossModalAttentionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.plotting import AdditiveShapeDisplay
    >>> X, y = make_multiomics(200, {"exp": 40, "mut": 10}, 2, return_X_y=True, random_state=0)
    >>> model = CrossModalAttentionClassifier(
    ...     branches=["mlp", "stumps"], n_estimators=2, max_epochs=5, random_state=0
    ... )
    >>> display = AdditiveShapeDisplay.from_estimator(model.fit(X, y), X, n_features=4)
    >>> len(display.axes_)
    4
    """

    def __init__(self, shapes: pd.DataFrame):
        self.shapes = shapes

    @classmethod
    def from_estimator(
        cls, model: Any, X: Any, *, n_features: int = 12, ax: Any = None
    ) -> "AdditiveShapeDisplay":
        """Compute the shapes of the most important features, and draw them.

        Parameters
        ----------
        model : CrossModalAttentionClassifier, or Pipeline or search that ends in one
            Fitted.
        X : DataFrame or array of shape (n_samples, n_features)
            Samples to average over, such as the training samples.
        n_features : int, default=12
            How many features to draw.
        ax : matplotlib Axes, default=None
            Where to draw, divided into panels; None makes a new figure.

        Returns
        -------
        AdditiveShapeDisplay
            The display, drawn.
        """
        return cls.from_shapes(additive_shapes(model, X, n_features=n_features), ax=ax)

    @classmethod
    @check_arguments(shapes=[pd.DataFrame])
    def from_shapes(cls, shapes: pd.DataFrame, *, ax: Any = None) -> "AdditiveShapeDisplay":
        """Draw shapes that were computed before.

        Parameters
        ----------
        shapes : DataFrame with the columns "feature", "class", "value" and "contribution"
            As :func:`~xmodal_sklearn.inspection.additive_shapes` returns them.
        ax : matplotlib Axes, default=None
            Where to draw, divided into panels; None makes a new figure.

        Returns
        -------
        AdditiveShapeDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a column is missing, or there is no feature.
        """
        missing = [name for name in COLUMNS if name not in shapes]
        if missing:
            raise ValueError(
                f"shapes has no column {missing[0]!r}. Pass a table as additive_shapes returns it."
            )
        if shapes.empty:
            raise ValueError("shapes has no features: there is nothing to draw.")
        return cls(shapes).plot(ax)

    def plot(self, ax: Any = None) -> "AdditiveShapeDisplay":
        """Draw a curve for each class, or bars for a feature of at most two values.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw, divided into panels; None makes a new figure.

        Returns
        -------
        AdditiveShapeDisplay
            The display itself.
        """
        panels = list(self.shapes.groupby("feature", sort=False))
        n_columns = min(len(panels), MAX_COLUMNS)
        n_rows = -(-len(panels) // n_columns)
        self._set_axes(ax, height=0.8 + 1.8 * n_rows, width=max(6.4, 2.4 * n_columns))
        self.ax_.set_axis_off()
        ratios = [LEGEND_HEIGHT, *[1] * n_rows]
        grid = self.ax_.get_subplotspec().subgridspec(len(ratios), n_columns, height_ratios=ratios)
        self.axes_: list[Any] = []
        places = [grid[1 + index // n_columns, index % n_columns] for index in range(len(panels))]
        for place, (feature, shape) in zip(places, panels, strict=True):
            first = self.axes_[0] if self.axes_ else None
            panel = self.figure_.add_subplot(place, sharey=first)
            handles = _draw_panel(panel, shape)
            panel.set_title(_short(feature), fontsize="small", **PLAIN)
            panel.tick_params(labelsize="small", labelleft=place.is_first_col())
            if place.is_first_col():
                panel.set_ylabel("contribution\nin logits", fontsize="small")
            self.axes_.append(panel)
        top = self.figure_.add_subplot(grid[0, :])
        top.set_axis_off()
        draw_legend(top, handles, loc="center", frameon=False, ncols=n_columns + 1)
        return self


def _draw_panel(ax: Any, shape: pd.DataFrame) -> list[Any]:
    """Draw the shape of a feature, and return a handle for each class."""
    from matplotlib.lines import Line2D

    ax.axhline(0, color="grey", linewidth=0.6)
    values = shape["value"].unique().tolist()
    curves = list(shape.groupby("class", sort=False))
    width = BAR_WIDTH / len(curves)
    handles = []
    for index, (label, curve) in enumerate(curves):
        color = line_style(index)["color"]
        style = {"color": color, "linestyle": line_style(index)["linestyle"]}
        handles.append(Line2D([], [], label=visible(label), **style))
        if len(values) > 2:
            ax.plot(curve["value"], curve["contribution"], **style)
            continue
        shift = (index - (len(curves) - 1) / 2) * width
        places = [values.index(value) + shift for value in curve["value"]]
        ax.bar(places, curve["contribution"], width, color=color)
    if len(values) <= 2:
        ax.set_xticks(range(len(values)), [f"{value:.4g}" for value in values])
    return handles

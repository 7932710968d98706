"""Displays of features: their attributions, and their interactions."""

from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import pdist
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import StrOptions

from .._text import visible
from .._typing import at_least, check_arguments
from ..inspection._attention_map import attention_map, top_pairs
from ..inspection._attributions import integrated_gradients
from ._common import PLAIN, Display, draw_heat_map, draw_legend, line_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME_STYLE = {"textcoords": "offset points", "va": "center", "fontsize": "small", **PLAIN}
MIN_LINES = 12  # lines of text that fit beside the smallest figure
MIN_ROWS = 8  # that leave room for the label of the colors


class AttentionMapDisplay(Display):
    """Interactions between features: a clustered heat map, or lines between the top pairs.

    Create it with :meth:`from_estimator` or :meth:`from_maps`.

    Parameters
    ----------
    maps : dict of str to DataFrame of shape (n_primary, n_source)
        The map of each class.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where the display is drawn.
    shown_ : DataFrame
        What is drawn: effects in the order of the heat map, or the top pairs.

    See Also
    --------
    xmodal_sklearn.inspection.attention_map : Compute the maps.

    Examples
    --------
    >>> from xmodal_sklearn import CrossModalAttentionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.plotting import AttentionMapDisplay
    >>> cohort = make_multiomics(
    ...     400, {"exp": 30, "cna": 30}, 2, interaction="cis", random_state=0
    ... )
    >>> model = CrossModalAttentionClassifier(n_estimators=2, random_state=0)
    >>> model = model.fit(cohort.data, cohort.target)
    >>> display = AttentionMapDisplay.from_estimator(model, cohort.data, n=10)
    >>> display.shown_.shape
    (10, 10)
    """

    def __init__(self, maps: Mapping[Any, pd.DataFrame]):
        self.maps = maps

    @classmethod
    def from_estimator(
        cls,
        model: BaseEstimator,
        X: Any,
        *,
        source: str | None = None,
        ax: "Axes | None" = None,
        **settings: Any,
    ) -> "AttentionMapDisplay":
        """Compute the maps of all classes, and draw them.

        Parameters
        ----------
        model : CrossModalAttentionClassifier, or Pipeline or search that ends in one
            Fitted.
        X : DataFrame or array of shape (n_samples, n_features)
            Samples to average over.
        source : str, default=None
            The modality that is attended to; None uses the only one.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **settings : dict
            Passed to :meth:`plot`.

        Returns
        -------
        AttentionMapDisplay
            The display, drawn.
        """
        maps: Any = attention_map(model, X, source=source, by="class")
        return cls.from_maps(maps, ax=ax, **settings)

    @classmethod
    def from_maps(
        cls, maps: Mapping[Any, pd.DataFrame], *, ax: "Axes | None" = None, **settings: Any
    ) -> "AttentionMapDisplay":
        """Draw maps that were computed before.

        Parameters
        ----------
        maps : dict of str to DataFrame of shape (n_primary, n_source)
            As ``attention_map(…, by="class")`` returns.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **settings : dict
            Passed to :meth:`plot`.

        Returns
        -------
        AttentionMapDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If it is empty, or if the maps have different features or none.
        """
        _check_maps(maps)
        return cls(maps).plot(ax, **settings)

    @check_arguments(
        kind=[StrOptions({"heatmap", "pairs"})],
        n=[at_least(2)],
        positions=[Mapping, pd.Series, None],
    )
    def plot(
        self,
        ax: "Axes | None" = None,
        *,
        kind: str = "heatmap",
        n: int = 25,
        positions: Mapping[Any, float] | pd.Series | None = None,
    ) -> "AttentionMapDisplay":
        """Draw the largest effects.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        kind : {"heatmap", "pairs"}, default="heatmap"
            ``"heatmap"`` clusters the features with the largest effects. ``"pairs"`` draws these as
            lines between the two modalities, in the color of the class affected most.
        n : int, default=25
            Features of each modality in the heat map, or pairs.
        positions : dict or Series of feature to number, default=None
            Where to draw the features, such as along the genome, for ``kind="pairs"``; None spaces
            them evenly.

        Returns
        -------
        AttentionMapDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the position of a feature to draw is missing or not a finite number.
        """
        first = next(iter(self.maps.values()))
        effects = np.stack([table.to_numpy() for table in self.maps.values()])
        strength = pd.DataFrame(np.sqrt(np.square(effects).mean(axis=0)), *first.axes)
        if kind == "heatmap":
            self._draw_heat_map(ax, strength, np.abs(effects), n)
        else:
            self._draw_pairs(ax, strength, np.abs(effects), n, positions)
        return self

    def _draw_heat_map(self, ax: Any, strength: pd.DataFrame, sizes: np.ndarray, n: int) -> None:
        """Draw the strongest rows and columns; sizes have shape (n_classes, *strength.shape)."""
        rows = strength.max(axis=1).nlargest(n).index
        columns = strength.max(axis=0).nlargest(n).index
        shown = strength.loc[rows, columns]
        shown = shown.iloc[_cluster_rows(shown.to_numpy()), _cluster_rows(shown.to_numpy().T)]
        self.shown_ = shown
        width = max(6.4, 2.2 + 0.17 * shown.shape[1])
        self._set_axes(ax, height=2.2 + 0.2 * len(shown), width=width)
        draw_heat_map(
            self.ax_,
            shown.rename(index=_gene, columns=_gene),
            label="effect in logits",
            column_style={"rotation": 90},
            cmap="cividis",
            vmin=0,
        )
        self.ax_.tick_params(labelsize="small")
        ylabel, xlabel = (
            f"{visible(names.name or '')} ({len(names)} of {len(axis):,})".strip()
            for names, axis in zip(shown.axes, strength.axes, strict=True)
        )
        self.ax_.set_xlabel(xlabel, **PLAIN)
        self.ax_.set_ylabel(ylabel, **PLAIN)
        # Names are in the color of the class affected most.
        row_codes = sizes.max(axis=2).argmax(axis=0)[strength.index.get_indexer(shown.index)]
        columns = strength.columns.get_indexer(shown.columns)
        column_codes = sizes.max(axis=1).argmax(axis=0)[columns]
        codes = np.concatenate([row_codes, column_codes])
        ticks = [*self.ax_.get_yticklabels(), *self.ax_.get_xticklabels()]
        for label, code in zip(ticks, codes, strict=True):
            label.set_color(line_style(code)["color"])
        self._name_classes(codes)

    def _draw_pairs(
        self, ax: Any, strength: pd.DataFrame, sizes: np.ndarray, n: int, positions: Any
    ) -> None:
        """Draw the strongest pairs; sizes have shape (n_classes, *strength.shape)."""
        pairs = top_pairs(strength, n)
        rows = strength.index.get_indexer(pairs["primary"])
        columns = strength.columns.get_indexer(pairs["source"])
        codes = sizes[:, rows, columns].argmax(axis=0)
        pairs["class"] = [list(self.maps)[code] for code in codes]
        self.shown_ = pairs
        sides = zip(("primary", "source"), strength.axes, strict=True)
        heights = {side: _heights(pairs[side], positions, axis) for side, axis in sides}
        self._set_axes(ax, height=2.2 + 0.18 * max(map(len, heights.values())))
        largest = pairs["effect"].max() if len(pairs) else 1
        for pair, code in zip(pairs.itertuples(index=False), codes, strict=True):
            ends = [heights["primary"][pair.primary], heights["source"][pair.source]]
            style = {**line_style(code), "linewidth": 0.5 + 3 * pair.effect / largest}
            self.ax_.plot([0, 1], ends, alpha=0.8, solid_capstyle="round", **style)
        self._name_features(heights, strength)
        self._name_classes(codes)

    def _name_classes(self, codes: np.ndarray) -> None:
        from matplotlib.lines import Line2D

        labels, shown = list(map(visible, self.maps)), np.unique(codes)
        handles = [Line2D([], [], label=labels[code], **line_style(code)) for code in shown]
        if handles:
            place: dict = {"loc": "lower center", "bbox_to_anchor": (0.5, 1), "ncols": 3}
            draw_legend(self.ax_, handles, title="class affected most", frameon=False, **place)

    def _name_features(self, heights: dict[str, dict[Any, float]], strength: pd.DataFrame) -> None:
        """Write names beside the ends of the lines, moved apart so that they do not overlap."""
        everything = [height for side in heights.values() for height in side.values()] or [0.0, 1.0]
        low, high = min(everything), max(everything)
        margin = 0.03 * (high - low or 1)
        for side, x, align, sign in (("primary", 0, "right", -1), ("source", 1, "left", 1)):
            label_heights = _move_apart(heights[side], low, high)
            for name, height in heights[side].items():
                end = x + 0.08 * sign, label_heights[name]
                line = [x, end[0]], [height, end[1]]
                self.ax_.plot(*line, color="grey", linewidth=0.5, clip_on=False)
                self.ax_.annotate(_gene(name), end, xytext=(2 * sign, 0), ha=align, **NAME_STYLE)
        self.ax_.set(xlim=(-0.45, 1.45), ylim=(high + margin, low - margin), yticks=[])
        self.ax_.set_xticks([0, 1], [visible(axis.name or "") for axis in strength.axes], **PLAIN)
        self.ax_.tick_params(length=0)
        self.ax_.spines[:].set_visible(False)
        self.ax_.grid(visible=False)


class FeatureImportanceDisplay(Display):
    """The features with the largest attributions, signed, by class.

    Create it with :meth:`from_estimator` or :meth:`from_importance`.

    Parameters
    ----------
    importance : DataFrame of shape (n_features, n_classes)
        Positive where high values support a class, negative where low values do.
    n : int, default=20
        How many features to draw.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where the display is drawn.
    shown_ : DataFrame of shape (n, n_classes)
        What is drawn, the largest first.

    See Also
    --------
    xmodal_sklearn.inspection.integrated_gradients : Attribute logits to features.

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
        cls, model: BaseEstimator, X: Any, *, n: int = 20, ax: "Axes | None" = None
    ) -> "FeatureImportanceDisplay":
        """Attribute the logits of samples to their features, and draw the average.

        Parameters
        ----------
        model : CrossModalAttentionClassifier, or Pipeline or search that ends in one
            Fitted.
        X : DataFrame or array of shape (n_samples, n_features)
            Samples to average over.
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
    @check_arguments(importance=[pd.DataFrame], n=[at_least(1)])
    def from_importance(
        cls, importance: pd.DataFrame, *, n: int = 20, ax: "Axes | None" = None
    ) -> "FeatureImportanceDisplay":
        """Draw an importance that was computed before.

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
        """
        if importance.empty:
            raise ValueError("importance has no features or no classes: there is nothing to draw.")
        return cls(importance, n=n).plot(ax)

    def plot(self, ax: "Axes | None" = None, **image_kwargs: Any) -> "FeatureImportanceDisplay":
        """Draw a heat map, a row per feature and a column per class.

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
        n_rows = len(self.shown_)
        self._set_axes(ax, height=1.6 + 0.22 * max(n_rows, MIN_ROWS))
        limit = float(np.abs(self.shown_.to_numpy()).max()) or 1.0
        named = self.shown_.rename(index=_short, columns=visible)
        is_long = sum(map(len, named.columns)) > 20
        draw_heat_map(
            self.ax_,
            named,
            label="mean attribution in logits\n− low values, + high values",
            column_style={"rotation": 45, "ha": "right"} if is_long else {},
            # Color-blind readers can distinguish purple and orange.
            **{"cmap": "PuOr_r", "vmin": -limit, "vmax": limit, **image_kwargs},
        )
        if n_rows < len(self.importance):
            self.ax_.set_title(f"{n_rows} of {len(self.importance):,} features", fontsize="medium")
        return self


def _check_maps(maps: Any) -> None:
    if not isinstance(maps, Mapping) or not all(
        isinstance(table, pd.DataFrame) for table in maps.values()
    ):
        raise TypeError(
            "maps must be a dict of class to DataFrame, as attention_map(…, by='class') returns, "
            f"got {type(maps).__name__}. Pass a single map as {{'all classes': map}}."
        )
    first = next(iter(maps.values()), pd.DataFrame())
    if first.empty:
        raise ValueError("maps has no classes or no features: there is nothing to draw.")
    for label, table in maps.items():
        if not all(map(pd.Index.equals, table.axes, first.axes)):
            raise ValueError(
                f"The map of class {label!r} has other features than that of the first class. "
                "All maps must have the same rows and columns."
            )


def _cluster_rows(values: np.ndarray) -> np.ndarray:
    """Return an order of the rows in which similar ones are neighbors."""
    if len(values) < 3:
        return np.arange(len(values))
    # linkage would take a square table of zeros for distances, and warn.
    return leaves_list(linkage(pdist(values), method="average", optimal_ordering=True))


def _heights(names: pd.Series, positions: Any, axis: pd.Index) -> dict[Any, float]:
    """Return the height of each feature: its position, or its rank in the order of the map."""
    shown = axis[axis.isin(names)]
    if positions is None:
        return {name: rank / max(len(shown) - 1, 1) for rank, name in enumerate(shown)}
    missing = [name for name in shown if name not in positions]
    if missing:
        raise ValueError(
            f"positions has no entry for {len(missing)} of the features to draw, such as "
            f"{missing[0]!r}."
        )
    heights = {name: positions[name] for name in shown}
    for name, height in heights.items():
        if not isinstance(height, Real) or not np.isfinite(float(height)):
            raise ValueError(f"The position of {name!r} must be a finite number, got {height!r}.")
    return {name: float(height) for name, height in heights.items()}


def _move_apart(heights: dict[Any, float], low: float, high: float) -> dict[Any, float]:
    """Return heights for the labels, in the same order and at least a line apart."""
    ordered = sorted(heights, key=lambda name: heights[name])
    distance = (high - low or 1) / max(len(ordered) - 1, MIN_LINES)
    moved = [heights[name] for name in ordered]
    for index in range(1, len(moved)):
        moved[index] = max(moved[index], moved[index - 1] + distance)
    # Those pushed beyond the end push back.
    limit = high
    for index in reversed(range(len(moved))):
        moved[index] = min(moved[index], limit)
        limit = moved[index] - distance
    return dict(zip(ordered, moved, strict=True))


def _gene(name: Any) -> str:
    text = visible(name)
    return _short(text.partition("__")[2] or text, 20)


def _short(name: Any, max_length: int = 28) -> str:
    """Return a name cut to leave room for the figure."""
    text = visible(name).replace("__", " ", 1)
    return text if len(text) <= max_length else text[: max_length - 1] + "…"

"""Which features of two modalities are looked at together."""

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import pdist
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from .._text import visible
from ..inspection import attention_map, top_pairs
from ._common import PLAIN, draw_legend, drawing_axes, line_style
from ._feature_importance import _short

__all__ = ["AttentionMapDisplay"]

MIN_LINES = 12  # lines of text that fit beside the smallest figure


class AttentionMapDisplay:
    """Pairs of features by their effects: a clustered heat map, or lines between the top pairs.

    Create it by :meth:`from_estimator` or :meth:`from_maps`.

    Parameters
    ----------
    maps : dict of str to DataFrame of shape (n_primary, n_source)
        The map of each class.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        Their figure.
    shown_ : DataFrame
        What is drawn: effects in the order of the heat map, or the top pairs.

    See Also
    --------
    xmodal_sklearn.inspection.attention_map : Makes the maps.

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
        cls, model: Any, X: Any, *, source: str | None = None, ax: Any = None, **settings: Any
    ) -> "AttentionMapDisplay":
        """Make the maps of all classes, and draw them.

        Parameters
        ----------
        model : CrossModalAttentionClassifier, or Pipeline or search that ends in one
            Fitted.
        X : DataFrame or array of shape (n_samples, n_features)
            Samples to average over.
        source : str, default=None
            The modality that is attended to; None takes the only one.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **settings : dict
            Passed to :meth:`plot`.

        Returns
        -------
        AttentionMapDisplay
            The display, drawn.
        """
        maps = attention_map(model, X, source=source, by="class")
        return cls.from_maps(maps, ax=ax, **settings)

    @classmethod
    def from_maps(
        cls, maps: Mapping[Any, pd.DataFrame], *, ax: Any = None, **settings: Any
    ) -> "AttentionMapDisplay":
        """Draw maps that are there already.

        Parameters
        ----------
        maps : dict of str to DataFrame of shape (n_primary, n_source)
            As ``attention_map(…, by="class")`` returns them.
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
        TypeError
            If `maps` is no dict of DataFrames.
        ValueError
            If it is empty, or if the maps have other features than the first, or none.
        """
        _check_maps(maps)
        return cls(maps).plot(ax, **settings)

    @validate_params(
        {
            "kind": [StrOptions({"heatmap", "pairs"})],
            "n": [Interval(Integral, 2, None, closed="left")],
            "positions": [Mapping, pd.Series, None],
        },
        prefer_skip_nested_validation=True,
    )
    def plot(
        self, ax: Any = None, *, kind: str = "heatmap", n: int = 25, positions: Any = None
    ) -> "AttentionMapDisplay":
        """Draw the largest effects.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        kind : {"heatmap", "pairs"}, default="heatmap"
            ``"heatmap"`` draws the features with the largest effects, clustered so that features
            with like effects are neighbours. ``"pairs"`` draws the largest effects as lines between
            the two modalities, in the colour of the class that they move most.
        n : int, default=25
            Features of each modality in the heat map, or pairs.
        positions : dict or Series of feature to number, default=None
            Where the features lie, such as along the genome, for ``kind="pairs"``; None spaces them
            evenly.

        Returns
        -------
        AttentionMapDisplay
            The display itself.

        Raises
        ------
        ValueError
            If a feature to draw has no position, or one that is no finite number.
        """
        first = next(iter(self.maps.values()))
        stack = np.stack([one.to_numpy() for one in self.maps.values()])
        strength = pd.DataFrame(np.sqrt(np.square(stack).mean(axis=0)), first.index, first.columns)
        if kind == "heatmap":
            self._draw_heatmap(ax, strength, np.abs(stack), n)
        else:
            self._draw_pairs(ax, strength, stack, n, positions)
        return self

    def _draw_heatmap(self, ax: Any, strength: pd.DataFrame, sizes: np.ndarray, n: int) -> None:
        rows = strength.max(axis=1).nlargest(n).index
        columns = strength.max(axis=0).nlargest(n).index
        shown = strength.loc[rows, columns]
        shown = shown.iloc[_clustered(shown.to_numpy()), _clustered(shown.to_numpy().T)]
        self.shown_ = shown
        width = max(6.4, 2.2 + 0.17 * shown.shape[1])
        self.ax_ = drawing_axes(ax, height=2.2 + 0.2 * len(shown), width=width)
        self.figure_ = self.ax_.figure
        image = self.ax_.imshow(shown.to_numpy(), cmap="cividis", vmin=0, aspect="auto")
        self.ax_.set_xticks(
            range(shown.shape[1]), [_gene(name) for name in shown.columns], rotation=90, **PLAIN
        )
        self.ax_.set_yticks(range(len(shown)), [_gene(name) for name in shown.index], **PLAIN)
        self.ax_.tick_params(length=0, labelsize="small")
        self.ax_.grid(visible=False)
        ylabel, xlabel = (
            f"{visible(of_shown.name or '')} ({len(of_shown)} of {len(axis):,})".strip()
            for of_shown, axis in zip(shown.axes, strength.axes, strict=True)
        )
        self.ax_.set_xlabel(xlabel, **PLAIN)
        self.ax_.set_ylabel(ylabel, **PLAIN)
        drawn = []
        moved = [sizes.max(axis=2).argmax(axis=0), sizes.max(axis=1).argmax(axis=0)]
        for axis, ticks in enumerate((self.ax_.get_yticklabels(), self.ax_.get_xticklabels())):
            codes = moved[axis][strength.axes[axis].get_indexer(shown.axes[axis])]
            for label, code in zip(ticks, codes, strict=True):
                label.set_color(line_style(code)["color"])
            drawn.append(codes)
        self.figure_.colorbar(image, ax=self.ax_).set_label("effect in logits")
        self._name_classes(np.concatenate(drawn))

    def _draw_pairs(
        self, ax: Any, strength: pd.DataFrame, stack: np.ndarray, n: int, positions: Any
    ) -> None:
        pairs = top_pairs(strength, n)
        rows = strength.index.get_indexer(pairs["primary"])
        columns = strength.columns.get_indexer(pairs["source"])
        classes = list(self.maps)
        codes = np.abs(stack[:, rows, columns]).argmax(axis=0)
        pairs["class"] = [classes[code] for code in codes]
        self.shown_ = pairs
        places = {
            side: _places(pairs[side], positions, strength.axes[number])
            for number, side in enumerate(("primary", "source"))
        }
        self.ax_ = drawing_axes(ax, height=2.2 + 0.18 * max(map(len, places.values())))
        self.figure_ = self.ax_.figure
        largest = pairs["effect"].max() if len(pairs) else 1
        for pair, code in zip(pairs.itertuples(index=False), codes, strict=True):
            self.ax_.plot(
                [0, 1],
                [places["primary"][pair.primary], places["source"][pair.source]],
                **line_style(code),
                linewidth=0.5 + 3 * pair.effect / largest,
                alpha=0.8,
                solid_capstyle="round",
            )
        self._name_ends(places, strength)
        self._name_classes(codes)

    def _name_classes(self, codes: np.ndarray) -> None:
        from matplotlib.lines import Line2D

        classes = list(self.maps)
        handles = [
            Line2D([], [], label=visible(classes[code]), **line_style(code))
            for code in np.unique(codes)
        ]
        if handles:
            draw_legend(
                self.ax_,
                handles,
                loc="lower center",
                bbox_to_anchor=(0.5, 1),
                ncols=3,
                frameon=False,
                title="class moved most",
            )

    def _name_ends(self, places: dict[str, dict[Any, float]], strength: pd.DataFrame) -> None:
        """Write the names beside the ends of the lines, apart where they would overlap."""
        everything = [place for side in places.values() for place in side.values()] or [0.0, 1.0]
        low, high = min(everything), max(everything)
        margin = 0.03 * (high - low or 1)
        for side, x, align in (("primary", 0, "right"), ("source", 1, "left")):
            spread = _spread(places[side], low, high)
            for name, place in places[side].items():
                outside = x + (-0.08 if side == "primary" else 0.08)
                self.ax_.plot(
                    [x, outside], [place, spread[name]], color="grey", linewidth=0.5, clip_on=False
                )
                self.ax_.annotate(
                    _gene(name),
                    (outside, spread[name]),
                    xytext=(-2 if side == "primary" else 2, 0),
                    textcoords="offset points",
                    ha=align,
                    va="center",
                    fontsize="small",
                    **PLAIN,
                )
        self.ax_.set(xlim=(-0.45, 1.45), ylim=(high + margin, low - margin), yticks=[])
        self.ax_.set_xticks([0, 1], [visible(axis.name or "") for axis in strength.axes], **PLAIN)
        self.ax_.tick_params(length=0)
        self.ax_.spines[:].set_visible(False)
        self.ax_.grid(visible=False)


def _check_maps(maps: Any) -> None:
    if not isinstance(maps, Mapping) or not all(
        isinstance(one, pd.DataFrame) for one in maps.values()
    ):
        raise TypeError(
            "maps must be a dict of class to DataFrame, as attention_map(…, by='class') returns "
            f"it, got {type(maps).__name__}. Of a single map, give {{'all classes': map}}."
        )
    first = next(iter(maps.values()), pd.DataFrame())
    if first.empty:
        raise ValueError("maps has no class, or no features: there is nothing to draw.")
    for label, one in maps.items():
        if not all(map(pd.Index.equals, one.axes, first.axes)):
            raise ValueError(f"The map of {label!r} has other features than the first.")


def _clustered(values: np.ndarray) -> np.ndarray:
    """Return the order of rows in which like ones are neighbours."""
    if len(values) < 3:
        return np.arange(len(values))
    # Distances, as SciPy warns of a square table of zeros that it may be one of them.
    distances = pdist(values)
    tree = linkage(distances, method="average")
    return leaves_list(optimal_leaf_ordering(tree, distances))


def _places(names: pd.Series, positions: Any, axis: pd.Index) -> dict[Any, float]:
    """Return where to draw each feature: its position, or its rank in the order of the map."""
    chosen = [name for name in axis if name in set(names)]
    if positions is None:
        return {name: rank / max(len(chosen) - 1, 1) for rank, name in enumerate(chosen)}
    missing = [name for name in chosen if name not in positions]
    if missing:
        raise ValueError(f"positions has no entry for {missing[0]!r} ({len(missing)} in all).")
    places = {}
    for name in chosen:
        place = positions[name]
        if not isinstance(place, Real) or not np.isfinite(float(place)):
            raise ValueError(f"The position of {name!r} must be a finite number, got {place!r}.")
        places[name] = float(place)
    return places


def _spread(places: dict[Any, float], low: float, high: float) -> dict[Any, float]:
    """Return places for the labels, in the same order and a line's height apart."""
    ordered = sorted(places, key=lambda name: places[name])
    apart = (high - low or 1) / max(len(ordered) - 1, MIN_LINES)
    wanted = [places[name] for name in ordered]
    for number in range(1, len(wanted)):
        wanted[number] = max(wanted[number], wanted[number - 1] + apart)
    # What was pushed beyond the end pushes back.
    limit = high
    for number in reversed(range(len(wanted))):
        wanted[number] = min(wanted[number], limit)
        limit = wanted[number] - apart
    return dict(zip(ordered, wanted, strict=True))


def _gene(name: Any) -> str:
    text = visible(name)
    return _short(text.partition("__")[2] or text, 20)

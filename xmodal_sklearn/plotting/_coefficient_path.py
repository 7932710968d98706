"""The display of the elastic-net path that ranks features."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import clone
from sklearn.preprocessing import LabelEncoder

from .._text import visible
from .._typing import Labels, Table
from ..modalities._columns import column_labels
from ..modalities._input import ModalityInput, validate_table
from ..selection._ranking import best_first, one_hot, select_present
from ..selection._selector import MultiOmicsSelector
from ._common import PLAIN, Display, draw_legend, line_style, plain_log_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(kw_only=True, eq=False, repr=False)
class CoefficientPathDisplay(Display):
    """Elastic-net path that ranks the features of one modality.

    Parameters
    ----------
    penalties : ndarray of shape (n_steps,)
        Decreasing penalties.
    norms : ndarray of shape (n_features, n_steps)
        The norm of each feature's coefficients over the classes, best feature first.
    feature_names : sequence of str of length n_features
        Names of the features, in the same order.
    modality : str
        Name of the modality.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where the display is drawn.
    lines_ : list of matplotlib Line2D
        One per feature.

    Examples
    --------
    >>> from xmodal_sklearn import MultiOmicsSelector
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.plotting import CoefficientPathDisplay
    >>> X, y = make_multiomics(100, {"exp": 200, "mut": 30}, return_X_y=True, random_state=0)
    >>> selector = MultiOmicsSelector(k=5)
    >>> display = CoefficientPathDisplay.from_estimator(selector, X, y, modality="exp")
    >>> display.feature_names[:5] == list(selector.fit(X, y).rankings_["exp"][:5])
    True
    """

    penalties: np.ndarray
    norms: np.ndarray
    feature_names: Sequence[str]
    modality: str

    @classmethod
    def from_estimator(
        cls,
        selector: MultiOmicsSelector,
        X: Table,
        y: Labels,
        *,
        modality: str | None = None,
        ax: "Axes | None" = None,
    ) -> "CoefficientPathDisplay":
        """Compute the path by which a selector ranks features, and draw it.

        Parameters
        ----------
        selector : MultiOmicsSelector
            Provides `l1_ratio` and `modalities`; it need not be fitted.
        X : DataFrame or array of shape (n_samples, n_features)
            Samples; those without the modality are ignored.
        y : array-like of shape (n_samples,)
            Class labels.
        modality : str, default=None
            The modality; None uses the first.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        CoefficientPathDisplay
            The display, drawn, with the features that enter the path, best first.

        Raises
        ------
        ValueError
            If X does not have the modality, or the selector ranks by another estimator.
        """
        # numba takes half a second to import.
        from ..selection._elastic_net import ranking_path, scores_of_path

        if selector.estimator is not None:
            raise ValueError(
                f"The selector ranks by estimator={selector.estimator!r}, which has no path. Use "
                "estimator=None, the built-in elastic net."
            )
        table, y = validate_table(clone(selector), X, y, ensure_min_samples=2)
        reader = ModalityInput(table, selector.modalities)
        modality = next(iter(reader.modalities)) if modality is None else modality
        if modality not in reader.modalities:
            choices = list(reader.modalities)
            raise ValueError(f"X has no modality {modality!r}. Choose one of {choices}.")
        blocks, missing = reader.read(table)
        codes = LabelEncoder().fit_transform(y)
        block, codes = select_present(
            blocks[modality], codes, missing.gaps[modality], reader.encoder.origins[modality]
        )
        path = ranking_path(block, one_hot(codes), l1_ratio=selector.l1_ratio)
        norms = np.zeros((block.shape[1], len(path.penalties)))
        steps = zip(path.features, path.coefficients, strict=True)
        for step, (features, coefficients) in enumerate(steps):
            norms[features, step] = np.linalg.norm(coefficients, axis=1)
        positions = reader.modalities[modality]
        labels = np.array(column_labels(table), dtype=object)[positions]
        names = reader.encoder.names(positions, labels)
        order = best_first(scores_of_path(path, l1_ratio=selector.l1_ratio), names)
        order = order[norms[order].any(axis=1)]
        return cls(
            penalties=path.penalties,
            norms=norms[order],
            feature_names=list(names[order]),
            modality=modality,
        ).plot(ax)

    def plot(self, ax: "Axes | None" = None, *, n_named: int = 8) -> "CoefficientPathDisplay":
        """Draw the norm of the coefficients against the penalty.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        n_named : int, default=8
            Number of features, best first, to draw in color and with their names.

        Returns
        -------
        CoefficientPathDisplay
            The display itself.
        """
        self._set_axes(ax)
        self.lines_ = []
        for rank, (name, norms) in enumerate(zip(self.feature_names, self.norms, strict=True)):
            if rank < n_named:
                style: dict = {
                    **line_style(rank),
                    "label": visible(name.removeprefix(f"{self.modality}__")),
                    "markersize": 4,
                    # A part of the figure's diagonal, from another start for each line.
                    "markevery": (0.012 * rank, 0.1),
                    "zorder": 3,
                }
            else:
                style = {"color": "lightgrey", "linewidth": 0.4, "alpha": 0.6}
            self.lines_ += self.ax_.plot(self.penalties, norms, **style)
        self.ax_.set_xscale("log")
        plain_log_ticks(self.ax_.xaxis)
        self.ax_.invert_xaxis()
        self.ax_.set(ylabel="norm of the coefficients", ylim=(0, None))
        self.ax_.set_xlabel(f"penalty λ ({visible(self.modality)})", **PLAIN)
        if self.feature_names:
            place: dict = {"loc": "upper left", "bbox_to_anchor": (1, 1)}
            draw_legend(self.ax_, self.lines_[:n_named], title="best first", **place)
        return self

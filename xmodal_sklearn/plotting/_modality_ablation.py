"""What a fitted model loses without a modality."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import check_scoring
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_params
from sklearn.utils.validation import _get_feature_names

from .._alignment import check_order
from .._text import visible
from .._typing import Labels, Table, typed
from ..benchmark._metrics import metric_label
from ..modalities._columns import column_names, resolve_modalities, sample_labels
from ..modalities._dtypes import find_categorical
from ..modalities._encoding import ModalityEncoder
from ..modalities._exchange import permuted, replace_columns
from ..modalities._missing import find_missing
from ..modalities._validation import as_table
from ._common import PLAIN, SERIES, drawing_axes

__all__ = ["ModalityAblationDisplay"]


class ModalityAblationDisplay:
    """What a fitted model loses when a modality is taken from it.

    Create it by :meth:`from_estimator`.

    Parameters
    ----------
    score : float
        The score with all modalities.
    scores : DataFrame of shape (n_repeats, n_modalities)
        The scores without each modality.
    method : {"permute", "absent"}
        How a modality was taken away.
    score_name : str
        Name of the score.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        Their figure.
    points_ : list of matplotlib PathCollection
        The repeats of each modality.

    See Also
    --------
    sklearn.inspection.permutation_importance : Permutes one column at a time.

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

    def __init__(self, *, score: float, scores: pd.DataFrame, method: str, score_name: str):
        self.score = score
        self.scores = scores
        self.method = method
        self.score_name = score_name

    @classmethod
    @typed(
        validate_params(
            {
                "method": [StrOptions({"permute", "absent"})],
                "n_repeats": [Interval(Integral, 1, None, closed="left")],
                "random_state": ["random_state"],
            },
            prefer_skip_nested_validation=True,
        )
    )
    def from_estimator(
        cls,
        estimator: Any,
        X: Table,
        y: Labels,
        *,
        modalities: dict | None = None,
        method: str = "permute",
        scoring: Any = None,
        n_repeats: int = 10,
        random_state: Any = None,
        ax: Any = None,
    ) -> "ModalityAblationDisplay":
        """Score a fitted estimator without each modality in turn, and draw that.

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
            ``"permute"`` gives each sample the modality of another sample, all its columns
            together. ``"absent"`` makes its block NaN, for estimators that take absent modalities.
        scoring : str or callable, default=None
            The score; None is the estimator's own.
        n_repeats : int, default=10
            Number of permutations; ``"absent"`` takes one score only.
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
            If a column is not numeric, a sample would be left without any modality, or the
            estimator takes no NaN.

        Notes
        -----
        Modalities share information: each may be dispensable beside the others and still carry
        most of what there is to know.
        """
        check_order(y, X, "y")
        table = _numeric_table(X)
        positions = resolve_modalities(table, modalities)
        encoder = ModalityEncoder(table, positions)
        presence = find_missing(
            table, encoder.blocks(table), encoder.origins, max_missing=1, training=False
        ).present
        scorer = check_scoring(estimator, scoring=scoring)
        random_state = check_random_state(random_state)
        scores: dict[str, list[float]] = {}
        for (modality, columns), present in zip(positions.items(), presence.T, strict=True):
            if method == "absent":
                others = presence[:, [name != modality for name in positions]]
                _check_something_left(others, modality, sample_labels(table))
                scores[modality] = [_score_absent(scorer, estimator, table, columns, y, modality)]
            else:
                scores[modality] = [
                    scorer(estimator, permuted(table, columns, present, random_state), y)
                    for _ in range(n_repeats)
                ]
        return cls(
            score=scorer(estimator, table, y),
            scores=pd.DataFrame(scores),
            method=method,
            score_name=metric_label(scoring) if isinstance(scoring, str) else "score",
        ).plot(ax)

    def plot(self, ax: Any = None, **point_kwargs: Any) -> "ModalityAblationDisplay":
        """Draw the scores without each modality, and a line at the score with all.

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
        n_repeats, n_modalities = self.scores.shape
        done = {"permute": "permuted", "absent": "absent"}[self.method]
        self.ax_ = drawing_axes(ax, height=1.5 + 0.5 * n_modalities)
        self.figure_ = self.ax_.figure
        spread = np.linspace(-0.2, 0.2, n_repeats) if n_repeats > 1 else np.zeros(1)
        style = {"s": 16, "color": SERIES[0], "alpha": 0.6, "linewidths": 0, **point_kwargs}
        self.points_ = []
        for row, modality in enumerate(self.scores):
            mean = self.scores[modality].mean()
            self.ax_.plot(
                [mean, self.score], [row, row], color="lightgrey", linestyle="-", zorder=1
            )
            self.points_.append(self.ax_.scatter(self.scores[modality], row + spread, **style))
            self.ax_.plot(mean, row, color="black", marker="D", markersize=4)
        self.ax_.axvline(self.score, color="black", linestyle=":", label="all modalities")
        names = [f"{visible(modality)} {done}" for modality in self.scores]
        self.ax_.set_yticks(range(n_modalities), names, **PLAIN)
        self.ax_.set_ylim(n_modalities - 0.5, -0.5)
        self.ax_.set_xlabel(visible(self.score_name), **PLAIN)
        self.ax_.legend(loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False)
        return self


def _numeric_table(X: Any) -> Any:
    """Return X as a table of numbers; NaN and infinity are left to find_missing."""
    table = as_table(X)
    if not isinstance(table, pd.DataFrame):
        return check_array(table, ensure_all_finite=False)
    find_categorical(table)  # refuses what is neither numbers nor words
    if column_names(table) is None:
        _get_feature_names(table)  # refuses text beside other names
    check_array(np.broadcast_to(np.float32(0), table.shape))  # refuses an empty table
    return table


def _score_absent(
    scorer: Any, estimator: Any, table: Any, columns: np.ndarray, y: Any, modality: str
) -> float:
    nothing: Any = np.full((len(table), len(columns)), np.nan)
    if isinstance(table, pd.DataFrame):
        nothing = pd.DataFrame(nothing, table.index, table.columns[columns])
    else:
        table = table.astype(np.result_type(table.dtype, np.float32))
    changed = replace_columns(table, columns, nothing)
    try:
        return scorer(estimator, changed, y)
    except ValueError as error:
        raise ValueError(
            f"The estimator could not predict with {modality!r} absent: {error}\nUse "
            'method="permute" for an estimator that takes no NaN.'
        ) from error


def _check_something_left(others: np.ndarray, modality: str, samples: Any) -> None:
    alone = np.flatnonzero(~others.any(axis=1))
    if len(alone):
        raise ValueError(
            f"Without {modality!r}, {len(alone)} samples have no modality at all, the first is "
            f'{samples[alone[0]]!r}. Leave such samples out, or use method="permute".'
        )

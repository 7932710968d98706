"""Filling scattered missing values, but no absent modality."""

from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ._columns import as_slice
from ._input import ModalityInput
from ._missing import MAX_MISSING, Missing, column_means, fill_gaps, find_missing
from ._validation import validate_table

__all__ = ["ModalityImputer"]


class ModalityImputer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Fill scattered missing values, and leave absent modalities absent.

    The estimators of this package fill missing values of modalities that a sample has themselves;
    this does so for a pipeline with a step before them that takes no NaN. scikit-learn's imputers
    would fill the modalities that a sample lacks as well, with values that nobody measured.

    Parameters
    ----------
    strategy : {"median", "mean"}, default="median"
        What a number is filled with, of the feature in the training samples. A word is filled with
        the most frequent one.
    modalities : dict of str to columns, default=None
        The columns of each modality; None reads them from the column names. See
        :class:`~xmodal_sklearn.MultiOmicsSelector`.
    max_missing : float, default=0.8
        The largest share of missing values of a feature in the training samples that have its
        modality, and of a sample in a modality that it has.

    Attributes
    ----------
    statistics_ : ndarray of shape (n_features_in_,)
        What each column is filled with.
    modalities_ : dict of str to ndarray of int
        Column positions of each modality.
    n_imputed_ : dict of str to int
        By modality, how many values were missing in training samples that have the modality.
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Column names seen during fit, if X had names.

    Raises
    ------
    ValueError
        If a value is infinite; if more than `max_missing` of a feature or a sample is missing; if a
        sample has no modality.

    See Also
    --------
    MultiOmicsSelector : Fills missing values itself.
    concat_modalities : Builds a table in which modalities are absent.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from xmodal_sklearn import ModalityImputer
    >>> X = pd.DataFrame(
    ...     {
    ...         "exp__ESR1": [1.0, np.nan, 3.0],
    ...         "exp__GATA3": [0.0, 1.0, 2.0],
    ...         "mut__TP53": [1.0, 0.0, np.nan],
    ...     }
    ... )
    >>> ModalityImputer().fit_transform(X)
       exp__ESR1  exp__GATA3  mut__TP53
    0        1.0         0.0        1.0
    1        2.0         1.0        0.0
    2        3.0         2.0        NaN
    """

    _parameter_constraints: dict = {  # noqa: RUF012
        "strategy": [StrOptions({"median", "mean"})],
        "modalities": [dict, None],
        "max_missing": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        strategy: str = "median",
        *,
        modalities: dict | None = None,
        max_missing: float = MAX_MISSING,
    ):
        self.strategy = strategy
        self.modalities = modalities
        self.max_missing = max_missing

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> "ModalityImputer":
        """Learn what to fill each column with.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Training samples; a block of NaN marks an absent modality.
        y : None
            Ignored.

        Returns
        -------
        ModalityImputer
            The fitted imputer.
        """
        table, _ = validate_table(self, X)
        self.input_ = ModalityInput(table, self.modalities)
        self.modalities_ = self.input_.modalities
        self.n_imputed_ = self._find_missing(table, training=True).n_gaps
        self.statistics_ = np.empty(
            self.n_features_in_, dtype=object if self.input_.encoder.categories else float
        )
        for positions in self.modalities_.values():
            known = np.setdiff1d(positions, list(self.input_.encoder.categories))
            if len(known):
                self.statistics_[known] = self._centre(self.input_.encoder.encode(table, known))
        for position in self.input_.encoder.categories:
            self.statistics_[position] = table.iloc[:, position].mode().iloc[0]
        return self

    def transform(self, X: Any) -> Any:
        """Fill the missing values of modalities that a sample has.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        DataFrame or ndarray of shape (n_samples, n_features)
            X with no other NaN than blocks of absent modalities.
        """
        check_is_fitted(self)
        table, _ = validate_table(self, X, reset=False)
        missing = self._find_missing(table, training=False)
        filled = table.copy()
        for index, (modality, positions) in enumerate(self.modalities_.items()):
            if not missing.n_gaps[modality]:
                continue
            present = missing.present[:, index]
            if isinstance(table, pd.DataFrame):
                self._fill_columns(filled, positions, present)
            else:
                block = table[:, as_slice(positions)]
                filled[:, positions] = fill_gaps(block, present, self.statistics_[positions])
        if isinstance(X, pd.DataFrame) and X.columns.nlevels == 1:
            filled.columns = X.columns
        return filled

    def _find_missing(self, table: Any, *, training: bool) -> Missing:
        return find_missing(
            table,
            self.input_.encoder.blocks(table),
            self.input_.encoder.origins,
            max_missing=self.max_missing,
            training=training,
        )

    def _centre(self, values: np.ndarray) -> np.ndarray:
        means = column_means(values)
        if self.strategy == "mean":
            return means
        # NumPy warns of columns without any value, those of a modality that nobody has.
        there = ~np.isnan(means)
        means[there] = np.nanmedian(values[:, there], axis=0)
        return means

    def _fill_columns(
        self, table: pd.DataFrame, positions: np.ndarray, present: np.ndarray
    ) -> None:
        for position in positions.tolist():
            column = table.iloc[:, position]
            gaps = column.isna().to_numpy(dtype=bool) & present
            if not gaps.any():
                continue
            if position not in self.input_.encoder.categories and not isinstance(
                column.dtype, np.dtype
            ):
                # Nullable integers and sparse columns may not hold a mean.
                column = pd.Series(self.input_.encoder.encode(table, np.array([position]))[:, 0])
            table.isetitem(position, column.mask(gaps, self.statistics_[position]).to_numpy())

    def __sklearn_tags__(self) -> Tags:
        """Return the estimator's capabilities."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

"""Encode and impute for other estimators; absent modalities stay absent."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from ._encoding import is_numeric
from ._input import ModalityInput, dense_columns, validate_table
from ._missing import CHECKED, column_means, fill_gaps, warn_missing


class ModalityImputer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Impute scattered missing values, and leave absent modalities absent.

    The classifiers of this package impute missing values themselves; use this class for other
    estimators. scikit-learn's imputers would also impute absent modalities.

    Parameters
    ----------
    strategy : {"median", "mean"}, default="median"
        The statistic of the training samples that replaces missing numbers; missing categories
        are replaced by the most frequent category.
    modalities : dict of str to columns, default=None
        The columns of each modality; None reads them from the column names. See
        :class:`~xmodal_sklearn.MultiOmicsSelector`.

    Attributes
    ----------
    statistics_ : ndarray of shape (n_features_in_,)
        The value that replaces missing ones, by column. Where no training sample has a value: zero,
        or ``"missing"`` for categorical columns.
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
        If a value is infinite, or a sample has no modality.

    Warns
    -----
    UserWarning
        If almost no training sample has a value of a feature, or samples lack most of a modality.

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
    }

    def __init__(self, strategy: str = "median", *, modalities: dict | None = None):
        self.strategy = strategy
        self.modalities = modalities

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> "ModalityImputer":
        """Compute the value that replaces missing ones in each column.

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
        encoder = self.input_.encoder
        blocks, missing = self.input_.read(table)
        self.n_imputed_ = missing.n_gaps
        warn_missing(missing, rare="are filled with these values or zero", imputed="")
        self.statistics_ = np.empty(self.n_features_in_, object if encoder.categories else float)
        for modality, positions in self.modalities_.items():
            centers = self._centers(blocks[modality])
            self.statistics_[positions] = encoder.numeric_only(positions, centers)
        for position in encoder.categories:
            self.statistics_[position] = next(iter(table.iloc[:, position].mode()), "missing")
        return self

    def transform(self, X: Any) -> pd.DataFrame | np.ndarray:
        """Impute the missing values of modalities that a sample has.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        DataFrame or ndarray of shape (n_samples, n_features)
            X without NaN, except for blocks of absent modalities.
        """
        check_is_fitted(self)
        table, _ = validate_table(self, X, reset=False)
        _, missing = self.input_.read(table)
        filled = table.copy()
        for modality, gaps in missing.gaps.items():
            at = self.modalities_[modality]
            if gaps.total and isinstance(table, pd.DataFrame):
                self._fill_columns(filled, at, gaps.present)
            elif gaps.total:
                filled[:, at] = fill_gaps(table[:, at], gaps.present, self.statistics_[at])
        if isinstance(X, pd.DataFrame) and X.columns.nlevels == 1:
            filled.columns = X.columns
        return filled

    def _centers(self, values: np.ndarray) -> np.ndarray:
        centers = column_means(values)
        # NumPy warns of columns without any value.
        measured = ~np.isnan(centers)
        if self.strategy == "median":
            centers[measured] = np.nanmedian(values[:, measured], axis=0)
        return np.where(measured, centers, 0)

    def _fill_columns(self, table: pd.DataFrame, columns: np.ndarray, present: np.ndarray) -> None:
        for position in columns.tolist():
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
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class ModalityEncoder(TransformerMixin, BaseEstimator):
    """Encode categorical columns, and make all columns dense numbers.

    The classifiers of this package encode categorical columns themselves; use this class for other
    estimators, for example after a :class:`~xmodal_sklearn.MultiOmicsSelector`.

    Parameters
    ----------
    modalities : dict of str to columns, default=None
        The columns of each modality; None reads them from the column names. See
        :class:`~xmodal_sklearn.MultiOmicsSelector`.

    Attributes
    ----------
    modalities_ : dict of str to ndarray of int
        Column positions of each modality.
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Column names seen during fit, if X had names.

    Raises
    ------
    ValueError
        If a column is neither numeric nor categorical, or was numeric in fit and no longer is.

    Warns
    -----
    UserWarning
        If samples have categories that training samples did not have.

    Notes
    -----
    Columns of strings and of categories become zeros and ones, a column for each category that
    training samples have; an unseen category is zero in all. Ordered categories are encoded by
    their position. If a category is missing, its columns are NaN.

    Examples
    --------
    >>> import pandas as pd
    >>> from xmodal_sklearn import ModalityEncoder
    >>> X = pd.DataFrame({"clin__age": [50, 60, 70], "clin__stage": ["I", "II", "I"]})
    >>> ModalityEncoder().fit_transform(X)
       clin__age  clin__stage=I  clin__stage=II
    0       50.0            1.0             0.0
    1       60.0            0.0             1.0
    2       70.0            1.0             0.0
    """

    _parameter_constraints: dict = {"modalities": [dict, None]}  # noqa: RUF012

    def __init__(self, *, modalities: dict | None = None):
        self.modalities = modalities

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> "ModalityEncoder":
        """Find the categories of each column.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
            Training samples.
        y : None
            Ignored.

        Returns
        -------
        ModalityEncoder
            The fitted encoder.
        """
        table, _ = validate_table(self, X, accept_sparse="csc")
        self.input_ = ModalityInput(table, self.modalities)
        self.modalities_ = self.input_.modalities
        return self

    def transform(self, X: Any) -> pd.DataFrame | np.ndarray:
        """Encode categorical columns.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        DataFrame or ndarray of shape (n_samples, n_encoded)
            Dense numbers: a DataFrame if X is one, else an array.
        """
        check_is_fitted(self)
        table, _ = validate_table(self, X, reset=False, accept_sparse="csc")
        numeric = isinstance(table, pd.DataFrame) and all(map(is_numeric, table.dtypes.unique()))
        if numeric and not self.input_.encoder.categories:
            return dense_columns(table)
        values = self.input_.encoder.encode(table, np.arange(self.n_features_in_))
        if not isinstance(table, pd.DataFrame):
            return values
        encoded = pd.DataFrame(values, table.index, self.get_feature_names_out())
        encoded.attrs = {CHECKED: table.attrs.get(CHECKED, False)}
        return encoded

    def get_feature_names_out(self, input_features: npt.ArrayLike | None = None) -> np.ndarray:
        """Return the names of the encoded columns.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features_in_,), default=None
            Names to use if fit saw none; otherwise they must equal ``feature_names_in_``.

        Returns
        -------
        ndarray of str of shape (n_encoded,)
            Column names, and ``column=category`` for each category.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        return self.input_.encoder.names(np.arange(self.n_features_in_), names)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.sparse = tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

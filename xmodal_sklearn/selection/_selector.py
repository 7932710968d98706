"""Keeping the best K features of each modality."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from joblib import effective_n_jobs
from sklearn.base import _fit_context
from sklearn.feature_selection import SelectorMixin
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import Tags, check_array
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import ThreadpoolController

from .._base import INTEGER_REMEDY, ValidatedEstimator
from .._suggestions import did_you_mean
from .._typing import Labels, Table, typed
from ..modalities._columns import Modalities, qualified_names
from ..modalities._dtypes import as_matrix
from ..modalities._filled_blocks import warn_if_looks_imputed
from ..modalities._input import ModalityInput
from ..modalities._missing import (
    MAX_MISSING,
    Missing,
    check_samples_have_modality,
    fill_gaps,
    find_missing,
    warn_imputed,
)
from ..modalities._validation import dense_columns, validate_table
from ._pairs import promote_interactions
from ._ranking import best_first, ranker

__all__ = ["MultiOmicsSelector"]


class MultiOmicsSelector(SelectorMixin, ValidatedEstimator):
    r"""Keep the K features of each modality that an elastic net finds most predictive.

    Every modality is ranked on its own, on the training rows only, by the path of a
    multi-response elastic net on the one-hot encoded classes. The ranking does not depend on K,
    so the best 300 features are among the best 500.

    Parameters
    ----------
    k : int, "all" or dict of str to (int or "all"), default=300
        Number of features to keep per modality: exactly ``min(k, features of the modality)``.
        A dict gives each modality its own number and must name every modality.
    modalities : dict of str to columns, default=None
        The columns of each modality, as :class:`~sklearn.compose.ColumnTransformer` takes them
        (names, positions, slice, boolean mask or callable); each column must belong to exactly
        one. None reads the modalities from column names of the form ``modality__feature`` or
        from two-level columns (modality, feature); unnamed columns are one modality.
    estimator : estimator object, default=None
        A scikit-learn estimator with ``coef_`` or ``feature_importances_`` that replaces the
        built-in elastic net. It is fitted to the standardised columns of one modality at a time
        and to the class codes 0, 1, ….
    l1_ratio : float, default=0.5
        Share of the group-lasso penalty in the built-in elastic net, in (0, 1].
    pairs : bool, default=False
        Put those features first that tell something together: pairs of one of the first modality
        and one of another whose product correlates with a class by more than chance [2]_. A
        feature that tells nothing alone is else found only by luck. The time it takes grows with
        the product of the numbers of features.
    max_missing : float, default=0.8
        The largest share of missing values of a feature in the training samples that have its
        modality, and of a sample in a modality that it has.
    memory : str, path or object with the joblib.Memory interface, default=None
        Where to cache rankings, so that a grid search over `k` ranks once per fold and modality. A
        folder keeps arrays, which run no code when they are read; joblib's memory keeps pickles.
    n_jobs : int, default=None
        Number of modalities ranked in parallel. None means 1, -1 all processors.

    Attributes
    ----------
    modalities_ : dict of str to ndarray of int
        Column positions of each modality.
    rankings_ : dict of str to ndarray
        Per modality its features, best first: names as in ``feature_names_in_`` where X had
        names, else column positions.
    scores_ : ndarray of float of shape (n_features_in_,)
        The score by which each column is ranked within its modality; larger is better. Scores of
        different modalities are not comparable. With `pairs`, a column of a pair scores more than
        all others of its modality, the better the pair the more.
    n_imputed_ : dict of str to int
        By modality, how many values were missing in training samples that have the modality.
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Column names seen during fit, if X had names.

    Raises
    ------
    ValueError
        If a value is infinite; if more than `max_missing` of a feature or a sample is missing; if
        `y` has one class only; if `k` or `modalities` name something that X does not have.

    Warns
    -----
    UserWarning
        If training samples lack values of modalities that they have, or samples have categories
        that training samples had not; if an imputer seems to have filled absent modalities.

    See Also
    --------
    CrossModalAttentionClassifier : Takes the selected table as it is.
    concat_modalities : Builds the table from one table per modality.

    Notes
    -----
    With :math:`\tilde X` the standardised columns of one modality and :math:`Y` the centred
    one-hot classes of the samples that have it, the elastic net minimises

    .. math::
        \tfrac{1}{2n} \lVert Y - \tilde X B \rVert_F^2 + \lambda \Big( \rho \sum_j
        \lVert B_j \rVert_2 + \tfrac{1 - \rho}{2} \lVert B \rVert_F^2 \Big)

    with :math:`\rho` = `l1_ratio` [1]_. All coefficients of a feature enter together, so there is
    one ranking for all classes. A feature ranks by where it enters on the path of decreasing
    :math:`\lambda`, then by the norm of its coefficients there. Features that never enter rank
    behind, by how close they are to entering: the norm of their correlation with the residual.
    The path ends once 1,500 features have entered or 95% of the variance of the classes is
    explained. Constant columns come last. Features with equal scores, such as copies of one
    column, are ordered by name, or by position where there are no names.

    With `estimator`, a feature ranks by the Euclidean norm of its coefficients over the classes,
    or by its importance. Features that it leaves at zero rank behind, by the norm of their
    correlation with the classes, and score that norm, relative to the largest, minus one.

    A sample without a modality (a block of NaN) is left out of that modality's ranking and stays
    NaN in the output. Other missing values are filled with the mean of their feature in the
    training samples, when ranking and in the output.

    Columns of strings and of categories become zeros and ones, a column for each category that
    training samples have, named ``modality__feature=category``; ordered categories become their
    number. They are ranked, counted by `k` and kept as one feature, by its best column.

    Sparse matrices and sparse columns of a DataFrame are ranked without making more of them dense
    than the columns under work, unless `pairs` or `estimator` is set; selected columns come out
    dense.

    References
    ----------
    .. [1] N. Simon, J. Friedman, T. Hastie, "A Blockwise Descent Algorithm for Group-penalized
       Multiresponse and Multinomial Regression", 2013, arXiv:1311.6529.
    .. [2] J. Fan, J. Lv, "Sure independence screening for ultrahigh dimensional feature space",
       Journal of the Royal Statistical Society B 70, 2008, doi:10.1111/j.1467-9868.2008.00674.x.

    Examples
    --------
    >>> from xmodal_sklearn import MultiOmicsSelector
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> X, y = make_multiomics(n_samples=100, return_X_y=True, random_state=0)
    >>> selector = MultiOmicsSelector(k={"exp": 50, "cna": 20, "mut": "all"}).fit(X, y)
    >>> selected = selector.transform(X)
    >>> selected.shape[1] == 50 + 20 + len(selector.modalities_["mut"])
    True
    """

    _parameter_constraints: dict = {  # noqa: RUF012
        "k": [Interval(Integral, 1, None, closed="left"), StrOptions({"all"}), dict],
        "modalities": [dict, None],
        "estimator": [HasMethods(["fit"]), None],
        "l1_ratio": [Interval(Real, 0, 1, closed="right")],
        "pairs": ["boolean"],
        "max_missing": [Interval(Real, 0, 1, closed="both")],
        "memory": [str, HasMethods(["cache"]), HasMethods(["__fspath__"]), None],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        k: int | str | dict = 300,
        *,
        modalities: dict | None = None,
        estimator: Any = None,
        l1_ratio: float = 0.5,
        pairs: bool = False,
        max_missing: float = MAX_MISSING,
        memory: Any = None,
        n_jobs: int | None = None,
    ):
        self.k = k
        self.modalities = modalities
        self.estimator = estimator
        self.l1_ratio = l1_ratio
        self.pairs = pairs
        self.max_missing = max_missing
        self.memory = memory
        self.n_jobs = n_jobs

    @typed(_fit_context(prefer_skip_nested_validation=False))
    def fit(self, X: Table, y: Labels) -> "MultiOmicsSelector":
        """Rank the features of every modality.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
            Training samples; a block of NaN marks an absent modality.
        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        MultiOmicsSelector
            The fitted selector.
        """
        self._fit(X, y)
        return self

    @typed(_fit_context(prefer_skip_nested_validation=False))
    def fit_transform(self, X: Table, y: Labels) -> Any:
        """Rank the features of every modality and keep the selected columns.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
            Training samples; a block of NaN marks an absent modality.
        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        DataFrame or ndarray of shape (n_samples, n_selected)
            The selected columns, as :meth:`transform` returns them.
        """
        table, missing = self._fit(X, y)
        return self._select(table, missing, self.get_support(indices=True))

    def transform(self, X: Table) -> Any:
        """Keep the selected columns.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
            Samples with the columns seen in fit. A DataFrame may lack columns that were not
            selected.

        Returns
        -------
        DataFrame or ndarray of shape (n_samples, n_selected)
            The selected columns in their original order, without gaps: a DataFrame with columns
            named ``modality__feature`` where the modalities are known by name, else an array.
            Absent modalities are NaN. A column of words takes one for each of its categories.
        """
        check_is_fitted(self)
        places = self.get_support(indices=True)
        table, _ = validate_table(self, X, reset=False, needed=places, accept_sparse="csc")
        there = np.arange(self.n_features_in_)
        if table.shape[1] < self.n_features_in_:
            # Some columns are missing that were not selected.
            there = table.columns.get_indexer(self.feature_names_in_)
        blocks, origins = {}, {}
        for modality, positions in self.modalities_.items():
            known = positions[there[positions] >= 0]
            blocks[modality] = self.input_.encoder.encode(
                table, known, there[known], keep_sparse=True, warn_unseen=False
            )
            origins[modality] = self.input_.encoder.repeat_encoded(known, there[known])
        missing = find_missing(table, blocks, origins, max_missing=self.max_missing, training=False)
        return self._select(table, missing, there[places])

    def inverse_transform(self, X: Table) -> Any:
        """Put the selected columns back in their places, with zeros for the others.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_selected)
            Samples as :meth:`transform` returned them.

        Returns
        -------
        DataFrame or ndarray of shape (n_samples, n_features_in_)
            The columns seen in fit; an absent modality is NaN throughout, and words that are not
            known are None. A DataFrame if X is one and names were seen in fit.
        """
        check_is_fitted(self)
        if isinstance(X, pd.DataFrame):
            selected = as_matrix(X)
        else:
            selected = check_array(X, dtype=None, ensure_all_finite=False)
        support = self.get_support(indices=True)
        origin = self.input_.encoder.repeat_encoded(support)
        if selected.shape[1] != len(origin):
            raise ValueError(f"X has {selected.shape[1]} columns, {len(origin)} were selected.")
        full = np.zeros((len(selected), self.n_features_in_), dtype=selected.dtype)
        full[:, origin] = selected
        for positions in self.modalities_.values() if selected.dtype.kind == "f" else ():
            absent = np.isnan(full[:, positions]).any(axis=1)
            full[np.ix_(absent, positions)] = np.nan
        words = {
            position: self.input_.encoder.decode(position, selected[:, origin == position])
            for position in self.input_.encoder.categories
        }
        if isinstance(X, pd.DataFrame) and hasattr(self, "feature_names_in_"):
            table = pd.DataFrame(full, index=X.index, columns=self.feature_names_in_)
            return table.assign(**{table.columns[at]: column for at, column in words.items()})
        if words:
            full = full.astype(object)
            full[:, list(words)] = np.column_stack(list(words.values()))
        return full

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the selected columns.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features_in_,), default=None
            Names to use where fit saw none; must equal ``feature_names_in_`` where it did.

        Returns
        -------
        ndarray of str of shape (n_selected,)
            ``modality__feature`` where the modalities are known by name, else the column names; of
            a column of words, ``modality__feature=category`` for each category.
        """
        names = super().get_feature_names_out(input_features)
        support = self.get_support(indices=True)
        if self.input_.is_named:
            selected = {
                modality: np.flatnonzero(np.isin(support, positions))
                for modality, positions in self.modalities_.items()
            }
            names = qualified_names(names, selected)
        return self.input_.encoder.names(support, names)

    def _fit(self, X: Any, y: Any) -> tuple[Any, Missing]:
        """Rank the features; return the validated table and what is missing in it."""
        table, y = validate_table(self, X, y, ensure_min_samples=2, accept_sparse="csc")
        check_classification_targets(y)
        self.input_ = ModalityInput(table, self.modalities)
        self.modalities_ = self.input_.modalities
        self._k = _k_by_modality(self.k, self.modalities_)
        codes = LabelEncoder().fit_transform(y)
        rank = partial(
            ranker(self.memory),
            estimator=self.estimator,
            l1_ratio=self.l1_ratio,
            max_missing=self.max_missing,
        )
        blocks = self.input_.encoder.blocks(table, keep_sparse=True)
        # Threads, because the solver releases the lock and processes would copy the table.
        with _shared_processors(min(effective_n_jobs(self.n_jobs), len(self.modalities_))):
            ranked = Parallel(n_jobs=self.n_jobs, require="sharedmem")(
                delayed(rank)(
                    block, codes, (table, name, self.input_.encoder.repeat_encoded(of_modality))
                )
                for (name, of_modality), block in zip(
                    self.modalities_.items(), blocks.values(), strict=True
                )
            )
        present, n_gaps, scores = map(list, zip(*ranked, strict=True))
        missing = Missing(np.column_stack(present), dict(zip(blocks, n_gaps, strict=True)))
        check_samples_have_modality(table, missing.present)
        warn_if_looks_imputed(table, blocks)
        if self.pairs:
            scores = promote_interactions(scores, blocks, missing.present, codes, self.memory)
        self._set_rankings(scores)
        self.input_.needed = self.get_support(indices=True)
        self.input_.learn_summary(self.input_.encoder.encode(table, self.input_.needed))
        self.n_imputed_ = missing.n_gaps
        warn_imputed(missing, self.modalities_)
        return table, missing

    def _select(self, table: Any, missing: Missing, places: np.ndarray) -> Any:
        """Return the selected columns, which are at `places` of the table, filled and encoded."""
        support = self.get_support(indices=True)
        gaps = any(missing.n_gaps.values())
        worded = any(position in self.input_.encoder.categories for position in support.tolist())
        if isinstance(table, pd.DataFrame) and self.input_.is_named and not gaps and not worded:
            selected = dense_columns(table.iloc[:, places])
            return selected.set_axis(self.get_feature_names_out(), axis=1)
        values = self.input_.encoder.encode(table, support, places)
        if gaps:
            there = missing.by_column(self.modalities_, self.input_.encoder.repeat_encoded(support))
            values = fill_gaps(values, there, self.input_.means)
        if not self.input_.is_named:
            return values
        index = getattr(table, "index", None)
        return pd.DataFrame(values, index, self.get_feature_names_out())

    def _get_support_mask(self) -> np.ndarray:
        check_is_fitted(self)
        mask = np.zeros(self.n_features_in_, dtype=bool)
        for modality, order in self._orders.items():
            mask[order[: self._k[modality]]] = True
        return mask

    def _set_rankings(self, scores: Sequence[np.ndarray]) -> None:
        names = getattr(self, "feature_names_in_", None)
        self.scores_ = np.empty(self.n_features_in_)
        self._orders = {}
        for (modality, positions), modality_scores in zip(
            self.modalities_.items(), scores, strict=True
        ):
            modality_scores = self.input_.encoder.max_encoded(positions, modality_scores)
            self.scores_[positions] = modality_scores
            labels = positions if names is None else names[positions]
            self._orders[modality] = positions[best_first(modality_scores, labels)]
        self.rankings_ = {
            modality: order if names is None else names[order]
            for modality, order in self._orders.items()
        }

    def __sklearn_tags__(self) -> Tags:
        """Return the estimator's capabilities."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


@contextmanager
def _shared_processors(n_tasks: int) -> Iterator[None]:
    """Divide the threads of matrix products among tasks that run at once."""
    if n_tasks == 1:
        yield
        return
    # Otherwise every task would take all processors, and spend more time waiting than working.
    blas = ThreadpoolController().select(user_api="blas")
    n_threads = max((library["num_threads"] for library in blas.info()), default=1)
    with blas.limit(limits=max(n_threads // n_tasks, 1)):
        yield


def _k_by_modality(k: int | str | Mapping, modalities: Modalities) -> dict[str, int]:
    if not isinstance(k, Mapping):
        k = dict.fromkeys(modalities, k)
    unknown, unsaid = set(k) - set(modalities), set(modalities) - set(k)
    if unknown or unsaid:
        raise ValueError(
            f"k must give a number for each of the modalities {list(modalities)}; "
            f"it names unknown ones {sorted(unknown)} and leaves out {sorted(unsaid)}"
            f"{did_you_mean(min(unknown, default=''), unsaid)}"
        )
    for modality, number in k.items():
        if number != "all" and not (isinstance(number, Integral) and int(number) >= 1):
            raise ValueError(
                f'k of modality {modality!r} must be an integer of at least 1 or "all", '
                f"got {number!r}. {INTEGER_REMEDY if isinstance(number, Real) else ''}".rstrip()
            )
    return {
        modality: len(positions) if k[modality] == "all" else min(k[modality], len(positions))
        for modality, positions in modalities.items()
    }

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
from ..modalities._columns import (
    Modalities,
    has_named_modalities,
    qualified_names,
    resolve_modalities,
)
from ..modalities._dtypes import as_matrix
from ..modalities._validation import (
    column_means,
    dense_columns,
    modality_blocks,
    modality_presence,
    refuse_samples_without_modality,
    validate_table,
)
from ._pairs import put_pairs_first
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
    memory : str, path or object with the joblib.Memory interface, default=None
        Where to cache rankings, so that a grid search over `k` ranks once per fold and modality.
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
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Column names seen during fit, if X had names.

    Raises
    ------
    ValueError
        If a value is infinite, or NaN beside values of the same modality and sample; if `y` has
        one class only; if `k` or `modalities` name something that X does not have.

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
    NaN in the output.

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
        memory: Any = None,
        n_jobs: int | None = None,
    ):
        self.k = k
        self.modalities = modalities
        self.estimator = estimator
        self.l1_ratio = l1_ratio
        self.pairs = pairs
        self.memory = memory
        self.n_jobs = n_jobs

    @typed(_fit_context(prefer_skip_nested_validation=False))
    def fit(self, X: Table, y: Labels) -> "MultiOmicsSelector":
        """Rank the features of every modality.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
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
        X : DataFrame or array of shape (n_samples, n_features)
            Training samples; a block of NaN marks an absent modality.
        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        DataFrame or ndarray of shape (n_samples, n_selected)
            The selected columns, as :meth:`transform` returns them.
        """
        return self._select(self._fit(X, y), self.get_support(indices=True))

    def transform(self, X: Table) -> Any:
        """Keep the selected columns.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit. A DataFrame may lack columns that were not
            selected.

        Returns
        -------
        DataFrame or ndarray of shape (n_samples, n_selected)
            The selected columns in their original order: a DataFrame with columns named
            ``modality__feature`` where the modalities are known by name, else an array.
        """
        check_is_fitted(self)
        support = self.get_support(indices=True)
        table, _ = validate_table(self, X, reset=False, needed=support)
        modalities = self.modalities_
        if table.shape[1] < self.n_features_in_:
            # Some columns are missing that were not selected.
            there = table.columns.get_indexer(self.feature_names_in_)
            places = {modality: there[columns] for modality, columns in modalities.items()}
            modalities = {modality: place[place >= 0] for modality, place in places.items()}
            support = there[support]
        values = modality_blocks(table, modalities)
        modality_presence(table, values, modalities)
        return self._select(table, support)

    def inverse_transform(self, X: Table) -> Any:
        """Put the selected columns back in their places, with zeros for the others.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_selected)
            Samples as :meth:`transform` returned them.

        Returns
        -------
        DataFrame or ndarray of shape (n_samples, n_features_in_)
            The columns seen in fit; an absent modality is NaN throughout. A DataFrame if X is
            one and names were seen in fit.
        """
        check_is_fitted(self)
        if isinstance(X, pd.DataFrame):
            selected = as_matrix(X)
        else:
            selected = check_array(X, dtype=None, ensure_all_finite=False)
        support = self.get_support(indices=True)
        if selected.shape[1] != len(support):
            raise ValueError(f"X has {selected.shape[1]} columns, {len(support)} were selected.")
        full = np.zeros((len(selected), self.n_features_in_), dtype=selected.dtype)
        full[:, support] = selected
        for positions in self.modalities_.values() if selected.dtype.kind == "f" else ():
            absent = np.isnan(full[:, positions]).any(axis=1)
            full[np.ix_(absent, positions)] = np.nan
        if isinstance(X, pd.DataFrame) and hasattr(self, "feature_names_in_"):
            return pd.DataFrame(full, index=X.index, columns=self.feature_names_in_)
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
            ``modality__feature`` where the modalities are known by name, else the column names.
        """
        names = super().get_feature_names_out(input_features)
        if not self._named:
            return names
        support = self.get_support(indices=True)
        selected = {
            modality: np.flatnonzero(np.isin(support, positions))
            for modality, positions in self.modalities_.items()
        }
        return qualified_names(names, selected)

    def _fit(self, X: Any, y: Any) -> Any:
        """Rank the features and return the validated table."""
        table, y = validate_table(self, X, y, ensure_min_samples=2)
        check_classification_targets(y)
        self.modalities_ = resolve_modalities(table, self.modalities)
        self._named = has_named_modalities(table, self.modalities)
        self._k = _k_by_modality(self.k, self.modalities_)
        codes = LabelEncoder().fit_transform(y)
        rank = partial(ranker(self.memory), estimator=self.estimator, l1_ratio=self.l1_ratio)
        blocks = modality_blocks(table, self.modalities_)
        # Threads, because the solver releases the lock and processes would copy the table.
        with _shared_processors(min(effective_n_jobs(self.n_jobs), len(self.modalities_))):
            ranked = Parallel(n_jobs=self.n_jobs, require="sharedmem")(
                delayed(rank)(block, codes, (table, modality, self.modalities_[modality]))
                for modality, block in blocks.items()
            )
        present, scores = map(list, zip(*ranked, strict=True))
        refuse_samples_without_modality(table, np.column_stack(present))
        if self.pairs:
            scores = put_pairs_first(scores, blocks, codes, self.memory)
        self._set_rankings(scores)
        (selected,) = modality_blocks(table, {"": self.get_support(indices=True)}).values()
        self._needed_means = column_means(selected)
        return table

    def _select(self, table: Any, support: np.ndarray) -> Any:
        if isinstance(table, pd.DataFrame) and self._named:
            selected = dense_columns(table.iloc[:, support])
            return selected.set_axis(self.get_feature_names_out(), axis=1)
        (values,) = modality_blocks(table, {"": support}).values()
        return pd.DataFrame(values, columns=self.get_feature_names_out()) if self._named else values

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

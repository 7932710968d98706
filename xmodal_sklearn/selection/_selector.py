"""Keeping the best K features of each modality."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from joblib import effective_n_jobs
from scipy import sparse
from sklearn.base import _fit_context
from sklearn.feature_selection import SelectorMixin
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import Tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted
from threadpoolctl import ThreadpoolController

from .._base import INTEGER_REMEDY, ValidatedEstimator
from .._fitted_model import kept_features
from .._html import html_table
from .._parallel import run_parallel
from .._suggestions import did_you_mean
from .._typing import Labels, Table, typed
from .._warnings import warn
from ..modalities._columns import Modalities, as_slice, check_primary, qualified_names
from ..modalities._encoding import as_matrix, is_numeric
from ..modalities._input import ModalityInput, as_table, validate_table
from ..modalities._missing import (
    CHECKED,
    Missing,
    check_samples_have_modality,
    find_missing,
    warn_if_adjacent,
    warn_if_looks_imputed,
    warn_if_rounded,
    warn_missing,
)
from ..modalities._nested import hand_over, prepare_hand_over
from ._pairs import promote_interactions
from ._ranking import best_first, rank_modality


class MultiOmicsSelector(SelectorMixin, ValidatedEstimator):
    r"""Keep the K most predictive features of each modality, ranked by an elastic net.

    Every modality is ranked on its own, on the training rows only, by the path of a
    multi-response elastic net on the one-hot encoded classes. The ranking does not depend on K,
    so the best 300 features are among the best 500.

    Parameters
    ----------
    k : int, "all" or dict of str to (int or "all"), default=300
        Number of features to keep per modality: exactly ``min(k, features of the modality)``.
        A dict has a number for each modality; modalities that it omits keep all features.
    modalities : dict of str to columns, default=None
        The columns of each modality, as :class:`~sklearn.compose.ColumnTransformer` takes them
        (names, positions, slice, boolean mask or callable); each column must belong to exactly
        one. None reads the modalities from column names of the form ``modality__feature`` or
        from two-level columns (modality, feature); unnamed columns are one modality.
    primary : str, default=None
        With `pairs`, the modality of which each interaction has a feature. None means the first.
    estimator : estimator object, default=None
        A scikit-learn estimator with ``coef_`` or ``feature_importances_`` that replaces the
        built-in elastic net. It is fitted to the standardized columns of one modality at a time
        and to the class codes 0, 1, ….
    l1_ratio : float, default=0.5
        Share of the group-lasso penalty in the built-in elastic net, in (0, 1].
    pairs : bool, default=False
        Rank features of interactions first: pairs of one feature of the primary modality and one
        of another whose product is correlated with a class by more than chance [2]_. A feature
        without an effect of its own is otherwise selected only by luck. The time grows with the
        product of the numbers of features.
    memory : str, path or object with the joblib.Memory interface, default=None
        Where to cache rankings, so that a grid search over `k` ranks once per fold and modality. A
        folder holds arrays, which run no code when they are read; joblib's memory holds pickles.
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
        all others of its modality; better pairs score higher.
    n_imputed_ : dict of str to int
        By modality, how many values were missing in training samples that have the modality.
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Column names seen during fit, if X had names.

    Raises
    ------
    ValueError
        If a value is infinite or a sample has no modality; if `y` has one class only; if `k`,
        `primary` or `modalities` name something that X does not have.

    Warns
    -----
    UserWarning
        If training samples lack values of modalities that they have; if an imputer seems to have
        filled absent modalities; if a modality can't be ranked.

    See Also
    --------
    CrossModalAttentionClassifier : Takes the selected table as it is.
    ModalityEncoder, ModalityImputer : Encode and impute it for other estimators.
    concat_modalities : Builds the table from one table per modality.

    Notes
    -----
    With :math:`\tilde X` the standardized columns of one modality and :math:`Y` the centered
    one-hot classes of the samples that have it, the elastic net minimizes

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

    A sample without a modality (a block of NaN) is left out of that modality's ranking. Other
    missing values are replaced by the mean of their feature in the training samples when ranking. A
    feature that fewer than three training samples have (or a fifth of them, if there are fewer than
    15) comes last, with the constant ones. A modality that no training sample has, or only samples
    of one class, can't be ranked: all its features score zero.

    Columns of strings and of categories are ranked as zeros and ones, a column for each category
    that training samples have, and ordered categories as their order. They count as one feature,
    which is as good as its best column.

    The result of ``fit_transform``, as in a pipeline, lets :class:`CrossModalAttentionClassifier`
    repeat the selection without the samples that it holds out, as long as no other step changes it.

    Selected columns keep their dtype, categories, missing values and sparsity. Sparse matrices and
    sparse columns of a DataFrame are ranked by converting only a few columns at a time to dense,
    unless `pairs` or `estimator` is set.

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
        "primary": [str, None],
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
        primary: str | None = None,
        estimator: Any = None,
        l1_ratio: float = 0.5,
        pairs: bool = False,
        memory: Any = None,
        n_jobs: int | None = None,
    ):
        self.k = k
        self.modalities = modalities
        self.primary = primary
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
        table, blocks, codes = self._fit(X, y)
        support = self.get_support(indices=True)
        selected = self._select(table, support, support)
        select = partial(self._select_for, table, blocks, codes)
        prepare_hand_over(select, self.n_features_in_, y)
        return selected

    def _html_summary(self) -> str:
        """Return the number of selected features of each modality, and the best, as a table."""
        if not hasattr(self, "rankings_"):
            return ""
        kept = kept_features(self)
        rows = {
            name: (len(kept[name]), len(columns), ", ".join(map(str, self.rankings_[name][:5])))
            for name, columns in self.modalities_.items()
        }
        table = pd.DataFrame.from_dict(rows, "index", columns=["selected", "features", "best"])
        shares = table["selected"] / table["features"]
        return html_table(table.rename_axis("modality"), "Selected features", shares)

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
            The selected columns in their original order, as they came in: a DataFrame with columns
            named ``modality__feature`` where the modalities are known by name, else an array, or a
            sparse matrix if X is one.
        """
        check_is_fitted(self)
        support = self.get_support(indices=True)
        table, _ = validate_table(self, X, reset=False, needed=support, accept_sparse="csc")
        places = self.input_.locate(table)
        encoder = self.input_.encoder
        blocks, origins = {}, {}
        for modality, positions in self.modalities_.items():
            present = positions[places[positions] >= 0]
            blocks[modality] = encoder.encode(
                table, present, places[present], keep_sparse=True, warn_unseen=False
            )
            origins[modality] = encoder.repeat_encoded(present, places[present])
        find_missing(table, blocks, origins)
        return self._select(table, support, places[support])

    def inverse_transform(self, X: Table) -> Any:
        """Restore the columns seen in fit, with zeros for those that were not selected.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_selected)
            Samples as :meth:`transform` returned them.

        Returns
        -------
        DataFrame or ndarray of shape (n_samples, n_features_in_)
            The columns seen in fit; an absent modality is NaN throughout, and categorical columns
            that were not selected are None. A DataFrame if X is one and names were seen in fit.
        """
        check_is_fitted(self)
        named = isinstance(X, pd.DataFrame) and hasattr(self, "feature_names_in_")
        table = pd.DataFrame(as_table(X))
        support = self.get_support(indices=True)
        if table.shape[1] != len(support):
            raise ValueError(f"X has {table.shape[1]} columns, {len(support)} were selected.")
        others = np.flatnonzero(~self.get_support())
        numeric = [is_numeric(dtype) for dtype in table.dtypes]
        dtype = as_matrix(table.loc[:, numeric]).dtype if any(numeric) else np.dtype(float)
        absent = np.zeros((len(table), self.n_features_in_), dtype=bool)
        missing = table.isna().to_numpy(dtype=bool)  # sparse columns, too
        for positions in self.modalities_.values():
            chosen = np.isin(support, positions)
            absent[:, positions] = (missing[:, chosen].all(axis=1) & chosen.any())[:, None]
        filler = np.zeros((len(table), len(others)), dtype=dtype)
        if dtype.kind == "f":
            filler[absent[:, others]] = np.nan
        rest = pd.DataFrame(filler, index=table.index)
        for index in np.flatnonzero(np.isin(others, list(self.input_.encoder.categories))):
            rest.isetitem(index, np.full(len(table), None))
        full = pd.concat([table, rest], axis=1).iloc[
            :, np.argsort(np.concatenate([support, others]))
        ]
        return full.set_axis(self.feature_names_in_, axis=1) if named else full.to_numpy()

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the selected columns.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features_in_,), default=None
            Names to use if fit saw none; otherwise they must equal ``feature_names_in_``.

        Returns
        -------
        ndarray of str of shape (n_selected,)
            ``modality__feature`` where the modalities are known by name, else the column names.
        """
        names = super().get_feature_names_out(input_features)
        return self._qualify(names, self.get_support(indices=True))

    def _qualify(self, names: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Return the names of some columns as those of features in modalities."""
        if not self.input_.is_named:
            return names
        selected = {
            modality: np.flatnonzero(np.isin(support, positions))
            for modality, positions in self.modalities_.items()
        }
        return qualified_names(names.tolist(), selected)

    def _fit(self, X: Any, y: Any) -> tuple[Any, dict[str, Any], np.ndarray]:
        """Rank the features; return the validated table, its blocks and the class codes."""
        table, y = validate_table(self, X, y, ensure_min_samples=2, accept_sparse="csc")
        check_classification_targets(y)
        self.input_ = ModalityInput(table, self.modalities)
        self.modalities_ = self.input_.modalities
        check_primary(self.primary, self.modalities_)
        self._k = _k_by_modality(self.k, self.modalities_)
        encoder = self.input_.encoder
        codes = LabelEncoder().fit_transform(y)
        if codes.max() == 0:
            raise ValueError(
                f"y has one class only, {y[0]!r}; a selector needs samples of at least two classes."
            )
        blocks = encoder.blocks(table, keep_sparse=True)
        scores, missing = self._score(table, blocks, codes)
        check_samples_have_modality(table, missing.present)
        self._warn(table, blocks, missing, codes)
        self.scores_, self._orders = self._rank(scores)
        names = getattr(self, "feature_names_in_", None)
        self.rankings_ = {
            modality: order if names is None else names[order]
            for modality, order in self._orders.items()
        }
        self.input_.needed = self.get_support(indices=True)
        self.input_.learn_summary(encoder.encode(table, self.input_.needed))
        self.n_imputed_ = missing.n_gaps
        return table, blocks, codes

    def _score(
        self,
        table: Any,
        blocks: Mapping[str, Any],
        codes: np.ndarray,
        n_best: Mapping[str, float] | None = None,
    ) -> tuple[dict[str, np.ndarray], Missing]:
        """Score the encoded columns of each modality; return what is missing in them, too."""
        n_best = n_best or dict.fromkeys(blocks, np.inf)
        rank = partial(
            rank_modality, memory=self.memory, estimator=self.estimator, l1_ratio=self.l1_ratio
        )
        origins = self.input_.encoder.origins
        tasks = [
            (table, modality, origins[modality], block, codes, n_best[modality])
            for modality, block in blocks.items()
        ]
        # Threads, because the solver releases the lock and processes would copy the table.
        with _shared_processors(min(effective_n_jobs(self.n_jobs), len(self.modalities_))):
            results = list(run_parallel(rank, tasks, self.n_jobs, in_threads=True))
        ranked = dict(zip(blocks, results, strict=True))
        missing = Missing({modality: gaps for modality, (gaps, _) in ranked.items()})
        scores = {modality: values for modality, (_, values) in ranked.items()}
        if self.pairs:
            is_rare = self.input_.rare_columns(missing)
            scores = promote_interactions(
                scores,
                blocks,
                missing,
                codes,
                is_rare={n: is_rare[at] for n, at in self.input_.encoder.columns.items()},
                primary=self.primary or next(iter(blocks)),
                memory=self.memory,
            )
        return scores, missing

    def _select_for(
        self, table: Any, blocks: Mapping[str, Any], codes: np.ndarray, rows: np.ndarray
    ) -> tuple[Any, np.ndarray]:
        """Return the columns of a table that some of its rows select, and their names."""
        part = {modality: block[rows] for modality, block in blocks.items()}
        scores, _ = self._score(table, part, codes[rows], self._n_best())
        orders = self._rank(scores)[1]
        support = np.sort(np.concatenate([orders[name][:k] for name, k in self._k.items()]))
        names = self._qualify(_check_feature_names_in(self)[support], support)
        return self._select(table, support, support), names

    def _n_best(self) -> dict[str, float]:
        """Return how many features of each modality a selection needs to have ranked."""
        n_best: dict[str, float] = {}
        for modality, positions in self.modalities_.items():
            # A ranking that is cached should serve a search over k.
            k = self._k[modality] if self.memory is None else np.inf
            n_best[modality] = 0 if self._k[modality] == len(positions) else k
        return n_best

    def _warn(
        self, table: Any, blocks: Mapping[str, Any], missing: Missing, codes: np.ndarray
    ) -> None:
        warn_missing(
            missing, rare="rank last", imputed="Missing values are ranked as training means"
        )
        warn_if_looks_imputed(table, blocks)
        warn_if_rounded(table, blocks, self.input_.encoder.origins)
        for modality, gaps in missing.gaps.items():
            warn_if_adjacent(table, modality, blocks[modality], gaps)
            if gaps.present.any() and len(np.unique(codes[gaps.present])) < 2:
                warn(
                    f"Can't rank the features of modality {modality!r}: the {gaps.present.sum()} "
                    "training samples that have it are of one class only."
                )

    def _select(self, table: Any, support: np.ndarray, places: np.ndarray) -> Any:
        """Return the columns of `support`, which are at `places` of the table, as they are."""
        named = self.input_.is_named
        if isinstance(table, pd.DataFrame):
            selected = table.iloc[:, places]
            if not named and all(map(is_numeric, selected.dtypes.unique())):
                return as_matrix(selected)
        else:
            selected = table[:, as_slice(places)]
            if not named:
                return selected
            if sparse.issparse(selected):
                selected = pd.DataFrame.sparse.from_spmatrix(selected)
            else:
                selected = pd.DataFrame(selected)
        names = _check_feature_names_in(self)
        selected = selected.set_axis(self._qualify(names[support], support), axis=1)
        selected.attrs = {CHECKED: True}
        return selected

    def _get_support_mask(self) -> np.ndarray:
        check_is_fitted(self)
        mask = np.zeros(self.n_features_in_, dtype=bool)
        for modality, order in self._orders.items():
            mask[order[: self._k[modality]]] = True
        return mask

    def _rank(self, scores: Mapping[str, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return the score of each column, and the columns of each modality, best first."""
        names = getattr(self, "feature_names_in_", None)
        by_column, orders = np.empty(self.n_features_in_), {}
        for modality, positions in self.modalities_.items():
            modality_scores = self.input_.encoder.max_encoded(positions, scores[modality])
            by_column[positions] = modality_scores
            labels = positions if names is None else names[positions]
            orders[modality] = positions[best_first(modality_scores, labels)]
        return by_column, orders

    def __sklearn_tags__(self) -> Tags:
        """Return the estimator's capabilities."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


# Outside of scikit-learn's conversion to another container, which makes another table.
MultiOmicsSelector.fit_transform = hand_over(MultiOmicsSelector.fit_transform)  # type: ignore[method-assign]


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
    by_modality: Mapping[str, Any] = k if isinstance(k, Mapping) else dict.fromkeys(modalities, k)
    unknown = sorted(set(by_modality) - set(modalities))
    if unknown:
        raise ValueError(
            f"k names {unknown}, which are not modalities of X, {list(modalities)}"
            f"{did_you_mean(unknown[0], modalities)}"
        )
    for modality, count in by_modality.items():
        if count != "all" and not (isinstance(count, Integral) and int(count) >= 1):
            raise ValueError(
                f'k of modality {modality!r} must be an integer of at least 1 or "all", '
                f"got {count!r}. {INTEGER_REMEDY if isinstance(count, Real) else ''}".rstrip()
            )
    sizes = {modality: len(positions) for modality, positions in modalities.items()}
    return sizes | {
        modality: min(count, sizes[modality])
        for modality, count in by_modality.items()
        if count != "all"
    }

"""Multi-block sparse PLS discriminant analysis, known as DIABLO."""

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial.distance import cdist
from sklearn.base import TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._base import ValidatedEstimator
from .._suggestions import did_you_mean
from .._typing import Labels, Table, at_least, typed
from ..modalities._columns import SEPARATOR, column_labels
from ..modalities._input import validate_table
from ..modalities._missing import Missing, warn_if_looks_imputed, warn_missing
from ._fusion import ModalityClassifier, has_classes
from ._sparse_gcca import fit_components

# Votes of equal number are decided by the weights of the modalities, which count as little.
TIE_BREAK = 1e-6


class BlockSparsePLSDA(TransformerMixin, ModalityClassifier, ValidatedEstimator):
    r"""Multi-block sparse partial least squares discriminant analysis (DIABLO).

    Each component consists of one linear combination per modality, of a few features. These
    combinations, the variates, have a large covariance with the classes and with one another. Each
    modality classifies a sample by its variates, and the modalities vote.

    Parameters
    ----------
    modalities : dict of str to columns, default=None
        The columns of each modality; None reads them from the column names. See
        :class:`~xmodal_sklearn.MultiOmicsSelector`.
    n_components : int, default=2
        Number of components. The number of classes minus one is a usual choice.
    keep_x : int or dict of str to int or list of int, default=None
        Number of features that each component uses of each modality. A dict has it by modality, as
        a number or as a list with one number per component; modalities that it omits keep all
        features. None keeps all features.
    design : float or array-like of shape (n_modalities, n_modalities), default=0.1
        How much the covariance of two modalities counts, from 0 to 1, compared with 1 for that of a
        modality with the classes: one number for all pairs, or a symmetric matrix in the order of
        ``modalities_``, whose diagonal is ignored. Small numbers favor discrimination, large ones
        correlated modalities.
    distance : {"centroids", "max", "mahalanobis"}, default="centroids"
        How a modality classifies a sample: ``"centroids"`` by the class whose mean variates are
        closest, ``"mahalanobis"`` the same, relative to the covariance within classes, and
        ``"max"`` by the largest indicator of a class, predicted by linear regression on the
        variates.
    vote : {"weighted", "majority"}, default="weighted"
        Whether the vote of a modality counts as much as its variates correlate with those of the
        classes, or as much as that of any other. Ties of majority votes are decided by the weights.
    max_iter : int, default=100
        Maximum number of iterations per component.
    tol : float, default=1e-6
        A component has converged when the squared change of each modality's loadings in one
        iteration is smaller.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    class_prior_ : ndarray of float of shape (n_classes,)
        The frequency of each class among the training samples.
    modalities_ : dict of str to ndarray of int
        Column positions of each modality.
    loadings_ : dict of str to DataFrame of shape (n_features, n_components)
        The loadings of each feature, zero for features that a component does not use, by modality.
        Their sign is arbitrary.
    block_weights_ : DataFrame of shape (n_modalities, n_components)
        Absolute correlation of the variates of each modality with those of the classes.
    centroids_ : dict of str to ndarray of shape (n_classes, n_components)
        Mean variates of each class, by modality.
    feature_importances_ : ndarray of float of shape (n_features_in_,)
        Squared loadings, summed over components with ``block_weights_`` as weights. They sum to
        one.
    n_iter_ : int
        The most iterations that a component took.
    n_imputed_ : dict of str to int
        By modality, how many values were missing in training samples that have the modality.
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Column names seen during fit, if X had names.

    Raises
    ------
    ValueError
        If `keep_x` or `design` does not fit the modalities of X, or a value is infinite.

    Warns
    -----
    ConvergenceWarning
        If a component does not converge.
    UserWarning
        If training samples lack values of modalities that they have, or samples have categories
        that training samples did not have; if an imputer seems to have filled absent modalities; if
        a modality is ignored because all training samples that have it belong to a single class.

    See Also
    --------
    LateFusionClassifier : Fits any classifier to each modality.
    make_baselines : This method behind a selection, tuned.

    Notes
    -----
    The method is sparse generalized canonical correlation analysis [1]_ with the classes, as
    standardized indicators, as one more block [2]_. A component maximizes

    .. math:: \sum_{j \ne k} c_{jk} \operatorname{cov}(X_j w_j, X_k w_k), \quad \|w_k\|_2 = 1

    over the loadings :math:`w_k`, block after block, where :math:`c_{jk}` is the `design`. It
    starts from the first singular vector of each block. Instead of a penalty on the absolute
    loadings, `keep_x` sets their soft threshold; features that tie for the last place are all kept.
    Then each modality is deflated by regression on its variate, and the classes by the mean of
    their regressions on the variates of all modalities. Columns have unit variance, with
    :math:`n - 1` in the denominator. On complete data, loadings, weights, and predictions by
    centroid and maximum equal those of ``block.splsda`` in the R package mixOmics.

    Missing values count as the mean of the feature. A sample that lacks a modality does not
    contribute to its variates, and its other modalities vote; a sample without any modality gets
    the class frequencies. Once its features are exhausted, a modality has variates of zero.
    Categorical columns are encoded as :class:`~xmodal_sklearn.ModalityEncoder` does.

    References
    ----------
    .. [1] A. Tenenhaus et al., "Variable selection for generalized canonical correlation analysis",
       Biostatistics 15(3), 2014, doi:10.1093/biostatistics/kxu001.
    .. [2] A. Singh et al., "DIABLO: an integrative approach for identifying key molecular drivers
       from multi-omics assays", Bioinformatics 35(17), 2019, doi:10.1093/bioinformatics/bty1054.

    Examples
    --------
    >>> from xmodal_sklearn.baselines import BlockSparsePLSDA
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> X, y = make_multiomics(n_samples=100, return_X_y=True, random_state=0)
    >>> model = BlockSparsePLSDA(keep_x={"exp": [10, 5], "mut": 3}).fit(X, y)
    >>> (model.loadings_["exp"] != 0).sum().to_dict()
    {'component1': 10, 'component2': 5}
    >>> model.get_feature_names_out()[:2].tolist()
    ['exp__component1', 'exp__component2']
    """

    _parameter_constraints: dict = {  # noqa: RUF012
        "modalities": [dict, None],
        "n_components": [at_least(1)],
        "keep_x": [Interval(Integral, 1, None, closed="left"), dict, None],
        "design": [Interval(Real, 0, 1, closed="both"), "array-like"],
        "distance": [StrOptions({"centroids", "max", "mahalanobis"})],
        "vote": [StrOptions({"weighted", "majority"})],
        "max_iter": [at_least(1)],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        modalities: dict | None = None,
        n_components: int = 2,
        keep_x: int | dict | None = None,
        design: float | npt.ArrayLike = 0.1,
        distance: str = "centroids",
        vote: str = "weighted",
        max_iter: int = 100,
        tol: float = 1e-6,
    ):
        self.modalities = modalities
        self.n_components = n_components
        self.keep_x = keep_x
        self.design = design
        self.distance = distance
        self.vote = vote
        self.max_iter = max_iter
        self.tol = tol

    @typed(_fit_context(prefer_skip_nested_validation=True))
    def fit(self, X: Table, y: Labels) -> "BlockSparsePLSDA":
        """Compute the components and the classifier of each modality.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Training samples; a block of NaN marks an absent modality.
        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        BlockSparsePLSDA
            The fitted classifier.
        """
        table, y = self._read_training(X, y)
        values, missing = self.input_.read_matrix(table)
        self.n_imputed_ = missing.n_gaps
        warn_missing(missing, rare="are ignored")
        warn_if_looks_imputed(table, self.input_.split(values))
        self.input_.learn_rare(missing)
        self.input_.learn_scale(values)
        n_values = np.maximum((~np.isnan(values)).sum(axis=0), 1)
        # Standard deviations of the samples have n in the denominator, those of PLS have n - 1.
        self._factors = np.sqrt((n_values - 1) / n_values)
        indicators = (y[:, None] == self.classes_).astype(float)
        self._used = _modalities_with_classes(missing, y)
        self._fit_blocks(self._standardize(values, missing), missing, indicators)
        labels = self.input_.encoder.names(np.arange(self.n_features_in_), column_labels(table))
        for modality, loadings in self.loadings_.items():
            loadings.index = labels[self.input_.encoder.columns[modality]]
        return self

    def transform(self, X: Table) -> np.ndarray:
        """Compute the variates of each modality.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        ndarray of float of shape (n_samples, n_modalities * n_components)
            Variates, those of one modality after those of another; NaN for absent modalities.
        """
        return np.hstack(list(self._variates(X).values()))

    def get_feature_names_out(self, input_features: npt.ArrayLike | None = None) -> np.ndarray:
        """Return the names of the variates.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        ndarray of str
            Such as ``"exp__component1"``.
        """
        check_is_fitted(self)
        components = self.block_weights_.columns
        names = [f"{name}{SEPARATOR}{part}" for name in self._used for part in components]
        return np.array(names, dtype=object)

    def predict_proba(self, X: Table) -> np.ndarray:
        """Return the share of votes for each class.

        The shares add up to one and their maximum is the predicted class, but they are no estimate
        of how often a class is correct: a class without any vote has probability zero. Calibrate
        them, for example by :class:`~sklearn.calibration.CalibratedClassifierCV`.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        ndarray of float of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        variates = self._variates(X)
        weights = np.maximum(self.block_weights_.mean(axis=1), TIE_BREAK)
        if self.vote == "majority":
            weights = 1 + TIE_BREAK * weights
        votes = np.zeros((len(variates[self._used[0]]), len(self.classes_)))
        for modality, scores in variates.items():
            present = np.flatnonzero(~np.isnan(scores).any(axis=1))
            chosen = self._class_scores(modality, scores[present]).argmax(axis=1)
            votes[present, chosen] += weights[modality]
        total = votes.sum(axis=1, keepdims=True)
        return np.where(total > 0, votes / np.where(total > 0, total, 1), self.class_prior_)

    @property
    def feature_importances_(self) -> np.ndarray:
        """Weighted squared loadings, see the attributes of the class."""
        check_is_fitted(self)
        encoder = self.input_.encoder
        importances = np.zeros(encoder.n_encoded)
        for modality, loadings in self.loadings_.items():
            weights = self.block_weights_.loc[modality]
            importances[encoder.columns[modality]] = (loadings**2) @ weights
        by_column = encoder.sum_encoded(importances)
        return by_column / max(by_column.sum(), np.finfo(float).tiny)

    def _fit_blocks(
        self, values: dict[str, np.ndarray], missing: Missing, indicators: np.ndarray
    ) -> None:
        design = np.ones((len(self._used) + 1,) * 2)
        design[:-1, :-1] = self._design_matrix()
        np.fill_diagonal(design, 0)
        n_classes = len(self.classes_)
        centered = indicators - indicators.mean(axis=0)
        blocks = [np.nan_to_num(values[name]) for name in self._used]
        components = fit_components(
            [*blocks, centered / indicators.std(axis=0, ddof=1)],
            design,
            [*self._numbers_to_keep(), [n_classes] * self.n_components],
            max_iter=self.max_iter,
            tol=self.tol,
        )
        self.n_iter_ = components.n_iter
        names = [f"component{number}" for number in range(1, self.n_components + 1)]
        self.block_weights_ = pd.DataFrame(0.0, index=self._used, columns=names)
        self.loadings_, self.centroids_ = {}, {}
        self._rotations, self._precisions, self._regressions = {}, {}, {}
        for index, name in enumerate(self._used):
            rows = missing.gaps[name].present
            variates, classes = components.variates[index][rows], indicators[rows]
            self.loadings_[name] = pd.DataFrame(components.loadings[index], columns=names)
            self.block_weights_.loc[name] = _correlations(variates, components.variates[-1][rows])
            self._rotations[name] = components.rotations[index]
            with np.errstate(invalid="ignore"):  # of classes without samples
                centroids = classes.T @ variates / classes.sum(axis=0)[:, None]
            within = variates - centroids[classes.argmax(axis=1)]
            self.centroids_[name] = centroids
            self._precisions[name] = np.linalg.pinv(within.T @ within / len(within))
            self._regressions[name] = np.linalg.lstsq(_with_ones(variates), classes)[0]

    def _class_scores(self, modality: str, variates: np.ndarray) -> np.ndarray:
        """Return a number for each sample and class, the largest for the class that is chosen."""
        if self.distance == "max":
            return _with_ones(variates) @ self._regressions[modality]
        centroids = self.centroids_[modality]
        if self.distance == "centroids":
            distances = cdist(variates, centroids)
        else:
            distances = cdist(variates, centroids, "mahalanobis", VI=self._precisions[modality])
        return np.nan_to_num(-distances, nan=-np.inf)

    def _variates(self, X: Any) -> dict[str, np.ndarray]:
        check_is_fitted(self)
        table, _ = validate_table(self, X, reset=False, accept_sparse="csc")
        values = self._standardize(*self.input_.read_matrix(table))
        return {name: values[name] @ self._rotations[name] for name in self._used}

    def _standardize(self, values: np.ndarray, missing: Missing) -> dict[str, np.ndarray]:
        """Return standardized columns by modality, NaN for samples that lack the modality."""
        standardized = self.input_.standardize(values, missing, np.float64)
        blocks = self.input_.split(standardized * self._factors)
        for modality, block in blocks.items():
            block[~missing.gaps[modality].present] = np.nan
        return blocks

    def _numbers_to_keep(self) -> list[list[int]]:
        """Return how many features to keep, by modality in use and component."""
        keep = self.keep_x if isinstance(self.keep_x, Mapping) else {}
        for modality in keep:
            if modality not in self.modalities_:
                raise ValueError(
                    f"keep_x names {modality!r}, which is not a modality of X"
                    f"{did_you_mean(modality, self.modalities_)} Its modalities are "
                    f"{list(self.modalities_)}."
                )
        default = self.keep_x if isinstance(self.keep_x, Integral) else None
        return [
            _repeat_for_components(
                keep.get(name, default),
                name,
                len(self.input_.encoder.columns[name]),
                self.n_components,
            )
            for name in self._used
        ]

    def _design_matrix(self) -> np.ndarray:
        """Return the design of the modalities in use."""
        n_modalities = len(self.modalities_)
        design = np.asarray(self.design, dtype=float)
        if design.ndim == 0:
            design = np.full((n_modalities, n_modalities), design)
        if design.shape != (n_modalities, n_modalities):
            raise ValueError(
                f"design must be a number or a matrix of {n_modalities} rows and columns, for the "
                f"modalities {list(self.modalities_)}, got shape {design.shape}."
            )
        if not ((design >= 0) & (design <= 1)).all() or not (design == design.T).all():
            raise ValueError(
                f"design must be a symmetric matrix of numbers from 0 to 1, got {design.tolist()}."
            )
        at = [list(self.modalities_).index(name) for name in self._used]
        return design[np.ix_(at, at)]


def _modalities_with_classes(missing: Missing, y: np.ndarray) -> list[str]:
    """Return the modalities that training samples of several classes have; warn of others."""
    used = [name for name, gaps in missing.gaps.items() if has_classes(name, gaps.present, y)]
    if not used:
        raise ValueError(
            "No modality can be used: the training samples that have one belong to a single class, "
            f"for each of {list(missing.gaps)}."
        )
    return used


def _repeat_for_components(
    numbers: Any, modality: str, n_features: int, n_components: int
) -> list[int]:
    """Return the number of features to keep for each component."""
    if numbers is None:
        return [n_features] * n_components
    is_list = isinstance(numbers, Sequence | np.ndarray)
    by_component = list(numbers) if is_list else [numbers] * n_components
    if len(by_component) != n_components or not all(
        isinstance(number, Integral) and int(number) >= 1 for number in by_component
    ):
        raise ValueError(
            f"keep_x of modality {modality!r} must be a positive int, or a list of "
            f"n_components={n_components} of them, got {numbers!r}."
        )
    return [min(int(number), n_features) for number in by_component]


def _correlations(variates: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the absolute correlation of each pair of columns, 0 where a column is constant."""
    a, b = variates - variates.mean(axis=0), others - others.mean(axis=0)
    lengths = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
    products = np.abs((a * b).sum(axis=0))
    return np.divide(products, lengths, out=np.zeros(len(lengths)), where=lengths > 0)


def _with_ones(variates: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(variates)), variates])

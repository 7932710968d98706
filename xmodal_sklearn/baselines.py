"""The classical models to believe the attention classifier beside."""

from collections.abc import Sequence
from importlib.util import find_spec
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from . import _modalities as blocks
from .selection import MultiOmicsSelector

__all__ = ["LateFusionClassifier", "StackedFusionClassifier", "make_baselines"]

INNER_FOLDS = 3


class LateFusionClassifier(ClassifierMixin, BaseEstimator):
    """Fit one classifier per modality and average their probabilities.

    A sample that lacks a modality takes no part in fitting that modality's classifier, and its
    probabilities are averaged over the modalities that it has. A sample that has none of those in
    `use` gets the class frequencies of the training samples.

    Parameters
    ----------
    estimator : classifier with predict_proba
        Cloned and fitted to the columns of one modality at a time.
    modalities : dict of str to columns, default=None
        The columns of each modality; None reads them from the column names. See
        :class:`~xmodal_sklearn.MultiOmicsSelector`.
    use : sequence of str, default=None
        The modalities to fit; None means all. With one, this is a model of a single modality.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    class_prior_ : ndarray of float of shape (n_classes,)
        The frequency of each class among the training samples.
    estimators_ : dict of str to estimator
        The fitted classifier of each modality in use.
    modalities_ : dict of str to ndarray of int
        Column positions of each modality.
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Column names seen during fit, if X had names.

    Raises
    ------
    ValueError
        If `use` names a modality that X does not have, or no training sample has one in use.

    See Also
    --------
    StackedFusionClassifier : Learns how to weigh the modalities.
    make_baselines : Late and early fusion, ready to fit.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from xmodal_sklearn.baselines import LateFusionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> X, y = make_multiomics(n_samples=100, return_X_y=True, random_state=0)
    >>> late = LateFusionClassifier(LogisticRegression(max_iter=1000)).fit(X, y)
    >>> list(late.estimators_)
    ['exp', 'cna', 'mut']
    """

    _parameter_constraints: dict = {  # noqa: RUF012
        "estimator": [HasMethods(["fit", "predict_proba"])],
        "modalities": [dict, None],
        "use": [list, tuple, None],
    }

    def __init__(
        self, estimator: Any, *, modalities: dict | None = None, use: Sequence[str] | None = None
    ):
        self.estimator = estimator
        self.modalities = modalities
        self.use = use

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any) -> "LateFusionClassifier":
        """Fit the classifier of every modality.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Training samples; a block of NaN marks an absent modality.
        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        LateFusionClassifier
            The fitted classifier.
        """
        self._fit_modalities(X, y)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Average the probabilities over the modalities that each sample has.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        ndarray of float of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        by_modality = self._probabilities_by_modality(X)
        absent = np.isnan(by_modality[:, :, :1])
        n_present = (~absent).sum(axis=1)
        mean = np.nansum(by_modality, axis=1) / np.maximum(n_present, 1)
        mean = np.where(n_present, mean, self.class_prior_)
        return mean / mean.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """Give the most probable class.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels of the type seen in fit.
        """
        check_is_fitted(self)
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _fit_modalities(self, X: Any, y: Any) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Fit the classifiers; return the values of the modalities in use, and y."""
        table, y = blocks.validate_table(self, X, y, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, counts = np.unique(y, return_counts=True)
        self.class_prior_ = counts / counts.sum()
        self.modalities_ = blocks.resolve_modalities(table, self.modalities)
        self._used = list(self.modalities_ if self.use is None else self.use)
        unknown = [modality for modality in self._used if modality not in self.modalities_]
        if unknown or not self._used:
            raise ValueError(
                f"use must name at least one of the modalities {list(self.modalities_)}, "
                f"got {self.use!r}."
            )
        values = self._values(table)
        self.estimators_ = {}
        for modality, block in values.items():
            has_it = _present(block)
            if not has_it.any():
                raise ValueError(
                    f"Modality {modality!r} is absent from every training sample, so nothing can "
                    "be learned from it. Drop its columns."
                )
            self.estimators_[modality] = clone(self.estimator).fit(block[has_it], y[has_it])
        return values, y

    def _values(self, table: Any) -> dict[str, np.ndarray]:
        values = blocks.modality_blocks(table, self.modalities_)
        blocks.modality_presence(table, values, self.modalities_)
        return {modality: values[modality] for modality in self._used}

    def _probabilities_by_modality(self, X: Any) -> np.ndarray:
        """Return probabilities (samples, modalities, classes), NaN for an absent modality."""
        check_is_fitted(self)
        table, _ = blocks.validate_table(self, X, reset=False)
        values = self._values(table)
        probabilities = np.full((len(table), len(values), len(self.classes_)), np.nan)
        for index, (modality, block) in enumerate(values.items()):
            has_it = _present(block)
            if has_it.any():
                estimator = self.estimators_[modality]
                probabilities[has_it, index] = self._in_all_classes(
                    estimator.predict_proba(block[has_it]), estimator.classes_
                )
        return probabilities

    def _in_all_classes(self, probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Add zeros for the classes that a modality's training samples lacked."""
        full = np.zeros((len(probabilities), len(self.classes_)))
        full[:, np.searchsorted(self.classes_, classes)] = probabilities
        return full


class StackedFusionClassifier(LateFusionClassifier):
    r"""Fit one classifier per modality and weigh their probabilities by a logistic regression.

    The logistic regression learns from out-of-fold probabilities: those of a training sample come
    from classifiers that have not seen it.

    Parameters
    ----------
    estimator : classifier with predict_proba
        Cloned and fitted to the columns of one modality at a time; its own tuning, if any, is
        repeated inside every fold.
    modalities : dict of str to columns, default=None
        The columns of each modality; None reads them from the column names. See
        :class:`~xmodal_sklearn.MultiOmicsSelector`.
    use : sequence of str, default=None
        The modalities to fit; None means all.
    cv : int, default=3
        Number of stratified folds for the out-of-fold probabilities.
    random_state : int, default=None
        Seed of these folds.

    Attributes
    ----------
    final_estimator_ : LogisticRegression
        Takes the evidence of each modality for each class.
    classes_, class_prior_, estimators_, modalities_, n_features_in_, feature_names_in_
        As in :class:`LateFusionClassifier`.

    See Also
    --------
    LateFusionClassifier : Averages the probabilities.

    Notes
    -----
    The evidence of modality :math:`m` for class :math:`c` is :math:`\log p_m(c \mid x) - \log
    \pi_c`, with :math:`\pi_c` the frequency of the class [1]_. An absent modality is no evidence:
    zero for every class.

    References
    ----------
    .. [1] D. Wolpert, "Stacked generalization", Neural Networks 5(2), 1992,
       doi:10.1016/S0893-6080(05)80023-1.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from xmodal_sklearn.baselines import StackedFusionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> X, y = make_multiomics(n_samples=100, return_X_y=True, random_state=0)
    >>> stacked = StackedFusionClassifier(LogisticRegression(max_iter=1000), random_state=0)
    >>> stacked.fit(X, y).final_estimator_.coef_.shape
    (5, 15)
    """

    _parameter_constraints: dict = {  # noqa: RUF012
        **LateFusionClassifier._parameter_constraints,
        "cv": [Interval(Integral, 2, None, closed="left")],
        "random_state": [Integral, None],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        modalities: dict | None = None,
        use: Sequence[str] | None = None,
        cv: int = INNER_FOLDS,
        random_state: int | None = None,
    ):
        super().__init__(estimator, modalities=modalities, use=use)
        self.cv = cv
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any) -> "StackedFusionClassifier":
        """Fit the classifier of every modality, and the one on top.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Training samples; a block of NaN marks an absent modality.
        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        StackedFusionClassifier
            The fitted classifier.
        """
        values, y = self._fit_modalities(X, y)
        folds = StratifiedKFold(self.cv, shuffle=True, random_state=self.random_state)
        out_of_fold = np.full((len(y), len(values), len(self.classes_)), np.nan)
        for index, block in enumerate(values.values()):
            has_it = _present(block)
            out_of_fold[has_it, index] = self._in_all_classes(
                cross_val_predict(
                    clone(self.estimator),
                    block[has_it],
                    y[has_it],
                    cv=folds,
                    method="predict_proba",
                ),
                np.unique(y[has_it]),
            )
        # Classes are not weighted once more: the models underneath may have done so.
        self.final_estimator_ = LogisticRegression(C=0.1, max_iter=1000)
        self.final_estimator_.fit(self._evidence(out_of_fold), y)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Weigh the probabilities of the modalities that each sample has.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        ndarray of float of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        evidence = self._evidence(self._probabilities_by_modality(X))
        return self.final_estimator_.predict_proba(evidence)

    def _evidence(self, probabilities: np.ndarray) -> np.ndarray:
        evidence = np.log(np.clip(probabilities, 1e-3, None)) - np.log(self.class_prior_)
        return np.nan_to_num(evidence).reshape(len(probabilities), -1)


def _present(block: np.ndarray) -> np.ndarray:
    # modality_presence has made sure that a row is NaN throughout or nowhere.
    return ~np.isnan(block[:, 0])


class _CodedClassifier(ClassifierMixin, BaseEstimator):
    """Give classes as 0, 1, … to classifiers that want them so, and balanced sample weights.

    A class of fewer samples than there are inner folds has some of them twice, or calibration would
    refuse it; as classes weigh the same, that changes no fit.
    """

    def __init__(self, estimator: Any, *, balanced: bool = False):
        self.estimator = estimator
        self.balanced = balanced

    def fit(self, X: Any, y: Any) -> "_CodedClassifier":
        self.classes_, codes = np.unique(y, return_inverse=True)
        of_classes = (np.flatnonzero(codes == code) for code in range(len(self.classes_)))
        again = [np.resize(rows, max(INNER_FOLDS - len(rows), 0)) for rows in of_classes]
        rows = np.concatenate([np.arange(len(codes)), *again])
        X, codes = _safe_indexing(X, rows), codes[rows]
        weights = compute_sample_weight("balanced", codes)
        weighted = {"sample_weight": weights} if self.balanced else {}
        self.estimator_ = clone(self.estimator).fit(X, codes, **weighted)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        return self.estimator_.predict_proba(X)

    def predict(self, X: Any) -> np.ndarray:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


FUSIONS = ("early", "late", "stacked")


def make_baselines(
    *,
    k: int | str | dict = 300,
    modalities: dict | None = None,
    fusion: Sequence[str] = ("early", "late"),
    models: Sequence[str] | None = None,
    tune: bool = True,
    random_state: int | None = None,
    memory: Any = None,
    n_jobs: int | None = None,
) -> dict[str, Pipeline]:
    """Make the classical pipelines, each with the same selection in front.

    Parameters
    ----------
    k : int, "all" or dict, default=300
        Features to keep per modality.
    modalities : dict of str to columns, default=None
        The columns of each modality; None reads them from the column names.
    fusion : sequence of str, default=("early", "late")
        How to join the modalities: ``"early"`` glues their selected columns together, ``"late"``
        averages the probabilities of one model per modality, ``"stacked"`` weighs them by a
        logistic regression, and ``"NAME only"`` uses the modality of that name alone.
    models : sequence of str, default=None
        Models to make, see Notes; None means all that are installed.
    tune : bool, default=True
        Whether to choose the parameters of each model from its grid by the macro-F1 of three
        stratified inner folds. Else the first value of each parameter is taken.
    random_state : int, default=None
        Seed of the models and of the inner folds.
    memory : str or object with the joblib.Memory interface, default=None
        Where to cache the rankings, which all pipelines share.
    n_jobs : int, default=None
        Inner fits in parallel. None means 1, -1 all processors.

    Returns
    -------
    dict of str to Pipeline
        Named ``"MODEL, FUSION"``, such as ``"random forest, late"``, and ``"dummy"``, which
        predicts the class frequencies.

    Raises
    ------
    ValueError
        If a model is unknown or not installed, or a way of fusion is unknown.

    See Also
    --------
    xmodal_sklearn.benchmark.compare : Compares them on the same folds.

    Notes
    -----
    All models weigh the classes alike (k nearest neighbours can't) and see standardised columns,
    gaps filled by the mean; tree ensembles take the columns and gaps as they are. The grids:

    ========================= ============================================== ==== =======
    model                     grid                                           fits seconds
    ========================= ============================================== ==== =======
    logistic regression       C 0.1, 0.001, 0.01, 1                            13       2
    elastic net               C 0.3, 0.1 × l1_ratio 0.5, 0.1                   13      17
    linear SVM                C 0.01, 0.001, 0.1                               40       3
    RBF SVM                   C 10, 1, 100 × gamma 0.001, 0.0001, scale       112       7
    k nearest neighbours      n_neighbors 5, 3, 9 × metric cosine, euclidean   19       1
    random forest             min_samples_leaf 5, 2, 10                        10       9
    gradient boosting         max_leaf_nodes 8, 4                               7      19
    MLP                       alpha 1, 0.1, 3                                  10       6
    nearest shrunken centroid shrink_threshold 0.3, none, 1, 2                 13       1
    XGBoost                   max_depth 3, 6                                    7       6
    LightGBM                  num_leaves 8, 4                                   7       4
    CatBoost                  depth 4, 6                                        7       8
    TabICL                    none                                              1
    ========================= ============================================== ==== =======

    Fits and seconds are those of early fusion, the seconds of one core for 615 samples and 700
    features of five classes. Late fusion takes that many fits once per modality, in 0.6 to 2 times
    the seconds; stacking four times as much as late fusion. SVMs get probabilities by temperature
    scaling on out-of-fold decisions, which leaves their predictions as they are. XGBoost, LightGBM
    and CatBoost come with the extra ``boosting``. TabICL is there where it is installed and its
    weights are in the cache of the Hugging Face hub; nothing is downloaded.

    Examples
    --------
    >>> from xmodal_sklearn.baselines import make_baselines
    >>> list(make_baselines(k=50, models=["logistic regression", "MLP"], fusion=["late"]))
    ['logistic regression, late', 'MLP, late', 'dummy']
    """
    available = _models(random_state)
    names = list(available) if models is None else list(models)
    unknown = [name for name in names if name not in available]
    if unknown:
        raise ValueError(f"No models {unknown} are installed, only {list(available)}.")
    baselines: dict[str, Any] = {}
    for name in names:
        model = _tuned(*available[name], tune=tune, random_state=random_state, n_jobs=n_jobs)
        for way in fusion:
            baselines[f"{name}, {way}"] = make_pipeline(
                MultiOmicsSelector(k, modalities=modalities, memory=memory),
                _fused(model, way, random_state),
            )
    return {**baselines, "dummy": make_pipeline(DummyClassifier(strategy="prior"))}


def _fused(model: Any, way: str, random_state: int | None) -> Any:
    if way == "early":
        return model
    if way == "late":
        return LateFusionClassifier(model)
    if way == "stacked":
        return StackedFusionClassifier(model, random_state=random_state)
    if way.endswith(" only"):
        return LateFusionClassifier(model, use=[way.removesuffix(" only")])
    raise ValueError(f'fusion must name {list(FUSIONS)} or "MODALITY only", got {way!r}.')


def _tuned(
    model: Any, grid: dict[str, list], *, tune: bool, random_state: int | None, n_jobs: int | None
) -> Any:
    folds = StratifiedKFold(INNER_FOLDS, shuffle=True, random_state=random_state)
    if tune and grid:
        model = GridSearchCV(model, grid, scoring="f1_macro", cv=folds, n_jobs=n_jobs)
    else:
        model = clone(model).set_params(**{name: values[0] for name, values in grid.items()})
    if hasattr(model, "predict_proba"):
        return model
    calibrated = CalibratedClassifierCV(model, method="temperature", cv=folds, ensemble=False)
    return _CodedClassifier(calibrated)


def _models(random_state: int | None) -> dict[str, tuple[Any, dict[str, list]]]:
    """Return the installed models, each with its grid."""
    seed = {"random_state": random_state}
    balanced = {"class_weight": "balanced"}
    models: dict[str, tuple[Any, dict[str, list]]] = {
        "logistic regression": (
            _scaled(LogisticRegression(**balanced, max_iter=1000)),
            {"model__C": [0.1, 0.001, 0.01, 1]},
        ),
        "elastic net": (
            # A third of the time of the default tolerance, for scores as high.
            _scaled(LogisticRegression(solver="saga", tol=1e-3, max_iter=1000, **balanced, **seed)),
            {"model__C": [0.3, 0.1], "model__l1_ratio": [0.5, 0.1]},
        ),
        "linear SVM": (
            _scaled(SVC(kernel="linear", **balanced)),
            {"model__C": [0.01, 0.001, 0.1]},
        ),
        "RBF SVM": (
            _scaled(SVC(**balanced)),
            {"model__C": [10, 1, 100], "model__gamma": [1e-3, 1e-4, "scale"]},
        ),
        "k nearest neighbours": (
            _scaled(KNeighborsClassifier(weights="distance")),
            {"model__n_neighbors": [5, 3, 9], "model__metric": ["cosine", "euclidean"]},
        ),
        "random forest": (
            # scikit-learn 1.9's forest balances no classes that are called "1", "2" and so on.
            _CodedClassifier(RandomForestClassifier(300, **balanced, **seed)),
            {"estimator__min_samples_leaf": [5, 2, 10]},
        ),
        "gradient boosting": (
            # Few bins and a tenth of the columns a split: a tenth of the time, scores no lower.
            HistGradientBoostingClassifier(
                max_bins=32, max_features=0.1, early_stopping=False, **balanced, **seed
            ),
            {"max_leaf_nodes": [8, 4]},
        ),
        "MLP": (
            _scaled(_CodedClassifier(MLPClassifier((64,), max_iter=500, **seed), balanced=True)),
            {"model__estimator__alpha": [1, 0.1, 3]},
        ),
        "nearest shrunken centroid": (
            _scaled(NearestCentroid()),
            {"model__shrink_threshold": [0.3, None, 1, 2]},
        ),
    }
    return {**models, **_boosting_models(random_state), **_pretrained_models(random_state)}


def _scaled(model: Any) -> Pipeline:
    return Pipeline(
        [
            ("impute", SimpleImputer(keep_empty_features=True)),
            ("scale", StandardScaler()),
            ("model", model),
        ]
    )


def _boosting_models(random_state: int | None) -> dict[str, tuple[Any, dict[str, list]]]:
    """Return the models of the extra ``boosting`` that are installed."""
    models: dict[str, tuple[Any, dict[str, list]]] = {}
    if find_spec("xgboost"):
        from xgboost import XGBClassifier

        xgboost = XGBClassifier(
            n_estimators=200, learning_rate=0.1, max_bin=32, colsample_bynode=0.1, n_jobs=1,
            random_state=random_state,
        )  # fmt: skip
        models["XGBoost"] = (
            _CodedClassifier(xgboost, balanced=True),
            {"estimator__max_depth": [3, 6]},
        )
    if find_spec("lightgbm"):
        from lightgbm import LGBMClassifier

        lightgbm = LGBMClassifier(
            n_estimators=200, max_bin=31, colsample_bytree=0.2, class_weight="balanced", n_jobs=1,
            random_state=random_state, verbose=-1,
        )  # fmt: skip
        models["LightGBM"] = lightgbm, {"num_leaves": [8, 4]}
    if find_spec("catboost"):
        from catboost import CatBoostClassifier

        catboost = CatBoostClassifier(
            iterations=200, border_count=32, rsm=0.1, auto_class_weights="Balanced",
            thread_count=1, allow_writing_files=False, random_state=random_state, verbose=0,
        )  # fmt: skip
        models["CatBoost"] = _CodedClassifier(catboost), {"estimator__depth": [4, 6]}
    return models


def _pretrained_models(random_state: int | None) -> dict[str, tuple[Any, dict[str, list]]]:
    """Return TabICL, where it is installed and its weights are on this machine."""
    if not find_spec("tabicl"):
        return {}
    from huggingface_hub import try_to_load_from_cache
    from tabicl import TabICLClassifier

    model = TabICLClassifier(allow_auto_download=False, random_state=random_state)
    weights = try_to_load_from_cache("jingang/TabICL", model.checkpoint_version)
    return {"TabICL": (model, {})} if isinstance(weights, str) else {}

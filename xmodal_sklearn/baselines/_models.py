"""The classical models and the grids that they are tuned over."""

from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from operator import attrgetter
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import _safe_indexing
from sklearn.utils.class_weight import compute_sample_weight

from .._base import ProbabilityClassifierMixin
from .._suggestions import did_you_mean
from ._block_pls import BlockSparsePLSDA
from ._fusion import INNER_FOLDS

# Combines the modalities itself, so it is made once, whatever the kinds of fusion.
DIABLO = "DIABLO"

# Parameters of each model to choose from; the first values are defaults.
GRIDS: dict[str, dict[str, list]] = {
    "logistic regression": {"model__C": [0.1, 0.001, 0.003, 0.01, 0.03, 1]},
    "elastic net": {"model__C": [0.3, 0.1], "model__l1_ratio": [0.5, 0.1]},
    "linear SVM": {"model__C": [0.01, 0.001, 0.1]},
    "RBF SVM": {"model__C": [10, 1, 100], "model__gamma": [1e-3, 1e-4, "scale"]},
    "k nearest neighbors": {
        "model__n_neighbors": [5, 3, 9],
        "model__metric": ["cosine", "euclidean"],
    },
    "random forest": {"min_samples_leaf": [5, 2, 10]},
    "gradient boosting": {"max_leaf_nodes": [8, 2]},
    "MLP": {"model__estimator__alpha": [1, 0.1, 3]},
    "nearest shrunken centroid": {"model__shrink_threshold": [0.3, None, 1, 2]},
    DIABLO: {"keep_x": [20, 60], "n_components": [4, 2, 6]},
    "XGBoost": {"estimator__max_depth": [3, 6, 1]},
    "LightGBM": {"estimator__num_leaves": [8, 4, 2], "estimator__learning_rate": [0.1, 0.05]},
    "CatBoost": {"estimator__depth": [4, 6]},
    "TabICL": {},
}

# Number of trees of a random forest.
N_TREES = 300

# Models that may not be installed, and how to get them.
BOOSTING = 'Install it with pip install "xmodal-sklearn[boosting]".'
OPTIONAL = {
    **dict.fromkeys(["XGBoost", "LightGBM", "CatBoost"], BOOSTING),
    "TabICL": "Install tabicl, and fit its TabICLClassifier once, which downloads the weights.",
}


class LabelEncodedClassifier(ProbabilityClassifierMixin, BaseEstimator):
    """Encode the classes as 0, 1, …, and drop column names, for classifiers that need it."""

    def __init__(
        self, estimator: Any, *, class_weight: str | None = None, keep_names: bool = False
    ):
        self.estimator = estimator
        self.class_weight = class_weight
        self.keep_names = keep_names

    def fit(self, X: Any, y: Any) -> "LabelEncodedClassifier":
        """Fit the classifier to the encoded classes."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        by_class = (np.flatnonzero(codes == code) for code in range(len(self.classes_)))
        copies = [np.resize(rows, max(INNER_FOLDS - len(rows), 0)) for rows in by_class]
        rows = np.concatenate([np.arange(len(codes)), *copies])
        X, codes = _safe_indexing(self._table(X), rows), codes[rows]
        weights = compute_sample_weight(self.class_weight, codes)
        weighted = {"sample_weight": weights} if self.class_weight else {}
        self.estimator_ = clone(self.estimator).fit(X, codes, **weighted)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities of shape (n_samples, n_classes), classes as in ``classes_``."""
        return self.estimator_.predict_proba(self._table(X))

    def _table(self, X: Any) -> Any:
        return X.to_numpy() if hasattr(X, "to_numpy") and not self.keep_names else X


class OutOfBagForest(ProbabilityClassifierMixin, BaseEstimator):
    """A random forest, its leaf size chosen by the macro-F1 of out-of-bag predictions."""

    def __init__(
        self,
        *,
        min_samples_leaf: int | list[int] = 5,
        class_weight: str | None = "balanced",
        n_jobs: int | None = None,
        random_state: int | None = None,
    ):
        self.min_samples_leaf = min_samples_leaf
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "OutOfBagForest":
        """Grow a forest for each leaf size and keep the best."""
        # scikit-learn 1.9's forest does not balance classes called "1", "2" and so on.
        self.classes_, codes = np.unique(y, return_inverse=True)
        forests = [
            RandomForestClassifier(
                N_TREES,
                min_samples_leaf=size,
                class_weight=self.class_weight,
                oob_score=partial(f1_score, average="macro"),
                n_jobs=self.n_jobs,
                random_state=self.random_state,
            ).fit(X, codes)
            for size in np.atleast_1d(self.min_samples_leaf).tolist()
        ]
        self.forest_ = max(forests, key=attrgetter("oob_score_")).set_params(oob_score=False)
        # A fitted model must not hold predictions of patients.
        del self.forest_.oob_decision_function_
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities of shape (n_samples, n_classes), classes as in ``classes_``."""
        return self.forest_.predict_proba(X)


def all_models(random_state: int | None, class_weight: str | None = "balanced") -> dict[str, Any]:
    """Return the installed models, unfitted, by name."""
    seed: dict[str, Any] = {"random_state": random_state}
    weight: dict[str, Any] = {"class_weight": class_weight}
    priors = "uniform" if class_weight else "empirical"
    mlp = LabelEncodedClassifier(MLPClassifier((64,), max_iter=500, **seed), **weight)
    models = {
        "logistic regression": _scaled(LogisticRegression(**weight, max_iter=1000)),
        # A third of the time of the default tolerance, and scores as high.
        "elastic net": _scaled(
            LogisticRegression(solver="saga", tol=1e-3, max_iter=1000, **weight, **seed)
        ),
        "linear SVM": _scaled(SVC(kernel="linear", **weight)),
        "RBF SVM": _scaled(SVC(**weight)),
        "k nearest neighbors": _scaled(KNeighborsClassifier(weights="distance")),
        "random forest": OutOfBagForest(**weight, **seed),
        # Few bins and a tenth of the columns per split: a tenth of the time, scores no lower.
        "gradient boosting": HistGradientBoostingClassifier(
            max_bins=32, max_features=0.1, early_stopping=False, **weight, **seed
        ),
        "MLP": _scaled(mlp),
        "nearest shrunken centroid": _scaled(NearestCentroid(priors=priors)),
        # In inner folds, this distance scores as high as the default or higher.
        DIABLO: BlockSparsePLSDA(distance="mahalanobis"),
    }
    return {
        **models,
        **_boosting_models(random_state, class_weight),
        **_pretrained_models(random_state),
    }


def check_model(name: str, available: Mapping[str, Any]) -> None:
    """Raise a ValueError if a model is unknown or not installed."""
    if name in available:
        return
    if name in OPTIONAL:
        raise ValueError(f"{name} is not installed. {OPTIONAL[name]}")
    names = [*available, *OPTIONAL]
    raise ValueError(
        f"Unknown model {name!r}{did_you_mean(name, names)} Installed are {list(available)}."
    )


def _scaled(model: Any) -> Pipeline:
    imputer = SimpleImputer(keep_empty_features=True)
    steps = [("impute", imputer), ("scale", StandardScaler()), ("model", model)]
    # Arrays between the steps, whatever scikit-learn's global transform_output says.
    return Pipeline(steps).set_output(transform="default")


def _boosting_models(random_state: int | None, class_weight: str | None) -> dict[str, Any]:
    """Return the models of the extra ``boosting`` that are installed."""
    models: dict[str, Any] = {}
    if find_spec("xgboost"):
        from xgboost import XGBClassifier

        xgboost = XGBClassifier(
            n_estimators=200, learning_rate=0.1, max_bin=32, colsample_bynode=0.1, n_jobs=1,
            random_state=random_state,
        )  # fmt: skip
        models["XGBoost"] = LabelEncodedClassifier(xgboost, class_weight=class_weight)
    if find_spec("lightgbm"):
        from lightgbm import LGBMClassifier

        lightgbm = LGBMClassifier(
            n_estimators=200, max_bin=31, colsample_bytree=0.2, class_weight=class_weight,
            n_jobs=1, random_state=random_state, verbose=-1,
        )  # fmt: skip
        models["LightGBM"] = LabelEncodedClassifier(lightgbm)
    if find_spec("catboost"):
        from catboost import CatBoostClassifier

        catboost = CatBoostClassifier(
            iterations=200, border_count=32, rsm=0.1, thread_count=1, allow_writing_files=False,
            auto_class_weights="Balanced" if class_weight else None, random_state=random_state,
            verbose=0,
        )  # fmt: skip
        models["CatBoost"] = LabelEncodedClassifier(catboost)
    return models


def _pretrained_models(random_state: int | None) -> dict[str, Any]:
    """Return TabICL if it is installed and its weights are on this machine."""
    if not find_spec("tabicl"):
        return {}
    from huggingface_hub import try_to_load_from_cache
    from tabicl import TabICLClassifier

    model = TabICLClassifier(allow_auto_download=False, random_state=random_state)
    weights = try_to_load_from_cache("jingang/TabICL", model.checkpoint_version)
    return {"TabICL": model} if isinstance(weights, str) else {}

"""Models that were read from a file, whose compiled code follows indices without looking."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import Tree

__all__ = ["check_bounds", "parts"]


def check_bounds(model: Any) -> None:
    """Refuse a model that would make scikit-learn read outside of its arrays.

    Parameters
    ----------
    model : estimator
        The model.

    Raises
    ------
    ValueError
        If a tree leads to nodes or features that are not there, or the arrays of a support vector
        machine or of nearest neighbours do not fit together.
    """
    for value, n_features in parts(model):
        if isinstance(value, Tree):
            n_features = min(n_features, value.n_features)
            children = np.stack([value.children_left, value.children_right])
            _check_tree(children, children[0] == -1, value.feature, n_features)
        elif isinstance(value, TreePredictor):
            _check_predictor(value, n_features)
        elif isinstance(value, SVC) and hasattr(value, "support_vectors_"):
            _check_svm(value)
        elif isinstance(value, KNeighborsClassifier) and hasattr(value, "_fit_X"):
            _check_neighbours(value)


def parts(model: Any) -> Iterator[tuple[Any, int]]:
    """Yield all that a model consists of, and how many features what holds it was fitted to.

    The number is zero where what holds it need not have handed on all its features.
    """
    waiting: list[tuple[Any, int]] = [(model, 0)]
    seen: set[int] = set()
    while waiting:
        value, n_features = waiting.pop()
        if id(value) in seen or isinstance(value, str | int | float | None):
            continue
        seen.add(id(value))
        yield value, n_features
        if isinstance(value, dict):
            inside = list(value.values())
        elif isinstance(value, list | tuple):
            inside = list(value)
        elif isinstance(value, np.ndarray):
            inside = list(value.flat) if value.dtype == object else []
        else:
            inside = list(getattr(value, "__dict__", {}).values())
        if isinstance(value, BaseForest | HistGradientBoostingClassifier):
            n_features = getattr(value, "n_features_in_", 0)
        elif isinstance(value, BaseDecisionTree):
            # A forest hands its trees what it was given.
            own = getattr(value, "n_features_in_", 0)
            n_features = min(own, n_features or own)
        elif isinstance(value, BaseEstimator):
            n_features = 0
        waiting += [(one, n_features) for one in inside]


def _check_tree(children: np.ndarray, leaf: np.ndarray, feature: np.ndarray, n: int) -> None:
    inner = np.flatnonzero(~leaf)
    children, feature = children[:, inner], feature[inner]
    # A child behind its parent can't lead back to it.
    forward = (children > inner).all() and (children < len(leaf)).all()
    if len(leaf) == 0 or not forward or not ((feature >= 0) & (feature < n)).all():
        raise ValueError("a tree in it leads to nodes or features that are not there")


def _check_predictor(predictor: TreePredictor, n_features: int) -> None:
    nodes = predictor.nodes
    children = np.stack([nodes["left"], nodes["right"]]).astype(np.int64)
    leaf = nodes["is_leaf"].astype(bool)
    _check_tree(children, leaf, nodes["feature_idx"], n_features)
    sets = nodes["bitset_idx"][nodes["is_categorical"].astype(bool) & ~leaf]
    if (sets >= len(predictor.raw_left_cat_bitsets)).any():
        raise ValueError("a tree in it leads to categories that are not there")


def _check_svm(machine: SVC) -> None:
    n_classes, (n_vectors, n_features) = len(machine.classes_), machine.support_vectors_.shape
    n_pairs = n_classes * (n_classes - 1) // 2
    counts = machine._n_support
    fits = (
        machine.support_.shape == (n_vectors,)
        and machine._dual_coef_.shape == (n_classes - 1, n_vectors)
        and machine._intercept_.shape == (n_pairs,)
        and machine._probA.shape == machine._probB.shape
        and len(machine._probA) in (0, n_pairs)
        and counts.shape == (n_classes,)
        and (counts >= 0).all()
        and counts.sum() == n_vectors
        and n_features == machine.n_features_in_
    )
    if not fits:
        raise ValueError("the arrays of a support vector machine in it do not fit together")


def _check_neighbours(model: KNeighborsClassifier) -> None:
    n_samples, n_features = model._fit_X.shape
    codes = model._y
    fits = (
        codes.shape == (n_samples,)
        and (codes >= 0).all()
        and (codes < len(model.classes_)).all()
        and n_features == model.n_features_in_
        and model.n_samples_fit_ == n_samples
    )
    if not fits:
        raise ValueError("the arrays of nearest neighbours in it do not fit together")

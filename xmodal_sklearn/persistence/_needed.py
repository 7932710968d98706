"""What predicting needs of scikit-learn's fitted estimators, and what can be made again."""

from typing import Any

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.neighbors import BallTree, KDTree, KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

from ._bounds import parts

__all__ = ["make_again", "needed_attributes"]

# State of the training, or what compiled code would read unchecked.
NOT_SAVED: dict[type, tuple[str, ...]] = {
    HistGradientBoostingClassifier: ("_feature_subsample_rng",),
    KNeighborsClassifier: ("_tree",),
    MLPClassifier: ("_optimizer",),
}
SEARCH_TREES = {"kd_tree": KDTree, "ball_tree": BallTree}


def needed_attributes(value: Any) -> dict[str, Any]:
    """Return the attributes of an object that are saved."""
    left_out = NOT_SAVED.get(type(value), ())
    return {name: one for name, one in vars(value).items() if name not in left_out}


def make_again(model: Any) -> None:
    """Make the attributes of a loaded model that were not saved, where predicting needs them."""
    for value, _ in parts(model):
        if isinstance(value, KNeighborsClassifier) and hasattr(value, "_fit_X"):
            kind = SEARCH_TREES.get(value._fit_method)
            value._tree = kind and kind(
                value._fit_X,
                value.leaf_size,
                metric=value.effective_metric_,
                **value.effective_metric_params_,
            )

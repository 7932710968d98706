"""Selection without held-out samples, which a selector hands over in ``fit_transform``.

Features that are chosen with the help of held-out samples make these useless for weighing branches,
stacking or early stopping. A classifier behind a selector must therefore be able to select anew for
each part of the training samples, but a pipeline hands it the selected columns only. So the table
of selected columns is remembered for as long as it lives, with what the classifier needs.
"""

import threading
import weakref
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import numpy as np

from .._warnings import warn

# Given rows, returns all samples with the columns that these rows select, and the names of these.
Selection = Callable[[np.ndarray], tuple[Any, Iterable[str]]]

_SELECTIONS: dict[int, Selection] = {}


class _Latest(threading.local):
    """The latest selection of a thread."""

    labels: Callable[[], Any] | None = None
    n_features = 0
    selection: Selection


_LATEST = _Latest()


def prepare_hand_over(selection: Selection, n_features: int, y: Any) -> None:
    """Remember a selection until the table that ``fit_transform`` returns is known."""
    try:
        _LATEST.labels = weakref.ref(y)
    except TypeError:  # a list
        _LATEST.labels = None
    _LATEST.n_features = n_features
    _LATEST.selection = selection


def hand_over(fit_transform: Callable) -> Callable:
    """Decorate a selector's method: remember how its result was selected, while that lives."""

    @wraps(fit_transform)
    def remember(*args: Any, **kwargs: Any) -> Any:
        selected = fit_transform(*args, **kwargs)
        _SELECTIONS[id(selected)] = _LATEST.selection
        del _LATEST.selection
        weakref.finalize(selected, _SELECTIONS.pop, id(selected), None)
        return selected

    return remember


def nested_selection(X: Any, y: Any, what: str) -> Selection | None:
    """Return how X was selected, None if it was not; warn if that was lost on the way."""
    selection = _SELECTIONS.get(id(X))
    # A later fit to the same labels, without the selector, does not concern it.
    labels, _LATEST.labels = _LATEST.labels, None
    is_lost = selection is None and labels is not None and labels() is y
    if is_lost and np.shape(X)[1:] != (_LATEST.n_features,):
        warn(
            f"The features were selected using samples that also {what}, so probabilities will be "
            "overconfident. Move steps between MultiOmicsSelector and the classifier before the "
            "selector, or pass them to CrossModalAttentionClassifier(selector=)."
        )
    return selection

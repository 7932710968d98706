"""Types of public arguments, and decorators that keep types."""

from collections.abc import Callable, Iterable
from numbers import Integral
from os import PathLike
from typing import Any, TypeAlias, TypeVar

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit
from sklearn.utils._param_validation import Interval, validate_params

# Tables of polars and Arrow convert to arrays, so they are array-like.
Table: TypeAlias = "pd.DataFrame | npt.ArrayLike"
Labels: TypeAlias = "pd.Series[Any] | npt.ArrayLike"
Seed: TypeAlias = "int | np.random.RandomState | None"
Folds: TypeAlias = (
    "int | BaseCrossValidator | BaseShuffleSplit | Iterable[tuple[npt.ArrayLike, npt.ArrayLike]]"
    " | None"
)
Scoring: TypeAlias = "str | Callable[..., Any] | None"
Memory: TypeAlias = "str | PathLike[str] | joblib.Memory | None"

F = TypeVar("F", bound=Callable[..., Any])


def typed(decorator: Callable[[Any], Any]) -> Callable[[F], F]:
    """Give a decorator of scikit-learn, which has no types, the type of what it decorates."""
    return decorator


def check_arguments(**constraints: list) -> Callable[[F], F]:
    """Return a decorator that checks arguments as scikit-learn checks parameters."""
    return validate_params(constraints, prefer_skip_nested_validation=True)


def at_least(lowest: int) -> Interval:
    return Interval(Integral, lowest, None, closed="left")

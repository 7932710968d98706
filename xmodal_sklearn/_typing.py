"""Types of public arguments, and a decorator that keeps types."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

# Tables of polars and Arrow convert to arrays, so they are array-like.
Table: TypeAlias = "pd.DataFrame | npt.ArrayLike"
Labels: TypeAlias = "pd.Series[Any] | npt.ArrayLike"
Seed: TypeAlias = "int | np.random.RandomState | None"

F = TypeVar("F", bound=Callable[..., Any])


def typed(decorator: Callable[[Any], Any]) -> Callable[[F], F]:
    """Give a decorator of scikit-learn, which has no types, the type of what it decorates."""
    return decorator

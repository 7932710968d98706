"""Types of what users hand over, and decorators that keep types."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy.typing as npt
import pandas as pd

__all__ = ["Labels", "Table", "typed"]

# Tables of polars and Arrow convert themselves to arrays, which ArrayLike stands for.
Table: TypeAlias = "pd.DataFrame | npt.ArrayLike"
Labels: TypeAlias = "pd.Series[Any] | npt.ArrayLike"

F = TypeVar("F", bound=Callable[..., Any])


def typed(decorator: Callable[[Any], Any]) -> Callable[[F], F]:
    """Give a decorator of scikit-learn, which has no types, the type of what it decorates.

    Parameters
    ----------
    decorator : callable
        Returns a function of the same signature.

    Returns
    -------
    callable
        The decorator.
    """
    return decorator

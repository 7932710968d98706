"""Compiling loops that NumPy cannot vectorize."""

from collections.abc import Callable
from typing import Any

import numba


def compiled(**options: Any) -> Callable[[Callable], Any]:
    """Return a decorator that compiles a function, and keeps it on disk where numba can."""

    def decorate(function: Callable) -> Any:
        try:
            return numba.njit(cache=True, nogil=True, **options)(function)
        except RuntimeError:  # no folder can be written
            return numba.njit(nogil=True, **options)(function)

    return decorate

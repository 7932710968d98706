"""Warnings that point at the line of the user's code."""

import sys
import warnings

__all__ = ["warn"]

# Code of these runs between the user's line and the warning.
INTERNAL = {"xmodal_sklearn", "sklearn", "joblib", "contextlib", "threading", "concurrent"}


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the first frame outside of this package and of the libraries that call it.

    Parameters
    ----------
    message : str
        The text.
    category : type of Warning, default=UserWarning
        The class of the warning.
    """
    stacklevel, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in INTERNAL:
        stacklevel, frame = stacklevel + 1, frame.f_back
    warnings.warn(message, category, stacklevel=stacklevel)

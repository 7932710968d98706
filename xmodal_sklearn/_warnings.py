"""Warnings that point at the line of the user's code."""

import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

# Code of these runs between the user's line and the warning.
INTERNAL = {
    "xmodal_sklearn", "sklearn", "imblearn", "joblib", "contextlib", "threading", "concurrent"
}  # fmt: skip


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the first frame outside of this package and of the libraries that call it."""
    stacklevel, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in INTERNAL:
        stacklevel, frame = stacklevel + 1, frame.f_back
    warnings.warn(message, category, stacklevel=stacklevel)


# Python ignores these by default, because they are of use to developers only.
QUIET = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


_LOG: ContextVar[list[str] | None] = ContextVar("_LOG", default=None)
_LOGS: dict[int, list[str]] = {}
_LOCK = threading.Lock()
_FILTERS = ExitStack()


@contextmanager
def recorded_warnings() -> Iterator[list[str]]:
    """Record the warnings of this thread, "Category: text", whatever filters are in force."""
    log: list[str] = []
    # With this flag, which free-threaded Python sets, each thread has its own filters.
    if getattr(sys.flags, "context_aware_warnings", False):
        with warnings.catch_warnings(record=True) as caught:
            _show_all()
            yield log
        log += [f"{warning.category.__name__}: {warning.message}" for warning in caught]
        return
    # ``warnings.catch_warnings`` alone would mix up threads, as filters belong to the process.
    with _LOCK:
        if not _LOGS:
            _FILTERS.enter_context(warnings.catch_warnings())
            _show_all()
            warnings.showwarning = _record
        _LOGS[id(log)] = log
    token = _LOG.set(log)
    try:
        yield log
    finally:
        _LOG.reset(token)
        with _LOCK:
            del _LOGS[id(log)]
            if not _LOGS:
                _FILTERS.close()


def _record(message: Any, category: Any, *place: Any, **text: Any) -> None:
    log = _LOG.get()
    # A thread that a fit has started has no log, and may belong to any of the fits.
    for target in list(_LOGS.values()) if log is None else [log]:
        target.append(f"{category.__name__}: {message}")


def _show_all() -> None:
    warnings.simplefilter("always")
    for category in QUIET:
        warnings.simplefilter("ignore", category)

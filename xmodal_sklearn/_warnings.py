"""Warnings that point at the line of the user's code."""

import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Code of these runs between the user's line and the warning.
INTERNAL = {"xmodal_sklearn", "sklearn", "joblib", "contextlib", "threading", "concurrent"}


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the first frame outside of this package and of the libraries that call it."""
    stacklevel, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in INTERNAL:
        stacklevel, frame = stacklevel + 1, frame.f_back
    warnings.warn(message, category, stacklevel=stacklevel)


# Python ignores these by default, because they are of use to developers only.
QUIET = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


class _Recorder:
    """Hands the warnings of each thread to the log of that thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logs: dict[int, list[str]] = {}
        self._saved: Any = None

    @contextmanager
    def record(self) -> Iterator[list[str]]:
        thread = threading.get_ident()
        log: list[str] = []
        with self._lock:
            outer = self._logs.get(thread)
            if not self._logs:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                _show_all()
                warnings.showwarning = self._show
            self._logs[thread] = log
        try:
            yield log
        finally:
            with self._lock:
                self._logs.pop(thread)
                if outer is not None:
                    self._logs[thread] = outer
                if not self._logs:
                    self._saved.__exit__(None, None, None)

    def _show(self, message: Any, category: Any, *place: Any, **text: Any) -> None:
        log = self._logs.get(threading.get_ident())
        # A thread that a fit has started may belong to any of the fits.
        for target in self._logs.values() if log is None else [log]:
            target.append(f"{category.__name__}: {message}")


_RECORDER = _Recorder()


@contextmanager
def recorded_warnings() -> Iterator[list[str]]:
    """Record the warnings of this thread, "Category: text", whatever filters are in force."""
    # With this flag, which free-threaded Python sets, each thread has its own filters.
    if getattr(sys.flags, "context_aware_warnings", False):
        log: list[str] = []
        with warnings.catch_warnings(record=True) as caught:
            _show_all()
            yield log
        log += [f"{warning.category.__name__}: {warning.message}" for warning in caught]
        return
    # ``warnings.catch_warnings`` alone would mix up threads, as filters belong to the process.
    with _RECORDER.record() as log:
        yield log


def _show_all() -> None:
    warnings.simplefilter("always")
    for category in QUIET:
        warnings.simplefilter("ignore", category)

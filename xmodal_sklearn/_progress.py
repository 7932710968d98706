"""Progress: a bar in a terminal or notebook, a line every half minute in a log."""

import sys
import warnings
from contextlib import suppress
from typing import Any

from tqdm import TqdmWarning
from tqdm.asyncio import tqdm_asyncio

with warnings.catch_warnings():
    # A notebook without widgets gets a bar of text, which is no reason for a warning.
    warnings.simplefilter("ignore", TqdmWarning)
    from tqdm.auto import tqdm

SECONDS_BETWEEN_LINES = 30


def progress_bar(*args: Any, **kwargs: Any) -> tqdm:
    """Return a tqdm bar, which writes lines if the error stream is no terminal or notebook."""
    has_widgets = tqdm is not tqdm_asyncio
    if has_widgets or _in_notebook() or (sys.stderr and sys.stderr.isatty()):
        return tqdm(*args, **kwargs)
    return tqdm(
        *args,
        file=_Lines(),
        mininterval=SECONDS_BETWEEN_LINES,
        miniters=1,
        bar_format="{desc}: {n_fmt}/{total_fmt}, {elapsed} so far, {remaining} left{postfix}",
        **kwargs,
    )


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


class _Lines:
    """A file that keeps as lines what tqdm would overwrite."""

    def __init__(self) -> None:
        self.last = ""

    def write(self, text: str) -> None:
        line = text.strip()
        if line and line != self.last and sys.stderr:
            # A log that is closed or full is no reason to end the work.
            with suppress(OSError):
                print(line, file=sys.stderr, flush=True)
            self.last = line

    def flush(self) -> None:
        pass

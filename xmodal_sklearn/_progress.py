"""Progress: a bar in a terminal or notebook, a line every half minute in a log."""

import sys
from typing import Any

from tqdm.asyncio import tqdm_asyncio
from tqdm.auto import tqdm

SECONDS_BETWEEN_LINES = 30


def progress_bar(*args: Any, **kwargs: Any) -> tqdm:
    """Return a tqdm bar, which writes lines if the error stream is no terminal or notebook."""
    in_notebook = tqdm is not tqdm_asyncio
    if in_notebook or sys.stderr.isatty():
        return tqdm(*args, **kwargs)
    return tqdm(
        *args,
        file=_Lines(),
        mininterval=SECONDS_BETWEEN_LINES,
        miniters=1,
        bar_format="{desc}: {n_fmt}/{total_fmt}, {elapsed} so far, {remaining} left{postfix}",
        **kwargs,
    )


class _Lines:
    """A file that keeps as lines what tqdm would overwrite."""

    def __init__(self) -> None:
        self.last = ""

    def write(self, text: str) -> None:
        line = text.strip()
        if line and line != self.last:
            print(line, file=sys.stderr, flush=True)
            self.last = line

    def flush(self) -> None:
        pass

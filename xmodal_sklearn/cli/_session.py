"""What a command says while it runs, and how it ends: messages, exit codes, Ctrl-C, workers."""

import errno
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryFile

import typer
from rich.console import Console

from .._extras import needs_extra

__all__ = [
    "EXIT_CODES",
    "console",
    "dask_workers",
    "error_console",
    "resumable",
    "status",
    "usage_errors",
    "warnings_as_lines",
    "writing_results",
]

STOPPED = 130
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
EXIT_CODES = (
    "Exit codes: 0 done; 1 unexpected error; 2 wrong options or bad input, explained in one "
    f"message; {STOPPED} stopped by Ctrl-C."
)

# Results go to the output, everything else to the error stream. The names of genes and classes
# must not be taken for markup.
console = Console(markup=False, emoji=False, highlight=False)
error_console = Console(stderr=True, markup=False, emoji=False, highlight=False)


def status(activity: str) -> AbstractContextManager[object]:
    """Show on the error stream what the block is doing; where it is no terminal, in a line."""
    if error_console.is_terminal:
        return error_console.status(f"{activity} …")
    error_console.print(f"{activity} …")
    return nullcontext()


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turn an error about the input into a message and exit code 2."""
    try:
        yield
    except (ValueError, OSError, ImportError) as error:
        raise typer.BadParameter(str(error)) from error


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Show warnings on the error stream, each as a line without the place in the code."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for warning in caught:
        error_console.print(f"Warning: {warning.message}", style="yellow")


@contextmanager
def writing_results(out: Path) -> Iterator[None]:
    """Say of results that can't be written what there is instead, and what to do."""
    try:
        with usage_errors():
            yield
    except typer.BadParameter as error:
        if not isinstance(error.__cause__, OSError):
            raise
        raise _not_written(out, error.__cause__) from error


def _not_written(out: Path, error: OSError) -> typer.BadParameter:
    return typer.BadParameter(
        f"Can't write to {out}: {error.strerror or error}. Results that an earlier run left there "
        "are as they were, and finished folds are kept. Make room, or allow writing, and run the "
        "same command again."
    )


@contextmanager
def resumable(out: Path) -> Iterator[None]:
    """Compute what is kept in a folder; on Ctrl-C, say so and how to go on.

    Warnings are silent: the comparison that is computed holds them, to be shown with it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with writing_results(out):
                out.mkdir(parents=True, exist_ok=True)
                # Now, not when the first fold is done.
                TemporaryFile(dir=out).close()
            with usage_errors():
                yield
    except typer.BadParameter as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in NO_ROOM:
            raise _not_written(out, cause) from cause
        raise
    except KeyboardInterrupt:
        error_console.print(
            f"\nStopped. Finished folds are kept in {out}; the same command goes on from there."
        )
        raise typer.Exit(STOPPED) from None


@contextmanager
def dask_workers(scheduler: str | None) -> Iterator[None]:
    """Compute on the workers of a Dask scheduler; on this machine if there is none."""
    if scheduler is None:
        yield
        return
    with needs_extra("distributed", "--scheduler"):
        from distributed import Client
    from joblib import parallel_config

    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, ValueError) as error:
        raise ValueError(f"No Dask scheduler answers at {scheduler}: {error}") from error
    with client, parallel_config("dask"):
        yield

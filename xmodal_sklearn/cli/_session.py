"""What a command prints while it runs, and how it ends: messages, exit codes, Ctrl-C, workers."""

import errno
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from pathlib import Path
from tempfile import TemporaryFile
from types import MappingProxyType
from typing import Any

import typer
from rich.console import Console
from typer.core import TyperCommand

from .._extras import needs_extra
from .._text import visible

STOPPED = 130
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
EXIT_CODES = (
    "Exit codes: 0 success; 1 unexpected error; 2 wrong options or invalid input, explained in "
    f"one message; {STOPPED} interrupted by Ctrl-C."
)
INPUTS = (
    "study", "target_file", "table", "mudata", "model", "feature_map", "train_table",
    "train_target_file",
)  # fmt: skip


class Output(Console):
    """Prints until a stream is closed or full, which must not end a command before its results."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, or go quiet."""
        try:
            super().print(*objects, **options)
        except OSError:
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Discard all further output, instead of ending the process as rich does."""
        self.quiet = True
        # What the stream's buffer still holds would fail once more when the process ends.
        with suppress(OSError, ValueError), Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), self.file.fileno())


# Results go to the output, everything else to the error stream. The names of genes and classes
# must not be read as markup.
console = Output(markup=False, emoji=False, highlight=False)
error_console = Output(stderr=True, markup=False, emoji=False, highlight=False)


# Of the command that runs, by the name of their parameter.
_options: ContextVar[Mapping[str, str]] = ContextVar("options", default=MappingProxyType({}))


class Command(TyperCommand):
    """A command that explains errors about its inputs, and whose output replaces none of these."""

    def invoke(self, ctx: Any) -> Any:
        """Check the output, then run the command; with ``--json``, print nothing but its result."""
        console.stderr = bool(ctx.params.get("json"))
        options = {str(parameter.name): parameter.opts[0] for parameter in self.params}
        token = _options.set({k: name for k, name in options.items() if name.startswith("--")})
        try:
            with usage_errors():
                _check_output(ctx.params)
                return super().invoke(ctx)
        finally:
            _options.reset(token)
            console.stderr = False


def prepare_process() -> None:
    """Set up output and warnings of this process as those of a command."""
    # Of a redirected output the code page may lack letters of a class; results come first.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    # A notebook hands on its own, which may not be installed here; no command shows a window.
    os.environ["MPLBACKEND"] = "agg"
    warnings.simplefilter("default", UserWarning)
    warnings.showwarning = _print_warning


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
        raise typer.BadParameter(with_options(str(error))) from error


def with_options(message: str) -> str:
    """Return a message of the library with its parameters named as the options of this command."""
    for name, option in _options.get().items():
        # A name without an underscore may be a plain word, unless a value or a requirement follows.
        ending = r"\b" if "_" in name else "(?==)"
        pattern = rf"(?<![\w.-]){name}(=(?=[\s,.;)]|$)|{ending})|^{name}(?= must be )"
        message = re.sub(pattern, option, message)
    return message


@contextmanager
def writing_results(out: Path) -> Iterator[None]:
    """Explain what a folder holds if new results can't be written, and what to do."""
    try:
        yield
    except OSError as error:
        raise _not_written(out, error) from error


@contextmanager
def resumable(out: Path) -> Iterator[None]:
    """Compute what is kept in a folder; on Ctrl-C, explain how to resume."""
    from ..benchmark._result_folder import check_replaceable

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with writing_results(out):
                out.mkdir(parents=True, exist_ok=True)
                # Now, rather than when the first fold is done.
                TemporaryFile(dir=out).close()
                check_replaceable(out)
            yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise _not_written(out, error) from error
        raise
    except KeyboardInterrupt:
        error_console.print(
            f"\nStopped. Finished folds are kept in {out}; run the same command again to resume."
        )
        raise typer.Exit(STOPPED) from None


@contextmanager
def reported_later(part: str, errors: list[str]) -> Iterator[None]:
    """Add an error of the block to those that a command ends with, after it wrote its results."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        errors.append(f"{part}: {error!r}")


@contextmanager
def dask_workers(scheduler: str | None) -> Iterator[None]:
    """Compute on the workers of a Dask scheduler, or on this machine if None."""
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


def _print_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    text = " ".join(with_options(str(message)).split())
    error_console.print(f"Warning: {visible(text)}", style="yellow")


def _not_written(out: Path, error: OSError) -> typer.BadParameter:
    return typer.BadParameter(
        f"Can't write to {out}: {error.strerror or error}. Results of an earlier run there are "
        "unchanged, and finished folds are kept. Free space or allow writing, then run the same "
        "command again."
    )


def _check_output(params: Mapping[str, Any]) -> None:
    """Check that the output is none of the inputs, nor a folder whose results would replace one."""
    out: Path | None = params.get("out")
    if out is None:
        return
    _check_writable(out)
    for name in INPUTS:
        values = params.get(name) or ()
        for value in values if isinstance(values, list | tuple) else [values]:
            path = Path(str(value).partition("=")[2] if name.endswith("table") else value)
            if _is_replaced(path, out):
                replaced = f"a file in {path}" if path.is_dir() else path
                raise typer.BadParameter(
                    f"--out {out} would replace {replaced}, which this command reads. Choose "
                    "another --out."
                )


def _check_writable(out: Path) -> None:
    """Check now, rather than after the work, that the output can be written."""
    folder = out.absolute() if out.is_dir() else out.absolute().parent
    try:
        TemporaryFile(dir=next(path for path in (folder, *folder.parents) if path.exists())).close()
    except OSError as error:
        raise typer.BadParameter(
            f"Can't write {out}: {error.strerror or error}. Choose another --out."
        ) from error


def _is_replaced(path: Path, out: Path) -> bool:
    if not path.exists():
        return False
    if out.is_file():
        return path.samefile(out) or path.resolve() in out.resolve().parents
    from ..benchmark._result_folder import RESULT_FILES

    return path.name in RESULT_FILES and path.resolve().parent.samefile(out)

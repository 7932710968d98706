"""Files that are written whole or not at all."""

import os
import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

# Process numbers are those of one machine, and others may share the folder.
_HOST = re.sub(r"[^0-9A-Za-z-]+", "", socket.gethostname())
_SCRATCH = re.compile(r"\..+\.([0-9A-Za-z-]*)\.(\d+)-\d+")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a scratch file to write, which replaces `path` when the block ends."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent} for {path.name}. Create it.")
    # A name as long as the file system allows has no room for more.
    scratch = path.with_name(f".{path.name[:50]}.{_mark()}")
    try:
        yield scratch
        with scratch.open("rb+") as file:
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        # Only `path` is known to whoever reads the message.
        if error.filename == str(scratch):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        scratch.unlink(missing_ok=True)


def scratch_files(folder: Path) -> list[Path]:
    """Return the scratch files of `atomic_write` in a folder, in use or left behind."""
    paths = folder.glob(".*")
    return [path for path in paths if _SCRATCH.fullmatch(path.name) and path.is_file()]


def remove_abandoned(folder: Path) -> None:
    """Remove the scratch files of ended processes of this machine."""
    for path in filter(_is_abandoned, scratch_files(folder)):
        with suppress(OSError):
            path.unlink()


def scratch_folder(folder: Path) -> Path:
    """Return the path of a folder, not yet created, in which this process may write aside."""
    return folder / f".new.{_mark()}"


def abandoned_folders(folder: Path) -> list[Path]:
    """Return the scratch folders of ended processes of this machine."""
    return [path for path in folder.glob(".new.*") if path.is_dir() and _is_abandoned(path)]


def check_writable(folder: Path) -> None:
    """Raise an OSError, before work whose results would be lost, if a folder takes no files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(
            f"Can't write to the folder {folder}: {error.strerror or error}. Allow writing there, "
            "or pass another folder."
        ) from error


def check_plain_file(path: Path) -> None:
    """Raise an OSError if a folder or a link is in the place of a file."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        kind = "link" if path.is_symlink() else "folder" if path.is_dir() else "special file"
        raise OSError(f"{path} is a {kind}, not a file. Remove it and try again.")


def check_extension(path: Path, *extensions: str) -> None:
    """Raise a ValueError if the name of a file has an extension other than these."""
    if path.suffix.lower() not in ("", *extensions):
        *others, last = extensions
        allowed = f"{', '.join(others)} or {last}" if others else last
        raise ValueError(f"The name of the file must end in {allowed}, got {path.name}.")


def _mark() -> str:
    return f"{_HOST}.{os.getpid()}-{threading.get_ident()}"


def _is_abandoned(path: Path) -> bool:
    match = _SCRATCH.fullmatch(path.name)
    return match is not None and match[1] == _HOST and not _is_running(int(match[2]))


def _is_running(process: int) -> bool:
    if process == os.getpid():
        return True
    # On Windows, signal 0 would end the process.
    if sys.platform == "win32":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True

"""Write files so that they are there whole or not at all."""

import os
import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = [
    "abandoned_folders",
    "atomic_write",
    "check_plain_file",
    "remove_abandoned",
    "scratch_files",
    "scratch_folder",
]

# Of this machine, as the number of a process says nothing on another one that shares the folder.
_HOST = re.sub(r"[^0-9A-Za-z-]+", "", socket.gethostname())


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a scratch file to write, which takes the place of `path` when the block ends.

    The scratch file is in the same folder, which must exist, and goes to the disk before it is
    renamed, so that not even a crash of the machine leaves half a file. It is removed if the block
    raises an error; only a process that is killed leaves it behind.

    Parameters
    ----------
    path : Path
        The file to write or to replace.

    Yields
    ------
    Path
        The scratch file; the block must create it.

    See Also
    --------
    scratch_files : Find what killed processes left behind.
    """
    scratch = path.with_name(f".{path.name}.{_mark()}")
    try:
        yield scratch
        with scratch.open("rb+") as file:
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def scratch_files(folder: Path) -> list[Path]:
    """Find the scratch files of `atomic_write`, left behind by killed processes or in use.

    Parameters
    ----------
    folder : Path
        Where to look; not in its subfolders.

    Returns
    -------
    list of Path
        Files only.
    """
    return [
        path
        for path in folder.glob(".*")
        if re.fullmatch(r"\..+\.\d+-\d+", path.name) and path.is_file()
    ]


def remove_abandoned(folder: Path) -> None:
    """Remove the scratch files of processes of this machine that are no more.

    Parameters
    ----------
    folder : Path
        Where to look; not in its subfolders.
    """
    for path in filter(_is_abandoned, scratch_files(folder)):
        path.unlink(missing_ok=True)


def scratch_folder(folder: Path) -> Path:
    """Name a folder in which this process may write aside what belongs into `folder`.

    Parameters
    ----------
    folder : Path
        Where the files belong.

    Returns
    -------
    Path
        Not made yet.
    """
    return folder / f".new.{_mark()}"


def abandoned_folders(folder: Path) -> list[Path]:
    """Find the scratch folders of processes of this machine that are no more.

    Parameters
    ----------
    folder : Path
        Where to look.

    Returns
    -------
    list of Path
        Folders that :func:`scratch_folder` named.
    """
    return [path for path in folder.glob(".new.*") if path.is_dir() and _is_abandoned(path)]


def check_plain_file(path: Path) -> None:
    """Refuse a folder or a link where a file of ours belongs, or nothing.

    Parameters
    ----------
    path : Path
        Where the file belongs.

    Raises
    ------
    OSError
        If something else lies there.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        kind = "link" if path.is_symlink() else "folder" if path.is_dir() else "special file"
        raise OSError(f"{path} is a {kind}, where a file belongs. Remove it and try again.")


def _mark() -> str:
    return f"{_HOST}.{os.getpid()}-{threading.get_ident()}"


def _is_abandoned(path: Path) -> bool:
    found = re.fullmatch(r"\..+\.([0-9A-Za-z-]*)\.(\d+)-\d+", path.name)
    return found is not None and found[1] == _HOST and not _is_running(int(found[2]))


def _is_running(process: int) -> bool:
    if process == os.getpid():
        return True
    # On Windows, the signal that asks would end the process.
    if sys.platform == "win32":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True

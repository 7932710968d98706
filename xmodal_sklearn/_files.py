"""Write files so that they are there whole or not at all."""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["atomic_write", "scratch_files"]


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
    scratch = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
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

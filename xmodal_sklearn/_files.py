"""Writing files so that they are there whole or not at all."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["atomic_write"]


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a scratch file to write, which takes the place of `path` when the block ends.

    The scratch file is in the same folder, which must exist, and goes to the disk before it is
    renamed, so that not even a crash of the machine leaves half a file. It is removed if the block
    raises an error.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        yield scratch
        with scratch.open("rb+") as file:
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)

"""Rankings on disk, as arrays: a cache that runs no code, whoever wrote it."""

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from .._files import atomic_write, check_plain_file, remove_abandoned
from .._version import __version__
from .._warnings import warn

__all__ = ["ArrayCache"]

PACKAGE = Path(__file__).parents[1]
# All that decides what is computed.
SOURCES = ("_screening.py", "modalities/*.py", "selection/*.py")


class ArrayCache:
    """A folder with one file of arrays, as NumPy writes them, for each call of a function.

    Parameters
    ----------
    folder : str or path-like
        The folder; it is made if it does not exist.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        remove_abandoned(self._folder)

    def look_up(
        self, key: Sequence[Any], compute: Callable[[], Iterable[np.ndarray]]
    ) -> list[np.ndarray]:
        """Return the arrays that are kept under a key, or else compute and keep them.

        Parameters
        ----------
        key : sequence
            All that the arrays depend on, beside the code of this package.
        compute : callable
            Returns the arrays.

        Returns
        -------
        list of ndarray
            The arrays.

        Raises
        ------
        OSError
            If a folder or a link lies in the place of the file.

        Warns
        -----
        UserWarning
            If the file is damaged; the arrays are computed again.
        """
        digest = joblib.hash([list(key), __version__, _sources()])
        path = self._folder / f"{digest}.npz"
        check_plain_file(path)
        if path.exists():
            try:
                return _read(path, digest)
            # A damaged file raises whatever its bytes lead to, in zipfile, zlib or NumPy.
            except Exception as error:
                warn(f"{path} is no whole entry of the cache ({error}); it is computed again.")
        arrays = [np.asarray(array) for array in compute()]
        with atomic_write(path) as scratch, scratch.open("wb") as file:
            np.savez(file, *arrays, checksum=np.array(_checksum(digest, arrays)))
        return arrays


def _read(path: Path, digest: str) -> list[np.ndarray]:
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as found:
        arrays = [found[f"arr_{number}"] for number in range(len(found.files) - 1)]
        if found["checksum"].item() != _checksum(digest, arrays):
            raise ValueError("its checksum differs")
    return arrays


def _checksum(digest: str, arrays: Iterable[np.ndarray]) -> str:
    checksum = hashlib.sha256(digest.encode())
    for array in arrays:
        checksum.update(f"{array.dtype.str} {array.shape}".encode())
        checksum.update(np.ascontiguousarray(array).tobytes())
    return checksum.hexdigest()


@cache
def _sources() -> str:
    paths = sorted(path for pattern in SOURCES for path in PACKAGE.glob(pattern))
    return joblib.hash([path.read_bytes() for path in paths])

"""Results of long computations on disk, one checked file for each."""

import json
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import joblib
import numpy as np
import xxhash

from ._files import atomic_write, check_plain_file, check_writable, remove_abandoned
from ._warnings import warn

PACKAGE = Path(__file__).parent
CHUNK_BYTES = 2**20
# A file begins with a line that holds the checksum of its name and of all that follows.
HEADER_BYTES = 33


def load_json(file: BinaryIO) -> Any:
    return json.load(file)


def dump_json(result: Any, file: BinaryIO) -> None:
    file.write(json.dumps(result).encode())


def load_arrays(file: BinaryIO) -> list[np.ndarray]:
    with np.load(file, allow_pickle=False) as arrays:
        return list(arrays.values())


def dump_arrays(arrays: Iterable[Any], file: BinaryIO) -> None:
    np.savez(file, *map(np.asarray, arrays))


class Store:
    """A folder with one file per result, named by a digest of everything the result depends on.

    Results can be read from a folder that is read-only.
    """

    def __init__(
        self,
        folder: str | PathLike[str],
        suffix: str,
        *,
        load: Any = load_arrays,
        dump: Any = dump_arrays,
    ):
        self._folder, self._suffix = Path(folder), suffix
        self._load, self._dump = load, dump
        if not self._folder.is_dir():
            self.check_writable()
        remove_abandoned(self._folder)

    def check_writable(self) -> None:
        """Check that a result that is about to be computed can be kept."""
        check_writable(self._folder)

    def name(self, key: Any, label: str = "") -> str:
        """Return the file name for a key; a label makes it readable for people."""
        label = re.sub(r"[^0-9A-Za-z-]+", "_", label)[:60]
        return f"{label}{'-' * bool(label)}{joblib.hash(key)}{self._suffix}"

    def read(self, name: str) -> Any:
        """Return the result of a file; warn, remove it and return None if it is damaged."""
        path = self._folder / name
        check_plain_file(path)
        try:
            with path.open("rb") as file:
                if file.read(HEADER_BYTES) != _header(file, name):
                    raise ValueError("its checksum does not match")
                file.seek(HEADER_BYTES)
                return self._load(file)
        except FileNotFoundError:
            return None
        except OSError:
            raise
        # Content that others wrote raises whatever it leads to, in json, zipfile, zlib or NumPy.
        except Exception as error:
            warn(f"Ignoring invalid cache entry {path} ({error}); recomputing.")
            with suppress(OSError):
                path.unlink()
            return None

    def write(self, name: str, result: Any) -> None:
        """Write a result whole or not at all, unless its file exists or the folder does not."""
        path = self._folder / name
        # A worker on another machine may not share the file system.
        if path.exists() or not self._folder.is_dir():
            return
        with atomic_write(path) as scratch, scratch.open("w+b") as file:
            file.write(bytes(HEADER_BYTES))
            self._dump(result, file)
            file.seek(HEADER_BYTES)
            header = _header(file, name)
            file.seek(0)
            file.write(header)

    def look_up(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return the result of a file, or else compute it and write it."""
        result = self.read(name)
        if result is None:
            self.check_writable()
            result = compute()
            self.write(name, result)
        return result


@cache
def source_hash(*patterns: str) -> str:
    """Return a hash of the source files of this package that match any of the patterns."""
    paths = {path for pattern in patterns for path in PACKAGE.glob(pattern)}
    sources = {str(path.relative_to(PACKAGE)): path.read_bytes() for path in paths}
    return joblib.hash(sorted(sources.items()))


def _header(file: BinaryIO, name: str) -> bytes:
    """Return the checksum of a name and of the rest of a file."""
    digest = xxhash.xxh3_128(name.encode())
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    return f"{digest.hexdigest()}\n".encode()

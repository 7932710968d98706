"""Finished folds on disk, found again by a fingerprint of everything that they depend on."""

import hashlib
import inspect
import json
import re
import sys
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import joblib

from .._files import atomic_write, check_plain_file, remove_abandoned
from .._warnings import warn

__all__ = ["FoldCache", "fingerprint", "own_source"]

# Parameters that change how long a fit takes, but not its result.
IRRELEVANT = frozenset({"memory", "n_jobs", "verbose"})
PACKAGE = Path(__file__).parents[1]


class FoldCache:
    """A folder with one JSON file per finished fold.

    Parameters
    ----------
    folder : str or Path
        The folder; it is made if it does not exist.
    """

    def __init__(self, folder: str | Path):
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        remove_abandoned(self._folder)

    def read(self, key: str) -> dict[str, Any] | None:
        """Read a finished fold.

        Parameters
        ----------
        key : str
            What the fold was written under.

        Returns
        -------
        dict or None
            The fold; None where there is none, or none that is whole.

        Raises
        ------
        OSError
            If a folder or a link lies in the place of the file.

        Warns
        -----
        UserWarning
            If the file is damaged, or is not as it was written; it is removed.
        """
        path = self._path(key)
        check_plain_file(path)
        try:
            return _checked(json.loads(path.read_text(encoding="utf-8")), path.name)
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            warn(f"{path} is no finished fold ({error}); it will be computed again.")
            path.unlink(missing_ok=True)
            return None

    def write(self, key: str, result: Mapping[str, Any]) -> None:
        """Write a finished fold whole or not at all.

        Nothing is written if the fold is there already, or if the folder is not, as for a worker
        on a machine that does not share a file system.

        Parameters
        ----------
        key : str
            What to find the fold by.
        result : mapping
            The fold, which JSON must be able to hold.
        """
        if self._path(key).exists() or not self._folder.is_dir():
            return
        with atomic_write(self._path(key)) as path:
            kept = {"checksum": _checksum(result, self._path(key).name), "result": result}
            path.write_text(json.dumps(kept), encoding="utf-8")

    def _path(self, key: str) -> Path:
        return self._folder / f"{re.sub(r'[^0-9A-Za-z-]+', '_', key)}.json"


def _checked(kept: Any, name: str) -> dict[str, Any]:
    if not isinstance(kept, dict) or set(kept) != {"checksum", "result"}:
        raise ValueError("it carries no checksum")
    if kept["checksum"] != _checksum(kept["result"], name):
        raise ValueError("it was changed since it was written")
    return kept["result"]


def _checksum(result: Any, name: str) -> str:
    """Return the checksum of a fold, which is of no use under another name."""
    return hashlib.sha256(f"{name} {json.dumps(result)}".encode()).hexdigest()


def fingerprint(value: Any) -> Any:
    """Reduce a parameter to plain values that every process gives alike while it is unchanged.

    An estimator becomes its class and its parameters. A class or a function becomes its name and
    the version of its package, or its source where it belongs to no package with a version.

    Parameters
    ----------
    value : object
        A parameter, an estimator, or a collection of them.

    Returns
    -------
    object
        Nested lists and dicts of strings.

    Raises
    ------
    ValueError
        If it cannot be told whether the value is the same as before.
    """
    if isinstance(value, type):
        return [_fingerprint_code(kind) for kind in value.__mro__[:-1]]
    if inspect.isroutine(value):
        return _fingerprint_function(value)
    if isinstance(value, partial):
        return ["partial", *map(fingerprint, (value.func, value.args, value.keywords))]
    if hasattr(value, "get_params"):
        parameters = value.get_params(deep=False).items()
        return [
            fingerprint(type(value)),
            {name: fingerprint(one) for name, one in parameters if name not in IRRELEVANT},
        ]
    if isinstance(value, Mapping):
        return ["mapping", *([fingerprint(key), fingerprint(one)] for key, one in value.items())]
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(fingerprint, value)]
    try:
        digest = joblib.hash(value)
    except Exception as error:
        raise ValueError(
            f"Can't tell whether {value!r} is the same as in an earlier run, because it can't be "
            f"pickled ({error}). Compare without store, or use a parameter that can be pickled."
        ) from error
    return [fingerprint(type(value)), digest]


def _fingerprint_function(function: Any) -> list:
    wrapped = inspect.unwrap(function)
    closure = [cell.cell_contents for cell in getattr(wrapped, "__closure__", None) or ()]
    owner = getattr(function, "__self__", None)
    of_object = owner is not None and not inspect.ismodule(owner)
    return [
        _fingerprint_code(wrapped),
        fingerprint(getattr(wrapped, "__defaults__", None)),
        fingerprint(getattr(wrapped, "__kwdefaults__", None)),
        fingerprint(closure),
        fingerprint(owner) if of_object else None,
    ]


def _fingerprint_code(code: Any) -> list[str]:
    name = [str(code.__module__), code.__qualname__]
    package = name[0].partition(".")[0]
    if package == PACKAGE.name:
        return [*name, own_source()]
    version = getattr(sys.modules.get(package), "__version__", None)
    if version is not None or package in sys.stdlib_module_names - {"__main__"}:
        return [*name, str(version)]
    try:
        return [*name, inspect.getsource(code)]
    except (OSError, TypeError) as error:
        raise ValueError(
            f"Can't tell whether {'.'.join(name)} is the same as in an earlier run, because its "
            "source can't be read. Compare without store, or define it in a file."
        ) from error


@cache
def own_source() -> str:
    """Return a hash of every source file of this package.

    Returns
    -------
    str
        The version alone would not do for those who work on this package.
    """
    sources = {str(path.relative_to(PACKAGE)): path.read_bytes() for path in PACKAGE.rglob("*.py")}
    return joblib.hash(sorted(sources.items()))

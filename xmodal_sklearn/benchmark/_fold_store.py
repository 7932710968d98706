"""Finished folds on disk, found again by everything that they depend on."""

import inspect
import json
import re
import sys
import warnings
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import joblib

from .._files import atomic_write

__all__ = ["FoldStore", "describe"]

# Parameters that change how long a fit takes, but not what comes out.
IRRELEVANT = frozenset({"memory", "n_jobs", "verbose"})
PACKAGE = Path(__file__).parents[1]


class FoldStore:
    """A folder with one JSON file per finished fold.

    Parameters
    ----------
    folder : str or Path
        Made where there is none.
    """

    def __init__(self, folder: str | Path):
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)

    def read(self, name: str) -> dict[str, Any] | None:
        """Return the fold of that name, None where there is none that is whole."""
        path = self._path(name)
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            warnings.warn(
                f"{path} is no finished fold ({error}); the fold is computed again.", stacklevel=3
            )
            path.unlink()
            return None

    def write(self, name: str, result: Mapping[str, Any]) -> None:
        """Put the fold in its place, whole or not at all, unless it is there or the folder is not.

        The folder is not there for a worker on another machine without a common file system.
        """
        if self._path(name).exists() or not self._folder.is_dir():
            return
        with atomic_write(self._path(name)) as path:
            path.write_text(json.dumps(result), encoding="utf-8")

    def _path(self, name: str) -> Path:
        return self._folder / f"{re.sub(r'[^0-9A-Za-z-]+', '_', name)}.json"


def describe(value: Any) -> Any:
    """Reduce a parameter to plain values that are equal in every process if it is unchanged.

    An estimator becomes its class and its parameters. A class or a function becomes its name and
    the version of its package, or its source where it belongs to no package with a version.

    Raises
    ------
    ValueError
        If it can't be told whether the value is the same as before.
    """
    if isinstance(value, type):
        return [_describe_code(kind) for kind in value.__mro__[:-1]]
    if inspect.isroutine(value):
        return _describe_function(value)
    if isinstance(value, partial):
        return ["partial", describe(value.func), describe(value.args), describe(value.keywords)]
    if hasattr(value, "get_params"):
        parameters = value.get_params(deep=False).items()
        return [
            describe(type(value)),
            {name: describe(one) for name, one in parameters if name not in IRRELEVANT},
        ]
    if isinstance(value, Mapping):
        return ["mapping", *([describe(key), describe(one)] for key, one in value.items())]
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(describe, value)]
    try:
        digest = joblib.hash(value)
    except Exception as error:
        raise ValueError(
            f"Can't tell whether {value!r} is the same as in an earlier run, because it can't be "
            f"pickled ({error}). Compare without store, or give a parameter that can be."
        ) from error
    return [describe(type(value)), digest]


def _describe_function(function: Any) -> list:
    inside = inspect.unwrap(function)
    closure = [cell.cell_contents for cell in getattr(inside, "__closure__", None) or ()]
    owner = getattr(function, "__self__", None)
    of_object = owner is not None and not inspect.ismodule(owner)
    return [
        _describe_code(inside),
        describe(getattr(inside, "__defaults__", None)),
        describe(getattr(inside, "__kwdefaults__", None)),
        describe(closure),
        describe(owner) if of_object else None,
    ]


def _describe_code(code: Any) -> list[str]:
    name = [str(code.__module__), code.__qualname__]
    package = name[0].partition(".")[0]
    if package == PACKAGE.name:
        return [*name, _own_source()]
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
def _own_source() -> str:
    # Beside the version, for those who work on this package.
    return joblib.hash([path.read_bytes() for path in sorted(PACKAGE.rglob("*.py"))])

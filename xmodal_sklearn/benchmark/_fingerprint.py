"""What the result of a fold depends on."""

import inspect
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

import joblib

from .._store import source_hash

# Parameters that change how long a fit takes, but not its result.
IRRELEVANT = frozenset({"memory", "n_jobs", "verbose"})
PACKAGE = __name__.partition(".")[0]


def package_hash() -> str:
    return source_hash("**/*.py")


def fingerprint(value: Any) -> Any:
    """Reduce a parameter to nested lists and dicts of strings, equal in every process."""
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
            {name: fingerprint(part) for name, part in parameters if name not in IRRELEVANT},
        ]
    if hasattr(value, "_score_func"):  # a scorer of make_scorer
        return [fingerprint(type(value)), fingerprint(vars(value))]
    if isinstance(value, Mapping):
        return ["mapping", *([fingerprint(key), fingerprint(part)] for key, part in value.items())]
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(fingerprint, value)]
    try:
        digest = joblib.hash(value)
    except Exception as error:
        raise ValueError(
            f"Cannot check whether {value!r} is the same as in an earlier run, because it cannot "
            f"be pickled ({error}). Use a parameter that can be pickled, or omit store=."
        ) from error
    return [fingerprint(type(value)), digest]


def _fingerprint_function(function: Any) -> list:
    wrapped = inspect.unwrap(function)
    closure = [cell.cell_contents for cell in getattr(wrapped, "__closure__", None) or ()]
    owner = getattr(function, "__self__", None)
    is_method = owner is not None and not inspect.ismodule(owner)
    return [
        _fingerprint_code(wrapped),
        fingerprint(getattr(wrapped, "__defaults__", None)),
        fingerprint(getattr(wrapped, "__kwdefaults__", None)),
        fingerprint(closure),
        fingerprint(owner) if is_method else None,
    ]


def _fingerprint_code(code: Any) -> list[str]:
    name = [str(code.__module__), code.__qualname__]
    package = name[0].partition(".")[0]
    if package == PACKAGE:
        return [*name, package_hash()]
    version = getattr(sys.modules.get(package), "__version__", None)
    if version is not None or package in sys.stdlib_module_names - {"__main__"}:
        return [*name, str(version)]
    try:
        return [*name, inspect.getsource(code)]
    except (OSError, TypeError) as error:
        raise ValueError(
            f"Cannot check whether {'.'.join(name)} is the same as in an earlier run, because its "
            "source cannot be read. Define it in a file, or omit store=."
        ) from error

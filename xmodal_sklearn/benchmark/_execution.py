"""Runs the folds of a comparison, here or on a cluster, and stores those that finish."""

import contextlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import joblib
from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import get_active_backend

from .._store import Store, dump_json, load_json, source_hash
from .._version import installed_versions
from ._fold import FoldInputs, Result, dask_client, run_fold

LIBRARIES = ("joblib", "numpy", "pandas", "scikit-learn", "scipy", "skorch", "torch")
# Parameters that change how long a fit takes, but not its result.
IRRELEVANT = frozenset({"memory", "n_jobs", "verbose"})
PACKAGE = __name__.partition(".")[0]


def run_folds(
    inputs: list[FoldInputs], X: Any, store: str | Path | None, n_jobs: int | None
) -> Iterator[tuple[int, Result]]:
    """Yield position and result of each fold: those in the store first, then as they finish."""
    if store is not None:
        folder = Store(store, ".fold", load=load_json, dump=dump_json)
        inputs = list(_with_file_names(inputs, X, folder))
    waiting = {}
    for index, fold in enumerate(inputs):
        result = fold.stored_result()
        if result is None:
            waiting[index] = fold
        else:
            yield index, result
    if store is not None and waiting:
        folder.check_writable()
    with _on_every_worker(X, n_jobs) as data:
        # One fold at a time, so that each result arrives at once, if the backend can do that.
        at_once = get_active_backend()[0].supports_return_generator
        return_as = "generator_unordered" if at_once else "list"
        # A cluster gets all tasks, for workers that join it later. Elsewhere a long queue is of no
        # use, and on Ctrl-C loky's thread trips over what is left of it.
        ahead = "2 * n_jobs" if dask_client() is None else "all"
        # Not scikit-learn's, whose change of the warnings' filters mixes up threads.
        parallel = Parallel(n_jobs, return_as=return_as, batch_size=1, pre_dispatch=ahead)
        for index, result in parallel(
            delayed(run_fold)(index, fold, data) for index, fold in waiting.items()
        ):
            waiting[index].write(result)
            yield index, result


@contextlib.contextmanager
def _on_every_worker(X: Any, n_jobs: int | None) -> Iterator[Any]:
    """Under Dask, send X to each worker once, so that no worker's death loses it."""
    client = dask_client()
    # On a cluster of one process and thread, joblib stays here.
    if client is None or effective_n_jobs(n_jobs) == 1:
        yield X
        return
    # The memory manager would drop copies that no worker needs at that moment.
    managed = client.amm.running()
    client.amm.stop()
    # Under a name made from its content, X would be freed when an earlier comparison releases it.
    future = client.scatter(X, broadcast=True, hash=False)
    try:
        yield future
    finally:
        future.release()
        if managed:
            client.amm.start()


def _with_file_names(inputs: list[FoldInputs], X: Any, store: Store) -> Iterator[FoldInputs]:
    """Name each fold by everything that its result depends on."""
    runs = {fold.name: fold.run for fold in inputs}
    fingerprints = {name: joblib.hash(fingerprint(vars(run))) for name, run in runs.items()}
    first = inputs[0]
    scoring = fingerprint(first.scorers), repr(first.error_score)
    # The code that scores is ours, even where what is fitted is not.
    versions = installed_versions(LIBRARIES)
    shared = joblib.hash([joblib.hash(X), first.y.tolist(), scoring, versions, package_hash()])
    for inputs_of_fold in inputs:
        name, (repeat, fold, train, test) = inputs_of_fold.name, inputs_of_fold.fold
        key = [shared, fingerprints[name], name, repeat, fold, train.tolist(), test.tolist()]
        file_name = store.name(key, f"{name[:40]}-{repeat}-{fold}")
        yield replace(inputs_of_fold, store=store, file_name=file_name)


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

"""Running the folds of a comparison, here or on a cluster, and keeping the finished ones."""

import contextlib
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import get_active_backend

from .._version import __version__
from ._fold import Result, Run, Task, dask_client, run_fold
from ._fold_store import FoldStore, describe

__all__ = ["run_tasks", "versions"]

LIBRARIES = ("joblib", "numpy", "pandas", "scikit-learn", "scipy", "skorch", "torch")


def run_tasks(
    tasks: list[Task],
    runs: Mapping[str, Run],
    X: Any,
    y: np.ndarray,
    metrics: tuple[str, ...],
    store: str | Path | None,
    n_jobs: int | None,
) -> Iterator[tuple[int, Result]]:
    """Yield number and result of each task, those in the store first, then as they finish."""
    waiting = dict(enumerate(tasks))
    folds = None if store is None else FoldStore(store)
    names = dict.fromkeys(waiting, "")
    if folds is not None:
        names = _names_in_store(tasks, runs, X, y, metrics)
        for number, name in names.items():
            result = folds.read(name)
            if result is not None:
                del waiting[number]
                yield number, result
    with _on_every_worker(X, n_jobs) as data:
        # One fold at a time, so that what is finished arrives at once, if the backend can do that.
        at_once = get_active_backend()[0].supports_return_generator
        return_as = "generator_unordered" if at_once else "list"
        # All tasks are at hand for workers that join a cluster later. Elsewhere a long queue is of
        # no use, and on Ctrl-C loky's thread trips over what is left of it.
        ahead = "2 * n_jobs" if dask_client() is None else "all"
        parallel = Parallel(n_jobs, return_as=return_as, batch_size=1, pre_dispatch=ahead)
        for number, result in parallel(
            delayed(run_fold)(
                number, runs[task.estimator], data, (y, task, folds, names[number]), metrics
            )
            for number, task in waiting.items()
        ):
            if folds is not None:
                folds.write(names[number], result)
            yield number, result


def versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "xmodal-sklearn": __version__}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


@contextlib.contextmanager
def _on_every_worker(X: Any, n_jobs: int | None) -> Iterator[Any]:
    """Under Dask, send X to each worker once, so that none is lost with the worker that has it."""
    client = dask_client()
    # On a cluster of one process and thread, joblib stays here.
    if client is None or effective_n_jobs(n_jobs) == 1:
        yield X
        return
    # The memory manager would drop copies that no worker needs at the moment.
    managed = client.amm.running()
    client.amm.stop()
    # Without a name of its own, X would be freed when an earlier comparison of it lets go.
    future = client.scatter(X, broadcast=True, hash=False)
    try:
        yield future
    finally:
        future.release()
        if managed:
            client.amm.start()


def _names_in_store(
    tasks: list[Task],
    runs: Mapping[str, Run],
    X: Any,
    y: np.ndarray,
    metrics: tuple[str, ...],
) -> dict[int, str]:
    """Name each task by what its result depends on."""
    described = {
        # Not the seed: where the user gave none, an earlier draw is as good as another.
        name: joblib.hash([describe(run.estimator), describe(run.control._replace(seed=0))])
        for name, run in runs.items()
    }
    shared = joblib.hash([joblib.hash(X), y.tolist(), list(metrics), versions()])
    names = {}
    for number, task in enumerate(tasks):
        split = task.train.tolist(), task.test.tolist()
        digest = joblib.hash([shared, described[task.estimator], split])
        names[number] = f"{task.estimator}-{task.repeat}-{task.fold}-{digest}"
    return names

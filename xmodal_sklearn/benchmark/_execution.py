"""Running the folds of a comparison, here or on a cluster, and keeping those that finish."""

import contextlib
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from joblib import effective_n_jobs
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

from .._store import Store, dump_json, load_json
from .._version import __version__
from ._fingerprint import fingerprint, package_hash
from ._fold import Result, Run, Task, dask_client, run_fold

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
    """Run all tasks, except those whose result is in the store.

    Parameters
    ----------
    tasks : list of Task
        The fits to make.
    runs : mapping of str to Run
        What the tasks fit, by name.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples.
    y : ndarray of shape (n_samples,)
        Class labels.
    metrics : tuple of str
        Names of the metrics.
    store : str, Path or None
        Folder of finished folds.
    n_jobs : int or None
        Number of tasks in parallel.

    Yields
    ------
    number : int
        Position of a task in the list.
    result : dict
        What :func:`run_fold` returned for it: results in the store first, then the others as they
        finish.
    """
    waiting = dict(enumerate(tasks))
    cache = None if store is None else Store(store, ".fold", load=load_json, dump=dump_json)
    keys = dict.fromkeys(waiting, "")
    if cache is not None:
        keys = _file_names(cache, tasks, runs, X, y, metrics)
        for number, key in keys.items():
            result = cache.read(key)
            if result is not None:
                del waiting[number]
                yield number, result
    with _on_every_worker(X, n_jobs) as data:
        # One fold at a time, so that each result arrives at once, if the backend can do that.
        at_once = get_active_backend()[0].supports_return_generator
        return_as = "generator_unordered" if at_once else "list"
        # A cluster gets all tasks, for workers that join it later. Elsewhere a long queue is of no
        # use, and on Ctrl-C loky's thread trips over what is left of it.
        ahead = "2 * n_jobs" if dask_client() is None else "all"
        parallel = Parallel(n_jobs, return_as=return_as, batch_size=1, pre_dispatch=ahead)
        for number, result in parallel(
            delayed(run_fold)(
                number, runs[task.name], data, (y, task, cache, keys[number]), metrics
            )
            for number, task in waiting.items()
        ):
            if cache is not None:
                cache.write(keys[number], result)
            yield number, result


def versions() -> dict[str, str]:
    """Look up the versions that results depend on.

    Returns
    -------
    dict of str to str
        Versions of Python, this package and the libraries that are installed.
    """
    found = {"python": platform.python_version(), "xmodal-sklearn": __version__}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


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


def _file_names(
    store: Store,
    tasks: list[Task],
    runs: Mapping[str, Run],
    X: Any,
    y: np.ndarray,
    metrics: tuple[str, ...],
) -> dict[int, str]:
    """Name each task by everything that its result depends on."""
    fingerprints = {
        # Not the drawn seed: where the user gave none, an earlier draw is as good as another.
        name: joblib.hash(fingerprint([run.estimator, run.control._replace(seed=0)]))
        for name, run in runs.items()
    }
    # The code that scores is ours, even where what is fitted is not.
    shared = joblib.hash([joblib.hash(X), y.tolist(), list(metrics), versions(), package_hash()])
    keys = {}
    for number, task in enumerate(tasks):
        split = task.train.tolist(), task.test.tolist()
        fold = [task.name, task.repeat, task.fold]
        label = f"{task.name[:40]}-{task.repeat}-{task.fold}"
        keys[number] = store.name([shared, fingerprints[task.name], fold, split], label)
    return keys

"""Runs the folds of a comparison, here or on a cluster, and stores those that finish."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import get_active_backend

from .._store import Store, dump_json, load_json
from .._version import installed_versions
from ._fingerprint import fingerprint, package_hash
from ._fold import FoldInputs, Result, dask_client, run_fold

LIBRARIES = ("joblib", "numpy", "pandas", "scikit-learn", "scipy", "skorch", "torch")


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

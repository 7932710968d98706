"""Comparing on a Dask cluster: a scheduler and worker processes that talk over loopback."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.benchmark import compare

distributed = pytest.importorskip("distributed", reason="needs the extra distributed")
dask = pytest.importorskip("dask")

CV = RepeatedStratifiedKFold(n_splits=4, n_repeats=3, random_state=0)
COSTS = ["fit_seconds", "predict_seconds", "peak_mb"]


@pytest.fixture(scope="module")
def client():
    # Dask drops copies of data that nobody needs at the moment; let it do so all the time.
    interval = {"distributed.scheduler.active-memory-manager.interval": "100ms"}
    with (
        dask.config.set(interval),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster.scheduler_address) as client,
    ):
        assert cluster.scheduler_address.startswith("tcp://127.0.0.1:")
        yield client


def unpickle(values, columns, index, log):
    with Path(log).open("a") as file:
        file.write(f"{os.getpid()}\n")
    table = Logged(values, columns=columns, index=index)
    table.log = log
    return table


class Logged(pd.DataFrame):
    """A table that writes down which process unpickles it."""

    _metadata = ["log"]  # noqa: RUF012

    def __reduce__(self):
        return unpickle, (self.to_numpy(), list(self.columns), list(self.index), self.log)


class Slow(ClassifierMixin, BaseEstimator):
    """Takes its time, and writes down who fits what when."""

    def __init__(self, log=None, seconds=0.1):
        self.log = log
        self.seconds = seconds

    def fit(self, X, y):
        with Path(self.log).open("a") as log:
            log.write(json.dumps([os.getpid(), X.index.tolist()]) + "\n")
        time.sleep(self.seconds)
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))


def without_costs(result):
    return result.scores[~result.scores["metric"].isin(COSTS)]


def search():
    return GridSearchCV(
        make_pipeline(MultiOmicsSelector(k=10), LogisticRegression(max_iter=1000)),
        {"logisticregression__C": [0.001, 0.01]},
        cv=2,
    )


def test_the_result_equals_that_of_one_machine(client, cohort):
    X, y = cohort
    local = compare({"tuned": search()}, X, y, cv=3)
    with parallel_config("dask"):
        remote = compare({"tuned": search()}, X, y, cv=3)
    pd.testing.assert_frame_equal(without_costs(local), without_costs(remote), check_exact=True)
    pd.testing.assert_frame_equal(local.predictions, remote.predictions, check_exact=True)
    pd.testing.assert_frame_equal(local.selected, remote.selected)
    assert client.amm.running()  # as before


def test_a_grid_search_equals_that_of_one_machine(client, cohort):
    X, y = cohort
    local = search().fit(X, y)
    with parallel_config("dask"):
        remote = search().fit(X, y)
    np.testing.assert_array_equal(
        local.cv_results_["mean_test_score"], remote.cv_results_["mean_test_score"]
    )
    np.testing.assert_array_equal(local.predict_proba(X), remote.predict_proba(X))


def test_data_is_sent_once_to_each_worker(client, cohort, tmp_path):
    X, y = cohort
    X = Logged(X)
    X.log = str(tmp_path / "received")
    pids = set(client.run(os.getpid).values())
    assert len(pids) == 2
    with parallel_config("dask"):
        result = compare({"slow": Slow(str(tmp_path / "log"), 0.02)}, X, y, cv=CV)
    assert result.info["n_folds"] * result.info["n_repeats"] == 12
    received = [int(line) for line in (tmp_path / "received").read_text().split()]
    assert sorted(received) == sorted(pids)


def test_a_killed_worker_loses_only_its_running_folds(client, cohort, tmp_path):
    X, y = cohort
    log, store = tmp_path / "log", tmp_path / "store"
    at_kill = {}

    def kill():
        while len(list(store.glob("*.fold"))) < 4:
            time.sleep(0.01)
        at_kill["pid"] = json.loads(log.read_text().splitlines()[-1])[0]
        at_kill["finished"] = {path.name[:8] for path in store.glob("*.fold")}
        os.kill(at_kill["pid"], signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    with parallel_config("dask"):
        result = compare({"slow": Slow(str(log), 0.3)}, X, y, cv=CV, store=store)
    killer.join()
    folds = {
        tuple(X.index[train]): f"slow-{index // 4}-{index % 4}"
        for index, (train, _) in enumerate(CV.split(X, y))
    }
    fits = [
        (pid, folds[tuple(rows)]) for pid, rows in map(json.loads, log.read_text().splitlines())
    ]
    first = dict(reversed([(fold, pid) for pid, fold in fits]))
    names = [fold for _, fold in fits]
    repeated = {fold for fold in names if names.count(fold) > 1}
    assert set(names) == set(folds.values())
    assert all(first[fold] == at_kill["pid"] for fold in repeated)
    assert not repeated & at_kill["finished"]
    assert len(repeated) <= 1
    pd.testing.assert_frame_equal(
        without_costs(result),
        without_costs(compare({"slow": Slow(str(log), 0)}, X, y, cv=CV)),
        check_exact=True,
    )


def test_the_last_fold_runs_again_when_its_worker_is_killed(client, cohort, tmp_path):
    X, y = cohort
    log = tmp_path / "log"

    def kill():
        while not log.exists() or not log.read_text().endswith("\n"):
            time.sleep(0.01)
        time.sleep(0.5)  # long enough for copies that nobody needs to be dropped
        os.kill(json.loads(log.read_text())[0], signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    with parallel_config("dask"):
        result = compare({"slow": Slow(str(log), 2)}, X, y, cv=[next(CV.split(X, y))])
    killer.join()
    assert len(result.predictions) == 30
    assert len(log.read_text().splitlines()) == 2


def test_folds_are_stored_without_a_shared_file_system(client, cohort, tmp_path, monkeypatch):
    X, y = cohort
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    client.run(os.chdir, elsewhere)  # where the folder of a relative name is not
    with parallel_config("dask"):
        compare({"slow": Slow(str(tmp_path / "log"), 0)}, X, y, cv=CV, store="folds")
    assert len(list((tmp_path / "folds").iterdir())) == 12
    assert not list(elsewhere.iterdir())


@pytest.fixture
def start(tmp_path):
    """A function that starts schedulers and workers, each a process of its own."""
    processes = []

    def start_process(role, *options):
        command = [sys.executable, "-m", f"distributed.cli.dask_{role}", "--no-dashboard"]
        command += ["--scheduler-file", tmp_path / "scheduler", "--host", "127.0.0.1", *options]
        with (tmp_path / "errors").open("a") as errors:
            processes.append(subprocess.Popen(command, cwd=tmp_path, stderr=errors))
        return processes[-1]

    yield start_process
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.parametrize("killed", ["workers", "scheduler"])
def test_a_run_whose_workers_or_scheduler_are_killed_is_resumed(killed, start, cohort, tmp_path):
    X, y = cohort
    log, store = tmp_path / "log", tmp_path / "store"
    model = {"slow": Slow(str(log), 0.2)}
    scheduler = start("scheduler", "--port", "0")
    workers = [start("worker", "--no-nanny", "--nthreads", "1") for _ in range(2)]

    def kill():
        while len(list(store.glob("*.fold"))) < 3:
            time.sleep(0.01)
        for process in workers if killed == "workers" else [scheduler]:
            process.kill()
            process.wait()
        if killed == "scheduler":
            address = json.loads((tmp_path / "scheduler").read_text())["address"]
            start("scheduler", "--port", address.rpartition(":")[2])
        start("worker", "--no-nanny", "--nthreads", "1")

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    cluster = {"scheduler_file": str(tmp_path / "scheduler"), "timeout": 60}
    lost = contextlib.suppress(distributed.client.FutureCancelledError, OSError)
    with lost, distributed.Client(**cluster), parallel_config("dask"):
        # Dask may send lost folds to the new worker, or give up.
        compare(model, X, y, cv=CV, store=store)
    killer.join()
    with distributed.Client(**cluster), parallel_config("dask"):
        result = compare(model, X, y, cv=CV, store=store)
    # Those of the killed workers that were running.
    assert len(log.read_text().splitlines()) <= 12 + 2
    pd.testing.assert_frame_equal(
        without_costs(result),
        without_costs(compare({"slow": Slow(str(log), 0)}, X, y, cv=CV)),
        check_exact=True,
    )

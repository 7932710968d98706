"""Nothing computed is lost, and nothing stale is used."""

import importlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import xmodal_sklearn
from xmodal_sklearn import MultiOmicsSelector, _files
from xmodal_sklearn._store import Store, dump_json, load_json
from xmodal_sklearn.baselines import make_baselines
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.benchmark._execution import fingerprint

CV = RepeatedStratifiedKFold(n_splits=4, n_repeats=3, random_state=0)
COSTS = ["fit_seconds", "predict_seconds", "peak_mb"]


class Recorder(ClassifierMixin, BaseEstimator):
    """A nearest class mean that writes down which rows it is fitted to."""

    def __init__(self, log=None, shrink=0.0, seconds=0.0):
        self.log = log
        self.shrink = shrink
        self.seconds = seconds

    def fit(self, X, y):
        with Path(self.log).open("a") as log:
            log.write(json.dumps([self.shrink, X["exp__row"].tolist()]) + "\n")
        time.sleep(self.seconds)
        self.classes_ = np.unique(y)
        self.means_ = np.array([X[y == c].mean() for c in self.classes_]) * (1 - self.shrink)
        return self

    def predict_proba(self, X):
        distances = ((X.to_numpy()[:, None] - self.means_) ** 2).mean(axis=2)
        weights = np.exp(-distances)
        return weights / weights.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b", "c"], 20)
    X = pd.DataFrame(rng.normal(size=(60, 5)) + (y == "b")[:, None]).add_prefix("exp__")
    X["exp__row"] = np.arange(60)
    return X, y


def fits(log):
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def equal(first, second):
    pd.testing.assert_frame_equal(
        first.scores[~first.scores["metric"].isin(COSTS)],
        second.scores[~second.scores["metric"].isin(COSTS)],
        check_exact=True,
    )
    pd.testing.assert_frame_equal(first.predictions, second.predictions, check_exact=True)
    pd.testing.assert_frame_equal(first.selected, second.selected)
    return True


@pytest.mark.parametrize("n_kills", [10, pytest.param(40, marks=pytest.mark.slow)])
def test_kills_lose_and_repeat_no_fold(n_kills, problem, processes, tmp_path):
    X, y = problem
    log, store = tmp_path / "log", tmp_path / "store"
    estimators = {f"shrink {s}": Recorder(str(log), s, seconds=0.02) for s in (0.0, 0.3, 0.6)}
    tasks = {
        (shrink, tuple(train)): f"shrink_{shrink}-{index // 4}-{index % 4}-".replace(".", "_")
        for shrink in (0.0, 0.3, 0.6)
        for index, (train, _) in enumerate(CV.split(X, y))
    }
    delays = np.random.default_rng().uniform(0, 0.08, size=n_kills)
    for delay in delays:
        finished = {path.name: path.stat() for path in store.glob("*.fold")}
        n_fits = len(fits(log))
        process = processes.Process(
            target=compare, args=(estimators, X, y), kwargs={"cv": CV, "store": store}
        )
        process.start()
        while process.is_alive() and len(fits(log)) == n_fits:
            time.sleep(0.005)
        process.join(delay)
        process.kill()  # SIGKILL
        process.join()
        for name, before in finished.items():
            after = (store / name).stat()
            assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        for shrink, rows in fits(log)[n_fits:]:
            started = tasks[shrink, tuple(rows)]
            assert not any(name.startswith(started) for name in finished), delays
    resumed = compare(estimators, X, y, cv=CV, store=store)
    assert len(fits(log)) <= 36 + n_kills  # at most one fold is under way at a kill
    n_fits = len(fits(log))
    assert equal(resumed, compare(estimators, X, y, cv=CV, store=store))
    assert len(fits(log)) == n_fits
    assert equal(resumed, compare(estimators, X, y, cv=CV))


def test_workers_store_their_folds_when_the_main_process_is_killed(problem, processes, tmp_path):
    X, y = problem
    log, store = tmp_path / "log", tmp_path / "store"
    estimators = {"slow": Recorder(str(log), seconds=0.3)}
    process = processes.Process(
        target=compare,
        args=(estimators, X, y),
        kwargs={"cv": CV, "store": store, "n_jobs": 2},
    )
    process.start()
    while len(fits(log)) < 2:
        time.sleep(0.01)
    process.kill()
    process.join()
    patience = time.monotonic() + 20
    while len(list(store.glob("*.fold"))) < len(fits(log)) and time.monotonic() < patience:
        time.sleep(0.01)
    finished = {path: path.stat().st_mtime_ns for path in store.glob("*.fold")}
    assert len(finished) >= 2
    resumed = compare(estimators, X, y, cv=CV, store=store)
    # Orphaned workers may still have been at a fold each.
    assert len(fits(log)) <= 12 + 2
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert equal(resumed, compare({"slow": Recorder(str(tmp_path / "l"))}, X, y, cv=CV))


def model_fingerprints():
    models = make_baselines(k=5, models=["RBF SVM", "MLP"], fusion=["late"], random_state=0)
    return [fingerprint(model) for model in models.values()]


def test_fingerprints_do_not_depend_on_string_hashes(cohort, tmp_path):
    X, _ = cohort
    X.to_pickle(tmp_path / "X.pickle")
    code = (
        "import sys, joblib, pandas, test_fold_store\n"
        "X = pandas.read_pickle(sys.argv[1])\n"
        "print(joblib.hash([test_fold_store.model_fingerprints(), joblib.hash(X)]))\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "X.pickle")],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.strip() == joblib.hash([model_fingerprints(), joblib.hash(X)])


def logistic(C=1.0, k=5, **options):
    return make_pipeline(MultiOmicsSelector(k=k, **options), LogisticRegression(C=C, max_iter=2000))


def double(X):
    return 2 * X


@pytest.mark.parametrize(
    "changed",
    ["C", "k", "X", "column", "dtype", "row", "y", "cv", "scoring", "grid", "function", "version"],
)
def test_changed_inputs_are_recomputed(cohort, tmp_path, monkeypatch, changed):
    X, y = cohort[0].iloc[:, 40:80], np.asarray(cohort[1])
    model, options = logistic(), {"cv": 2, "scoring": ["accuracy"], "store": tmp_path}
    if changed == "grid":
        model = GridSearchCV(logistic(), {"logisticregression__C": [0.1, 1]}, cv=2)
    if changed == "function":
        model = make_pipeline(FunctionTransformer(double), logistic())
    compare({"model": model}, X, y, **options)
    n_stored = len(list(tmp_path.iterdir()))
    assert n_stored == 2
    if changed == "C":
        model = logistic(C=0.5)
    elif changed == "k":
        model = logistic(k=6)
    elif changed == "X":
        X = X.copy()
        X.iloc[3, 4] += 1e-9
    elif changed == "column":
        X = X.rename(columns={X.columns[0]: "exp__other"})
    elif changed == "dtype":
        X = X.astype(np.float32)
    elif changed == "row":
        X = X.rename(index={X.index[0]: "somebody else"})
    elif changed == "y":
        y = y.copy()
        y[0] = next(label for label in np.unique(y) if label != y[0])
    elif changed == "cv":
        options["cv"] = StratifiedKFold(2, shuffle=True, random_state=1)
    elif changed == "scoring":
        options["scoring"] = ["accuracy", "mcc"]
    elif changed == "grid":
        model.set_params(param_grid={"logisticregression__C": [0.1, 2]})
    elif changed == "function":
        model.set_params(functiontransformer__func=partial(double))
    elif changed == "version":
        monkeypatch.setattr("sklearn.__version__", "0.0")
    compare({"model": model}, X, y, **options)
    assert len(list(tmp_path.iterdir())) == 2 * n_stored


def test_runs_with_the_same_seed_share_stored_controls(problem, tmp_path):
    X, y = problem
    estimators = {"model": Recorder(str(tmp_path / "log"))}

    def n_fits(random_state):
        before = len(fits(tmp_path / "log"))
        options = {"cv": 3, "controls": "model", "store": tmp_path / "store"}
        result = compare(estimators, X, y, random_state=random_state, **options)
        return len(fits(tmp_path / "log")) - before, result

    n_first, seeded = n_fits(0)
    assert n_first == 3 * 3  # the model, its labels permuted, and expression as noise
    assert n_fits(1)[0] == n_fits(None)[0] == 3 * 2
    n_again, again = n_fits(0)
    assert n_again == 0
    assert equal(seeded, again)


def test_irrelevant_changes_are_not_recomputed(problem, tmp_path):
    X, y = problem
    log = tmp_path / "log"
    model = make_pipeline(MultiOmicsSelector(k=6), Recorder(str(log)))
    first = compare({"model": model}, X, y, cv=3, store=tmp_path / "store")
    model.set_params(multiomicsselector__n_jobs=2, multiomicsselector__memory=str(tmp_path / "m"))
    second = compare({"model": model}, X.copy(), list(y), cv=3, store=tmp_path / "store", n_jobs=2)
    assert len(fits(log)) == 3
    assert equal(first, second)
    assert (first.scores["value"] == second.scores["value"]).all()  # seconds of the first run


def test_fingerprints_depend_on_the_source_of_user_estimators(tmp_path, monkeypatch):
    source = "from sklearn.dummy import DummyClassifier\nclass Own(DummyClassifier):\n    x = {}\n"
    fingerprints = []
    for version, value in enumerate((1, 2, 1)):
        folder = tmp_path / str(version)
        folder.mkdir()
        (folder / "user_module.py").write_text(source.format(value))
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, "user_module", raising=False)
        own = importlib.import_module("user_module").Own
        fingerprints.append(json.dumps(fingerprint(own())))
    assert fingerprints[0] == fingerprints[2] != fingerprints[1]


def test_fingerprints_depend_on_every_source_file_of_this_package(tmp_path):
    package = tmp_path / "copy" / "xmodal_sklearn"
    shutil.copytree(
        xmodal_sklearn.__path__[0], package, ignore=shutil.ignore_patterns("__pycache__")
    )
    code = (
        "import pandas as pd, xmodal_sklearn.baselines as ours, xmodal_sklearn.benchmark as b\n"
        "from sklearn.dummy import DummyClassifier\n"
        "X, y = pd.DataFrame({'exp__A': range(8)}), [0, 1] * 4\n"
        "late = ours.LateFusionClassifier(DummyClassifier())\n"
        f"b.compare({{'late': late}}, X, y, cv=2, store={str(tmp_path / 'store')!r})\n"
        "print(ours.__file__)\n"
    )

    def stored():
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(package.parent)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith(str(package))
        return len(list((tmp_path / "store").glob("*.fold")))

    by_depth = sorted(package.rglob("*.py"), key=lambda path: len(path.parts))
    assert stored() == 2
    for n_edits, path in enumerate([by_depth[0], by_depth[-1]], start=1):
        with path.open("a") as file:
            file.write("# edited\n")
        assert stored() == 2 + 2 * n_edits, path


def test_functions_are_distinguished_by_source_and_closure():
    def scaled_by(factor):
        return lambda X: factor * X

    assert fingerprint(scaled_by(2)) == fingerprint(scaled_by(2)) != fingerprint(scaled_by(3))
    assert fingerprint(double) != fingerprint(fits)
    assert fingerprint(np.log1p) == fingerprint(np.log1p) != fingerprint(np.exp)


def test_parameters_that_cannot_be_fingerprinted_raise(problem, tmp_path):
    X, y = problem
    model = Recorder(str(tmp_path / "log"))
    model.set_params(seconds=(i for i in range(3)))
    with pytest.raises(ValueError, match="Cannot check whether <generator"):
        compare({"model": model}, X, y, store=tmp_path)
    namespace = {}
    exec("class Unknown: pass", {"__name__": "nowhere"}, namespace)
    with pytest.raises(ValueError, match=r"nowhere\.Unknown"):
        fingerprint(namespace["Unknown"])


def test_a_damaged_file_is_recomputed_with_a_warning(problem, tmp_path):
    X, y = problem
    estimators = {"model": Recorder(str(tmp_path / "log"))}
    first = compare(estimators, X, y, cv=3, store=tmp_path / "store")
    path = next((tmp_path / "store").iterdir())
    path.write_bytes(path.read_bytes()[:100])
    with pytest.warns(UserWarning, match=f"invalid cache entry .*{path.name}"):
        second = compare(estimators, X, y, cv=3, store=tmp_path / "store")
    assert equal(first, second)
    assert len(fits(tmp_path / "log")) == 4


@pytest.mark.parametrize("value", ["0.99", '"good"', "[]"])
def test_an_edited_score_is_recomputed_with_a_warning(problem, tmp_path, value):
    X, y = problem
    estimators = {"model": Recorder(str(tmp_path / "log"))}
    first = compare(estimators, X, y, cv=3, store=tmp_path / "store")
    path = next((tmp_path / "store").iterdir())
    score = json.loads(path.read_text().partition("\n")[2])["scores"][0][2]
    path.write_text(path.read_text().replace(f'"", {score}]', f'"", {value}]', 1))
    with pytest.warns(UserWarning, match=f"invalid cache entry .*{path.name} .*checksum"):
        second = compare(estimators, X, y, cv=3, store=tmp_path / "store")
    assert equal(first, second)
    assert equal(first, compare(estimators, X, y, cv=3, store=tmp_path / "store"))
    assert len(fits(tmp_path / "log")) == 4


def test_a_swapped_fold_file_is_ignored(problem, tmp_path):
    X, y = problem
    estimators = {"model": Recorder(str(tmp_path / "log"))}
    first = compare(estimators, X, y, cv=3, store=tmp_path / "store")
    path, other, _ = (tmp_path / "store").iterdir()
    path.write_bytes(other.read_bytes())
    with pytest.warns(UserWarning, match=f"invalid cache entry .*{path.name}"):
        assert equal(first, compare(estimators, X, y, cv=3, store=tmp_path / "store"))


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_a_folder_or_link_in_place_of_a_fold_raises(problem, tmp_path, kind):
    X, y = problem
    estimators = {"model": Recorder(str(tmp_path / "log"))}
    compare(estimators, X, y, cv=3, store=tmp_path / "store")
    path = next((tmp_path / "store").iterdir())
    path.rename(tmp_path / "elsewhere")
    path.mkdir() if kind == "folder" else path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=rf"{path.name} is a {kind}, not a file"):
        compare(estimators, X, y, cv=3, store=tmp_path / "store")


@pytest.mark.filterwarnings("ignore:.*ConvergenceWarning")
def test_a_fold_of_a_foreign_model_is_rescored_if_this_package_changes(
    problem, tmp_path, monkeypatch
):
    X, y = problem
    compare({"model": LogisticRegression()}, X, y, cv=3, store=tmp_path)
    monkeypatch.setattr("xmodal_sklearn.benchmark._execution.package_hash", lambda: "changed")
    compare({"model": LogisticRegression()}, X, y, cv=3, store=tmp_path)
    assert len(list(tmp_path.iterdir())) == 6


def test_scratch_files_of_killed_processes_are_removed_by_the_next(tmp_path):
    process = multiprocessing.get_context("fork").Process(target=print)
    process.start()
    process.join()
    host = _files._HOST
    names = [f".a.fold.{host}.{process.pid}-1", f".a.fold.{host}.{os.getpid()}-1"]
    names += [f".a.fold.elsewhere.{process.pid}-1", ".hidden"]
    for name in names:
        (tmp_path / name).touch()
    Store(tmp_path, ".fold")
    assert {path.name for path in tmp_path.iterdir()} == set(names[1:])


def test_folds_finished_before_an_error_are_kept(problem, tmp_path):
    X, y = problem
    good, bad = Recorder(str(tmp_path / "log")), Recorder(str(tmp_path / "log"), shrink="none")
    with pytest.raises(TypeError) as raised:
        options = {"error_score": "raise", "store": tmp_path / "store"}
        compare({"good": good, "bad": bad}, X, y, cv=3, **options)
    assert raised.value.__notes__ == ["'bad' failed in repeat 0, fold 0."]
    assert [path.name[:9] for path in (tmp_path / "store").iterdir()] == ["good-0-0-"]


def test_numbers_are_read_back_bit_for_bit(tmp_path):
    values = (
        np.random.default_rng(0).normal(size=1000)
        * 10.0 ** np.arange(-300, 300)[: 1000 % 600].mean()
    )
    store = Store(tmp_path, ".fold", load=load_json, dump=dump_json)
    store.write("x", {"values": values.tolist(), "nan": float("nan")})
    read = store.read("x")
    assert read["values"] == values.tolist()
    assert np.isnan(read["nan"])
    assert store.read("y") is None

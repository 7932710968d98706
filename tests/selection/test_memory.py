"""One ranking for every K: what the cache of MultiOmicsSelector may not get wrong."""

import io
import pickle
import re
import signal
import sys
import time

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.datasets import make_multiomics

SHORT_FILE = 20_000


def entries(folder):
    return set(folder.glob("*.ranking"))


def search(X, y, memory, n_jobs=None):
    pipeline = Pipeline(
        [("select", MultiOmicsSelector(memory=memory)), ("classify", KNeighborsClassifier())]
    )
    grid = {"select__k": [5, 10, 20], "classify__n_neighbors": [1, 5]}
    return GridSearchCV(pipeline, grid, cv=3, n_jobs=n_jobs).fit(X, y)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_ranks_every_fold_once_and_scores_the_same(cohort, tmp_path, n_jobs):
    X, y = cohort
    plain, cached = search(X, y, None), search(X, y, str(tmp_path), n_jobs)
    np.testing.assert_array_equal(
        plain.cv_results_["mean_test_score"], cached.cv_results_["mean_test_score"]
    )
    assert len(entries(tmp_path)) == (3 + 1) * 3  # three folds and the refit, three modalities


def test_a_read_only_cache_is_read_but_nothing_is_computed_in_vain(
    cohort, tmp_path, make_read_only, monkeypatch
):
    X, y = cohort
    memory = tmp_path / "cache"
    expected = MultiOmicsSelector(memory=str(memory)).fit(X, y).scores_
    make_read_only(tmp_path)
    monkeypatch.setattr(
        "xmodal_sklearn.selection._ranking.rank_modality", lambda *_, **__: pytest.fail("ranked")
    )
    scores = MultiOmicsSelector(memory=str(memory)).fit(X, y).scores_
    np.testing.assert_array_equal(scores, expected)
    for folder in (memory, tmp_path / "new"):
        message = f"Can't write to the folder {folder}: Read-only file system. Allow writing"
        with pytest.raises(OSError, match=re.escape(message)):
            MultiOmicsSelector(memory=str(folder)).fit(X.iloc[1:], y.iloc[1:])


def test_another_process_finds_the_ranking(cohort, processes, tmp_path):
    X, y = cohort
    start(processes, fit_resamples, X, y, str(tmp_path), 1).join()
    before = entries(tmp_path)
    again = MultiOmicsSelector(memory=str(tmp_path)).fit(*resample(X, y, 0))
    assert len(before) == 3
    assert entries(tmp_path) == before
    np.testing.assert_array_equal(
        again.scores_, MultiOmicsSelector().fit(*resample(X, y, 0)).scores_
    )


def test_absent_modalities_are_the_same_with_a_cache(cohort, tmp_path):
    X, y = cohort
    gaps = X.astype(float)
    gaps.iloc[:30, :60], gaps.iloc[20:40, 110:] = np.nan, np.nan
    for _ in range(2):
        cached = MultiOmicsSelector(memory=tmp_path).fit(gaps, y)
        np.testing.assert_array_equal(cached.scores_, MultiOmicsSelector().fit(gaps, y).scores_)
    assert len(entries(tmp_path)) == 3
    gaps.iloc[25, 60:110] = np.nan
    for _ in range(2):
        with pytest.raises(ValueError, match=f"sample {X.index[25]!r} has no modality"):
            MultiOmicsSelector(memory=tmp_path).fit(gaps, y)


def test_bad_values_raise_with_their_name_with_a_cache_too(cohort, tmp_path):
    X, y = cohort
    bad = X.copy()
    bad.iloc[5, 3] = np.inf
    for _ in range(2):
        with pytest.raises(ValueError, match=f"modality 'exp', column {X.columns[3]!r}, sample"):
            MultiOmicsSelector(memory=tmp_path).fit(bad, y)


def test_a_process_killed_while_writing_leaves_no_partial_file(cohort, processes, tmp_path):
    X, y = cohort
    delays = np.random.default_rng(0).uniform(0, 0.05, size=3)
    for n_more, delay in enumerate(delays, start=1):
        n_entries = len(entries(tmp_path)) + n_more
        start_and_kill(processes, X, y, tmp_path, n_entries=n_entries, delay=delay)
    n_ranked = len(entries(tmp_path)) // 3
    assert n_ranked >= 1
    for seed in range(n_ranked + 2):
        rows = resample(X, y, seed)
        np.testing.assert_array_equal(
            MultiOmicsSelector(memory=str(tmp_path)).fit(*rows).scores_,
            MultiOmicsSelector().fit(*rows).scores_,
        )


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_process_stopped_while_writing_leaves_no_partial_file(processes, tmp_path):
    X, y = make_multiomics(30, {"exp": 4000}, return_X_y=True, random_state=0)
    process = start(processes, fit_with_short_files, X, y, str(tmp_path))
    process.join()
    assert process.exitcode == -signal.SIGXFSZ
    written = [path.stat().st_size for path in tmp_path.glob(".*")]
    assert written == [SHORT_FILE]
    cached = MultiOmicsSelector(memory=str(tmp_path)).fit(X, y)
    np.testing.assert_array_equal(cached.scores_, MultiOmicsSelector().fit(X, y).scores_)
    assert len(entries(tmp_path)) == 1


def test_two_processes_at_once_share_a_cache(cohort, processes, tmp_path):
    X, y = cohort
    running = [start(processes, fit_resamples, X, y, str(tmp_path), 12) for _ in range(2)]
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0, 0]
    assert len(entries(tmp_path)) == 12 * 3
    for seed in range(12):
        rows = resample(X, y, seed)
        np.testing.assert_array_equal(
            MultiOmicsSelector(memory=tmp_path).fit(*rows).scores_,
            MultiOmicsSelector().fit(*rows).scores_,
        )
    assert len(entries(tmp_path)) == 12 * 3


def test_a_changed_value_is_ranked_anew(cohort, tmp_path):
    X, y = cohort
    MultiOmicsSelector(memory=str(tmp_path)).fit(X, y)
    changed = X.copy()
    changed.iloc[-1, 7] += 1
    cached = MultiOmicsSelector(memory=str(tmp_path)).fit(changed, y)
    np.testing.assert_array_equal(cached.scores_, MultiOmicsSelector().fit(changed, y).scores_)
    assert len(entries(tmp_path)) == 4


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda X, y: (X.to_numpy().reshape(len(X) * 2, -1), np.tile(y, 2)), id="shape"
        ),
        pytest.param(lambda X, y: (X.to_numpy().view(np.int64), y), id="dtype"),
        pytest.param(lambda X, y: (X.to_numpy(), y[::-1]), id="classes"),
    ],
)
def test_equal_bytes_of_another_dtype_are_ranked_again(cohort, tmp_path, change):
    X, y = cohort
    X, y = X.filter(like="exp__").astype(float), y.to_numpy(dtype=object)
    MultiOmicsSelector(memory=str(tmp_path)).fit(X.to_numpy(), y)
    changed = change(X, y)
    cached = MultiOmicsSelector(memory=str(tmp_path)).fit(*changed)
    np.testing.assert_array_equal(cached.scores_, MultiOmicsSelector().fit(*changed).scores_)


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_in_any_order_differ_from_their_transposes(tmp_path, order):
    square = np.asarray(np.random.default_rng(0).normal(size=(30, 30)), order=order)
    y = np.arange(30) % 2
    for X in (square, square.T):
        cached = MultiOmicsSelector(memory=str(tmp_path)).fit(X, y)
        np.testing.assert_array_equal(cached.scores_, MultiOmicsSelector().fit(X, y).scores_)


def test_joblibs_memory_serves_as_well(cohort, tmp_path):
    X, y = cohort
    memory = joblib.Memory(tmp_path, verbose=0)
    for pairs in (False, True):
        plain = MultiOmicsSelector(pairs=pairs).fit(X, y)
        for _ in range(2):
            cached = MultiOmicsSelector(pairs=pairs, memory=memory).fit(X, y)
            np.testing.assert_array_equal(cached.scores_, plain.scores_)


def test_pairs_are_kept_as_well(cohort, tmp_path):
    X, y = cohort
    plain = MultiOmicsSelector(pairs=True).fit(X, y)
    for _ in range(2):
        cached = MultiOmicsSelector(pairs=True, memory=tmp_path).fit(X, y)
        np.testing.assert_array_equal(cached.scores_, plain.scores_)
    assert len(entries(tmp_path)) == 3 + 1


class Payload:
    def __reduce__(self):
        return pytest.fail, ("code of the cache was run",)


def hostile(kind, content):
    if kind == "pickle":
        return pickle.dumps(Payload())
    if kind == "joblib":
        joblib.dump(Payload(), buffer := io.BytesIO())
        return buffer.getvalue()
    if kind == "object array":
        np.savez(buffer := io.BytesIO(), np.array([Payload()]), np.zeros(3), checksum=np.array("x"))
        return buffer.getvalue()
    changed = bytearray(content)
    changed[len(content) // 2] ^= 1
    return {"empty": b"", "cut off": content[:-50], "changed": bytes(changed)}[kind]


@pytest.mark.parametrize(
    "kind", ["pickle", "joblib", "object array", "empty", "cut off", "changed"]
)
def test_a_damaged_or_hostile_entry_is_computed_again(cohort, tmp_path, kind):
    X, y = cohort
    plain = MultiOmicsSelector(memory=tmp_path).fit(X, y)
    for path in entries(tmp_path):
        path.write_bytes(hostile(kind, path.read_bytes()))
    with pytest.warns(UserWarning, match=r"invalid cache entry .*\.ranking .*recomputing"):
        again = MultiOmicsSelector(memory=tmp_path).fit(X, y)
    np.testing.assert_array_equal(again.scores_, plain.scores_)
    MultiOmicsSelector(memory=tmp_path).fit(X, y)


def test_a_swapped_ranking_file_is_ignored(cohort, tmp_path):
    X, y = cohort
    plain = MultiOmicsSelector(memory=tmp_path).fit(X, y)
    first, second, _ = sorted(entries(tmp_path))
    first.write_bytes(second.read_bytes())
    with pytest.warns(UserWarning, match="checksum"):
        again = MultiOmicsSelector(memory=tmp_path).fit(X, y)
    np.testing.assert_array_equal(again.scores_, plain.scores_)


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_a_folder_or_a_link_in_an_entrys_place_is_named(cohort, tmp_path, kind):
    X, y = cohort
    MultiOmicsSelector(memory=tmp_path).fit(X, y)
    for path in entries(tmp_path):
        path.rename(tmp_path / "elsewhere")
        path.mkdir() if kind == "folder" else path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=rf"\.ranking is a {kind}, not a file"):
        MultiOmicsSelector(memory=tmp_path).fit(X, y)


def resample(X, y, seed):
    rows = np.random.default_rng(seed).permutation(len(X))[: len(X) // 2]
    return X.iloc[rows], y.iloc[rows]


def fit_resamples(X: pd.DataFrame, y: pd.Series, memory: str, n_resamples: int):
    for seed in range(n_resamples):
        MultiOmicsSelector(memory=memory).fit(*resample(X, y, seed))


def fit_with_short_files(X, y, memory):
    """Have the system end this process once it writes more than SHORT_FILE bytes to a file."""
    import resource

    MultiOmicsSelector().fit(X.iloc[:, :10], y)  # compiles, which writes files
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SHORT_FILE, SHORT_FILE))
    MultiOmicsSelector(memory=memory).fit(X, y)


def start(processes, target, *arguments):
    process = processes.Process(target=target, args=arguments)
    process.start()
    return process


def start_and_kill(processes, X, y, memory, *, n_entries, delay):
    process = start(processes, fit_resamples, X, y, str(memory), 10_000)
    give_up = time.monotonic() + 60
    while len(entries(memory)) < n_entries and time.monotonic() < give_up:
        time.sleep(0.005)
    time.sleep(delay)
    process.kill()
    process.join()

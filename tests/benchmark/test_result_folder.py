"""A folder of results is of one run, at whatever moment a process that writes it is killed."""

import errno
import multiprocessing
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

from xmodal_sklearn.benchmark import Comparison, compare
from xmodal_sklearn.benchmark import _result_folder as result_folder
from xmodal_sklearn.benchmark._result_folder import publishing

FILES = {"scores.csv", "predictions.csv", "selected.csv", "comparison.json"}


@pytest.fixture(scope="module")
def comparisons():
    X, y = np.zeros((40, 2)), np.tile(["a", "b"], 20)
    return [compare({name: DummyClassifier()}, X, y, cv=2) for name in ("first", "second")]


def publish(comparison, folder):
    """Write results as a command does, with a report."""
    with publishing(folder) as aside:
        comparison.save(aside)
        text = f'<meta name="xmodal-run" content="{comparison.info["run"]}">'
        (aside / "report.html").write_text(text)


def run_of(path):
    if path.suffix == ".csv":
        return set(pd.read_csv(path, dtype=str)["run"])
    found = re.findall(r'"run": "(\w+)"|content="(\w+)"', path.read_text())
    return {one or other for one, other in found}


def test_all_files_carry_the_run(comparisons, tmp_path):
    publish(comparisons[0], tmp_path)
    run = comparisons[0].info["run"]
    assert {path.name for path in tmp_path.iterdir()} == {*FILES, "report.html"}
    for path in tmp_path.iterdir():
        assert run_of(path) <= {run}
    assert Comparison.load(tmp_path).info["run"] == run


def test_a_new_run_replaces_all_files_of_the_old_one(comparisons, tmp_path):
    curves = comparisons[0].scores.assign(share=0.5)
    publish(replace(comparisons[0], learning=curves), tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    comparisons[1].save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*FILES, "notes.txt"}
    assert Comparison.load(tmp_path).scores["estimator"].unique().tolist() == ["second"]


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_mixture_is_refused_and_named(comparisons, tmp_path, name):
    for comparison, folder in zip(comparisons, ("a", "b"), strict=True):
        full = replace(comparison, selected=pd.DataFrame({"estimator": ["x"], "repeat": 0}))
        full.save(tmp_path / folder)
    shutil.copy(tmp_path / "a" / name, tmp_path / "b" / name)
    runs = [comparison.info["run"] for comparison in comparisons]
    with pytest.raises(ValueError, match="are of several runs") as caught:
        Comparison.load(tmp_path / "b")
    assert f"{name} of {runs[0]}" in str(caught.value)
    assert runs[1] in str(caught.value)


def test_a_table_that_was_cut_off_is_refused(comparisons, tmp_path):
    comparisons[0].save(tmp_path)
    path = tmp_path / "predictions.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-3]))
    with pytest.raises(ValueError, match=r"predictions\.csv has 37 rows where run \w+ wrote 40"):
        Comparison.load(tmp_path)


def test_results_of_before_runs_had_numbers_are_read(comparisons, tmp_path):
    comparisons[0].save(tmp_path)
    for path in tmp_path.glob("*.csv"):
        pd.read_csv(path, dtype=str).drop(columns="run").to_csv(path, index=False)
    path = tmp_path / "comparison.json"
    path.write_text(re.sub(r'"run": "\w+"', '"run": null', path.read_text()))
    pd.testing.assert_frame_equal(Comparison.load(tmp_path).scores, comparisons[0].scores)


def rewrite_for_ever(comparisons, folder):
    while True:
        for comparison in comparisons:
            publish(comparison, folder)


def test_twenty_kills_leave_the_old_or_the_new_run(comparisons, tmp_path):
    publish(comparisons[0], tmp_path)
    delays = np.random.default_rng().uniform(0, 0.1, size=20)
    for delay in delays:
        process = multiprocessing.get_context("fork").Process(
            target=rewrite_for_ever, args=(comparisons, tmp_path)
        )
        process.start()
        time.sleep(0.05 + delay)
        process.kill()
        process.join()
        found = Comparison.load(tmp_path)
        assert found.scores["estimator"].unique().tolist() in (["first"], ["second"]), delays
        runs = set().union(*(run_of(tmp_path / name) for name in (*FILES, "report.html")))
        assert runs == {found.info["run"]}, delays
    publish(comparisons[1], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*FILES, "report.html"}


def test_each_step_of_moving_may_be_the_last(comparisons, tmp_path, monkeypatch):
    publish(comparisons[0], tmp_path)
    for step in range(12):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            interrupt_after(patched, step)
            publish(comparisons[step % 2], tmp_path)
            raise KeyboardInterrupt
        found = Comparison.load(tmp_path)
        runs = set().union(*(run_of(tmp_path / name) for name in (*FILES, "report.html")))
        assert runs == {found.info["run"]}


def interrupt_after(patched, step):
    """Let the move of one file after `step` others be interrupted."""
    replace_file, moves = Path.replace, []

    def interrupted(path, target):
        moves.append(path)
        if len(moves) > step:
            raise KeyboardInterrupt
        return replace_file(path, target)

    patched.setattr(Path, "replace", interrupted)


def test_a_full_disk_leaves_the_old_run(comparisons, tmp_path, monkeypatch):
    publish(comparisons[0], tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(result_folder.os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            publish(comparisons[1], tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_carriage_return_in_a_class_comes_back(tmp_path):
    names = ["a\rb", "c\nd", 'e"f', "=g", " h ", "NA"]
    y = np.repeat(np.array(names, dtype=object), 4)
    result = compare({"x\ry": DummyClassifier()}, np.zeros((24, 1)), y, cv=2)
    result.save(tmp_path)
    loaded = Comparison.load(tmp_path)
    pd.testing.assert_frame_equal(loaded.scores, result.scores)
    assert loaded.predictions["target"].tolist() == result.predictions["target"].tolist()

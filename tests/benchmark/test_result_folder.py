"""A folder of results is of one run, at whatever moment a process that writes it is killed."""

import errno
import json
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
from xmodal_sklearn.benchmark._result_folder import publishing, result_file
from xmodal_sklearn.report import write_report

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
    matches = re.findall(r'"run": "(\w+)"|content="(\w+)"', path.read_text())
    return {first or second for first, second in matches}


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


@pytest.mark.parametrize("name", result_folder.RESULT_FILES)
def test_files_of_others_are_never_replaced(comparisons, tmp_path, name):
    publish(comparisons[0], tmp_path)
    (tmp_path / name).write_text('sample,score\nS1,0.5\n"run",1\n')
    before = tree(tmp_path)
    with pytest.raises(ValueError, match=rf"{name} was not written by this package"):
        comparisons[1].save(tmp_path)
    assert tree(tmp_path) == before


def test_results_that_a_spreadsheet_has_saved_are_replaced(comparisons, tmp_path):
    comparisons[0].save(tmp_path)
    pd.read_csv(tmp_path / "scores.csv").to_csv(tmp_path / "scores.csv", index=False)
    (tmp_path / "selected.csv").write_text("")
    comparisons[1].save(tmp_path)
    assert Comparison.load(tmp_path).scores["estimator"].unique().tolist() == ["second"]


def test_a_report_is_replaced_whether_or_not_its_comparison_was_saved(comparisons, tmp_path):
    unsaved = replace(comparisons[0], info={})
    write_report(unsaved, tmp_path / "report.html")
    comparisons[1].save(tmp_path)
    assert not (tmp_path / "report.html").exists()
    with pytest.raises(ValueError, match=r"must end in \.html or \.htm, got report\.pdf"):
        write_report(comparisons[1], tmp_path / "report.pdf")


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_mixture_of_runs_is_an_error_that_names_them(comparisons, tmp_path, name):
    for comparison, folder in zip(comparisons, ("a", "b"), strict=True):
        full = replace(comparison, selected=pd.DataFrame({"estimator": ["x"], "repeat": 0}))
        full.save(tmp_path / folder)
    shutil.copy(tmp_path / "a" / name, tmp_path / "b" / name)
    runs = [comparison.info["run"] for comparison in comparisons]
    with pytest.raises(ValueError, match="are of several runs") as caught:
        Comparison.load(tmp_path / "b")
    assert f"{name} of {runs[0]}" in str(caught.value)
    assert runs[1] in str(caught.value)


def test_a_truncated_table_is_an_error(comparisons, tmp_path):
    comparisons[0].save(tmp_path)
    path = tmp_path / "predictions.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-3]))
    with pytest.raises(ValueError, match=r"predictions\.csv has 37 rows, but run \w+ wrote 40"):
        Comparison.load(tmp_path)


@pytest.mark.parametrize("column", ["run", "part", "value", "estimator"])
def test_a_table_without_a_column_is_an_error(comparisons, tmp_path, column):
    comparisons[0].save(tmp_path)
    path = tmp_path / "scores.csv"
    pd.read_csv(path, dtype=str).drop(columns=column).to_csv(path, index=False)
    with pytest.raises(ValueError, match=f"damaged comparison .*{column}.*Delete the damaged"):
        Comparison.load(tmp_path)
    path.unlink()
    comparisons[0].save(tmp_path)
    assert Comparison.load(tmp_path).summary().equals(comparisons[0].summary())


@pytest.mark.parametrize("key", ["run", "rows", "classes", "dtype", "metrics", "warnings", "info"])
def test_a_description_without_a_key_is_an_error(comparisons, tmp_path, key):
    comparisons[0].save(tmp_path)
    path = tmp_path / "comparison.json"
    content = json.loads(path.read_text())
    del content[key]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f"damaged comparison .*{key}"):
        Comparison.load(tmp_path)


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize(
    "names",
    [
        ["../.profile", *FILES],
        [str(Path("/tmp/x")), *FILES],
        [".profile", *FILES],
        ["sub/scores.csv"],
        [],
        {},
        "scores.csv",
        [["scores.csv"]],
        None,
    ],
)
def test_reading_a_read_only_folder_writes_nothing(comparisons, tmp_path, names):
    folder = tmp_path / "results"
    publish(comparisons[0], folder)
    (tmp_path / ".profile").write_text("mine")
    (folder / ".profile").write_text("theirs")
    (folder / ".publish").mkdir()
    (folder / ".publish" / "names.json").write_text("[" if names is None else json.dumps(names))
    (folder / ".publish" / ".profile").write_text("theirs")
    before = tree(tmp_path)
    with pytest.raises(ValueError, match=r"\.publish was not written by this package"):
        Comparison.load(folder)
    with pytest.raises(ValueError, match=r"\.publish was not written by this package"):
        comparisons[1].save(folder)
    assert tree(tmp_path) == before


def test_reading_a_partly_moved_run_writes_nothing(comparisons, tmp_path):
    publish(comparisons[0], tmp_path)
    comparisons[1].save(tmp_path / ".publish")
    names = json.dumps([*sorted(FILES)])
    (tmp_path / ".publish" / "names.json").write_text(names)
    (tmp_path / ".publish" / "scores.csv").replace(tmp_path / "scores.csv")
    before = tree(tmp_path)
    assert Comparison.load(tmp_path).scores["estimator"].unique().tolist() == ["second"]
    assert not result_file(tmp_path, "report.html").exists()
    assert tree(tmp_path) == before
    publish(comparisons[0], tmp_path)
    assert set(tree(tmp_path)) == {*FILES, "report.html"}


@pytest.mark.parametrize("name", ["scores.csv", "comparison.json", ".publish"])
def test_links_in_place_of_results_are_an_error(comparisons, tmp_path, name):
    folder, elsewhere = tmp_path / "results", tmp_path / "elsewhere"
    publish(comparisons[0], folder)
    if name == ".publish":
        publish(comparisons[1], elsewhere)
    else:
        (folder / name).rename(elsewhere)
    (folder / name).symlink_to(elsewhere)
    with pytest.raises(OSError, match=f"{name} is a link"):
        Comparison.load(folder)


def save_often(comparison, folder, n_times):
    for _ in range(n_times):
        publish(comparison, folder)


def test_concurrent_writers_and_a_reader_see_whole_runs(comparisons, tmp_path):
    publish(comparisons[0], tmp_path)
    context = multiprocessing.get_context("fork")
    writers = [
        context.Process(target=save_often, args=(comparisons[i % 2], tmp_path, 15))
        for i in range(4)
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert len(set(Comparison.load(tmp_path).scores["estimator"])) == 1
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert set(tree(tmp_path)) == {*FILES, "report.html"}


def effective_runs(folder):
    """The runs of the files that count, some of which may not be in place yet."""
    return set().union(*(run_of(result_file(folder, name)) for name in (*FILES, "report.html")))


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
        loaded = Comparison.load(tmp_path)
        assert loaded.scores["estimator"].unique().tolist() in (["first"], ["second"]), delays
        assert effective_runs(tmp_path) == {loaded.info["run"]}, delays
    publish(comparisons[1], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*FILES, "report.html"}


def test_an_interruption_at_any_step_of_moving_loses_nothing(comparisons, tmp_path, monkeypatch):
    publish(comparisons[0], tmp_path)
    for step in range(12):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            interrupt_after(patched, step)
            publish(comparisons[step % 2], tmp_path)
            raise KeyboardInterrupt
        loaded = Comparison.load(tmp_path)
        assert effective_runs(tmp_path) == {loaded.info["run"]}


def interrupt_after(patched, step):
    """Interrupt the move of a file after `step` others."""
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


def test_a_carriage_return_in_a_class_is_read_back(tmp_path):
    names = ["a\rb", "c\nd", 'e"f', "=g", " h ", "NA"]
    y = np.repeat(np.array(names, dtype=object), 4)
    result = compare({"x\ry": DummyClassifier()}, np.zeros((24, 1)), y, cv=2)
    result.save(tmp_path)
    loaded = Comparison.load(tmp_path)
    pd.testing.assert_frame_equal(loaded.scores, result.scores)
    assert loaded.predictions["target"].tolist() == result.predictions["target"].tolist()


def test_a_command_that_names_a_file_whose_name_is_not_utf8_is_kept(comparisons, tmp_path):
    command = "xmodal bench --table exp=\udce9xp.csv"
    result = replace(comparisons[0], info={**comparisons[0].info, "command": command})
    result.save(tmp_path)
    assert Comparison.load(tmp_path).info["command"] == command


def test_finished_folds_are_read_from_a_read_only_store(tmp_path, make_read_only):
    X, y = np.zeros((40, 2)), np.tile(["a", "b"], 20)
    first = compare({"first": DummyClassifier()}, X, y, cv=2, store=tmp_path)
    make_read_only(tmp_path)
    again = compare({"first": DummyClassifier()}, X, y, cv=2, store=tmp_path)
    pd.testing.assert_frame_equal(again.scores, first.scores)
    with pytest.raises(OSError, match=f"Can't write to the folder {tmp_path}.*another folder"):
        compare({"first": Unfittable()}, X, y, cv=2, store=tmp_path)


class Unfittable(DummyClassifier):
    def fit(self, X, y):
        pytest.fail("was fitted")

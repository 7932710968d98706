"""The command may be killed at any moment: its folder then holds one run's results, or none."""

import errno
import os
import re
import subprocess
import sys
import time

import pandas as pd
import pytest
from typer.testing import CliRunner

from xmodal_sklearn.benchmark import Comparison
from xmodal_sklearn.cli import app
from xmodal_sklearn.datasets import make_multiomics

N_KILLS = 3
# What a killed run may leave for the next, and nothing else that is hidden.
KEPT = {"folds", "rankings"}


@pytest.fixture
def bench(tmp_path):
    """The command on a tiny cohort, by a number of folds."""
    X, y = make_multiomics(60, {"exp": 8}, n_classes=2, return_X_y=True, random_state=0)
    X.columns = [name.removeprefix("exp__") for name in X.columns]
    X.to_csv(tmp_path / "exp.csv")
    y.to_csv(tmp_path / "classes.csv")

    def command(folds):
        return [
            *(sys.executable, "-m", "xmodal_sklearn.cli", "bench", "--quick", "--jobs", "1"),
            *(f"--table=exp={tmp_path / 'exp.csv'}", f"--target-file={tmp_path / 'classes.csv'}"),
            *("--heads", "mlp", "--n-estimators", "1", "--folds", str(folds)),
            *("--out", str(tmp_path / "out")),
        ]

    return command


def run_of(path):
    if path.suffix == ".csv":
        return set(pd.read_csv(path, dtype=str)["run"])
    found = re.findall(r'"run": "(\w+)"|"xmodal-run" content="(\w+)"', path.read_text())
    return {one or other for one, other in found}


def results(out):
    """The run of each file of results, those of a run that counts but is not yet moved first."""
    moved = {path.name: path for path in out.iterdir() if path.is_file()}
    moved |= {path.name: path for path in (out / ".publish").glob("*.*")}
    return {name: run_of(path) for name, path in moved.items() if name != "names.json"}


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
def test_a_killed_bench_leaves_the_old_run_or_the_new_one(bench, tmp_path):
    out = tmp_path / "out"
    start = time.monotonic()
    subprocess.run(bench(2), check=True, capture_output=True)
    seconds = time.monotonic() - start
    known = Comparison.load(out).info["run"]
    for number in range(N_KILLS):
        folds = 3 - number % 2
        process = subprocess.Popen(
            bench(folds), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            # From where the imports end to the last byte.
            process.wait(seconds * (0.4 + 0.6 * number / (N_KILLS - 1)))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        found = Comparison.load(out).info["run"]
        assert results(out)
        if process.returncode != 0 and found == known:
            assert set().union(*results(out).values()) == {known}
        else:
            assert set().union(*results(out).values()) == {found}
        known = found
    subprocess.run(bench(2), check=True, capture_output=True)
    left = {path.name for path in out.iterdir() if path.is_dir() or path.name.startswith(".")}
    assert left <= KEPT
    assert Comparison.load(out).info["n_folds"] == 2


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_computed(
    bench, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    out.mkdir()

    def read_only(function):
        def refused(path, *arguments, **options):
            if str(path).startswith(str(out)):
                raise OSError(errno.EROFS, "Read-only file system", str(path))
            return function(path, *arguments, **options)

        return refused

    monkeypatch.setattr(os, "open", read_only(os.open))
    monkeypatch.setattr(os, "mkdir", read_only(os.mkdir))
    monkeypatch.setattr(
        "xmodal_sklearn.benchmark.compare", lambda *_, **__: pytest.fail("was computed")
    )
    shown = CliRunner().invoke(app, bench(2)[3:])
    said = " ".join(shown.output.replace("│", " ").split())
    assert shown.exit_code == 2
    assert "Read-only file system. Results that an earlier run left there are as they" in said
    assert list(out.iterdir()) == []

"""The command may be killed at any moment: its folder then holds one run's results, or none."""

import json
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from typer.testing import CliRunner

from xmodal_sklearn.benchmark import Comparison
from xmodal_sklearn.cli import app
from xmodal_sklearn.datasets import make_multiomics

# What a killed run may leave for the next, and nothing else that is hidden.
KEPT = {"folds", "rankings"}


@pytest.fixture
def bench(tmp_path):
    """The command on a tiny cohort, by its number of folds."""
    X, y = make_multiomics(60, {"exp": 8}, n_classes=2, return_X_y=True, random_state=0)
    X.columns = [name.removeprefix("exp__") for name in X.columns]
    X.to_csv(tmp_path / "exp.csv")
    y.to_csv(tmp_path / "classes.csv")

    def command(folds):
        return [
            *(sys.executable, "-m", "xmodal_sklearn.cli", "bench", "--quick", "--jobs", "1"),
            *(f"--table=exp={tmp_path / 'exp.csv'}", f"--target-file={tmp_path / 'classes.csv'}"),
            *("--branches", "mlp", "--n-estimators", "1", "--models", "paper"),
            *("--folds", str(folds)),
            *("--out", str(tmp_path / "out")),
        ]

    return command


def run_of(path):
    if path.suffix == ".csv":
        return set(pd.read_csv(path, dtype=str)["run"])
    matches = re.findall(r'"run": "(\w+)"|"xmodal-run" content="(\w+)"', path.read_text())
    return {first or second for first, second in matches}


def results(out):
    """The run of each file of results, those of a run that counts but is not yet moved first."""
    moved = {path.name: path for path in out.iterdir() if path.is_file()}
    moved |= {path.name: path for path in (out / ".publish").glob("*.*")}
    return {name: run_of(path) for name, path in moved.items() if name != "names.json"}


def test_a_folder_that_cannot_be_written_is_an_error_before_anything_is_computed(
    bench, tmp_path, monkeypatch, make_read_only
):
    out = tmp_path / "out"
    out.mkdir()
    make_read_only(out)
    monkeypatch.setattr(
        "xmodal_sklearn.benchmark.compare", lambda *_, **__: pytest.fail("was computed")
    )
    shown = CliRunner().invoke(app, bench(2)[3:])
    output = " ".join(shown.output.replace("│", " ").split())
    assert shown.exit_code == 2
    assert "file system. Choose another --out" in output
    assert list(out.iterdir()) == []


# Imports once, and runs every command in a child that kills itself at a given touch of a file, from
# the first fold that is kept on. Writes of files of at most `limit` bytes succeed.
RUNNER = """
import json, os, resource, signal, sys
from matplotlib.figure import Figure
from sklearn.dummy import DummyClassifier
from xmodal_sklearn import classifier
from xmodal_sklearn.cli import _models, app
from xmodal_sklearn.report import _inspection, _models as _figures, _sections

for module in classifier, _models:
    module.CrossModalAttentionClassifier = lambda **parameters: DummyClassifier()
_models.check_settings = lambda classifier: None
Figure.savefig = lambda figure, file, **options: file.write("<svg></svg>")

def run(arguments, out, kill_at, limit):
    touched = []
    def touch(event, values):
        writes = event == "open" and isinstance(values[1], str) and values[1].strip("rbt")
        if not writes and event not in ("os.rename", "os.mkdir", "os.remove", "os.rmdir"):
            return
        path = str(values[0])
        if path.startswith(out) and (touched or (event == "os.rename" and "/folds/" in path)):
            touched.append(path)
            if len(touched) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(touch)
    if limit is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    os.dup2(writing_end, 1), os.dup2(writing_end, 2)
    # A stream that was a file would still take itself for one.
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)
    try:
        app(arguments)
    except SystemExit as end:
        code = end.code
    sys.stdout.flush(), sys.stderr.flush()
    os.write(writing_end, f"touched {len(touched)}".encode())
    os._exit(code or 0)

reading_end, writing_end = os.pipe()
os.set_blocking(reading_end, False)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        run(**json.loads(line))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        output = os.read(reading_end, 2**16).decode()
    except BlockingIOError:
        output = ""
    print(json.dumps([code, output]), flush=True)
"""


@pytest.fixture(scope="module")
def runner():
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield runner
    runner.stdin.close()
    runner.wait()
    runner.stdout.close()


@pytest.fixture
def run(runner, bench, tmp_path):
    """Run the command in a child; return its exit code and its output."""

    def command(folds=2, *, kill_at=None, limit=None):
        job = {"arguments": bench(folds)[3:], "out": str(tmp_path / "out")}
        runner.stdin.write(json.dumps(job | {"kill_at": kill_at, "limit": limit}) + "\n")
        runner.stdin.flush()
        code, output = json.loads(runner.stdout.readline())
        return code, " ".join(output.replace("│", " ").split())

    return command


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
@pytest.mark.parametrize("n_kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_any_touch_of_a_file_it_leaves_the_old_run_or_the_new_one(n_kills, run, tmp_path):
    out = tmp_path / "out"
    n_touches = int(run()[1].rpartition("touched ")[2])
    previous = Comparison.load(out).info["run"]
    outcomes = set()
    for index in range(n_kills):
        for kept in KEPT:
            shutil.rmtree(out / kept)
        kill_at = 1 + round(index * (n_touches - 1) / (n_kills - 1))
        assert run(kill_at=kill_at)[0] == -9
        current = Comparison.load(out).info["run"]
        assert set().union(*results(out).values()) == {current}
        assert len(results(out)) >= 5
        outcomes.add(current == previous)
        previous = current
    assert outcomes == {True, False}
    # Whatever it was doing, the next run clears away.
    assert run()[0] == 0
    hidden = [path for path in out.rglob("*") if path.name.startswith(".")]
    assert hidden == []
    assert {path.name for path in out.iterdir() if path.is_dir()} <= KEPT


@pytest.mark.skipif(sys.platform == "win32", reason="limits files by a signal")
def test_a_full_disk_keeps_the_old_run(run, tmp_path):
    out = tmp_path / "out"
    assert run()[0] == 0
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    # No fold has room, no scores, no report, whose length varies with the seconds that it shows.
    for limit in (100, 2_000, len(before["report.html"]) - 1_000):
        shutil.rmtree(out / "folds", ignore_errors=True)
        code, output = run(limit=limit)
        assert code == 2
        assert "File too large" in output and "run the same command again" in output
        after = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
        assert after == before
    assert run()[0] == 0
    assert Comparison.load(out).info["run"] not in str(before["comparison.json"])
    assert [path for path in out.rglob("*") if path.name.startswith(".")] == []

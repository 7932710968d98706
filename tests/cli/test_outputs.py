"""Outputs: what their names say, never an input, and written whatever the terminal can show."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer import Typer
from typer.testing import CliRunner

from xmodal_sklearn._progress import progress_bar
from xmodal_sklearn._warnings import warn
from xmodal_sklearn.benchmark._result_folder import RESULT_FILES
from xmodal_sklearn.cli import app
from xmodal_sklearn.cli._session import Command, Output, with_options

NAMES = [f"P{index}" for index in range(40)]
READERS = {
    "rankings.csv": pd.read_csv,
    "rankings.csv.gz": lambda path: pd.read_csv(path, compression="gzip"),
    "rankings.CSV.xz": lambda path: pd.read_csv(path, compression="xz"),
    "rankings.tsv": lambda path: pd.read_csv(path, sep="\t"),
    "rankings.tsv.bz2": lambda path: pd.read_csv(path, sep="\t", compression="bz2"),
    "rankings.parquet": pd.read_parquet,
    "rankings": pd.read_csv,
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with a table and its classes."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(40, 6)), NAMES, columns=list("ABCDEF"))
    table.to_csv(tmp_path / "exp.csv")
    pd.Series(["ERα+", "TNBC"] * 20, NAMES, name="type").to_csv(tmp_path / "y.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def xmodal(*arguments):
    shown = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return shown.exit_code, " ".join(shown.output.replace("│", " ").split())


def select(*options):
    return xmodal("select", "--table", "exp=exp.csv", "--target-file", "y.csv", *options)


@pytest.mark.parametrize("name", READERS)
def test_a_table_is_written_as_its_name_says(folder, name):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="needs the extra parquet")
    code, output = select("--out", name)
    assert code == 0, output
    written = READERS[name](folder / name)
    assert list(written.columns) == ["modality", "rank", "feature", "score"]
    assert len(written) == 6
    assert b"rankings" not in (folder / name).read_bytes()


@pytest.mark.parametrize("name", ["a.xlsx", "a.gz", "a.csv.zip", "a.parquet.gz", "a.txt", "a.v2"])
@pytest.mark.parametrize("command", ["select", "predict"])
def test_names_of_other_formats_raise_before_work(folder, name, command):
    model = ["nowhere.xmodal"] if command == "predict" else ["--target-file", "nowhere.csv"]
    code, output = xmodal(command, *model, "--table", "exp=nowhere.csv", "--out", name)
    assert code == 2
    assert f"must end in .csv, .tsv or .parquet, got {name}" in output


@pytest.mark.parametrize("out", ["exp.csv", "y.csv", "./exp.csv", "link.csv"])
def test_an_output_never_replaces_an_input(folder, out):
    (folder / "link.csv").symlink_to("exp.csv")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    code, output = select("--out", out)
    assert code == 2
    assert f"--out {out.removeprefix('./')} would replace" in output
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_other_commands_check_their_inputs_as_well(folder):
    data = ["--table", "exp=exp.csv", "--target-file", "y.csv"]
    (folder / "scores.csv").write_bytes((folder / "exp.csv").read_bytes())
    results = ["--table", "exp=scores.csv", "--target-file", "y.csv"]
    for name in ("m.xmodal", "m.html"):
        (folder / name).touch()
    for command in (
        ["fit", "--mudata", "m.xmodal", "--out", "m.xmodal"],
        ["predict", "y.csv", "--table", "exp=exp.csv", "--out", "y.csv"],
        ["predict", "m.xmodal", "--mudata", "exp.csv", "--out", "exp.csv"],
        ["card", "m.html", "--out", "m.html"],
        ["bench", *results, "--out", "."],
    ):
        code, output = xmodal(*command)
        assert code == 2
        assert "would replace" in output, command
    code, output = xmodal("bench", *data, "--out", "exp.csv")
    assert code == 2
    assert "is a file" in output
    code, output = select("--out", ".")
    assert code == 2
    assert "is a directory" in output


@pytest.mark.parametrize(
    ("command", "name", "allowed"),
    [
        ("fit", "exp_model.csv", ".xmodal, .joblib or .pkl"),
        ("fit", "model.pickle", ".xmodal, .joblib or .pkl"),
        ("fit", "model.xmodal.gz", ".xmodal, .joblib or .pkl"),
        ("card", "card.pdf", ".html or .htm"),
        ("card", "card.md", ".html or .htm"),
    ],
)
def test_models_and_cards_have_names_of_their_format(folder, command, name, allowed):
    data = ["nowhere.xmodal"] if command == "card" else ["--table", "exp=nowhere.csv"]
    code, output = xmodal(command, *data, "--out", name)
    assert code == 2
    assert "--out" in output
    assert f"must end in {allowed}, got {name}" in output


def test_no_output_replaces_a_file_of_the_study(folder):
    (folder / "study" / "case_lists").mkdir(parents=True)
    for name in ("notes.csv", "case_lists/notes.csv"):
        path = folder / "study" / name
        path.write_text("mine")
        code, output = xmodal("select", "--study", "study", "--out", path)
        assert code == 2
        assert "would replace a file in study, which this command reads" in output
        assert path.read_text() == "mine"


@pytest.mark.parametrize("name", RESULT_FILES)
def test_results_never_replace_files_of_others(folder, name, monkeypatch):
    monkeypatch.setattr(
        "xmodal_sklearn.benchmark.compare", lambda *_, **__: pytest.fail("was computed")
    )
    (folder / "out").mkdir()
    path = folder / "out" / name
    path.write_text('{"mine": 1}')
    data = ["--table", "exp=exp.csv", "--target-file", "y.csv"]
    code, output = xmodal("bench", *data, "--quick", "--out", "out")
    assert code == 2
    assert f"{path.relative_to(folder)} was not written by this package" in output
    assert "choose another folder" in output
    assert path.read_text() == '{"mine": 1}'


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_classes_outside_the_code_page_are_printed(folder, encoding):
    command = [sys.executable, "-m", "xmodal_sklearn.cli", "select", "--table", "exp=exp.csv"]
    done = subprocess.run(
        [*command, "--target-file", "y.csv", "--out", "rankings.csv", "--jobs", "1"],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )
    assert done.returncode == 0, done.stderr
    assert rb"ER\u03b1+ 20" in done.stdout
    assert (folder / "rankings.csv").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_an_output_that_is_closed_or_full_ends_no_command(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed, Path("/dev/full").open("w") as full:
        for stream in (closed, full):
            output = Output(file=stream)
            for _ in range(2):
                output.print("text")
        monkeypatch.setattr("sys.stderr", full)
        assert list(progress_bar(range(3), "Fitting")) == [0, 1, 2]
    monkeypatch.setattr("sys.stderr", None)
    assert list(progress_bar(range(3), "Fitting")) == [0, 1, 2]


def test_the_backend_of_a_notebook_is_not_used(folder, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    select("--out", "rankings.csv")
    assert os.environ["MPLBACKEND"] == "agg"


def test_warnings_are_lines_without_a_place_in_the_code(folder, monkeypatch):
    def warn_twice(data):
        for _ in range(2):
            warn("feature_map is odd.\n\x1b[2JCheck it.")

    monkeypatch.setattr("xmodal_sklearn.cli._sources.check_values", warn_twice)
    code, output = select("--out", "rankings.csv")
    assert code == 0, output
    assert output.count("Warning: feature_map is odd. \\x1b[2JCheck it.") == 1
    for place in ("UserWarning", "site-packages", ".py:"):
        assert place not in output


def test_messages_name_options_as_they_are_typed():
    seen = []
    text = "feature_map= takes a table; k=3, normalize='x' and normalize k a-k=1"
    small = Typer()

    @small.command(cls=Command)
    def echo(feature_map: str = "", normalize: str = "", k: int = 1) -> None:
        seen.extend(with_options(message) for message in (text, "normalize must be 'within'"))

    assert CliRunner().invoke(small, []).exit_code == 0
    assert seen == [
        "--feature-map takes a table; --k=3, --normalize='x' and normalize k a-k=1",
        "--normalize must be 'within'",
    ]
    assert with_options(text) == text

"""bench --inspect keeps the importance of modalities beside the results, and reports it."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from xmodal_sklearn.cli import app
from xmodal_sklearn.cli._models import load_importance
from xmodal_sklearn.datasets import make_multiomics

SECTION = "Inspection of the attention model"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inspect")
    X, y = make_multiomics(60, {"exp": 8, "mut": 4}, n_classes=2, return_X_y=True, random_state=0)
    for modality in ("exp", "mut"):
        table = X.filter(like=f"{modality}__")
        table.columns = table.columns.str.removeprefix(f"{modality}__")
        table.to_csv(folder / f"{modality}.csv")
    y.to_csv(folder / "classes.csv")
    run(folder, "--inspect")
    return folder


def run(folder, *options):
    tables = [f"--table={name}={folder / name}.csv" for name in ("exp", "mut")]
    command = ["bench", "--quick", "--folds", "2", "--jobs", "1", "--n-estimators", "1"]
    command += ["--models", "nearest shrunken centroid", *tables]
    command += ["--target-file", str(folder / "classes.csv")]
    result = CliRunner().invoke(
        app, [*command, "--branches", "mlp", "--out", str(folder / "out"), *options]
    )
    assert result.exit_code == 0, result.output


def test_the_report_shows_it_also_when_made_again(folder):
    report = folder / "out" / "report.html"
    assert SECTION in report.read_text()
    report.unlink()
    assert CliRunner().invoke(app, ["report", str(folder / "out")]).exit_code == 0
    assert SECTION in report.read_text()


def test_a_comparison_is_read_back_unchanged(folder):
    run_id = json.loads((folder / "out" / "comparison.json").read_text())["run"]
    importance = load_importance(folder / "out", run_id)
    assert importance.folds.shape[0] == len(importance.scores) == 2
    assert list(importance.summary().index) == ["exp", "mut", "together"]
    assert importance.features.loc[0].shape == (12, 2)
    assert importance.features.index.names == ["fold", "feature"]
    assert {"mlp: exp", "mlp: mut"} == set(importance.branches)
    assert isinstance(importance.folds.columns, pd.MultiIndex)


def test_a_file_that_is_damaged_or_of_another_run_is_an_error(folder):
    path = folder / "out" / "importance.json"
    before = path.read_text()
    changes = {
        "belongs to run other": json.dumps(json.loads(before) | {"run": "other"}),
        "is damaged": before[: len(before) // 2],
    }
    for message, text in changes.items():
        path.write_text(text)
        result = CliRunner().invoke(app, ["report", str(folder / "out")])
        assert result.exit_code == 2
        assert message in " ".join(result.output.replace("│", " ").split())
    path.write_text(before)


def test_a_run_without_it_removes_it(folder):
    run(folder)
    assert not (folder / "out" / "importance.json").exists()
    assert SECTION not in (folder / "out" / "report.html").read_text()

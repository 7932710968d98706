"""Abstention on the command line: prediction sets and --min-proba."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from xmodal_sklearn.cli import app
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.modalities import split_modalities
from xmodal_sklearn.persistence import load_model


def xmodal(*arguments):
    shown = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return shown, " ".join(shown.output.replace("│", " ").split())


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("abstains")
    X, y = make_multiomics(
        200, {"exp": 30, "mut": 8}, n_classes=3, class_sep=1.0, return_X_y=True, random_state=0
    )
    for modality, table in split_modalities(X).items():
        table.to_csv(folder / f"{modality}.csv")
    y.to_csv(folder / "classes.csv")
    return folder


@pytest.fixture(scope="module")
def tables(files):
    return [f"--table={name}={files / name}.csv" for name in ("exp", "mut")]


@pytest.fixture(scope="module")
def model(files, tables):
    path = files / "model.xmodal"
    fit = ["fit", *tables, "--target-file", files / "classes.csv", "--k", 5, "--n-estimators", 1]
    shown, output = xmodal(*fit, "--branches", "mlp", "--calibrate", 0.3, "--out", path)
    assert shown.exit_code == 0, output
    assert xmodal(*fit, "--branches", "mlp", "--out", files / "plain.xmodal")[0].exit_code == 0
    return path


def test_predict_writes_the_sets_of_the_model(model, tables, tmp_path):
    out = tmp_path / "out.csv"
    shown, output = xmodal("predict", model, *tables, "--coverage", 0.8, "--out", out)
    assert shown.exit_code == 0, output
    written = pd.read_csv(out, dtype=str)  # floats as Python reads them
    sets = written.filter(like="in set: ").to_numpy().astype(int)
    loaded = load_model(model)
    assert [f"in set: {label}" for label in loaded.classes_] == list(written.columns[-3:])
    probabilities = written.filter(like="p: ").map(float).to_numpy()
    np.testing.assert_array_equal(sets, loaded.sets_from_proba(probabilities, 0.8))
    assert f"sets for a coverage of 0.8: {(sets.sum(axis=1) == 1).sum()} of one class" in output


def test_predict_abstains_below_min_proba(model, tables, tmp_path):
    out = tmp_path / "out.csv"
    shown, output = xmodal("predict", model, *tables, "--min-proba", 0.7, "--out", out)
    assert shown.exit_code == 0, output
    written = pd.read_csv(out)
    abstains = written.filter(like="p: ").max(axis=1) < 0.7
    assert 0 < abstains.sum() < len(abstains)
    np.testing.assert_array_equal(written["predicted"].isna(), abstains)
    assert f"{abstains.sum()} without a class" in output
    assert "in set" not in " ".join(written)


def test_coverage_that_cannot_be_reached_is_an_error_or_a_warning(files, model, tables, tmp_path):
    out = tmp_path / "out.csv"
    shown, output = xmodal(
        "predict", files / "plain.xmodal", *tables, "--coverage", 0.9, "--out", out
    )
    assert shown.exit_code == 2
    assert "xmodal fit --calibrate" in output
    assert not out.exists()
    shown, output = xmodal("predict", model, *tables, "--coverage", 90, "--out", out)
    assert shown.exit_code == 2
    assert "greater than 0 and less than 1, got 90" in output
    shown, output = xmodal("predict", model, *tables, "--coverage", 0.99, "--out", out)
    assert shown.exit_code == 0
    assert "needs 99 held-out samples of each class" in output
    fit = ["fit", *tables, "--target-file", files / "classes.csv", "--out", tmp_path / "new"]
    for share in (0, 1, 20):
        shown, output = xmodal(*fit, "--calibrate", share)
        assert shown.exit_code == 2
        assert "--calibrate must be greater than 0" in output

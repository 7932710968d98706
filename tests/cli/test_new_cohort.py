"""The command prints how far new samples are from those of training, and rescales them."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from xmodal_sklearn.cli import app
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.modalities import split_modalities


def xmodal(*arguments):
    shown = CliRunner().invoke(
        app, [str(argument) for argument in arguments], env={"COLUMNS": "120"}
    )
    return shown, " ".join(shown.output.replace("│", " ").split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, tables of new samples, and their expression as another platform gives it."""
    folder = tmp_path_factory.mktemp("cohort")
    X, y = make_multiomics(
        240, {"exp": 30, "mut": 8}, n_classes=3, class_sep=2.0, return_X_y=True, random_state=0
    )
    for name, table in split_modalities(X).items():
        table.iloc[:160].to_csv(folder / f"train_{name}.csv")
        table.iloc[160:].to_csv(folder / f"{name}.csv")
        (table.iloc[160:] * 0.5 + 9).to_csv(folder / f"other_{name}.csv")
    y.iloc[:160].to_csv(folder / "classes.csv")
    shown, output = xmodal(
        "fit", "--table", f"exp={folder / 'train_exp.csv'}",
        "--table", f"mut={folder / 'train_mut.csv'}", "--target-file", folder / "classes.csv",
        "--k", 8, "--branches", "mlp", "--n-estimators", 1, "--out", folder / "model.xmodal",
    )  # fmt: skip
    assert shown.exit_code == 0, output
    return folder


def predict(folder, *options, exp="exp", model="model.xmodal", command="predict"):
    tables = ("--table", f"exp={folder / exp}.csv", "--table", f"mut={folder / 'mut.csv'}")
    out = ("--out", folder / "out.csv") if command == "predict" else ()
    return xmodal(command, folder / model, *tables, *out, *options)


def test_samples_like_those_of_training_are_near(folder):
    shown, output = predict(folder)
    assert shown.exit_code == 0, output
    rows = [line.split() for line in shown.output.splitlines()]
    near = {row[0]: row[1:] for row in rows if row and row[0] in {"exp", "mut"}}
    assert {name: (row[0], row[2:]) for name, row in near.items()} == {
        "exp": ("80", ["8", "0%"]),
        "mut": ("80", ["8", "0%"]),
    }
    assert "Warning" not in output


def test_another_platform_gives_a_warning_and_is_rescaled(folder):
    shown, output = predict(folder, exp="other_exp")
    assert shown.exit_code == 0, output
    assert "100% of 8 features moved" in output
    assert "(--normalize exp=within)" in output
    assert output.count("Warning") == 1
    shown, output = predict(folder, "--normalize", "exp=within", exp="other_exp")
    assert shown.exit_code == 0, output
    assert "Warning" not in output
    within = pd.read_csv(folder / "out.csv")
    assert predict(folder)[0].exit_code == 0
    same = (pd.read_csv(folder / "out.csv")["predicted"] == within["predicted"]).mean()
    assert same > 0.9
    predict(folder, "--normalize", "exp=within")
    numbers = within.columns[2:]
    np.testing.assert_allclose(pd.read_csv(folder / "out.csv")[numbers], within[numbers], atol=1e-4)


def test_explain_takes_the_same_option(folder):
    sample = pd.read_csv(folder / "exp.csv", index_col=0).index[0]
    texts = [
        predict(folder, "--sample", sample, "--normalize", "exp=within", exp=exp, command="explain")
        for exp in ("exp", "other_exp")
    ]
    probabilities = [output.partition("Contribution of each modality")[0] for _, output in texts]
    assert "Probabilities" in probabilities[0]
    assert probabilities[0] == probabilities[1]


def test_an_absent_modality_is_shown_without_figures(folder):
    shown, output = xmodal(
        "predict", folder / "model.xmodal", "--table", f"exp={folder / 'exp.csv'}",
        "--out", folder / "out.csv",
    )  # fmt: skip
    assert shown.exit_code == 0, output
    assert any(line.split() == ["mut", "0", "0"] for line in shown.output.splitlines())


WRONG = {
    "inside": "--normalize must be 'training' or 'within'",
    "exp=": "--normalize must be 'training' or 'within'",
    "exq=within": "did you mean 'exp'",
    "within": "modality 'mut' are categorical, or had at most two values",
}


@pytest.mark.parametrize(("option", "message"), WRONG.items())
def test_invalid_values_are_explained(folder, option, message):
    shown, output = predict(folder, "--normalize", option)
    assert shown.exit_code == 2
    assert message in output


def test_contradicting_values_are_errors(folder):
    for options in (("exp=within", "exp=training"), ("training", "exp=within")):
        repeated = [word for option in options for word in ("--normalize", option)]
        shown, output = predict(folder, *repeated)
        assert shown.exit_code == 2
        assert "--normalize" in output


def test_few_samples_are_an_error(folder):
    table = pd.read_csv(folder / "exp.csv", index_col=0)
    table.iloc[:7].to_csv(folder / "few.csv")
    shown, output = predict(folder, "--normalize", "exp=within", exp="few")
    assert shown.exit_code == 2
    assert "20 samples" in output
    assert "'exp' has 7" in output

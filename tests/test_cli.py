"""The command line."""

import pytest
from typer.testing import CliRunner

from xmodal_sklearn.cli import app


def xmodal(*arguments):
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


def test_help_shows_an_example():
    shown = xmodal("bench", "--help")
    assert shown.exit_code == 0
    assert "xmodal bench --study" in shown.output


def test_bench_compares_all_models_on_a_study(data_dir):
    shown = xmodal(
        "bench", "--study", str(data_dir / "metabric"), "--modalities", "exp,mut", "--k", "20",
        "--folds", "2", "--jobs", "1",
    )  # fmt: skip
    assert shown.exit_code == 0, shown.output
    for word in (
        "macro-F1",
        "ROC AUC",
        "logistic regression, late",
        "random forest, early",
        "cross-modal attention",
    ):
        assert word in shown.output
    assert "237 samples" in shown.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--study", "/nowhere"], "nowhere"),
        (["--k", "0"], "--k"),
        (["--folds", "1"], "--folds"),
        (["--folds", "60"], "'Normal' has"),
    ],
)
def test_wrong_options_are_refused_with_exit_code_2(arguments, message):
    shown = xmodal("bench", *arguments)
    assert shown.exit_code == 2
    assert message in shown.output

"""A table of docs/results.md is remade by one command, which resumes after an interruption."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import RepeatedStratifiedKFold

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))

from benchmarks import run  # noqa: E402
from benchmarks.markdown import markdown  # noqa: E402
from benchmarks.peers import compare  # noqa: E402

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from sklearn.model_selection import KFold
from benchmarks.markdown import mean_spread, print_table
from benchmarks.shared import measure_folds

def measure_fold(X, y, k, train, test):
    with open("measured", "a") as file:
        file.write(f"{test[0]} ")
    if test[0] == 4 and not Path("power").exists():
        sys.exit("interrupted")
    return [{"model": "a", "macro-F1": len(test) / 4}, {"model": "b", "macro-F1": 1.0}]

if __name__ == "__main__":
    data = [(np.zeros((6, 1)), np.zeros(6), None)]
    rows = measure_folds(measure_fold, data, KFold(3), 1)
    print_table("tiny", mean_spread(rows, "model"))
"""


def test_an_interrupted_table_resumes_and_says_how_it_was_measured(tmp_path, monkeypatch):
    (tmp_path / "tiny.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    monkeypatch.setattr(run, "git", lambda *arguments: "abc1234")
    with pytest.raises(subprocess.CalledProcessError):
        run.remake("tiny", [["tiny"]], Path("results"))
    assert not Path("results").exists()
    assert Path("measured").read_text() == "0 2 4 "

    Path("power").touch()
    run.remake("tiny", [["tiny"]], Path("results"))
    assert Path("measured").read_text() == "0 2 4 4 "
    text = Path("results", "tiny.md").read_text(encoding="utf-8")
    assert "| a | 0.500±0.000 |\n| b | **1.000±0.000** |" in text
    assert re.search(r"`python -m tiny`, commit abc1234.* scikit-learn \d.* \d+ CPU seconds", text)


def test_the_best_scores_are_in_bold():
    table = pd.DataFrame(
        {"cohort": [1, 1, 2], "macro-F1": [0.5, -0.25, 0.7], "log loss": [1.0, 0.5, None]}
    )
    assert markdown(table, by="cohort").splitlines()[2:] == [
        "| 1 | **0.500** | 1.000 |",
        "| 1 | −0.250 | **0.500** |",
        "| 2 | 0.700 |  |",
    ]
    best_of_rows = markdown(table.set_index("cohort"), best_in_row="min").splitlines()
    assert best_of_rows[2] == "| 1 | **0.500** | 1.000 |"


def test_programs_of_tables_exist():
    for programs in run.PROGRAMS.values():
        for command in programs:
            module = command.split()[0]
            assert (ROOT / module.replace(".", "/")).with_suffix(".py").is_file()


STUB = """
import numpy as np
from benchmarks.peers.fold import run

def predict(fold):
    frequencies = np.bincount(fold.y) / len(fold.y)
    return np.tile(frequencies, (len(fold.test["exp"]), 1))

run(predict, "Predict the frequencies of the classes.")
"""


def install(peer, folder, interpreter):
    """Write an environment that has been made for the requirements of a peer, which has none."""
    (folder / f"{peer}.txt").touch()
    environment = compare.FOLDER / "environments" / peer
    (environment / "bin").mkdir(parents=True, exist_ok=True)
    (environment / "requirements.txt").touch()
    python = environment / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {interpreter} "$@"\n')
    python.chmod(0o755)


def test_peers_are_scored_on_the_same_folds_also_if_one_cannot_be_installed(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(compare, "PROGRAMS", tmp_path)
    monkeypatch.setattr(compare, "FOLDER", tmp_path / "peers")
    monkeypatch.setattr(compare, "MODELS", ())
    (tmp_path / "stub.py").write_text(STUB)
    (tmp_path / "broken.py").write_text(STUB)
    (tmp_path / "broken.txt").write_text("--no-index\nno-such-package\n")
    install("stub", tmp_path, sys.executable)
    X = pd.DataFrame(np.arange(40.0).reshape(20, 2), columns=["exp__A", "cna__A"])
    y = np.array(["b", "a", "a", "a"] * 5)

    compare.measure("tiny", X, y, 2, ["broken", "stub"])
    printed = capsys.readouterr().out
    losses = []
    for train, test in [*RepeatedStratifiedKFold(n_splits=5, random_state=0).split(X, y)][:2]:
        dummy = DummyClassifier(strategy="prior").fit(X.iloc[train], y[train])
        losses.append(log_loss(y[test], dummy.predict_proba(X.iloc[test])))
    assert f"{np.mean(losses):.3f}±{np.std(losses, ddof=1):.3f}" in printed
    assert re.search("^broken was not measured: .*no-such-package.*log", printed, re.MULTILINE)

    install("stub", tmp_path, "false")
    compare.measure("tiny", X, y, 2, ["stub"])
    assert printed.startswith(capsys.readouterr().out.rstrip())  # reuses what is finished

    compare.measure("tiny", X[::-1], y, 2, ["stub"])
    assert "stub was not measured" in capsys.readouterr().out


@pytest.mark.parametrize("name", compare.PEERS)
def test_peers_state_their_requirements_and_what_they_run(name):
    program = compare.PROGRAMS / f"{name}.py"
    tree = ast.parse(program.read_text())
    compile(tree, str(program), "exec")
    assert ast.get_docstring(tree)
    assert "==" in program.with_suffix(".txt").read_text()

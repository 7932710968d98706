"""The Python code and the commands in README.md and docs/ run."""

import inspect
import re
import shlex
from copy import deepcopy
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    RepeatedStratifiedKFold,
    cross_validate,
    train_test_split,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from typer.main import get_command
from typer.testing import CliRunner

import xmodal_sklearn
from xmodal_sklearn import baselines, benchmark, datasets, inspection, persistence, plotting, report
from xmodal_sklearn.cli import app

SKLEARN = [
    GridSearchCV,
    LogisticRegression,
    MLPClassifier,
    RepeatedStratifiedKFold,
    SVC,
    SelectFromModel,
    StandardScaler,
    cross_validate,
    make_pipeline,
    train_test_split,
]
ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Code that needs a download, a cluster, or is abbreviated.
NEEDS_MORE = re.compile(r"fetch_|read_cbioportal|distributed|dask|SLURM|ray\.|parallel_config|…")
PAGES = {
    str(page.relative_to(ROOT)): blocks
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if (blocks := BLOCK.findall(page.read_text(encoding="utf-8")))
}


def shell_commands(page):
    """Return the commands in the shell blocks of a page, as lists of words."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    lines = re.split(r"\n|&&", "\n".join(blocks).replace("\\\n", " "))
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def small_cohort(n_samples=None, *args, **options):
    options.setdefault("n_classes", 2)
    sizes = {"exp": 12, "cna": 8, "mut": 6}
    return MAKE(72, options.pop("n_features", None) or sizes, **options)


MAKE = datasets.make_multiomics


@pytest.fixture(scope="module")
def fitted():
    """A pipeline and a search over it, fitted to the small cohort."""
    X, y = small_cohort(return_X_y=True, random_state=0)
    classifier = xmodal_sklearn.CrossModalAttentionClassifier(
        n_estimators=2, max_epochs=2, random_state=0
    )
    model = make_pipeline(xmodal_sklearn.MultiOmicsSelector(k=5), classifier)
    search = GridSearchCV(model, {"multiomicsselector__k": [2, 4]}, cv=2)
    return model.fit(X, y), search.fit(X, y)


@pytest.fixture
def names(fitted, tmp_path, monkeypatch):
    """Names that code in the pages may use: all public ones, and small data and models."""
    monkeypatch.chdir(tmp_path)
    quick = [
        (xmodal_sklearn.CrossModalAttentionClassifier.__init__, "max_epochs", 2),
        (xmodal_sklearn.CrossModalAttentionClassifier.__init__, "n_estimators", 2),
        (benchmark.compare, "cv", 2),
        (xmodal_sklearn.learning.learning_curves, "cv", 2),
        (inspection.modality_importance, "cv", 2),
        (GridSearchCV.__init__, "cv", 2),
    ]
    for function, name, value in quick:
        defaults = inspect.unwrap(function).__kwdefaults__
        assert name in defaults
        monkeypatch.setitem(defaults, name, value)
    monkeypatch.setattr(datasets, "make_multiomics", small_cohort)
    X, y = small_cohort(return_X_y=True, random_state=0)
    tables = xmodal_sklearn.split_modalities(X)
    for name, table in tables.items():
        table.to_csv(f"{name}.csv")
    y.rename("subtype").to_csv("classes.csv")
    n = len(X)
    clinical = pd.DataFrame(
        {
            "age": np.arange(n) + 30,
            "grade": [1, 2, 3] * (n // 3),
            "er_status": ["+", "-"] * (n // 2),
        },
        X.index,
    )
    clinical["stage"] = clinical["er_status"]
    modules = [xmodal_sklearn, baselines, benchmark, inspection, persistence, plotting, report]
    public = {name: getattr(module, name) for module in modules for name in module.__all__}
    public |= {function.__name__: function for function in SKLEARN}
    model, search = deepcopy(fitted)
    models = {"a": LogisticRegression(max_iter=500), "name": model}
    yield public | {
        "np": np, "pd": pd, "X": X, "y": y, "X_train": X, "y_train": y, "X_test": X, "y_test": y,
        "X_new": X, "X_held_out": X, "y_held_out": y, "model": model, "models": models,
        "estimators": models, "expression": tables["exp"], "copy_number": tables["cna"],
        "mutations": tables["mut"], "clinical": clinical, "permutation": np.arange(n)[::-1],
        "search": search,
    }  # fmt: skip
    plt.close("all")


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_each_page_runs(names, without_figures, without_most_figures, page):
    ran = 0
    if page == "README.md":  # its code runs as it is
        names = {}
    for block in PAGES[page]:
        if NEEDS_MORE.search(re.sub("#.*", "", block)):
            continue
        code = compile(block.replace("n_jobs=2", "n_jobs=1"), page, "exec")
        exec(code, names)
        ran += 1
    if not ran:
        pytest.skip("needs a download or a cluster")


def test_the_commands_of_the_readme_run(
    without_figures, without_most_figures, tmp_path, monkeypatch
):
    defaults = xmodal_sklearn.CrossModalAttentionClassifier.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "max_epochs", 2)
    monkeypatch.chdir(tmp_path)
    ran = []
    for program, *arguments in shell_commands(ROOT / "README.md"):
        if program == "cd":
            monkeypatch.chdir(*arguments)
        elif program == "xmodal" and arguments != ["bench"]:  # two minutes
            with parallel_config("threading"):
                shown = CliRunner().invoke(app, arguments)
            assert shown.exit_code == 0, shown.output
            ran.append(arguments[0])
    assert ran == ["demo", "bench", "fit", "predict"]


def test_the_commands_of_the_pages_have_valid_options():
    commands, checked = get_command(app).commands, 0
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for program, name, *arguments in shell_commands(page):
            if program == "xmodal" and name in commands:
                commands[name].make_context(name, arguments)
                checked += 1
    assert checked > 8

"""Type checkers see the types of what users call."""

import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
USE = """
import xmodal_sklearn
from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector, concat_modalities
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.datasets import make_multiomics

X, y = make_multiomics(60, return_X_y=True, random_state=0)
model = CrossModalAttentionClassifier(n_heads=2).fit(X, y)
selector = MultiOmicsSelector(k=10).fit(X, y)
result = compare({"attention": model}, X, y, cv=3)
array = CrossModalAttentionClassifier().fit([[1.0], [2.0]], ["a", "b"])
"""
# Packages on a path are otherwise checked as strictly as the script. Libraries that are not in the
# types below would take a minute.
SETTINGS = """
[mypy]
strict = True
follow_imports = silent
[mypy-torch.*,sklearn.*,scipy.*,matplotlib.*,numba.*]
follow_imports = skip
"""
REVEALED = {
    "X": "DataFrame",
    "y": "Series",
    "model": "CrossModalAttentionClassifier",
    "model.predict_proba(X)": "ndarray",
    "model.predict_log_proba(X)": "ndarray",
    "model.predict(X)": "ndarray",
    "model.score(X, y)": "float",
    "model.feature_importances_": "ndarray",
    "model.fit": "def (X:",
    "selector": "MultiOmicsSelector",
    "selector.get_feature_names_out()": "ndarray",
    "result": "Comparison",
    "result.summary()": "DataFrame",
    "concat_modalities({'exp': X})": "DataFrame",
    "xmodal_sklearn.baselines.make_baselines": "def (",
}
PANDAS_TYPES = {"DataFrame", "Series"}
MISTAKES = {
    "CrossModalAttentionClassifier(n_heads='two')": "arg-type",
    "MultiOmicsSelector(kk=3)": "call-arg",
    "model.predict_proba()": "call-arg",
    "make_multiomics('many')": "call-overload",
    "compare({}, X)": "call-arg",
    "xmodal_sklearn.baselnes": "attr-defined",
}


def has_pandas_stubs():
    try:
        return bool(version("pandas-stubs"))
    except PackageNotFoundError:
        return False


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """Mypy's messages by line of a user's script."""
    pytest.importorskip("mypy", reason="checks types")
    folder = tmp_path_factory.mktemp("user")
    shown = [f"reveal_type({expression})" for expression in REVEALED]
    lines = [*USE.strip().splitlines(), *shown, *MISTAKES]
    (folder / "mypy.ini").write_text(SETTINGS)
    (folder / "script.py").write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file=mypy.ini", "script.py"],
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    messages = re.findall(r"^script\.py:(\d+): \w+: (.*)$", done.stdout, flags=re.MULTILINE)
    assert messages, done.stdout + done.stderr
    by_line = {}
    for line_number, text in messages:
        by_line.setdefault(lines[int(line_number) - 1], []).append(text)
    return by_line


@pytest.mark.parametrize(("expression", "kind"), REVEALED.items(), ids=REVEALED)
def test_checkers_see_the_type(checked, expression, kind):
    if kind in PANDAS_TYPES and not has_pandas_stubs():
        pytest.skip("needs pandas-stubs")
    (message,) = checked[f"reveal_type({expression})"]
    assert message.startswith("Revealed type is ")
    assert kind in message


@pytest.mark.parametrize(("line", "code"), MISTAKES.items(), ids=MISTAKES)
def test_checkers_report_the_error(checked, line, code):
    assert any(f"[{code}]" in text for text in checked[line])


def test_checkers_report_no_other_error(checked):
    revealed = {f"reveal_type({expression})" for expression in REVEALED}
    assert set(checked) <= revealed | set(MISTAKES)


def test_checkers_follow_an_editable_install(tmp_path):
    pytest.importorskip("setuptools", minversion="77", reason="builds a wheel")
    project = tmp_path / "project"
    (project / "xmodal_sklearn").mkdir(parents=True)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        (project / name).write_bytes((ROOT / name).read_bytes())
    for name in ("__init__.py", "_version.py", "py.typed"):
        source = ROOT / "xmodal_sklearn" / name
        (project / "xmodal_sklearn" / name).write_bytes(source.read_bytes())
    code = "from setuptools import build_meta; print(build_meta.build_editable('.'))"
    subprocess.run([sys.executable, "-c", code], cwd=project, check=True, capture_output=True)
    (wheel,) = project.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (pth,) = (name for name in archive.namelist() if name.endswith(".pth"))
        path = archive.read(pth).decode().strip()
    assert (Path(path) / "xmodal_sklearn" / "py.typed").is_file()

"""Importing the package is cheap."""

import pkgutil
import subprocess
import sys

import pytest

import xmodal_sklearn

HEAVY = {
    "anndata", "jinja2", "joblib", "matplotlib", "mudata", "numba", "numpy", "pandas", "pooch",
    "scipy", "sklearn", "skorch", "torch",
}  # fmt: skip

PUBLIC = [
    module.name
    for module in pkgutil.iter_modules(xmodal_sklearn.__path__)
    if not module.name.startswith("_")
]

FIT = """
from xmodal_sklearn import CrossModalAttentionClassifier, datasets
X, y = datasets.make_multiomics(30, {"exp": 5}, 2, return_X_y=True, random_state=0)
model = CrossModalAttentionClassifier(branches=["mlp"], n_estimators=1, max_epochs=1).fit(X, y)
print(model.predict(X).shape)
"""


def run(code, *options):
    command = [sys.executable, *options, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_package_and_its_command_import_no_library_until_they_need_one():
    code = f"import sys, xmodal_sklearn, xmodal_sklearn.cli; print({HEAVY} & set(sys.modules))"
    assert run(code) == "set()"


def test_selection_and_datasets_do_not_import_optional_libraries():
    late = HEAVY - {"joblib", "numpy", "pandas", "scipy", "sklearn"}
    code = "import sys; from xmodal_sklearn import MultiOmicsSelector, concat_modalities, datasets"
    assert run(f"{code}; print({late} & set(sys.modules))") == "set()"


def test_every_public_name_is_available_on_first_use():
    code = """
import sys
def first_use():
    for name in list(sys.modules):
        if name.partition(".")[0] == "xmodal_sklearn":
            del sys.modules[name]
    import xmodal_sklearn
    return xmodal_sklearn
x = first_use()
assert set(x.__all__) <= set(dir(x))
assert [name for name in x.__all__ if getattr(x, name, None) is None] == []
assert first_use().datasets.make_multiomics.__name__ == "make_multiomics"
assert first_use().baselines.make_baselines.__name__ == "make_baselines"
assert repr(first_use().CrossModalAttentionClassifier()) == "CrossModalAttentionClassifier()"
assert not hasattr(first_use(), "CrossModalRegressor")
first_use()
from xmodal_sklearn import *
print(MultiOmicsSelector(5))
"""
    assert run(code) == "MultiOmicsSelector(k=5)"


def test_completion_offers_public_names_and_nothing_else():
    code = (
        "import sys, xmodal_sklearn as x\n"
        "shown = {name: dir(getattr(x, name)) for name in x.__all__}\n"
        "shown = {n: v for n, v in shown.items() if f'xmodal_sklearn.{n}' in sys.modules}\n"
        "shown['the package'] = dir(x)\n"
        "modules = {n: getattr(x, n, x) for n in shown}\n"
        "named = {n: {v for v in shown[n] if v[0] != '_'} for n in shown}\n"
        "surplus = {n: named[n] - {*modules[n].__all__} for n in shown}\n"
        "print(len(shown), {n: v for n, v in surplus.items() if v})"
    )
    assert run(code) == f"{len(PUBLIC) + 1} {{}}"


def test_slow_libraries_are_imported_on_first_use():
    late = {"torch", "skorch", "numba", "mudata", "anndata", "matplotlib", "jinja2"}
    modules = ("plotting", "report", "benchmark", "baselines", "inspection", "learning", "cli")
    imports = ", ".join(f"xmodal_sklearn.{module}" for module in modules)
    assert run(f"import sys, {imports}; print({late} & set(sys.modules))") == "set()"


def test_without_docstrings_and_assertions_it_imports_and_fits():
    # As with -OO, but without compiling every library anew.
    code = """
from importlib.machinery import SourceFileLoader
class Stripped(SourceFileLoader):
    def get_code(self, name):
        path = self.get_filename(name)
        return compile(self.get_data(path), path, "exec", dont_inherit=True, optimize=2)
class Finder:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "xmodal_sklearn":
            spec = PathFinder.find_spec(name, path, target)
            spec.loader = Stripped(spec.loader.name, spec.loader.path)
            return spec
import sys
from importlib.machinery import PathFinder
sys.meta_path.insert(0, Finder)
"""
    checks = """
assert CrossModalAttentionClassifier.fit.__doc__ is None
assert "torch._dynamo" not in sys.modules, "a fit imports PyTorch's compiler, which takes seconds"
"""
    assert run(code + FIT + checks) == "(30,)"


@pytest.mark.slow  # compiles every library anew
def test_python_without_docstrings_imports_and_fits():
    assert run(FIT, "-OO") == "(30,)"

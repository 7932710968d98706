"""The public names are those of docs/api.md, and their docstrings are complete."""

import dataclasses
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import xmodal_sklearn

API = (Path(__file__).parents[1] / "docs" / "api.md").read_text(encoding="utf-8")
NAMES = [
    (f"xmodal_sklearn.{module}" if module else "xmodal_sklearn", name)
    for module, name in re.findall(r"^\| `(?:(\w+)\.)?(\w+)` \|", API, flags=re.MULTILINE)
]
MODULES = [
    module.name
    for module in pkgutil.iter_modules(xmodal_sklearn.__path__, "xmodal_sklearn.")
    if not module.name.rpartition(".")[2].startswith("_")
]
# Optional in numpydoc's checks: See Also and an extended summary. Classes and functions need
# examples, methods do not.
OPTIONAL = {"SA01", "ES01"}


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_every_documented_name_can_be_imported(module, name):
    namespace = {}
    exec(f"from {module} import {name}", namespace)
    assert namespace[name] is not None


def test_all_names_are_documented_once_and_all_documented_names_are_public():
    assert len(NAMES) == len(set(NAMES))
    shortest = xmodal_sklearn.__all__
    public = {
        ("xmodal_sklearn", name) for name in shortest if f"xmodal_sklearn.{name}" not in MODULES
    }
    for module in MODULES:
        names = importlib.import_module(module).__all__
        public |= {(module, name) for name in names if name not in shortest}
    assert public == set(NAMES)


def test_every_public_module_is_mentioned():
    for module in MODULES:
        assert f"`{module.rpartition('.')[2]}" in API


def docstrings():
    """All public classes, functions and methods, by path."""
    objects = {}
    for module, name in NAMES:
        documented = getattr(importlib.import_module(module), name)
        if not inspect.isclass(documented) and not inspect.isfunction(documented):
            continue
        path = f"{documented.__module__}.{documented.__qualname__}"
        objects[path] = documented
        for method, function in inspect.getmembers(documented, inspect.isroutine):
            ours = str(getattr(function, "__module__", "")).startswith("xmodal_sklearn")
            if inspect.isclass(documented) and ours and not method.startswith("_"):
                objects[f"{path}.{method}"] = function
    return objects


@pytest.mark.parametrize(("path", "documented"), docstrings().items(), ids=docstrings())
def test_docstrings_are_complete(path, documented):
    numpydoc = pytest.importorskip("numpydoc.validate", reason="checks docstrings")
    optional = set(OPTIONAL)
    if dataclasses.is_dataclass(documented):
        optional |= {"PR01", "EX01"}  # a result: its parameters are its attributes
    if not inspect.isclass(documented) and "." in documented.__qualname__:
        optional.add("EX01")
    errors = numpydoc.validate(path)["errors"]
    assert [error for error in errors if error[0] not in optional] == []

"""The packages import one another in one direction, and stay small enough to read."""

import ast
from pathlib import Path

import xmodal_sklearn

ROOT = Path(xmodal_sklearn.__file__).parent
BASE = {
    "_base",
    "_compiled",
    "_extras",
    "_files",
    "_fitted_model",
    "_parallel",
    "_progress",
    "_screening",
    "_suggestions",
    "_text",
    "_version",
    "_warnings",
}
LEVELS = [
    {"_alignment", "_html", "_typing"},
    BASE,
    {"_store"},
    {"modalities"},
    {"selection", "classifier", "datasets"},
    {"baselines", "uncertainty"},
    {"inspection"},
    {"benchmark"},
    {"persistence"},
    {"plotting", "learning", "paper"},
    {"report"},
    {"cli"},
]
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}
MODULES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in ROOT.rglob("*.py")}


def imported(path, tree):
    """Absolute names of the modules that a module imports, and those of names from a package."""
    package = ("xmodal_sklearn", *path.relative_to(ROOT).parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*origin, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def test_packages_import_only_lower_layers():
    for path, tree in MODULES.items():
        here = path.relative_to(ROOT).with_suffix("").parts[0]
        if here == "__init__":
            continue
        for name in imported(path, tree):
            first, _, rest = name.partition(".")
            there = rest.partition(".")[0]
            if first == "xmodal_sklearn" and there != here:
                assert LEVEL[there] < LEVEL[here], f"{path} imports {name}"


def test_only_the_classifier_imports_torch_and_the_network_nothing_else():
    for path, tree in MODULES.items():
        names = set(imported(path, tree))
        if "network" in path.parts:
            ours = {name for name in names if name.startswith("xmodal_sklearn")}
            # The package's only other module there is three lines around numba.
            inside = ("xmodal_sklearn.classifier.network.", "xmodal_sklearn._compiled.")
            assert all(name.startswith(inside) for name in ours), path
            assert not any(name.startswith("sklearn") for name in names), path
        if "classifier" not in path.parts:
            assert not any(name.partition(".")[0] in {"torch", "skorch"} for name in names), path


def n_lines(node):
    """Lines of a module, class or function without its docstrings."""
    size = getattr(node, "end_lineno", 0) - getattr(node, "lineno", 1) + 1
    if isinstance(node, ast.Module):
        size = max((one.end_lineno for one in node.body), default=0)
    for one in ast.walk(node):
        if isinstance(one, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(one):
            size -= one.body[0].end_lineno - one.body[0].lineno + 1
    return size


def test_classes_and_functions_are_short():
    limits = {ast.ClassDef: 300, ast.FunctionDef: 60}
    for path, tree in MODULES.items():
        for node in ast.walk(tree):
            limit = limits.get(type(node), float("inf"))
            assert n_lines(node) <= limit, f"{path}: {getattr(node, 'name', 'module')}"

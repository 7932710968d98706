"""Count lines, modules and import chains of the package.

Run ``python -m benchmarks.code_size`` from the root of the repository; ``--by-package`` prints a
row per package.
"""

import argparse
import ast
import io
import tokenize
from functools import cache
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]
NOT_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def count_lines(source: str) -> dict[str, int]:
    """Count all lines, lines of docstrings, and lines with code."""
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            docstring = node.body[0]
            docstrings.update(range(docstring.lineno, docstring.end_lineno + 1))
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NOT_CODE:
            code.update(range(token.start[0], token.end[0] + 1))
    return {
        "lines": len(source.splitlines()),
        "code lines": len(code - docstrings),
        "docstring lines": len(docstrings),
    }


def module_name(path: Path, root: Path) -> str:
    """Return the name by which a file of the package is imported."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def imported_modules(path: Path, name: str, modules: set[str]) -> set[str]:
    """Return the modules of the package that a module imports at its top level."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    imported = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            origin = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*origin, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{source}.{alias.name}"
                imported.add(full if full in modules else source)
    return (imported & modules) - {name}


def longest_import_chain(imports: dict[str, set[str]]) -> list[str]:
    """Return the longest chain of modules that import one another."""

    @cache
    def chain(name: str) -> tuple[str, ...]:
        return (name, *max(map(chain, imports[name]), key=len, default=()))

    return list(max(map(chain, imports), key=len))


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root", nargs="?", type=Path, default=ROOT, help="a checkout")
    parser.add_argument("--by-package", action="store_true", help="a row per package")
    options = parser.parse_args()
    paths = {
        module_name(path, options.root): path
        for path in sorted((options.root / "xmodal_sklearn").rglob("*.py"))
    }
    counts = pd.DataFrame(
        {
            "package": str(path.parent.relative_to(options.root)),
            **count_lines(path.read_text(encoding="utf-8")),
            "modules": 1,
        }
        for path in paths.values()
    )
    if options.by_package:
        print(counts.groupby("package").sum().to_string(), end="\n\n")
    print(counts.drop(columns="package").sum().to_string())
    modules = set(paths)
    imports = {name: imported_modules(path, name, modules) for name, path in paths.items()}
    chain = longest_import_chain(imports)
    print(f"longest import chain: {len(chain)}: {' > '.join(chain)}")


if __name__ == "__main__":
    main()

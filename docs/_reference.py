"""Pages of the API reference: one for each name in the tables of docs/api.md."""

import importlib
import inspect
import re
from pathlib import Path

__all__ = ["link_names", "write_pages"]

API = Path(__file__).parent / "api.md"
ROW = re.compile(r"^\| `(?:([\w.]+)\.)?(\w+)` \| (.+) \|$", flags=re.MULTILINE)
MAX_SHOWN = 300
CONTENTS = """
```{toctree}
:hidden:
:glob:

reference/*
```
"""
PAGE = """{title}
{line}

.. currentmodule:: {module}

.. {directive}:: {name}

{text}

.. minigallery:: {module}.{name} {origin}
   :add-heading: Examples
   :heading-level: -
"""


def home(module):
    """Return the full name of a module in the tables, which is empty for the package itself."""
    return f"xmodal_sklearn.{module}" if module else "xmodal_sklearn"


def page(module, name, what):
    """Return the page of a name; `what` describes it if it has no docstring."""
    documented = getattr(importlib.import_module(module), name)
    text = ""
    if inspect.isclass(documented):
        directive = "autoclass"
    elif inspect.isfunction(documented):
        directive = "autofunction"
    else:
        directive = "py:data"
        value = repr(documented)
        shown = isinstance(documented, str | tuple | dict) and len(value) < MAX_SHOWN
        text = f"   {what[0].upper()}{what[1:]}." + (f"\n\n   ``{value}``" if shown else "")
    title = f"{module}.{name}".removeprefix("xmodal_sklearn.")
    return PAGE.format(
        title=title,
        line="=" * len(title),
        module=module,
        directive=directive,
        name=name,
        text=text,
        origin=f"{getattr(documented, '__module__', module)}.{name}",
    )


def write_pages(folder):
    """Write a page for each public name, and delete pages of removed names."""
    folder.mkdir(exist_ok=True)
    pages = {
        f"{home(module)}.{name}.rst": page(home(module), name, what)
        for module, name, what in ROW.findall(API.read_text(encoding="utf-8"))
    }
    for old in folder.glob("*.rst"):
        if old.name not in pages:
            old.unlink()
    for file, text in pages.items():
        path = folder / file
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def link_names(text):
    """Make the names in the tables of docs/api.md links to their pages."""

    def link(row):
        module, name, what = row.groups()
        shown = f"{module}.{name}" if module else name
        return f"| [`{shown}`](reference/{home(module)}.{name}.rst) | {what} |"

    return ROW.sub(link, text) + CONTENTS

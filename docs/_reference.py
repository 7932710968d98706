"""Pages of the API reference: one for each public name, from ``__all__`` of its module."""

import importlib
import inspect
import re
from pathlib import Path

__all__ = ["link_names", "write_pages"]

API = Path(__file__).parent / "api.md"
SECTION = re.compile(r"^## `([\w.]+)`", flags=re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \| (.+) \|$", flags=re.MULTILINE)
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


def homes():
    """Return the module that documents each public name: the first that lists it."""
    modules = {}
    for module in SECTION.findall(API.read_text(encoding="utf-8")):
        for name in importlib.import_module(module).__all__:
            modules.setdefault(name, module)
    return modules


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
    what = dict(reversed(ROW.findall(API.read_text(encoding="utf-8"))))  # the first row counts
    pages = {
        f"{module}.{name}.rst": page(module, name, what[name]) for name, module in homes().items()
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
    modules = homes()

    def link(row):
        name = row[1]
        return f"| [`{name}`](reference/{modules[name]}.{name}.rst) | {row[2]} |"

    return ROW.sub(link, text) + CONTENTS

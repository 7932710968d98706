"""Sphinx builds the site: ``python -m sphinx -W -b html docs docs/_build/html``."""

import importlib.util
import os
import re
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import _reference
import _result_figure

from xmodal_sklearn import __version__

PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
EXAMPLE = re.compile(r"\]\(\.\./examples/(\w+)\.py\)")
OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]+\)")  # files without a page on the site
SHAPE = re.compile(r"(?<=[( ])(\w+_)(?=[,)])")

project = "xmodal-sklearn"
author = "The xmodal-sklearn developers"
copyright = author
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "results"]  # tables, which results.md includes

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3

autodoc_default_options = {
    "members": True,
    "inherited-members": "BaseEstimator,ClassifierMixin,TransformerMixin,SelectorMixin",
}
autodoc_typehints = "none"
numpydoc_show_class_members = False

# Real cohorts, as in the tests. Without them, their examples are shown with stored figures, and not
# run: no download.
DATA = os.environ.setdefault("XMODAL_DATA", str(Path(__file__).parents[2] / "shared" / "data"))

# Examples show warnings without the paths of the machine that built the site.
warnings.formatwarning = lambda message, category, *_: f"{category.__name__}: {message}\n"

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$" if Path(DATA).is_dir() else r"(?<!cbioportal)(?<!metabric)\.py$",
    "abort_on_example_error": True,
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("xmodal_sklearn",),
    "reference_url": {"xmodal_sklearn": None},
    "within_subsection_order": "_stories.story_order",
    "remove_config_comments": True,
    "capture_repr": ("_repr_html_",),
    "show_memory": False,
    "write_computation_times": False,
    "min_reported_time": 0,
}

html_theme = "pydata_sphinx_theme"
html_title = f"xmodal-sklearn {release}"
# Formulas are drawn without a network: SVG needs only this file, no fonts.
MATHJAX = importlib.util.find_spec("sphinx-mathjax-offline").submodule_search_locations[0]
html_static_path = ["_static", f"{MATHJAX}/static/mathjax/tex-svg.js"]
mathjax_path = "tex-svg.js"
html_css_files = ["site.css"]
html_show_sourcelink = False
toc_object_entries_show_parents = "hide"
html_sidebars = {page: [] for page in ("index", "install", "tour", "api")}
html_theme_options = {
    "logo": {"text": "xmodal-sklearn"},
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "show_prev_next": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "footer_start": ["copyright"],
    "footer_end": [],
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def link_inside(app, docname, source):
    """Point links that work in the repository to the pages of the site."""
    text = source[0]
    for file, page in PAGES.items():
        text = text.replace(f"](../{file}", f"]({page}")
    text = EXAMPLE.sub(r"](gallery/\1.rst)", text)
    if "/" not in docname:
        text = OUTSIDE.sub(r"\1", text)
    source[0] = _reference.link_names(text) if docname == "api" else text


def quote_shapes(app, what, name, obj, options, lines):
    """Quote fitted attributes in shapes, ``(n_features_in_,)``, which would be read as links."""
    lines[:] = [SHAPE.sub(r"``\1``", line) for line in lines]


def skip_foreign(app, what, name, obj, skip, options):
    """Skip methods whose docstrings link to scikit-learn's site."""
    foreign = {"get_metadata_routing", "set_output"}
    return True if name in foreign or name.endswith("_request") else None


def setup(app):
    made = Path(app.srcdir) / "reference"
    _reference.write_pages(made)
    _result_figure.draw_result(made / "result.svg")
    app.connect("source-read", link_inside)
    app.connect("autodoc-process-docstring", quote_shapes, priority=900)  # after numpydoc
    app.connect("autodoc-skip-member", skip_foreign)

"""The site builds without warnings, its links work, and it fits on a phone."""

import importlib
import inspect
import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

ROOT = Path(__file__).parents[1]
EXTENSIONS = ("sphinx", "myst_parser", "numpydoc", "pydata_sphinx_theme", "sphinx_gallery")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, without running the examples."""
    for extension in (*EXTENSIONS, "sphinx_copybutton"):
        pytest.importorskip(extension, reason="needs the extra docs")
    folder = tmp_path_factory.mktemp("site")
    generated = shutil.ignore_patterns("_build", "gallery", "reference", "__pycache__")
    for name in ("docs", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=generated)
    for page in ROOT.glob("*.md"):
        shutil.copy(page, folder)
    build = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-D", "plot_gallery=0"]
    done = subprocess.run(
        [*build, "docs", "html"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


class _Page(HTMLParser):
    """Links and anchors of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], {"", "top"}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in {"href", "src"} and tag in {"a", "img", "script", "link"}:
                self.links.append(value)
            elif name == "id":
                self.anchors.add(value)


@pytest.fixture(scope="module")
def pages(site):
    return {path: _Page(path) for path in site.rglob("*.html") if "_static" not in path.parts}


def test_every_public_name_has_a_page_and_is_in_the_index(site, pages):
    modules = (site / "api.html").read_text(encoding="utf-8")
    linked = {urldefrag(link).url for link in pages[site / "api.html"].links}
    names = {path.stem.rpartition(".")[::2] for path in (site / "reference").glob("*.html")}
    assert names
    for module in {module for module, _ in names}:
        assert module.removeprefix("xmodal_sklearn.") in modules
        public = importlib.import_module(module).__all__
        for name in public:
            if inspect.ismodule(getattr(importlib.import_module(module), name)):
                continue
            homes = [
                f"reference/{home}.{page_name}.html"
                for home, page_name in names
                if page_name == name
            ]
            assert len(homes) == 1, name
            assert homes[0] in linked


def test_pages_of_classes_and_functions_show_their_docstrings(site):
    import xmodal_sklearn as package

    for name in ("CrossModalAttentionClassifier", "concat_modalities"):
        page = (site / f"reference/xmodal_sklearn.{name}.html").read_text(encoding="utf-8")
        assert inspect.getdoc(getattr(package, name)).splitlines()[0] in page
        assert "Examples" in page


def test_internal_links_work(site, pages):
    for path, page in pages.items():
        for link in page.links:
            url, anchor = urldefrag(link)
            if urlsplit(url).scheme or link.startswith("//"):
                continue
            target = (path.parent / unquote(urlsplit(url).path)).resolve() if url else path
            assert target.is_file(), f"{path.relative_to(site)} links to {link}"
            if target in pages and path.name not in {"genindex.html", "py-modindex.html"}:
                assert unquote(anchor) in pages[target].anchors, f"{path.name} links to {link}"


def test_no_page_scrolls_horizontally(site, browser):
    shown = [*site.glob("*.html"), *site.glob("guide/*.html"), *site.glob("gallery/*.html")]
    classifier = site / "reference/xmodal_sklearn.CrossModalAttentionClassifier.html"
    for page in (*shown, classifier):
        browser.get(page.as_uri())
        for width in (390, 1280):
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            wide = browser.execute_script("return document.documentElement.scrollWidth")
            assert wide <= width, (page.relative_to(site), width)


def test_formulas_are_drawn_without_a_network(site, browser):
    from selenium.webdriver.support.ui import WebDriverWait

    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["http://*", "https://*"]})
    browser.get((site / "method.html").as_uri())
    drawn = "return document.querySelectorAll('mjx-container svg').length"
    WebDriverWait(browser, 60).until(lambda browser: browser.execute_script(drawn) > 20)
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})

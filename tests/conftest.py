"""Fixtures that several test modules share."""

import errno
import multiprocessing
import os
import shutil
from pathlib import Path

import hypothesis
import pytest

# Before NumPy is imported: with a process per core, threads would wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.modalities import _nested

# How fast a machine is decides no test.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

BROWSER_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DATA = Path(os.environ.get("XMODAL_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(autouse=True)
def no_earlier_selection():
    """Keep a classifier from warning of a selection of the same labels in another test."""
    _nested._LATEST.labels = None


@pytest.fixture(scope="session")
def data_dir():
    if not DATA.is_dir():
        pytest.skip(f"no real data at {DATA}; set XMODAL_DATA to the folder that holds it")
    return DATA


@pytest.fixture(scope="session")
def cohort():
    """Three modalities of 120 patients, as a DataFrame with named columns, and their subtypes."""
    return make_multiomics(
        n_samples=120,
        n_features={"exp": 60, "cna": 50, "mut": 20},
        n_classes=3,
        class_sep=2.0,
        return_X_y=True,
        random_state=0,
    )


@pytest.fixture(scope="session")
def positions():
    """Column positions of the modalities of `cohort`."""
    return {"exp": slice(0, 60), "cna": slice(60, 110), "mut": slice(110, 130)}


@pytest.fixture(scope="session")
def processes():
    """Start processes at once: each is forked from a server that has imported the libraries."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["pytest", "xmodal_sklearn.benchmark", "xmodal_sklearn.baselines"]
    )
    return context


@pytest.fixture(scope="session")
def empty_figure():
    """A class of figures for reports; drawing the real ones takes most of the time of a report."""
    from matplotlib.figure import Figure

    class EmptyFigure(Figure):
        def savefig(self, file, **options):
            file.write('<svg xmlns="http://www.w3.org/2000/svg"></svg>')

    return EmptyFigure


@pytest.fixture
def without_figures(empty_figure, monkeypatch):
    """Leave the figures of reports empty."""
    monkeypatch.setattr("xmodal_sklearn.report._figures.Figure", empty_figure)


@pytest.fixture
def without_most_figures(monkeypatch):
    """Leave out the sections of reports that have a figure of each metric or model."""
    for section in ("_sections.fold_section", "_models.model_section"):
        monkeypatch.setattr(f"xmodal_sklearn.report.{section}", lambda overview: None)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A headless Chromium that logs errors and requests."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no chromium and chromedriver on the path (Debian: apt-get install both)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for flag in (*BROWSER_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield browser
    browser.quit()


@pytest.fixture
def make_read_only(monkeypatch):
    """A function after which nothing can be created in a folder, even by root."""

    def make(folder):
        def read_only(function):
            def raise_read_only(path, *arguments, **options):
                flags = arguments[0] if function is opened and arguments else os.O_RDWR
                if str(path).startswith(str(folder)) and flags & (os.O_RDWR | os.O_WRONLY):
                    raise OSError(errno.EROFS, "Read-only file system", str(path))
                return function(path, *arguments, **options)

            return raise_read_only

        opened = os.open
        monkeypatch.setattr(os, "open", read_only(os.open))
        monkeypatch.setattr(os, "mkdir", read_only(os.mkdir))

    return make

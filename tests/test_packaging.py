"""The installed package is complete and works from where it is installed."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from xmodal_sklearn import __version__

ROOT = Path(__file__).parents[1]
PACKAGE = "xmodal_sklearn"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the content of the wheel."""
    pytest.importorskip("setuptools", minversion="77", reason="builds a wheel")
    folder = tmp_path_factory.mktemp("build")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / PACKAGE, folder / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "."]
    subprocess.run([*build, "-w", "dist"], cwd=folder, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed, *arguments):
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=installed,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_wheel_contains_every_file_of_the_package(installed):
    def files(folder):
        paths = [path for path in (folder / PACKAGE).rglob("*") if path.is_file()]
        return {path.relative_to(folder) for path in paths if path.parent.name != "__pycache__"}

    assert files(installed) == files(ROOT)


def test_installed_report_has_its_templates(installed):
    code = (
        "import numpy as np, xmodal_sklearn.report as ours\n"
        "from sklearn.dummy import DummyClassifier\n"
        "from xmodal_sklearn.benchmark import compare\n"
        "result = compare({'dummy': DummyClassifier()}, np.zeros((8, 1)), [0, 1] * 4, cv=2)\n"
        "print(ours.__file__)\n"
        "print(ours.write_report(result, 'report.html').read_text().strip()[-7:])\n"
    )
    where, end = run(installed, "-c", code).splitlines()
    assert where.startswith(str(installed))
    assert end == "</html>"


def test_command_runs_as_a_module(installed):
    assert "xmodal_sklearn.cli" in run(installed, "-m", "xmodal_sklearn.cli", "--help")


def test_entry_point_is_the_application():
    from xmodal_sklearn.cli import app

    (command,) = entry_points(group="console_scripts", name="xmodal")
    assert command.load() is app


def requirements():
    """The lower bound of each library in the metadata, by extra."""
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg")
    texts = {"": parser["options"]["install_requires"], **parser["options.extras_require"]}
    return {extra: dict(re.findall(r"^(\S+)>=(\S+)$", text, re.M)) for extra, text in texts.items()}


def pinned(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    return dict(re.findall(r"^(\S+)==(\S+)$", text, re.M))


def parse_version(version):
    return [int(part) for part in version.split(".")]


def test_every_library_has_a_tested_version():
    tested = pinned("constraints.txt")
    for extra, libraries in requirements().items():
        for library, lowest in libraries.items():
            assert library in tested, f"{library} of extra {extra!r}"
            assert parse_version(tested[library]) >= parse_version(lowest), library


def test_oldest_versions_match_the_metadata():
    oldest = pinned("constraints-oldest.txt")
    for extra, libraries in requirements().items():
        if extra not in {"test", "lint", "docs", "ecosystem", "release"}:
            for library, lowest in libraries.items():
                assert f"{oldest[library]}.".startswith(f"{lowest}."), library


def test_table_of_supported_versions_matches_the_constraints():
    page = (ROOT / "docs" / "support.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\S+) \| ([\d.]+) \| ([\d.]+) \|$", page, re.M)
    table = {name.lower().replace("pytorch", "torch"): versions for name, *versions in rows}
    assert len(table) > 5
    for library, versions in table.items():
        if library != "python":
            files = ("constraints-oldest.txt", "constraints.txt")
            assert versions == [pinned(file)[library] for file in files], library


def test_citation_has_the_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {__version__}\n" in citation

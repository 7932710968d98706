"""Versions of this package and of the libraries that it uses."""

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

__version__ = "0.2.0"


def installed_versions(libraries: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python, this package and those libraries that are installed."""
    versions = {"python": platform.python_version(), "xmodal-sklearn": __version__}
    for library in libraries:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            continue
    return versions

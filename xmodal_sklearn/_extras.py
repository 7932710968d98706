"""Optional dependencies: which extra to install if one is missing."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needs_extra(extra: str, what: str) -> Iterator[None]:
    """Add to a failed import in the block what needs the package, and which extra installs it."""
    try:
        yield
    except ImportError as error:
        package = (error.name or str(error)).partition(".")[0]
        raise ImportError(
            f'{what} needs {package}. Install it with pip install "xmodal-sklearn[{extra}]".'
        ) from error

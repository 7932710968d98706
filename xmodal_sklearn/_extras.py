"""Optional dependencies: which extra to install where one is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["needs_extra"]


@contextmanager
def needs_extra(extra: str, what: str) -> Iterator[None]:
    """Make a failed import in the block say what needs the package and which extra installs it.

    Parameters
    ----------
    extra : str
        Name of the extra, as in ``xmodal-sklearn[extra]``.
    what : str
        What needs the package, as the beginning of a sentence.

    Yields
    ------
    None
        Import the optional packages in the block.

    Raises
    ------
    ImportError
        If a package that is imported in the block is not installed.
    """
    try:
        yield
    except ImportError as error:
        package = (error.name or str(error)).partition(".")[0]
        raise ImportError(
            f'{what} needs {package}. Install it with pip install "xmodal-sklearn[{extra}]".'
        ) from error

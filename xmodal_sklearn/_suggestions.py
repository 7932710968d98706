"""The name that a wrong one is closest to."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

__all__ = ["did_you_mean"]


def did_you_mean(name: Any, known: Iterable[Any]) -> str:
    """Suggest a known name in place of a wrong one, whatever its case.

    Parameters
    ----------
    name : object
        What was asked for.
    known : iterable of object
        What there is.

    Returns
    -------
    str
        ``"; did you mean 'name'?"``, or a full stop where nothing is close.
    """
    by_plain = {_plain(one): one for one in known}
    close = get_close_matches(_plain(name), by_plain, n=1)
    return f"; did you mean {by_plain[close[0]]!r}?" if close else "."


def _plain(name: Any) -> str:
    return str(name).casefold().replace("_", " ").replace("-", " ")

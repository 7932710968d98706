"""Which names are meant: the closest to a misspelled name, or the first of many."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

MAX_NAMES = 8


def did_you_mean(name: Any, candidates: Iterable[Any]) -> str:
    """Return ``"; did you mean 'candidate'?"``, or a full stop if none is close, in any case."""
    by_plain_name = {_plain(candidate): candidate for candidate in candidates}
    close = get_close_matches(_plain(name), by_plain_name, n=1)
    return f"; did you mean {by_plain_name[close[0]]!r}?" if close else "."


def first_names(names: Iterable[Any]) -> str:
    """Return the first names, and how many others there are."""
    first, others = (names := list(map(str, names)))[:MAX_NAMES], len(names) - MAX_NAMES
    return f"{first} and {others} more" if others > 0 else str(first)


def _plain(name: Any) -> str:
    return str(name).casefold().replace("_", " ").replace("-", " ")

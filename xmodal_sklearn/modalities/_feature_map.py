"""Features that another cohort calls otherwise: aliases, identifiers, versions of these."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from ._columns import SEPARATOR

__all__ = ["rename_features"]

VERSIONED = re.compile(r"(ENS[A-Z]*\d{11})\.\d+")
WHERE = "feature_map"


def rename_features(
    names: Sequence[str],
    known: Iterable[str],
    feature_map: Mapping | pd.Series,
    report: list[tuple[str, str, int]],
) -> list[str]:
    """Give columns the names that a model knows them by.

    An entry is looked up by the name of a column, by that of its feature, and for Ensembl ids
    without their version. It is used if the model knows the new name.

    Parameters
    ----------
    names : sequence of str
        Columns, ``modality__feature``.
    known : iterable of str
        The columns that the model knows.
    feature_map : mapping or Series
        Old names to new names, of columns or of features.
    report : list of (str, str, int)
        Takes how many columns were renamed and how many entries are of no use.

    Returns
    -------
    list of str
        A name for each column.

    Raises
    ------
    ValueError
        If an old name has several new ones, or several columns would get one name.
    TypeError
        If `feature_map` is neither a mapping nor a Series.
    """
    entries = _read_entries(feature_map, report)
    without_version: dict[str, set[str]] = defaultdict(set)
    for old in entries:
        without_version[_without_version(old)].add(old)
    known = set(known)
    renamed, used, known_before = [], set(), 0
    for name in names:
        modality, separator, feature = str(name).partition(SEPARATOR)
        prefix, feature = (modality + separator, feature) if separator else ("", modality)
        entry = _find_entry(str(name), feature, entries, without_version)
        new = name if entry is None else entries[entry]
        if new not in known and prefix + new in known:
            new = prefix + new
        if entry is None or new not in known:
            renamed.append(name)
            continue
        used.add(entry)
        known_before += name in known and new != name
        renamed.append(new)
    _check_merged(names, renamed)
    n_renamed = sum(new != old for new, old in zip(renamed, names, strict=True))
    report += [
        (WHERE, "columns renamed", n_renamed),
        (WHERE, "columns renamed although the model knows them as they were", known_before),
        (WHERE, "entries not used", len(entries) - len(used)),
    ]
    return renamed


def _read_entries(
    feature_map: Mapping | pd.Series, report: list[tuple[str, str, int]]
) -> dict[str, str]:
    if not isinstance(feature_map, Mapping | pd.Series):
        raise TypeError(
            "feature_map must be a dict or a Series of new names by old ones, got "
            f"{type(feature_map).__name__}."
        )
    meant: dict[str, set[str]] = defaultdict(set)
    for old, new in feature_map.items():
        meant[_as_text(old)].add(_as_text(new))
    several = {old: sorted(new) for old, new in meant.items() if len(new) > 1}
    if several:
        name, given = next(iter(several.items()))
        raise ValueError(
            f"feature_map gives {len(several)} old names several new ones, the first is {name!r}: "
            f"{given}. Keep one of them."
        )
    entries = {old: next(iter(new)) for old, new in meant.items()}
    named = {old: new for old, new in entries.items() if old and new}
    report += [
        (WHERE, "entries that repeat another", len(feature_map) - len(entries)),
        (WHERE, "entries without a name, left out", len(entries) - len(named)),
    ]
    return named


def _find_entry(
    name: str, feature: str, entries: dict[str, str], without_version: dict[str, set[str]]
) -> str | None:
    """Return the old name of the entry that a column is to be renamed by."""
    for old in (name, feature):
        if old in entries:
            return old
    versions = without_version.get(_without_version(feature), set())
    if len({entries[old] for old in versions}) > 1:
        raise ValueError(
            f"feature_map gives versions of {feature!r} several new names: "
            f"{ {old: entries[old] for old in sorted(versions)} }. Keep one of them."
        )
    return min(versions, default=None)


def _without_version(name: str) -> str:
    found = VERSIONED.fullmatch(name)
    return found[1] if found else name


def _check_merged(names: Sequence[str], renamed: list[str]) -> None:
    """Refuse columns that would get the name of another."""
    sources: dict[str, list[str]] = defaultdict(list)
    for old, new in zip(names, renamed, strict=True):
        sources[new].append(old)
    merged = {new: old for new, old in sources.items() if len(old) > 1}
    if merged:
        name, of = next(iter(merged.items()))
        raise ValueError(
            f"feature_map would make one column of several {len(merged)} times, the first is "
            f"{name!r} of {of}. Drop the columns or the entries that are not meant."
        )


def _as_text(name: Any) -> str:
    """Return a name without blanks around it, "" for a missing one; Entrez ids may be numbers."""
    if name is None or name is pd.NA or name != name:
        return ""
    if isinstance(name, float) and name.is_integer():
        return str(int(name))
    return str(name).strip()

"""Rename the features of another cohort: aliases, identifiers and their versions."""

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
    names: Sequence[str], model_names: Iterable[str], feature_map: Mapping | pd.Series
) -> tuple[list[str], list[tuple[str, str, int]]]:
    """Rename columns as a model names them, and report what was renamed or not used."""
    entries, report = _read_entries(feature_map)
    without_version: dict[str, set[str]] = defaultdict(set)
    for old in entries:
        without_version[_without_version(old)].add(old)
    model_names = set(model_names)
    renamed, used, n_before = [], set(), 0
    for name in names:
        modality, separator, feature = str(name).partition(SEPARATOR)
        prefix, feature = (modality + separator, feature) if separator else ("", modality)
        entry = _find_entry(str(name), feature, entries, without_version)
        new = name if entry is None else entries[entry]
        if new not in model_names and prefix + new in model_names:
            new = prefix + new
        if entry is None or new not in model_names:
            renamed.append(name)
            continue
        used.add(entry)
        n_before += name in model_names and new != name
        renamed.append(new)
    _check_not_merged(names, renamed)
    n_renamed = sum(new != old for new, old in zip(renamed, names, strict=True))
    report += [
        (WHERE, "columns renamed", n_renamed),
        (WHERE, "columns renamed although the model has their old name", n_before),
        (WHERE, "entries not used", len(entries) - len(used)),
    ]
    return renamed, report


def _read_entries(
    feature_map: Mapping | pd.Series,
) -> tuple[dict[str, str], list[tuple[str, str, int]]]:
    if not isinstance(feature_map, Mapping | pd.Series):
        raise TypeError(
            "feature_map must be a dict or a Series of new names by old ones, got "
            f"{type(feature_map).__name__}."
        )
    new_names: dict[str, set[str]] = defaultdict(set)
    for old, new in feature_map.items():
        new_names[_as_text(old)].add(_as_text(new))
    ambiguous = {old: sorted(new) for old, new in new_names.items() if len(new) > 1}
    if ambiguous:
        name, candidates = next(iter(ambiguous.items()))
        raise ValueError(
            f"feature_map has {len(ambiguous)} old names with several new ones, the first is "
            f"{name!r}: {candidates}. Keep one of them."
        )
    entries = {old: next(iter(new)) for old, new in new_names.items()}
    named = {old: new for old, new in entries.items() if old and new}
    return named, [
        (WHERE, "duplicate entries", len(feature_map) - len(entries)),
        (WHERE, "entries without a name, left out", len(entries) - len(named)),
    ]


def _find_entry(
    name: str, feature: str, entries: dict[str, str], without_version: dict[str, set[str]]
) -> str | None:
    """Return the old name of the entry for a column, None if there is none."""
    for old in (name, feature):
        if old in entries:
            return old
    versions = without_version.get(_without_version(feature), set())
    if len({entries[old] for old in versions}) > 1:
        raise ValueError(
            f"feature_map has several new names for versions of {feature!r}: "
            f"{ {old: entries[old] for old in sorted(versions)} }. Keep one of them."
        )
    return min(versions, default=None)


def _without_version(name: str) -> str:
    match = VERSIONED.fullmatch(name)
    return match[1] if match else name


def _check_not_merged(names: Sequence[str], renamed: list[str]) -> None:
    sources: dict[str, list[str]] = defaultdict(list)
    for old, new in zip(names, renamed, strict=True):
        sources[new].append(old)
    merged = {new: old for new, old in sources.items() if len(old) > 1}
    if merged:
        name, columns = next(iter(merged.items()))
        raise ValueError(
            f"feature_map gives {len(merged)} names to several columns, the first is {name!r} for "
            f"{columns}. Drop the columns or the entries that should not be used."
        )


def _as_text(name: Any) -> str:
    """Return a name without surrounding spaces, "" if missing; Entrez ids may be numbers."""
    if name is None or name is pd.NA or name != name:
        return ""
    if isinstance(name, float) and name.is_integer():
        return str(int(name))
    return str(name).strip()

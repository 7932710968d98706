"""Sample names that mean the same: blanks, dots for dashes, barcodes of several levels."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from .._text import plain_name
from ._study import Report

__all__ = [
    "DATE",
    "barcode_parts",
    "coarsest_level",
    "cut_barcodes",
    "examples",
    "is_normal",
    "match_names",
    "rename_samples",
    "strip_name",
    "strip_names",
    "type_rank",
]

# Patient, then type of the sample, its vial, and what was made of it.
BARCODE = re.compile(
    r"(TCGA-\w{2}-\w{4}|TARGET-\d{2}-[A-Z0-9]{6})(?:-(\d{2})([A-Z])?((?:-\w+)*))?", re.ASCII
)
PATIENT, SAMPLE, VIAL = 1, 2, 3
# Types 10 to 19 are normal tissue, 20 to 29 controls.
NORMAL_TYPES = range(10, 30)
# Of a solid tumour, of blood, of bone marrow.
PRIMARY_TYPES = ("01", "03", "09")
PLAIN = re.compile(r"[\w.-]+( [\w.-]+)*", re.ASCII)
MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec|mrz|mär|mai|okt|dez"
# What spreadsheets make of genes like MARCH1, SEPT2 and DEC1.
DATE = (
    rf"(?i:\d{{1,2}}[-./ ]+(?:{MONTHS})(?:[-./ ]+\d{{2,4}})?|(?:{MONTHS})[-/ ]+\d{{1,4}}"
    r"|\d{4}-\d\d-\d\d(?: 00:00:00)?|\d{1,2}[/.]\d{1,2}[/.]\d{2,4})"
)


def strip_name(name: object) -> str:
    """Return a name without blanks around it, invisible ones included."""
    return str(name).strip("\ufeff\u200b \t\r\n\xa0").strip()


def strip_names(names: Iterable[object]) -> tuple[pd.Index, int]:
    """Return names without blanks around them, and how many had some."""
    before = [str(name) for name in names]
    after = [strip_name(name) for name in before]
    changed = sum(old != new for old, new in zip(before, after, strict=True))
    return pd.Index(after, dtype=str), changed


def barcode_parts(name: str) -> tuple[str, ...]:
    """Return the components of a TCGA or TARGET barcode, whatever stands between; else nothing."""
    found = BARCODE.fullmatch(re.sub("[._]", "-", name.strip().upper()))
    if not found:
        return ()
    patient, kind, vial, rest = found.groups()
    parts = [patient] if kind is None else [patient, kind]
    if vial or rest:
        parts += [vial or "", *filter(None, (rest or "").split("-"))]
    return tuple(parts)


def is_normal(names: Iterable[str]) -> np.ndarray:
    """Tell which names are barcodes of normal tissue or of controls."""
    return np.array([_is_normal(barcode_parts(name)) for name in names], dtype=bool)


def type_rank(name: str) -> int:
    """Rank primary tumours, and names that tell no type, before other tumours."""
    parts = barcode_parts(name)
    return 0 if len(parts) < SAMPLE or parts[1] in PRIMARY_TYPES else 1


def coarsest_level(groups: Iterable[Sequence[str]]) -> int | None:
    """Return the lowest level of barcode that one of several groups of names has throughout.

    None if any name is no barcode, or all groups have the same names anyway.
    """
    levels, names = [], []
    for group in groups:
        parts = [barcode_parts(name) for name in group]
        if not parts or not all(parts):
            return None
        levels.append(min(map(len, parts)))
        names.append(set(group))
    if all(group == names[0] for group in names):
        return None
    # Aliquots of DNA and RNA never have the same name; the vial is what they come from.
    return min(*levels, VIAL)


def cut_barcodes(names: Iterable[str], level: int) -> pd.Index:
    """Return barcodes with dashes, cut at a level."""
    return pd.Index([_join(barcode_parts(name)[:level]) for name in names], dtype=str)


def rename_samples(table: pd.DataFrame, names: pd.Index) -> tuple[pd.DataFrame, int]:
    """Call the rows of a table by other names, and keep one of those that get the same.

    Returns
    -------
    table : DataFrame
        The rows that are kept, see :func:`_first_of_each`.
    further : int
        How many are not.
    """
    kept = _first_of_each(names, table.index)
    further = len(names) - len(kept)
    return (table.iloc[kept] if further else table).set_axis(names[kept], axis=0), further


def _first_of_each(renamed: pd.Index, before: Sequence[str]) -> np.ndarray:
    """Return the rows to keep where several were given one name, in their order.

    A row that had the name before is kept; else primary tumours come before others, and of equals
    the first is kept.
    """
    order = sorted(
        range(len(before)), key=lambda row: (renamed[row] != before[row], type_rank(before[row]))
    )
    first: dict[str, int] = {}
    for row in order:
        first.setdefault(renamed[row], row)
    return np.array(sorted(first.values()), dtype=int)


def match_names(
    names: pd.Index,
    known: pd.Index,
    *,
    where: str,
    other: str,
    report: Report,
    patients: Mapping[str, Sequence[str]] | None = None,
) -> pd.Index:
    """Give names that are spelt otherwise, or are of another level, the known name they mean.

    Parameters
    ----------
    names : Index of str
        What a table calls its samples.
    known : Index of str
        What they are called elsewhere.
    where, other : str
        What to call the table and the other place in the report and in errors.
    report : Report
        Takes how many names were matched, by reason.
    patients : mapping of str to sequence of str, default=None
        The known names of each patient, where a table may name its patients instead.

    Returns
    -------
    Index of str
        Known names, or the name itself where none is meant; several may have become the same.

    Raises
    ------
    ValueError
        If a name may mean several of the known ones.
    """
    known_set = set(known)
    strange = [name for name in names.unique() if name not in known_set]
    if not strange:
        return names
    finder = _Finder(known, patients or {})
    meant: dict[str, str] = {}
    counts: dict[str, int] = defaultdict(int)
    for name in strange:
        found, reason = finder.find(name)
        if len(found) > 1:
            raise ValueError(
                f"{where}: the name {name!a} may mean several samples of {other}: "
                f"{examples(found)}. Use the same names in both."
            )
        if found:
            meant[name] = found[0]
            counts[reason] += 1
    report.extend(
        (where, f"sample names {reason} {other}", count) for reason, count in counts.items()
    )
    return pd.Index([meant.get(name, name) for name in names], dtype=str)


def examples(names: Iterable[object], most: int = 3) -> str:
    """Return the first few names so that invisible and look-alike characters show."""
    shown = [name if PLAIN.fullmatch(name) else ascii(name) for name in map(str, names)]
    return ", ".join(shown[:most]) + (", …" if len(shown) > most else "")


class _Finder:
    """Looks for the known names that another name may mean."""

    def __init__(self, known: pd.Index, patients: Mapping[str, Sequence[str]]) -> None:
        self._patients = patients
        self._by_spelling: dict[str, list[str]] = defaultdict(list)
        self._by_prefix: dict[tuple[str, ...], list[str]] = defaultdict(list)
        self._levels: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for name in known:
            self._by_spelling[plain_name(name)].append(name)
            parts = barcode_parts(name)
            if parts:
                self._levels[parts].append(name)
            for level in range(1, len(parts) + 1):
                self._by_prefix[parts[:level]].append(name)

    def find(self, name: str) -> tuple[list[str], str]:
        """Return candidates, and how they were found."""
        if found := self._by_spelling.get(plain_name(name)):
            return found, "spelt otherwise than in"
        if parts := barcode_parts(name):
            return self._kin(parts), "that are barcodes of another level than in"
        return _tumour(self._patients.get(name, ())), "that name the patients of"

    def _kin(self, parts: tuple[str, ...]) -> list[str]:
        """Return the known barcodes that are part of this one, or that it is part of."""
        for level in range(len(parts), 0, -1):
            found = self._levels.get(parts[:level])
            # A patient's name stands for the tumour.
            if found and not (level == PATIENT and _is_normal(parts)):
                return found
        for level in range(len(parts), min(len(parts), VIAL) - 1, -1):
            if found := self._by_prefix.get(parts[:level]):
                return _tumour(found) if len(parts) == PATIENT else found
        return []


def _tumour(names: Sequence[str]) -> list[str]:
    """Return the names of tumours; only the primary one, where there is one."""
    tumours = [name for name in names if not _is_normal(barcode_parts(name))]
    primary = [name for name in tumours if type_rank(name) == 0]
    return primary if len(primary) == 1 else tumours


def _is_normal(parts: tuple[str, ...]) -> bool:
    return len(parts) >= SAMPLE and int(parts[1]) in NORMAL_TYPES


def _join(parts: tuple[str, ...]) -> str:
    head, tail = parts[:SAMPLE], parts[SAMPLE:]
    if not tail:
        return "-".join(head)
    return "-".join(["-".join(head) + tail[0], *tail[1:]])

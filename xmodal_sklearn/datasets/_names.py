"""Names of samples and classes as files spell them: blanks, placeholders, barcodes."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from .._text import plain_name
from ._study import Report

# Of missing values, in lower case; so is whatever stands in square brackets. "None" may be an
# answer.
PLACEHOLDERS = {
    "", "na", "n/a", "#n/a", "nan", "<na>", "null", "not available", "not applicable",
    "not reported", "-", "--", "'--", ".", "?",
    "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!",
}  # fmt: skip
UNKNOWN = PLACEHOLDERS | {
    "nc", "unk", "unknown", "missing", "not evaluated", "not specified", "unspecified", "---",
    "not evaluable", "not assessed", "not determined", "not known", "no data", "unavailable", "nat",
}  # fmt: skip
UNKNOWN_LABELS = {re.sub(r"[\s._]+", "", word) for word in UNKNOWN}
# Patient, then type of the sample, its vial, and what was made of it.
BARCODE = re.compile(
    r"(TCGA-\w{2}-\w{4}|TARGET-\d{2}-[A-Z0-9]{6})(?:-(\d{2})([A-Z])?((?:-\w+)*))?", re.ASCII
)
PATIENT, SAMPLE, VIAL = 1, 2, 3
# Types 10 to 19 are normal tissue, 20 to 29 controls.
NORMAL_TYPES = range(10, 30)
# Of a solid tumor, of blood, of bone marrow.
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


def strip_names(
    names: Iterable[object], report: Report, where: str, what: str = "sample names"
) -> pd.Index:
    """Return names without blanks around them, and report how many had some."""
    before = [str(name) for name in names]
    after = [strip_name(name) for name in before]
    changed = [old != new for old, new in zip(before, after, strict=True)]
    report.add(where, f"{what} stripped of surrounding blanks", changed)
    return pd.Index(after, dtype=str)


def examples(names: Iterable[object], most: int = 3) -> str:
    """Return the first few names so that invisible and look-alike characters show."""
    shown = [name if PLAIN.fullmatch(name) else ascii(name) for name in map(str, names)]
    return ", ".join(shown[:most]) + (", …" if len(shown) > most else "")


def check_overlap(what: str, names: pd.Index, where: str, reference: pd.Index) -> None:
    """Check that at least one of the names is among the reference names."""
    if not names.isin(reference).any():
        raise ValueError(
            f"No {what} ({examples(names)}) is in {where} ({examples(reference)}). Use the same "
            "names in both."
        )


def is_placeholder(values: pd.Series) -> pd.Series:
    """Return whether each string stands for a missing value."""
    plain = values.str.casefold()
    return plain.isin(PLACEHOLDERS) | plain.str.fullmatch(r"\[.*\]")


def is_unknown(labels: pd.Series) -> pd.Series:
    """Return whether each label says that the class is unknown; beside "+", "-" is a class."""
    plain = labels.str.strip().str.casefold().str.replace(r"[\s._]+", "", regex=True)
    plain = plain.str.replace("[\u2010-\u2015\u2212]", "-", regex=True)
    negative = (plain == "-") & bool((plain == "+").any())
    return (plain.isin(UNKNOWN_LABELS) | plain.str.fullmatch(r"\[.*\]")) & ~negative


def report_similar_labels(labels: pd.Series, where: str, report: Report) -> None:
    """Report classes that differ only in case, in what separates words, or as 1 and 1.0 do."""
    sizes = labels.value_counts(sort=False)
    cased = sizes.index.astype(str).str.casefold()
    plain = pd.Index([_plain_label(label) for label in cased], dtype=object)
    differs_in_case = cased.duplicated(keep=False)
    for what, similar in (
        ("case", differs_in_case),
        ("spelling", plain.duplicated(keep=False) & ~differs_in_case),
    ):
        for label in sizes.index[similar]:
            report.add(where, f"class {label!r} differs from another only in {what}", sizes[label])


def _plain_label(label: str) -> str:
    """Return a class with blanks between words, and as an integer if it is one."""
    number = re.fullmatch(r"(\d+)\.0+", label)
    return number[1] if number else re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", label)


def barcode_parts(name: str) -> tuple[str, ...]:
    """Return the parts of a TCGA or TARGET barcode with any separator; none of another name."""
    match = BARCODE.fullmatch(re.sub("[._]", "-", name.strip().upper()))
    if not match:
        return ()
    patient, kind, vial, rest = match.groups()
    parts = [patient] if kind is None else [patient, kind]
    if vial or rest:
        parts += [vial or "", *filter(None, (rest or "").split("-"))]
    return tuple(parts)


def is_normal(names: Iterable[str]) -> np.ndarray:
    """Return whether each name is a barcode of normal tissue or of a control."""
    return np.array([_has_normal_type(barcode_parts(name)) for name in names], dtype=bool)


def type_rank(name: str) -> int:
    """Return 0 for primary tumors and names that tell no type, 1 for other tumors."""
    parts = barcode_parts(name)
    return 0 if len(parts) < SAMPLE or parts[1] in PRIMARY_TYPES else 1


def coarsest_level(groups: Iterable[Sequence[str]]) -> int | None:
    """Return the lowest level of barcode that one of several groups of names has throughout."""
    names = [set(group) for group in groups]
    parts = [list(map(barcode_parts, group)) for group in names]
    is_other = any(not group or not all(group) for group in parts)
    if is_other or all(group == names[0] for group in names):
        return None
    # Aliquots of DNA and RNA never have the same name; the vial is what they come from.
    return min(VIAL, *(len(barcode) for group in parts for barcode in group))


def truncate_barcodes(names: Iterable[str], level: int) -> pd.Index:
    """Return barcodes with dashes, truncated to a level, the vial's at most."""
    parts = map(barcode_parts, names)
    return pd.Index(
        ["-".join(filter(None, [*p[:1], "".join(p[1:level])])) for p in parts], dtype=str
    )


def rename_samples(
    table: pd.DataFrame, names: pd.Index, report: Report, where: str, what: str
) -> pd.DataFrame:
    """Rename the rows of a table, and keep one of those that get the same name."""
    before = table.index
    ranks = [type_rank(name) for name in before]
    order = np.lexsort([ranks, names != before])
    kept = np.sort(order[~names[order].duplicated()])
    n_dropped = len(names) - len(kept)
    report.add(where, f"additional samples {what}, left out", n_dropped)
    return (table.iloc[kept] if n_dropped else table).set_axis(names[kept], axis=0)


def merge_duplicates(values: pd.Series, what: str, remedy: str) -> pd.Series:
    """Keep one known value for each sample; raise an error if a sample has several."""
    n_values = values.groupby(level=0).nunique()
    ambiguous = n_values.index[n_values > 1]
    if len(ambiguous):
        raise ValueError(
            f"Sample {ambiguous[0]!r} has the {what} {values.loc[ambiguous[0]].unique().tolist()} "
            f"({len(ambiguous)} such samples). {remedy}"
        )
    return values.groupby(level=0, sort=False).first()


def match_names(
    names: pd.Index,
    reference: pd.Index,
    *,
    where: str,
    other: str,
    report: Report,
    patients: Mapping[str, Sequence[str]] | None = None,
) -> pd.Index:
    """Replace names by the reference names that they mean, where spelling or level differ."""
    references = set(reference)
    unmatched = [name for name in names.unique() if name not in references]
    if not unmatched:
        return names
    index = _NameIndex(reference, patients or {})
    matches: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for name in unmatched:
        candidates, reason = index.find(name)
        if len(candidates) > 1:
            raise ValueError(
                f"{where}: the name {name!a} may mean several samples of {other}: "
                f"{examples(candidates)}. Use the same names in both."
            )
        if candidates:
            matches[name] = candidates[0]
            counts[reason] += 1
    for reason, count in counts.items():
        report.add(where, f"sample names {reason} {other}", count)
    return pd.Index([matches.get(name, name) for name in names], dtype=str)


class _NameIndex:
    """Finds the reference names that another name may mean."""

    def __init__(self, reference: pd.Index, patients: Mapping[str, Sequence[str]]) -> None:
        self._patients = patients
        self._by_spelling: dict[str, list[str]] = defaultdict(list)
        self._by_prefix: dict[tuple[str, ...], list[str]] = defaultdict(list)
        self._by_barcode: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for name in reference:
            self._by_spelling[plain_name(name)].append(name)
            parts = barcode_parts(name)
            if parts:
                self._by_barcode[parts].append(name)
            for level in range(1, len(parts) + 1):
                self._by_prefix[parts[:level]].append(name)

    def find(self, name: str) -> tuple[list[str], str]:
        """Return candidates, and how they were found."""
        if candidates := self._by_spelling.get(plain_name(name)):
            return candidates, "spelled differently than in"
        if parts := barcode_parts(name):
            return self._related_barcodes(parts), "that are barcodes of another level than in"
        return _tumors(self._patients.get(name, ())), "that name the patients of"

    def _related_barcodes(self, parts: tuple[str, ...]) -> list[str]:
        """Return the barcodes that are part of this one, or that it is part of."""
        for level in range(len(parts), 0, -1):
            names = self._by_barcode.get(parts[:level])
            # A patient's name stands for the tumor.
            if names and not (level == PATIENT and _has_normal_type(parts)):
                return names
        for level in range(len(parts), min(len(parts), VIAL) - 1, -1):
            if names := self._by_prefix.get(parts[:level]):
                return _tumors(names) if len(parts) == PATIENT else names
        return []


def _tumors(names: Sequence[str]) -> list[str]:
    """Return the names of tumors; the primary one alone if there is exactly one."""
    tumors = [name for name in names if not _has_normal_type(barcode_parts(name))]
    primary = [name for name in tumors if type_rank(name) == 0]
    return primary if len(primary) == 1 else tumors


def _has_normal_type(parts: tuple[str, ...]) -> bool:
    return len(parts) >= SAMPLE and int(parts[1]) in NORMAL_TYPES

"""The patient and the class of every sample."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from .._labels import is_unknown, look_alikes, spellings
from .._names import examples, is_normal, match_names, strip_names, type_rank
from .._study import Report
from ._profiles import StudyFolder
from ._text_files import malformed, quote, quote_all, read_text_table

__all__ = [
    "apply_target_map",
    "check_mapped_labels",
    "check_target_map",
    "read_samples",
]

TYPE_COLUMNS = ("SAMPLE_TYPE", "SAMPLE_CLASS")
# What these columns say of tissue that is no tumour, unless they speak of a tumour that has some.
NORMAL = re.compile(
    r"\b(?:normal|germline|healthy|control)\b|\bnon-? ?(?:tumou?r|neoplastic|malignant)|^nt$"
)
WITH_NORMAL = re.compile(
    r"(?:primary|tumou?r|cancer|metast\w*|recur\w*)\b(?!.*adjacent)"
    r".*\b(?:match|pair|with|avail|karyo)"
)
NOT_PRIMARY = re.compile(
    r"metast|\bmets?\b|recur|relapse|progress|secondary|lymph node|xenograft|\bpdx|organoid"
    r"|cell[- ]?line|\bplasma\b(?! cell)|\bc[ft]dna"
)


def read_samples(study: StudyFolder, target: str, report: Report) -> pd.DataFrame:
    """Read every sample, in the order of the sample file.

    Returns
    -------
    DataFrame
        With the columns "PATIENT_ID", "target", "is_normal" (whether it is no tumour) and "rank"
        (0 for primary tumours and where nothing is said, 1 for others), and the samples as index.
    """
    if not isinstance(target, str):
        raise ValueError(f"target must be the name of a clinical column, got {target!r}.")
    table = _read_clinical(study, study.sample_file, ["SAMPLE_ID", "PATIENT_ID"], report)
    table = table.set_index("SAMPLE_ID", drop=False)
    samples = table[["PATIENT_ID"]].assign(**_sample_types(table))
    if target in table:
        samples["target"] = table[target].str.strip()
        return _compare_patients(study, target, samples, report)
    patients = _read_clinical(study, study.patient_file, ["PATIENT_ID"], report)
    if target not in patients:
        raise ValueError(
            f"No clinical column is named {target!r}. Name one as target. Columns of "
            f"{study.patient_file.name}: {quote_all(patients)}; of {study.sample_file.name}: "
            f"{quote_all(table)}."
        )
    by_patient = patients.set_index("PATIENT_ID")[target].str.strip()
    patients_of_samples = samples["PATIENT_ID"]
    samples["PATIENT_ID"] = _match_patients(study, patients_of_samples, by_patient.index, report)
    return samples.assign(target=samples["PATIENT_ID"].map(by_patient).fillna(""))


def check_target_map(target_map: Mapping[str, str | None] | None) -> None:
    """Raise a ValueError unless the map is one of labels."""
    if target_map is None:
        return
    if not isinstance(target_map, Mapping):
        raise ValueError(f"target_map must be a dict of old to new labels, got {target_map!r}.")
    for old, new in target_map.items():
        if not isinstance(old, str):
            raise ValueError(f"target_map must rename labels, which are strings, got {old!r}.")
        if new is not None and (not isinstance(new, str) or not new.strip()):
            raise ValueError(
                f"target_map must map {old!r} to a label, or to None to leave it out, got {new!r}."
            )


def check_mapped_labels(
    target: str, labels: pd.Series, target_map: Mapping[str, str | None] | None
) -> None:
    """Raise a ValueError if the map renames a label that the target does not have."""
    known = set(labels)
    for old in target_map or {}:
        if old not in known:
            raise ValueError(
                f"target_map renames {old!r}, which is not a label of {target}. Its labels are "
                f"{quote_all(sorted(known)[:30])}."
            )


def apply_target_map(
    samples: pd.DataFrame, target_map: Mapping[str, str | None] | None, report: Report
) -> pd.DataFrame:
    """Rename the targets, and leave out the samples whose target is unknown or mapped to None."""
    renamed = target_map or {}
    unknown = is_unknown(samples["target"]) & ~samples["target"].isin(list(renamed))
    report.append(("patients", "target unknown", int(unknown.sum())))
    report.extend(spellings(samples["target"][unknown], "target"))
    for old, new in renamed.items():
        count = int((samples["target"] == old).sum())
        where, what = (
            ("patients", "left out by target_map")
            if new is None
            else ("target", f"renamed {new!r}")
        )
        report.append((where, f"target {old!r} {what}", count))
    new_names = {old: new and new.strip() for old, new in renamed.items()}
    mapped = samples["target"].map(lambda label: new_names.get(label, label)).astype(object)
    chosen = samples.assign(target=mapped)[~unknown & mapped.notna()]
    report.extend(look_alikes(chosen["target"], "target"))
    return chosen


def _sample_types(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Tell normal tissue, and tumours other than primary ones, by barcode or column."""
    normal = is_normal(table.index)
    rank = np.array([type_rank(name) for name in table.index])
    for column in TYPE_COLUMNS:
        if column in table:
            kinds = table[column].str.strip().str.casefold()
            is_tumour = kinds.str.match(WITH_NORMAL)
            normal |= (kinds.str.contains(NORMAL) & ~is_tumour).to_numpy()
            rank |= kinds.str.contains(NOT_PRIMARY).to_numpy()
    return {"is_normal": normal, "rank": rank}


def _compare_patients(
    study: StudyFolder, target: str, samples: pd.DataFrame, report: Report
) -> pd.DataFrame:
    """Count what the patient file has besides, where the target is in the sample file."""
    if not study.patient_file.is_file():
        return samples
    try:
        notes: Report = []
        patients = _read_clinical(study, study.patient_file, ["PATIENT_ID"], notes)
        patients = patients.set_index("PATIENT_ID")
        names = _match_patients(study, samples["PATIENT_ID"], patients.index, notes)
    except ValueError as error:
        report.append((study.patient_file.name, f"not needed and passed over: {error}", 1))
        return samples
    report.extend(notes)
    samples["PATIENT_ID"] = names
    if target in patients:
        others = samples["PATIENT_ID"].map(patients[target].str.strip()).fillna("")
        n_other = int((~is_unknown(others) & (others != samples["target"])).sum())
        what = f"other {target} than {study.sample_file.name}, which is read"
        report.append((study.patient_file.name, what, n_other))
    return samples


def _match_patients(
    study: StudyFolder, of_samples: pd.Series, listed: pd.Index, report: Report
) -> np.ndarray:
    """Return the PATIENT_ID of each sample as the patient file spells it."""
    there, here = study.patient_file.name, study.sample_file.name
    matched = match_names(
        pd.Index(of_samples, dtype=str), listed, where=here, other=there, report=report
    )
    if not matched.isin(listed).any():
        raise ValueError(
            f"No PATIENT_ID of {here} ({examples(of_samples)}) is in {there} "
            f"({examples(listed)}). Use the same names in both."
        )
    unlisted = matched[~matched.isin(listed)].nunique()
    report.append((here, f"patients that {there} does not list", unlisted))
    without = int((~listed.isin(matched)).sum())
    report.append(("patients", f"without a sample in {here}", without))
    return matched.to_numpy()


def _read_clinical(
    study: StudyFolder, path: Path, required: list[str], report: Report
) -> pd.DataFrame:
    if not path.is_file():
        raise FileNotFoundError(study.describe_missing(path.name))
    table = read_text_table(path, required).fields
    empty = table.apply(lambda fields: fields.str.strip() == "").all(axis=1)
    report.append((path.name, "rows of blanks only, passed over", int(empty.sum())))
    table = table[~empty]
    for column in required:
        names, n_stripped = strip_names(table[column])
        report.append((path.name, f"{column} with blanks around it, which are dropped", n_stripped))
        table[column] = names.to_numpy()
        blank = table.index[table[column] == ""]
        if len(blank):
            raise malformed(path, f"{column} is blank. Fill it in, or remove the row", blank[0])
    same = table.duplicated()
    report.append((path.name, "rows that repeat another one", int(same.sum())))
    table = table[~same]
    key = table[required[0]]
    repeated = table.index[key.duplicated()]
    if len(repeated):
        raise malformed(
            path,
            f"{required[0]} {quote(key[repeated[0]])} occurs in more than one row. Keep one",
            repeated[0],
        )
    return table

"""The patient and the class of every sample."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from .._names import (
    check_overlap,
    is_normal,
    is_unknown,
    match_names,
    report_similar_labels,
    strip_names,
    type_rank,
)
from .._study import Report
from .._text import drop_duplicate_rows, malformed, quote_all, read_text_table
from ._profiles import StudyFolder

TYPE_COLUMNS = ("SAMPLE_TYPE", "SAMPLE_CLASS")
# Tissue that is no tumor in these columns, unless they describe a tumor that has some of it.
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


def read_samples(study: StudyFolder, target: str) -> pd.DataFrame:
    """Read every sample, in the order of the sample file."""
    table = _read_clinical(study, study.sample_file, ["SAMPLE_ID", "PATIENT_ID"], study.report)
    table = table.set_index("SAMPLE_ID", drop=False)
    samples = table[["PATIENT_ID"]].assign(**_sample_types(table))
    if target in table:
        return _compare_patients(study, target, samples.assign(target=table[target].str.strip()))
    patients = _read_patients(study, samples, study.report)
    if target not in patients:
        raise ValueError(
            f"No clinical column is named {target!r}. Name one as target. Columns of "
            f"{study.patient_file.name}: {quote_all(patients)}; of {study.sample_file.name}: "
            f"{quote_all(table)}."
        )
    values = patients[target].str.strip().fillna("").to_numpy()
    return samples.assign(PATIENT_ID=patients.index, target=values)


def match_samples(
    study: StudyFolder, samples: pd.DataFrame, names: pd.Index, where: str
) -> pd.Index:
    """Replace the names in a file by those of the sample file that they mean."""
    return match_names(
        names,
        samples.index,
        where=where,
        other=study.sample_file.name,
        report=study.report,
        patients=samples.index.groupby(samples["PATIENT_ID"]),
    )


def read_clinical_column(folder: Path, column: str) -> pd.Series:
    """Return a clinical column of each tumor, indexed by patient, None where it is unknown."""
    samples = read_samples(StudyFolder(folder), column)
    tumors = samples[~samples["is_normal"]]
    values = tumors["target"].astype(object).set_axis(tumors["PATIENT_ID"])
    return values.mask(is_unknown(values), None)


def apply_target_map(
    samples: pd.DataFrame, target_map: Mapping[str, str | None] | None, report: Report
) -> pd.DataFrame:
    """Rename the targets, and drop the samples whose target is unknown or mapped to None."""
    renamed = target_map or {}
    target = samples["target"]
    unknown = is_unknown(target) & ~target.isin(list(renamed))
    report.add("patients", "target unknown", unknown)
    placeholders = target[unknown & (target != "")].map(repr)
    report.add_values("target", "{} read as unknown", placeholders)
    for old, new in renamed.items():
        if new is None:
            report.add("patients", f"target {old!r} left out by target_map", target == old)
        else:
            report.add("target", f"target {old!r} renamed {new!r}", target == old)
    new_names = {old: new and new.strip() for old, new in renamed.items()}
    mapped = target.map(lambda label: new_names.get(label, label)).astype(object)
    chosen = samples.assign(target=mapped)[~unknown & mapped.notna()]
    report_similar_labels(chosen["target"], "target", report)
    return chosen


def _sample_types(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return which samples are no tumors, and which tumors are no primary ones."""
    normal = is_normal(table.index)
    rank = np.array([type_rank(name) for name in table.index])
    for column in TYPE_COLUMNS:
        if column in table:
            kinds = table[column].str.strip().str.casefold()
            is_tumor = kinds.str.match(WITH_NORMAL)
            normal |= (kinds.str.contains(NORMAL) & ~is_tumor).to_numpy()
            rank |= kinds.str.contains(NOT_PRIMARY).to_numpy()
    return {"is_normal": normal, "rank": rank}


def _compare_patients(study: StudyFolder, target: str, samples: pd.DataFrame) -> pd.DataFrame:
    """Report what the patient file has besides, where the target is in the sample file."""
    if not study.patient_file.is_file():
        return samples
    report, name = Report(), study.patient_file.name
    try:
        patients = _read_patients(study, samples, report).drop(columns="PATIENT_ID")
    except ValueError as error:
        study.report.add(name, f"not needed and ignored: {error}")
        return samples
    if target in patients:
        others = patients[target].str.strip().fillna("").set_axis(samples.index)
        differs = ~is_unknown(others) & (others != samples["target"])
        report.add(name, f"{target} other than in {study.sample_file.name}, ignored", differs)
    study.report.rows += report.rows
    return samples.assign(PATIENT_ID=patients.index)


def _read_patients(study: StudyFolder, samples: pd.DataFrame, report: Report) -> pd.DataFrame:
    """Read the row of the patient file for each sample, by PATIENT_ID as that file spells it."""
    other, where = study.patient_file.name, study.sample_file.name
    patients = _read_clinical(study, study.patient_file, ["PATIENT_ID"], report)
    patients = patients.set_index("PATIENT_ID", drop=False)
    names = pd.Index(samples["PATIENT_ID"], dtype=str)
    matched = match_names(names, patients.index, where=where, other=other, report=report)
    check_overlap(f"PATIENT_ID of {where}", matched, other, patients.index)
    unlisted = matched[~matched.isin(patients.index)].nunique()
    report.add(where, f"patients that {other} does not list", unlisted)
    report.add("patients", f"without a sample in {where}", ~patients.index.isin(matched))
    return patients.reindex(matched)


def _read_clinical(
    study: StudyFolder, path: Path, required: list[str], report: Report
) -> pd.DataFrame:
    if not path.is_file():
        raise FileNotFoundError(study.describe_missing(path.name))
    table, _ = read_text_table(path, required)
    empty = table.apply(lambda fields: fields.str.strip() == "").all(axis=1)
    report.add(path.name, "rows of blanks only, ignored", empty)
    table = table[~empty]
    for column in required:
        table[column] = strip_names(table[column], report, path.name, column).to_numpy()
        blank = table.index[table[column] == ""]
        if len(blank):
            raise malformed(path, f"{column} is blank. Fill it in, or remove the row", blank[0])
    return drop_duplicate_rows(path, table, required[:1], report)

"""The patient and the class of every sample."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from .._study import Report
from ._profiles import StudyFolder
from ._text_files import malformed, quote, quote_all, read_text_table

__all__ = ["apply_target_map", "check_mapped_labels", "check_target_map", "read_samples"]

UNKNOWN = {"", "NA", "NAN", "NC", "N/A", "UNKNOWN", "[NOT AVAILABLE]", "[UNKNOWN]"}


def read_samples(study: StudyFolder, target: str) -> pd.DataFrame:
    """Read "PATIENT_ID" and "target" of every sample, in the order of the sample file."""
    samples = _read_clinical(study, study.sample_file, ["SAMPLE_ID", "PATIENT_ID"])
    samples = samples.set_index("SAMPLE_ID", drop=False)
    if target in samples:
        values = samples[target]
    else:
        patients = _read_clinical(study, study.patient_file, ["PATIENT_ID"])
        if target not in patients:
            raise ValueError(
                f"No clinical column is named {target!r}. Columns of {study.patient_file.name}: "
                f"{quote_all(patients)}; of {study.sample_file.name}: {quote_all(samples)}."
            )
        by_patient = patients.set_index("PATIENT_ID", drop=False)[target]
        values = samples["PATIENT_ID"].map(by_patient).fillna("")
    return pd.DataFrame({"PATIENT_ID": samples["PATIENT_ID"], "target": values.str.strip()})


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
    unknown = samples["target"].str.upper().isin(UNKNOWN) & ~samples["target"].isin(list(renamed))
    report.append(("patients", "target unknown", int(unknown.sum())))
    for old, new in renamed.items():
        count = int((samples["target"] == old).sum())
        what = "left out by target_map" if new is None else f"renamed {new!r}"
        report.append(("patients", f"target {old!r} {what}", count))
    mapped = samples["target"].map(lambda label: renamed.get(label, label)).astype(object)
    return samples.assign(target=mapped)[~unknown & mapped.notna()]


def _read_clinical(study: StudyFolder, path: Path, required: list[str]) -> pd.DataFrame:
    if not path.is_file():
        raise FileNotFoundError(study.describe_missing(path.name))
    table = read_text_table(path, required).fields
    for column in required:
        blank = table.index[table[column].str.strip() == ""]
        if len(blank):
            raise malformed(path, f"{column} is blank", blank[0])
    key = table[required[0]]
    repeated = table.index[key.duplicated()]
    if len(repeated):
        raise malformed(
            path,
            f"{required[0]} {quote(key[repeated[0]])} occurs in more than one row",
            repeated[0],
        )
    return table

"""Reading a study in cBioPortal's file formats."""

from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from .._modalities import concat_modalities

__all__ = ["read_cbioportal"]

FILES = {
    "exp": ("data_mrna_*.txt", "data_expression*.txt"),
    "cna": ("data_log2_cna.txt", "data_cna.txt", "data_CNA.txt"),
    "mut": ("data_mutations.txt", "data_mutations_extended.txt"),
}
SEQUENCED = "#Sequenced_Samples:"
# cBioPortal imports none of these by default, as they leave the protein unchanged.
SILENT = {"Silent", "Intron", "IGR", "RNA", "3'UTR", "5'UTR", "3'Flank", "5'Flank"}
UNKNOWN = {"", "NA", "NAN", "NC", "N/A", "UNKNOWN", "[NOT AVAILABLE]", "[UNKNOWN]"}

Report = list[tuple[str, str, int]]


def read_cbioportal(
    study_dir: str | Path,
    *,
    modalities: Sequence[str] = ("exp", "cna", "mut"),
    target: str = "CLAUDIN_SUBTYPE",
    join: str = "inner",
) -> Bunch:
    """Read expression, copy number, mutations and subtypes from a cBioPortal study folder.

    Parameters
    ----------
    study_dir : str or Path
        A folder with ``data_clinical_patient.txt``, ``data_clinical_sample.txt`` and the data
        files of the modalities: ``data_mrna_*.txt`` (z-scores only where there is nothing else),
        ``data_log2_cna.txt`` or ``data_cna.txt``, ``data_mutations.txt``.
    modalities : sequence of {"exp", "cna", "mut"}, default=("exp", "cna", "mut")
        What to read, the primary modality first.
    target : str, default="CLAUDIN_SUBTYPE"
        Column of the patient or sample file to predict.
    join : {"inner", "outer"}, default="inner"
        Keep the patients that have all modalities, or those that have any. An absent modality is
        a block of NaN.

    Returns
    -------
    Bunch
        ``data`` (DataFrame of shape (n_patients, n_genes), patient ids as index, columns named
        ``modality__gene``), ``target`` (Series of str), ``target_names`` (array of str),
        ``feature_names`` (list of str), ``report`` (DataFrame that counts what was left out or
        merged, where and why) and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the folder or a file is missing; the message lists what there is.
    ValueError
        If a modality or `target` is unknown, a file is malformed, or no patient is left.

    See Also
    --------
    make_multiomics : Simulates a cohort.

    Notes
    -----
    Samples are aligned by sample, then named by patient. Of several samples of a patient, the
    first in the sample file is kept. Patients whose target is blank, ``NA`` or ``NC`` are left out.

    Expression and copy number: rows of the same gene symbol are averaged; rows without a symbol and
    genes without a value for every profiled sample are left out.

    Mutations: 1 where the gene has a mutation that changes the protein, 0 where the sample was
    sequenced and has none. Silent, Intron, IGR, RNA, UTR and Flank variants do not count, as in
    cBioPortal. A sample was sequenced if ``#Sequenced_Samples`` lists it, or, in a file without
    that line, if it has a row.

    Examples
    --------
    >>> from xmodal_sklearn.datasets import read_cbioportal
    >>> metabric = read_cbioportal("brca_metabric", modalities=["exp", "cna"])  # doctest: +SKIP
    >>> metabric.report  # doctest: +SKIP
    """
    folder = Path(study_dir)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no study folder at {str(folder)!r}.")
    unknown = [modality for modality in modalities if modality not in FILES]
    if unknown or not modalities or isinstance(modalities, str):
        raise ValueError(f"modalities must be some of {list(FILES)}, got {modalities!r}.")
    report: Report = []
    samples = _read_samples(folder, target)
    tables = {
        modality: READERS[modality](_find(folder, modality), report) for modality in modalities
    }
    for modality, table in tables.items():
        listed = table.index.isin(samples.index)
        report.append((modality, "samples that the sample file does not list", sum(~listed)))
        tables[modality] = table[listed]
    data = concat_modalities(tables, join=join)
    data, labels = _by_patient(data, samples, report)
    if data.empty:
        raise ValueError(f"No patient of {str(folder)!r} has the modalities and a known {target}.")
    return Bunch(
        data=data,
        target=labels.rename(target),
        target_names=np.unique(labels.to_numpy()),
        feature_names=list(data.columns),
        report=pd.DataFrame(report, columns=["where", "what", "count"]).query("count > 0"),
        DESCR=f"cBioPortal study {folder.name}: {', '.join(modalities)} ({join} join).",
    )


def _by_patient(
    data: pd.DataFrame, samples: pd.DataFrame, report: Report
) -> tuple[pd.DataFrame, pd.Series]:
    """Keep one sample of every patient with a known target, and name it by the patient."""
    samples = samples.loc[samples.index.isin(data.index)]
    repeated = samples["PATIENT_ID"].duplicated()
    report.append(("patients", "further samples of a patient", int(repeated.sum())))
    samples = samples[~repeated]
    known = ~samples["target"].str.strip().str.upper().isin(UNKNOWN)
    report.append(("patients", "target unknown", int((~known).sum())))
    samples = samples[known]
    data = data.loc[data.index[data.index.isin(samples.index)]]
    samples = samples.loc[data.index]
    patients = pd.Index(samples["PATIENT_ID"], name="PATIENT_ID")
    # dtype=object, because NumPy's and scikit-learn's functions differ in how they take the
    # string arrays of pandas 3.
    labels = pd.Series(samples["target"].to_numpy(dtype=object), index=patients, dtype=object)
    return data.set_axis(patients), labels


def _read_samples(folder: Path, target: str) -> pd.DataFrame:
    """Return patient and target of every sample."""
    samples = _read_clinical(folder / "data_clinical_sample.txt", ["SAMPLE_ID", "PATIENT_ID"])
    patients = _read_clinical(folder / "data_clinical_patient.txt", ["PATIENT_ID"])
    for table, key in ((samples, "SAMPLE_ID"), (patients, "PATIENT_ID")):
        if table[key].duplicated().any():
            repeated = table[key][table[key].duplicated()].iloc[0]
            raise ValueError(f"{key} {repeated!r} stands more than once in its clinical file.")
    samples = samples.set_index("SAMPLE_ID")
    if target in samples:
        values = samples[target]
    elif target in patients:
        values = samples["PATIENT_ID"].map(patients.set_index("PATIENT_ID")[target]).fillna("")
    else:
        raise ValueError(
            f"No clinical column {target!r}. Patient columns: {list(patients)}; sample columns: "
            f"{list(samples)}."
        )
    return pd.DataFrame({"PATIENT_ID": samples["PATIENT_ID"], "target": values})


def _read_clinical(path: Path, required: list[str]) -> pd.DataFrame:
    if not path.is_file():
        raise FileNotFoundError(_missing(path.parent, path.name))
    return _read_table(path, required, dtype=str, keep_default_na=False)


def _read_matrix(path: Path, report: Report) -> pd.DataFrame:
    """Read genes in rows and samples in columns; return samples in rows, one column per gene."""
    table = _read_table(path, ["Hugo_Symbol"], dtype={"Hugo_Symbol": str, "Entrez_Gene_Id": str})
    unnamed = table["Hugo_Symbol"].isna()
    report.append((path.name, "rows without a gene symbol", int(unnamed.sum())))
    table = table[~unnamed].set_index("Hugo_Symbol").drop(columns="Entrez_Gene_Id", errors="ignore")
    words = table.select_dtypes(exclude="number")
    if not words.empty:
        bad = pd.to_numeric(words.iloc[:, 0], errors="coerce").isna() & words.iloc[:, 0].notna()
        raise ValueError(
            f"{path.name}: sample {words.columns[0]!r} has {words.loc[bad].iloc[0, 0]!r} for gene "
            f"{words.index[bad][0]!r}, which is not a number."
        )
    report.append(
        (path.name, "rows of repeated gene symbols, averaged", int(table.index.duplicated().sum()))
    )
    table = table.groupby(level=0, sort=False).mean() if table.index.has_duplicates else table
    profiled = table.notna().any()
    report.append((path.name, "samples without any value", int((~profiled).sum())))
    gaps = table.loc[:, profiled].isna().any(axis=1)
    report.append((path.name, "genes with missing values", int(gaps.sum())))
    return table.loc[~gaps, profiled].T.astype(np.float32)


def _read_mutations(path: Path, report: Report) -> pd.DataFrame:
    """Read a MAF file; return sequenced samples in rows, 1 where a gene is mutated."""
    columns = ["Hugo_Symbol", "Tumor_Sample_Barcode", "Variant_Classification"]
    table = _read_table(path, columns, usecols=columns, dtype=str, keep_default_na=False)
    lines = [line for line in _comments(path) if line.startswith(SEQUENCED)]
    sequenced = lines[0].removeprefix(SEQUENCED).split() if lines else table["Tumor_Sample_Barcode"]
    samples, genes = (
        pd.Index(pd.unique(pd.Series(sequenced))),
        pd.Index(table["Hugo_Symbol"].unique()),
    )
    silent = table["Variant_Classification"].isin(SILENT)
    listed = table["Tumor_Sample_Barcode"].isin(samples)
    report.append((path.name, "mutations that leave the protein unchanged", int(silent.sum())))
    report.append((path.name, "mutations of samples not listed as sequenced", int((~listed).sum())))
    counted = table[~silent & listed]
    matrix = np.zeros((len(samples), len(genes)), dtype=np.uint8)
    rows = samples.get_indexer(counted["Tumor_Sample_Barcode"])
    matrix[rows, genes.get_indexer(counted["Hugo_Symbol"])] = 1
    return pd.DataFrame(matrix, samples, genes)


READERS: dict[str, Callable[[Path, Report], pd.DataFrame]] = {
    "exp": _read_matrix,
    "cna": _read_matrix,
    "mut": _read_mutations,
}


def _find(folder: Path, modality: str) -> Path:
    """Return the first file of a modality, one without z-scores if there is one."""
    found = [path for pattern in FILES[modality] for path in sorted(folder.glob(pattern))]
    if not found:
        raise FileNotFoundError(_missing(folder, " or ".join(FILES[modality])))
    return min(found, key=lambda path: "zscore" in path.name.lower())


def _missing(folder: Path, wanted: str) -> str:
    there = sorted(path.name for path in folder.glob("data_*"))
    return f"{str(folder)!r} has no {wanted}; its data files are {there}."


def _comments(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as file:
        return list(takewhile(lambda line: line.startswith("#"), file))


def _read_table(path: Path, required: list[str], **options: object) -> pd.DataFrame:
    try:
        # Not comment="#", which would also cut values that hold that character.
        skipped = len(_comments(path))
        table = pd.read_csv(path, sep="\t", skiprows=skipped, low_memory=False, **options)
    except ValueError as error:
        raise ValueError(f"Can't read {path.name}: {error}") from error
    lacking = [column for column in required if column not in table]
    if lacking:
        raise ValueError(f"{path.name} has no column {lacking[0]!r}, only {list(table)[:10]}.")
    return table

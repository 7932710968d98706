"""Reading a study in cBioPortal's file formats."""

import csv
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import takewhile
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from .._modalities import concat_modalities, resolve_modalities

__all__ = ["read_cbioportal"]

FILES = {
    "exp": ("data_mrna_*.txt", "data_expression*.txt"),
    "cna": ("data_log2_cna.txt", "data_cna.txt", "data_CNA.txt"),
    "mut": ("data_mutations.txt", "data_mutations_extended.txt"),
}
SAMPLE_FILE, PATIENT_FILE = "data_clinical_sample.txt", "data_clinical_patient.txt"
ANNOTATION = ["Entrez_Gene_Id", "Cytoband"]
SEQUENCED = "#Sequenced_Samples:"
# What cBioPortal's import leaves out; it excepts the TERT promoter (5'Flank), which we do not.
SILENT = {"Silent", "Intron", "IGR", "RNA", "3'UTR", "5'UTR", "3'Flank", "5'Flank"}
UNKNOWN = {"", "NA", "NAN", "NC", "N/A", "UNKNOWN", "[NOT AVAILABLE]", "[UNKNOWN]"}

Report = list[tuple[str, str, int]]


def read_cbioportal(
    study_dir: str | PathLike[str],
    *,
    modalities: Sequence[str] = ("exp", "cna", "mut"),
    target: str = "CLAUDIN_SUBTYPE",
    join: str = "inner",
) -> Bunch:
    r"""Read expression, copy number, mutations and classes from a cBioPortal study folder.

    The tables are aligned on their samples, patients whose class is unknown are left out, and
    whatever is left out or merged is counted in a report.

    Parameters
    ----------
    study_dir : str or path-like
        A folder with ``data_clinical_sample.txt``, ``data_clinical_patient.txt`` where it holds
        the target, and one file per modality: ``data_mrna_*.txt`` for ``"exp"`` (z-scores only
        where there is nothing else), ``data_log2_cna.txt``, else ``data_cna.txt`` for ``"cna"``,
        ``data_mutations.txt`` for ``"mut"``.
    modalities : sequence of {"exp", "cna", "mut"}, default=("exp", "cna", "mut")
        What to read, in the order of the columns; the first is the classifier's primary modality.
    target : str, default="CLAUDIN_SUBTYPE"
        Column of the sample or patient file that holds the classes.
    join : {"inner", "outer"}, default="inner"
        Keep the patients that have all of the modalities, or those that have any. An absent
        modality is then a block of NaN.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        With the attributes

        data : DataFrame of shape (n_patients, n_features)
            Columns named ``modality__gene``, patient ids as index. Expression and copy number are
            float32, mutations int8, or float where some are absent.
        target : Series of object of shape (n_patients,)
            Class names, indexed like ``data``.
        target_names : ndarray of object of shape (n_classes,)
            Class names, sorted as in a classifier's ``classes_``.
        feature_names : list of str
            Columns of ``data``.
        modalities : dict of str to ndarray of int
            Column positions of each modality.
        report : DataFrame with the columns "where", "what" and "count"
            What was left out or merged, and how often.
        DESCR : str
            What this is.

    Raises
    ------
    FileNotFoundError
        If the folder or a file is missing; the message lists the data files that are there.
    ValueError
        If an argument is not allowed, a file is malformed, or no patient is left; the message
        names the file and, for a missing target, the columns that there are.

    See Also
    --------
    make_multiomics : Simulates a cohort in the same form.

    Notes
    -----
    *Samples and patients.* Modalities are joined by sample, since two samples of a patient may be
    two different tumours. Of several samples of a patient, the one with the most modalities is
    kept, and of these the first in the sample file. A blank class, ``NA`` or ``NC`` is unknown.

    *Expression and copy number.* Rows of the same gene symbol are averaged, sample by sample and
    over the values that there are. This looks at no other sample, so that nothing leaks from a
    test set, as it would if the most variable row were chosen. Rows without a symbol, samples
    without any value and then genes with a value missing in any sample are left out.

    *Mutations.* 1 where a gene has a mutation that may change the protein, 0 where the sample was
    sequenced and has none. Silent, Intron, IGR, RNA, UTR and Flank variants do not count, as in
    cBioPortal [1]_, but without its exception for the promoter of TERT. Every gene of the file is
    a column. The line ``#Sequenced_Samples`` says which samples were sequenced; without it, those
    with a row were.

    References
    ----------
    .. [1] `cBioPortal's file formats <https://docs.cbioportal.org/file-formats/>`_.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from xmodal_sklearn.datasets import read_cbioportal
    >>> files = {
    ...     "data_clinical_patient.txt": "PATIENT_ID\tSUBTYPE\nP1\tLumA\nP2\tBasal\nP3\tNC\n",
    ...     "data_clinical_sample.txt": "SAMPLE_ID\tPATIENT_ID\nS1\tP1\nS2\tP2\nS3\tP3\n",
    ...     "data_cna.txt": "Hugo_Symbol\tS1\tS2\tS3\nERBB2\t2\t0\t1\nMYC\t-1\t1\t0\n",
    ... }
    >>> with TemporaryDirectory() as folder:
    ...     for name, text in files.items():
    ...         _ = Path(folder, name).write_text(text)
    ...     study = read_cbioportal(folder, modalities=["cna"], target="SUBTYPE")
    >>> study.data.T
    PATIENT_ID   P1   P2
    cna__ERBB2  2.0  0.0
    cna__MYC   -1.0  1.0
    >>> study.target.to_dict()
    {'P1': 'LumA', 'P2': 'Basal'}
    >>> study.report
          where            what  count
    0  patients  target unknown      1
    """
    folder, modalities = Path(study_dir), _check_arguments(modalities, join)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"There is no study folder at {str(folder)!r}. Give the folder that holds the study's "
            "data_*.txt files."
        )
    paths = {modality: _find(folder, modality) for modality in modalities}
    report: Report = []
    samples = _read_samples(folder, target)
    tables = {modality: READERS[modality](path, report) for modality, path in paths.items()}
    for modality, table in tables.items():
        listed = table.index.isin(samples.index)
        unlisted = int((~listed).sum())
        report.append(
            (paths[modality].name, "samples that the sample file does not list", unlisted)
        )
        tables[modality] = table[listed]
    chosen = _choose_samples(samples, tables, join, report)
    if chosen.empty:
        sizes = {modality: len(table) for modality, table in tables.items()}
        raise ValueError(
            f"No patient of {str(folder)!r} has a known {target} and "
            f"{'all' if join == 'inner' else 'any'} of the modalities; samples per modality: "
            f'{sizes}. Ask for other modalities, for join="outer", or for another target.'
        )
    data = concat_modalities(tables, join=join).loc[chosen.index].set_axis(chosen["PATIENT_ID"])
    # dtype=object, because scikit-learn does not take the string arrays of pandas 3 everywhere.
    labels = pd.Series(
        chosen["target"].to_numpy(dtype=object), index=data.index, name=target, dtype=object
    )
    return Bunch(
        data=data,
        target=labels,
        target_names=np.unique(labels.to_numpy()),
        feature_names=list(data.columns),
        modalities=resolve_modalities(data, None),
        report=pd.DataFrame(
            [entry for entry in report if entry[2]], columns=["where", "what", "count"]
        ),
        DESCR=f"cBioPortal study {folder.name}: {', '.join(modalities)} ({join} join), {target}.",
    )


def _check_arguments(modalities: Sequence[str], join: str) -> list[str]:
    names = [modalities] if isinstance(modalities, str) else list(modalities)
    if isinstance(modalities, str) or not names or not set(names) <= set(FILES):
        raise ValueError(f"modalities must be a list of some of {list(FILES)}, got {modalities!r}.")
    if len(set(names)) < len(names):
        raise ValueError(f"modalities must not name a modality twice, got {modalities!r}.")
    if join not in ("inner", "outer"):
        raise ValueError(f'join must be "inner" or "outer", got {join!r}.')
    return names


def _choose_samples(
    samples: pd.DataFrame, tables: dict[str, pd.DataFrame], join: str, report: Report
) -> pd.DataFrame:
    """Keep one sample of every patient with a known target, of those that have the modalities."""
    n_modalities = sum(samples.index.isin(table.index).astype(int) for table in tables.values())
    needed = len(tables) if join == "inner" else 1
    # The sort is stable: among equals, the first in the file stays first.
    samples = samples.assign(n_modalities=n_modalities)[n_modalities >= needed]
    best = samples.sort_values("n_modalities", ascending=False, kind="stable")
    further = best.index[best["PATIENT_ID"].duplicated()]
    report.append(("patients", "further samples of a patient", len(further)))
    samples = samples.drop(further)
    known = ~samples["target"].str.upper().isin(UNKNOWN)
    report.append(("patients", "target unknown", int((~known).sum())))
    return samples[known]


def _read_samples(folder: Path, target: str) -> pd.DataFrame:
    """Return patient and target of every sample, in the order of the sample file."""
    samples = _read_clinical(folder / SAMPLE_FILE, ["SAMPLE_ID", "PATIENT_ID"]).set_index(
        "SAMPLE_ID", drop=False
    )
    if target in samples:
        values = samples[target]
    else:
        patients = _read_clinical(folder / PATIENT_FILE, ["PATIENT_ID"])
        if target not in patients:
            raise ValueError(
                f"No clinical column is named {target!r}. Columns of {PATIENT_FILE}: "
                f"{list(patients)}; of {SAMPLE_FILE}: {list(samples)}."
            )
        by_patient = patients.set_index("PATIENT_ID", drop=False)[target]
        values = samples["PATIENT_ID"].map(by_patient).fillna("")
    return pd.DataFrame({"PATIENT_ID": samples["PATIENT_ID"], "target": values.str.strip()})


def _read_clinical(path: Path, required: list[str]) -> pd.DataFrame:
    if not path.is_file():
        raise FileNotFoundError(_missing(path.parent, path.name))
    table = _read_table(path, required, dtype=str, keep_default_na=False)
    key = required[0]
    repeated = table[key][table[key].duplicated()]
    if len(repeated):
        raise ValueError(f"{path.name}: {key} {repeated.iloc[0]!r} stands in more than one row.")
    return table


def _read_matrix(path: Path, report: Report) -> pd.DataFrame:
    """Read genes in rows and samples in columns; return samples in rows, one column per gene."""
    table = _read_table(
        path, ["Hugo_Symbol"], dtype=dict.fromkeys(["Hugo_Symbol", *ANNOTATION], str)
    )
    symbols = table["Hugo_Symbol"].fillna("").str.strip()
    values = table.drop(columns=["Hugo_Symbol", *ANNOTATION], errors="ignore").set_axis(symbols)
    _check_numbers(path, values)
    report.append((path.name, "rows without a gene symbol", int((symbols == "").sum())))
    values = values[symbols.to_numpy() != ""]
    repeated = int(values.index.duplicated().sum())
    report.append((path.name, "rows of repeated gene symbols, averaged", repeated))
    if repeated:
        values = values.groupby(level=0, sort=False).mean()
    profiled = values.notna().any()
    report.append((path.name, "samples without any value", int((~profiled).sum())))
    values = values.loc[:, profiled]
    gaps = values.isna().any(axis=1)
    report.append((path.name, "genes with missing values", int(gaps.sum())))
    if gaps.all():
        raise ValueError(f"{path.name} has no gene with a value for every sample.")
    return values[~gaps].T.astype(np.float32)


def _check_numbers(path: Path, values: pd.DataFrame) -> None:
    for sample, column in values.items():
        numbers = pd.to_numeric(column, errors="coerce")
        bad = (numbers.isna() & column.notna()) | np.isinf(numbers)
        if bad.any() or column.dtype == bool:
            row = int(bad.to_numpy().argmax())
            raise ValueError(
                f"{path.name}: sample {sample!r} has {str(column.iloc[row])!r} for gene "
                f"{column.index[row]!r}, which is not a finite number."
            )


def _read_mutations(path: Path, report: Report) -> pd.DataFrame:
    """Read a MAF file; return sequenced samples in rows, 1 where a gene is mutated."""
    columns = ["Hugo_Symbol", "Tumor_Sample_Barcode", "Variant_Classification"]
    table = _read_table(path, columns, dtype=str, keep_default_na=False)[columns]
    lines = [line for line in _comments(path) if line.startswith(SEQUENCED)]
    barcodes = lines[0].removeprefix(SEQUENCED).split() if lines else table["Tumor_Sample_Barcode"]
    samples = pd.Index(barcodes, dtype=object).unique()
    if samples.empty:
        raise ValueError(f"{path.name} names no sequenced sample.")

    def leave_out(rows: pd.Series, reason: str) -> pd.DataFrame:
        report.append((path.name, reason, int(rows.sum())))
        return table[~rows]

    table["Hugo_Symbol"] = table["Hugo_Symbol"].str.strip()
    table = leave_out(table["Hugo_Symbol"] == "", "mutations without a gene symbol")
    genes = pd.Index(table["Hugo_Symbol"].unique(), dtype=object)
    table = leave_out(
        ~table["Tumor_Sample_Barcode"].isin(samples), "mutations of samples not listed as sequenced"
    )
    table = leave_out(
        table["Variant_Classification"].isin(SILENT), "mutations that leave the protein unchanged"
    )
    matrix = np.zeros((len(samples), len(genes)), dtype=np.int8)
    rows = samples.get_indexer(table["Tumor_Sample_Barcode"])
    matrix[rows, genes.get_indexer(table["Hugo_Symbol"])] = 1
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
        raise FileNotFoundError(
            f"Modality {modality!r}: {_missing(folder, ' or '.join(FILES[modality]))}"
        )
    return min(found, key=lambda path: "zscore" in path.name.lower())


def _missing(folder: Path, wanted: str) -> str:
    there = sorted(path.name for path in folder.glob("data_*"))
    return f"{str(folder)!r} has no {wanted}; its data files are {there}."


def _comments(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as file:
        return list(takewhile(lambda line: line.startswith("#"), file))


def _read_table(path: Path, required: list[str], **options: Any) -> pd.DataFrame:
    """Read the tab-separated table below the ``#`` lines of a file."""
    try:
        header, skipped = _header(path), len(_comments(path))
        # Not comment="#", which would also cut values that hold that character. Fields are never
        # quoted, so that a quotation mark is a mark. Without index_col=False, a header that is
        # one name short would shift every value by a column.
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                path,
                sep="\t",
                skiprows=skipped,
                quoting=csv.QUOTE_NONE,
                index_col=False,
                low_memory=False,
                **options,
            )
    except (ValueError, pd.errors.ParserWarning) as error:
        raise ValueError(f"Can't read {path.name}: {error}") from error
    for column in required:
        if column not in table:
            raise ValueError(
                f"{path.name} has no column {column!r} in its header, which begins with "
                f"{header[:10]}."
            )
    return table


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as file:
        line = next((line for line in file if not line.startswith("#")), "")
    names = line.rstrip("\n").split("\t")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"its header names the column {repeated[0]!r} more than once.")
    return names

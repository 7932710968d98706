"""Read a study in cBioPortal's file formats."""

import re
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ..._suggestions import did_you_mean, first_names
from ...modalities._columns import SEPARATOR
from ...modalities._concat import concat_modalities
from .._names import (
    check_overlap,
    is_normal,
    is_unknown,
    match_names,
    rename_samples,
    report_similar_labels,
    strip_names,
    type_rank,
)
from .._study import Report, make_study, make_target
from .._text import drop_duplicate_rows, malformed, quote_all, read_text_table
from ._profiles import FILES, Profile, StudyFolder
from ._values import drop_rare_genes, drop_uncovered, read_mutations, read_values

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


def read_cbioportal(
    study_dir: str | PathLike[str],
    *,
    modalities: Sequence[str] | Mapping[str, str | None] = ("exp", "cna", "mut"),
    target: str = "CLAUDIN_SUBTYPE",
    target_map: Mapping[str, str | None] | None = None,
    profiles: Mapping[str, str] | None = None,
    join: str = "inner",
) -> Bunch:
    r"""Read expression, copy number, mutations and classes from a cBioPortal study folder.

    The tables are aligned on their samples; patients whose class is unknown are left out.
    Whatever is left out, merged or reinterpreted is counted in a report.

    Parameters
    ----------
    study_dir : str or path-like
        A folder with ``data_clinical_sample.txt``, ``data_clinical_patient.txt`` if that holds
        the target, and one file per modality. The files are identified by ``meta_*.txt`` files,
        or else by their names: ``data_mrna_*.txt`` for ``"exp"``, ``data_log2_cna.txt`` or
        ``data_cna.txt`` for ``"cna"``, ``data_mutations.txt`` for ``"mut"``.
    modalities : sequence of {"exp", "cna", "mut"}, or dict, default=("exp", "cna", "mut")
        What to read, in the order of the columns; the first is the classifier's primary modality.
        A dict maps a modality of any name to the profile that holds it, by stable id or file name,
        as in ``{"exp": None, "prot": "rppa", "meth": "methylation_hm450"}``; None is the default
        profile. Any table of numbers can be a modality; :func:`list_profiles` lists them.
    target : str, default="CLAUDIN_SUBTYPE"
        Column of the sample or patient file that holds the classes.
    target_map : dict of str to (str or None), default=None
        Old to new labels, to merge classes. Samples whose label is mapped to None are left out;
        labels that are not a key stay as they are.
    profiles : dict of str to str, default=None
        Which file to read for a modality, by its name or by the ``stable_id`` of its meta file,
        in place of the default one (see Notes).
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
        profiles : dict of str to str
            The file that was read for each modality.
        report : DataFrame with the columns "where", "what" and "count"
            What was left out, merged or reinterpreted, and how often. Rows whose "where" is
            "patients" count the patients that are left out, each once: with those of ``data``
            they are all patients of the clinical files.
        DESCR : str
            A description of the data.

    Raises
    ------
    FileNotFoundError
        If the folder or a file is missing; the message lists the profiles and data files that
        the folder has.
    ValueError
        If an argument is not allowed, a file is malformed, or no patient is left; the message
        names the file and the line, and for a missing target the columns to choose from. Rows
        that are shorter or longer than the header count as malformed, too, because filling them
        up would hide a truncated file.

    See Also
    --------
    fetch_cbioportal : Download a study and read it.
    list_profiles : List the profiles of a study.
    make_multiomics : Simulate a cohort in the same form.

    Notes
    -----
    *Profiles.* If a modality has several files, expression without z-scores is preferred, and
    RNA-seq to microarrays; microRNA, outlier calls and normal samples are never read as
    expression. For copy number, log2 ratios are preferred to discrete calls, and these to linear
    values. Among equals, the first by file name is read. ``profiles`` requests another one, such as
    the z-scores. Harmless flaws of meta files, case lists and gene panels are ignored or reported.
    If the file that a meta file names is missing, the next one is read, which is reported.

    *Samples and patients.* Modalities are joined by sample, since two samples of a patient may be
    two different tumors. Normal tissue and controls (TCGA's types 10 to 29, or ``SAMPLE_TYPE``)
    are never used as tumors. Of several tumors of a patient, the one with the most modalities is
    kept, among these a primary one, and among these the first in the sample file. A blank class or
    a placeholder (``NA``, ``NC``, ``Unknown``, anything in square brackets) is unknown
    unless ``target_map`` names it.

    *Names.* Blanks around names are removed. A name in a table that the sample file lacks is
    matched to the one that differs only in case, blanks, dashes, dots and underscores, or, for
    numbers, in how programs write them (``007``, ``7.0``, ``X7``). Barcodes of TCGA and TARGET,
    with dots or dashes, are compared at the coarser level: an aliquot belongs to its sample, and a
    patient's name means the only, or only primary, tumor. Of several aliquots of a sample the
    first is kept; their mutations are joined. All this is reported, and a name that may mean
    several samples is an error.

    *Genes.* A row without a symbol (blank, ``NA`` or ``Unknown``) is named by its Entrez id, and
    left out if it has none. It is not merged with the rows of a symbol that has the same id. Rows
    of one symbol with several Entrez ids, or with a date as symbol, as spreadsheets make of
    MARCH1, are named by these ids; repeated dates without ids are left out.

    *Expression and copy number.* Rows of the same gene are averaged, sample by sample, over the
    values that are not missing. As no other sample is used, nothing leaks from a test set, as it
    would if the most variable row were chosen. Discrete calls may thus become fractions. Blank,
    ``NA``, ``N/A``, ``NaN``, ``null`` and ``None``, in any case, are missing values. Samples
    with values of less than a fifth of the genes are left out, and then genes that are missing in
    more than half of the patients. Other missing values stay NaN, which the estimators of this
    package impute within each fold, and the report counts them.

    *Mutations.* 1 where a gene has a mutation that may change the protein, 0 where the sample was
    sequenced and has none. Silent, Intron, IGR, RNA, UTR and Flank variants do not count, as in
    cBioPortal [1]_, but without its exception for the promoter of TERT, and neither do their names
    in VEP, SnpEff and ANNOVAR, nor rows whose status is Wildtype, None, LOH or Redacted. Unknown
    classes count, and so do rows whose validation is Invalid; both are reported. Every gene of the
    file is a column. The samples that were sequenced are listed in the line ``#Sequenced_Samples``
    above the table, else in the case list in ``case_lists/`` whose ``stable_id`` ends with
    ``_sequenced``; without either, they are those with a row or with a gene panel.

    *Gene panels.* A gene outside the panel with which a sample was sequenced is unknown, not wild
    type. As a modality is present or absent as a whole, only genes in the panels of all sequenced
    samples that are kept become columns. ``data_gene_panel_matrix.txt`` says which panel each
    sample has, or ``gene_panel`` in the profile's meta file names one panel for all. The genes of a
    panel are read from ``data_gene_panel_*.txt``, ``gene_panel_*.txt`` or ``gene_panels/*.txt``,
    as symbols or Entrez ids. ``NA``, ``WES``, ``WXS`` and ``WGS`` mean all genes, and so does a
    sample that the matrix does not list. A panel whose genes are not in the folder is assumed to
    hold the genes in which any of its samples has a mutation of any kind, which is reported. Panels
    matter to mutations only: tables of values mark missing values themselves.

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
          where                  what  count
    0  patients        target unknown      1
    1    target  'NC' read as unknown      1
    """
    folder = Path(study_dir)
    requested = check_request(modalities, target, join, profiles, target_map)
    study = StudyFolder(folder)
    chosen_profiles = study.choose(requested, profiles or {})
    samples = read_samples(study, target)
    labels = set(samples["target"])
    if unknown := [label for label in target_map or {} if label not in labels]:
        raise ValueError(
            f"target_map renames {unknown[0]!r}, which is not a label of {target}. Its labels are "
            f"{quote_all(sorted(labels)[:30])}."
        )
    tables = _read_tables(study, chosen_profiles, samples)
    chosen = choose_samples(samples, tables, join, study.report)
    chosen = apply_target_map(chosen, target_map, study.report)
    if chosen.empty:
        sizes = {chosen_profiles[name].path.name: len(table) for name, table in tables.items()}
        raise ValueError(
            f"No patient of {str(folder)!r} has a known {target} and "
            f"{'all' if join == 'inner' else 'any'} of the modalities {list(requested)}; samples "
            f"per file: {sizes | {study.sample_file.name: len(samples)}}. Use other modalities, "
            f'join="outer", or another target, or check {study.patient_file.name}.'
        )
    for modality, table in tables.items():
        profile = chosen_profiles[modality]
        table = table[table.index.isin(chosen.index)]
        drop = drop_uncovered if profile.datatype == "MAF" else drop_rare_genes
        tables[modality] = drop(study, profile.path, table)
    data = concat_modalities(tables, join=join).loc[chosen.index].set_axis(chosen["PATIENT_ID"])
    return make_study(
        data,
        make_target(chosen["target"], data.index, target),
        DESCR=f"cBioPortal study {folder.name}: {', '.join(requested)} ({join} join), {target}.",
        report=study.report,
        profiles={name: profile.path.name for name, profile in chosen_profiles.items()},
    )


def check_request(
    modalities: Sequence[str] | Mapping[str, str | None],
    target: str,
    join: str,
    profiles: Mapping[str, str] | None,
    target_map: Mapping[str, str | None] | None,
) -> dict[str, str | None]:
    """Check arguments of read_cbioportal; return the requested profile, or None, by modality."""
    is_list = isinstance(modalities, Iterable) and not isinstance(modalities, str)
    names = list(modalities) if is_list else []
    requested = dict(modalities) if isinstance(modalities, Mapping) else dict.fromkeys(names)
    if not names or not all(
        name in FILES if profile is None else _is_name(name) and isinstance(profile, str)
        for name, profile in requested.items()
    ):
        raise ValueError(
            f"modalities must be a list of some of {list(FILES)}, or map names to profiles as in "
            f'{{"exp": None, "prot": "rppa"}}, got {modalities!r}.'
        )
    if len(set(names)) < len(names):
        raise ValueError(f"modalities must not name a modality twice, got {modalities!r}.")
    if not isinstance(target, str):
        raise ValueError(f"target must be the name of a clinical column, got {target!r}.")
    if join not in ("inner", "outer"):
        raise ValueError(f'join must be "inner" or "outer", got {join!r}.')
    if profiles is not None and not (
        isinstance(profiles, Mapping)
        and set(profiles) <= set(names)
        and all(isinstance(profile, str) and profile for profile in profiles.values())
    ):
        raise ValueError(
            f"profiles must map some of the modalities {names} to a data file's name or a stable "
            f"id, got {profiles!r}."
        )
    if target_map is not None and not isinstance(target_map, Mapping):
        raise ValueError(f"target_map must be a dict of old to new labels, got {target_map!r}.")
    for old, new in (target_map or {}).items():
        if not isinstance(old, str):
            raise ValueError(f"target_map must rename labels, which are strings, got {old!r}.")
        if new is not None and not (isinstance(new, str) and new.strip()):
            raise ValueError(
                f"target_map must map {old!r} to a label, or to None to leave it out, got {new!r}."
            )
    return requested


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(name.strip()) and SEPARATOR not in name


def _read_tables(
    study: StudyFolder, profiles: Mapping[str, Profile], samples: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Read each modality's table; its samples are named as in the sample file."""
    report, tables = study.report, {}
    for modality, profile in profiles.items():
        is_maf = profile.datatype == "MAF"
        table = read_mutations(study, profile, samples) if is_maf else read_values(profile, report)
        where = profile.path.name
        names = study.match_samples(samples, table.index, where)
        table = rename_samples(table, names, report, where, "of the same tumor")
        check_overlap(f"sample of {where}", table.index, study.sample_file.name, samples.index)
        unlisted = ~table.index.isin(samples.index)
        report.add(where, "samples that the sample file does not list", unlisted)
        tables[modality] = table
    return tables


def choose_samples(
    samples: pd.DataFrame, tables: Mapping[str, pd.DataFrame], join: str, report: Report
) -> pd.DataFrame:
    """Keep one tumor of every patient, among the samples that have the modalities."""
    normal = samples["is_normal"]
    report.add("samples", "of normal tissue or controls, left out", normal)
    tumors = samples[~normal]
    patients = samples["PATIENT_ID"][normal].drop_duplicates()
    what = "with only normal tissue or controls"
    report.add("patients", what, ~patients.isin(tumors["PATIENT_ID"]))
    present = {name: tumors.index.isin(table.index) for name, table in tables.items()}
    has = pd.DataFrame(present, tumors.index)
    # The sort is stable: among equals, the first in the file stays first.
    ranked = tumors.assign(n_missing=(~has).sum(axis=1)).sort_values(
        ["n_missing", "rank"], kind="stable"
    )
    duplicates = ranked.index[ranked["PATIENT_ID"].duplicated()]
    enough = has.all(axis=1) if join == "inner" else has.any(axis=1)
    kept = tumors.index.difference(duplicates, sort=False)
    missing = [", ".join(has.columns[~row]) for row in has.loc[kept][~enough[kept]].to_numpy()]
    report.add_values("patients", "without a sample that has {}", pd.Series(missing, dtype=object))
    report.add("samples", "additional samples of a patient", enough[duplicates])
    return tumors.drop(duplicates)[enough.drop(duplicates)]


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
            f"No clinical column is named {target!r}{did_you_mean(target, [*patients, *table])} "
            f"Columns of {study.patient_file.name}: {first_names(patients)}; of "
            f"{study.sample_file.name}: {first_names(table)}."
        )
    values = patients[target].str.strip().fillna("").to_numpy()
    return samples.assign(PATIENT_ID=patients.index, target=values)


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
        what = f"{target} different from that in {study.sample_file.name}, ignored"
        report.add(name, what, differs)
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
    report.add(path.name, "blank rows, ignored", empty)
    table = table[~empty]
    for column in required:
        table[column] = strip_names(table[column], report, path.name, column).to_numpy()
        blank = table.index[table[column] == ""]
        if len(blank):
            raise malformed(path, f"{column} is blank. Fill it in, or remove the row", blank[0])
    return drop_duplicate_rows(path, table, required[:1], report)

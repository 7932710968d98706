"""Reading a study in cBioPortal's file formats."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ...modalities._columns import resolve_modalities
from ...modalities._concat import concat_modalities
from ._clinical import (
    apply_target_map,
    check_labels_are_there,
    check_target_map,
    read_samples,
)
from ._molecular import drop_uncovered, read_profile
from ._profiles import FILES, StudyFolder
from ._text_files import Report

__all__ = ["read_cbioportal"]


def read_cbioportal(
    study_dir: str | PathLike[str],
    *,
    modalities: Sequence[str] = ("exp", "cna", "mut"),
    target: str = "CLAUDIN_SUBTYPE",
    target_map: Mapping[str, str | None] | None = None,
    profiles: Mapping[str, str] | None = None,
    join: str = "inner",
) -> Bunch:
    r"""Read expression, copy number, mutations and classes from a cBioPortal study folder.

    The tables are aligned on their samples, patients whose class is unknown are left out, and
    whatever is left out or merged is counted in a report.

    Parameters
    ----------
    study_dir : str or path-like
        A folder with ``data_clinical_sample.txt``, ``data_clinical_patient.txt`` where it holds
        the target, and one file per modality. Where there are ``meta_*.txt`` files, they say
        which file is what, else its name does: ``data_mrna_*.txt`` for ``"exp"``,
        ``data_log2_cna.txt`` or ``data_cna.txt`` for ``"cna"``, ``data_mutations.txt`` for
        ``"mut"``.
    modalities : sequence of {"exp", "cna", "mut"}, default=("exp", "cna", "mut")
        What to read, in the order of the columns; the first is the classifier's primary modality.
    target : str, default="CLAUDIN_SUBTYPE"
        Column of the sample or patient file that holds the classes.
    target_map : dict of str to str or None, default=None
        New labels of old ones, to merge classes; labels mapped to None are left out, labels that
        are no key stay as they are.
    profiles : dict of str to str, default=None
        Which file to read for a modality, by its name or by the ``stable_id`` of its meta file,
        where it is not the one that is read by default (see Notes).
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
            What was left out or merged, and how often.
        DESCR : str
            What this is.

    Raises
    ------
    FileNotFoundError
        If the folder or a file is missing; the message lists the profiles and the data files
        that are there.
    ValueError
        If an argument is not allowed, a file is malformed, or no patient is left; the message
        names the file and the line, and for a missing target the columns that there are. What
        counts as malformed are, for one, rows that are shorter or longer than the header, since
        a parser that fills them up would hide a truncated file.

    See Also
    --------
    make_multiomics : Simulates a cohort in the same form.

    Notes
    -----
    *Profiles.* Of several files of a modality, expression is read from one without z-scores where
    there is one, and from RNA-seq before microarrays; copy number from log2 ratios, else discrete
    calls, else linear values; then the first by file name counts. ``profiles`` asks for another,
    such as the z-scores.

    *Samples and patients.* Modalities are joined by sample, since two samples of a patient may be
    two different tumours. Of several samples of a patient, the one with the most modalities is
    kept, and of these the first in the sample file. A blank class, ``NA`` or ``NC`` is unknown
    unless ``target_map`` names it.

    *Genes.* A row without a symbol (blank, ``NA`` or ``Unknown``) is named by its Entrez id, and
    left out where it has none. It is not merged with the rows of a symbol of the same id.

    *Expression and copy number.* Rows of the same gene are averaged, sample by sample and over
    the values that there are. This looks at no other sample, so that nothing leaks from a test
    set, as it would if the most variable row were chosen. Discrete calls may so become fractions.
    Blank, ``NA``, ``N/A``, ``NaN``, ``null`` and ``None`` are missing values; samples without any
    value and then genes with a value missing in any sample are left out.

    *Mutations.* 1 where a gene has a mutation that may change the protein, 0 where the sample was
    sequenced and has none. Silent, Intron, IGR, RNA, UTR and Flank variants do not count, as in
    cBioPortal [1]_, but without its exception for the promoter of TERT. Every gene of the file is
    a column. Which samples were sequenced is said by the line ``#Sequenced_Samples`` above the
    table, else by the case list in ``case_lists/`` whose ``stable_id`` ends with ``_sequenced``;
    without either, it is those with a row or with a gene panel.

    *Gene panels.* A gene outside the panel with which a sample was sequenced is unknown, not wild
    type. As a modality is present as a whole or absent as a whole, only the genes in the panels
    of all sequenced samples that are kept stay. ``data_gene_panel_matrix.txt`` says which panel a
    sample has, or ``gene_panel`` in the profile's meta file says so for all; the genes of a panel
    are read from ``data_gene_panel_*.txt``, ``gene_panel_*.txt`` or ``gene_panels/*.txt``, as
    symbols or Entrez ids. ``NA``, ``WES``, ``WXS`` and ``WGS`` stand for all genes, as does a
    sample that the matrix does not list. A panel whose genes are not in the folder is taken to
    hold the genes in which any of its samples has a mutation of any kind, and reported. Panels
    matter to mutations only: tables of values say themselves where there is none.

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
    folder, modalities = Path(study_dir), check_arguments(modalities, join, profiles, target_map)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"There is no study folder at {str(folder)!r}. Give the folder that holds the study's "
            "data_*.txt files."
        )
    study = StudyFolder(folder)
    chosen_profiles = study.choose(modalities, profiles or {})
    paths = {modality: profile.path for modality, profile in chosen_profiles.items()}
    report: Report = []
    samples = read_samples(study, target)
    check_labels_are_there(target, samples["target"], target_map)
    tables = {
        modality: read_profile(study, profile, report)
        for modality, profile in chosen_profiles.items()
    }
    for modality, table in tables.items():
        unlisted = int((~table.index.isin(samples.index)).sum())
        report.append(
            (paths[modality].name, "samples that the sample file does not list", unlisted)
        )
    chosen = apply_target_map(_choose_samples(samples, tables, join, report), target_map, report)
    if chosen.empty:
        sizes = {paths[modality].name: len(table) for modality, table in tables.items()}
        raise ValueError(
            f"No patient of {str(folder)!r} has a known {target} and "
            f"{'all' if join == 'inner' else 'any'} of the modalities {modalities}; samples per "
            f"file: {sizes | {study.sample_file.name: len(samples)}}. Ask for other modalities, "
            'for join="outer", or for another target.'
        )
    for modality, table in tables.items():
        tables[modality] = table[table.index.isin(chosen.index)]
    if "mut" in tables:
        tables["mut"] = drop_uncovered(study, paths["mut"], tables["mut"], report)
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
        profiles={modality: path.name for modality, path in paths.items()},
        report=pd.DataFrame(
            [entry for entry in report if entry[2]], columns=["where", "what", "count"]
        ),
        DESCR=f"cBioPortal study {folder.name}: {', '.join(modalities)} ({join} join), {target}.",
    )


def check_arguments(
    modalities: Sequence[str],
    join: str,
    profiles: Mapping[str, str] | None,
    target_map: Mapping[str, str | None] | None,
) -> list[str]:
    """Return the modalities as a list; raise a ValueError for what no study can be read by."""
    a_list = isinstance(modalities, Iterable) and not isinstance(modalities, str)
    names = list(modalities) if a_list else []
    if not names or not set(names) <= set(FILES):
        raise ValueError(f"modalities must be a list of some of {list(FILES)}, got {modalities!r}.")
    if len(set(names)) < len(names):
        raise ValueError(f"modalities must not name a modality twice, got {modalities!r}.")
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
    check_target_map(target_map)
    return names


def _choose_samples(
    samples: pd.DataFrame, tables: dict[str, pd.DataFrame], join: str, report: Report
) -> pd.DataFrame:
    """Keep one sample of every patient, of those samples that have the modalities."""
    n_modalities = sum(samples.index.isin(table.index).astype(int) for table in tables.values())
    needed = len(tables) if join == "inner" else 1
    # The sort is stable: among equals, the first in the file stays first.
    samples = samples.assign(n_modalities=n_modalities)[n_modalities >= needed]
    best = samples.sort_values("n_modalities", ascending=False, kind="stable")
    further = best.index[best["PATIENT_ID"].duplicated()]
    report.append(("patients", "further samples of a patient", len(further)))
    return samples.drop(further)

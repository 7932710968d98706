"""One table per modality: samples in rows, one column per gene."""

from pathlib import Path

import numpy as np
import pandas as pd

from .._study import Report
from ._gene_panels import panel_files, panels_of_samples, read_gene_lists
from ._profiles import Profile, StudyFolder
from ._text_files import (
    ENTREZ,
    SYMBOL,
    malformed,
    quote,
    read_matrix,
    read_properties,
    read_text_table,
)

__all__ = ["drop_uncovered", "read_profile"]

BARCODE, KIND = "Tumor_Sample_Barcode", "Variant_Classification"
NO_SYMBOL = {"", "NA", "NAN", "N/A", "NULL", "NONE", "UNKNOWN", "<NA>"}
SEQUENCED = "#sequenced_samples:"
# What cBioPortal's import leaves out, except that it keeps 5'Flank variants of TERT, its promoter.
SILENT = {"Silent", "Intron", "IGR", "RNA", "3'UTR", "5'UTR", "3'Flank", "5'Flank"}
# Marks the genes outside a sample's panel until it is known which samples are kept.
NOT_COVERED = -1


def read_profile(study: StudyFolder, profile: Profile, report: Report) -> pd.DataFrame:
    """Read a profile's file; return samples in rows, one column per gene."""
    if profile.modality == "mut":
        return _read_mutations(study, profile, report)
    return _read_values(profile.path, report)


def drop_uncovered(
    study: StudyFolder, path: Path, table: pd.DataFrame, report: Report
) -> pd.DataFrame:
    """Leave out the genes that are outside the panel of at least one of the samples."""
    uncovered = (table == NOT_COVERED).to_numpy().any(axis=0)
    report.append((path.name, "genes outside the panel of a kept sample", int(uncovered.sum())))
    if len(table) and uncovered.all():
        raise malformed(
            path,
            "no gene is in the panels of all samples that are kept, according to "
            f"{study.panel_matrix.name} and the panels' genes in "
            f"{[file.name for file in panel_files(study)]}; put the files of all panels into the "
            "folder, or leave out the samples of small panels",
        )
    return table.loc[:, ~uncovered]


def _read_values(path: Path, report: Report) -> pd.DataFrame:
    labels, samples, values = read_matrix(path)
    genes = _gene_names(path, labels, "rows", report)
    known = genes != ""
    if not known.all():
        genes, values = genes[known], values[known]
    repeated = pd.Series(genes).duplicated().to_numpy()
    report.append((path.name, "rows of repeated gene symbols, averaged", int(repeated.sum())))
    if repeated.any():
        genes, values = _average_rows(genes, values, repeated)
    missing = np.isnan(values)
    absent = missing.all(axis=0)
    report.append((path.name, "samples without any value", int(absent.sum())))
    gaps = missing[:, ~absent].any(axis=1)
    report.append((path.name, "genes with missing values", int(gaps.sum())))
    if absent.all() or gaps.all():
        raise malformed(path, "has no gene with a value for every sample")
    if gaps.any() or absent.any():
        values = values[np.ix_(~gaps, ~absent)]
    return pd.DataFrame(
        values.T,
        index=pd.Index(np.array(samples, dtype=object)[~absent], dtype=str),
        columns=pd.Index(genes[~gaps], dtype=str),
        copy=False,
    )


def _average_rows(
    genes: np.ndarray, values: np.ndarray, repeated: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Replace the first row of a repeated gene by the mean of its rows, and drop the others."""
    several = np.isin(genes, genes[repeated])
    means = pd.DataFrame(values[several].astype(np.float64)).groupby(genes[several], sort=False)
    values[several & ~repeated] = means.mean().to_numpy()
    return genes[~repeated], values[~repeated]


def _gene_names(path: Path, labels: pd.DataFrame, what: str, report: Report) -> np.ndarray:
    """Name each row by its symbol, else by its Entrez id, else not at all."""
    symbols = _column(labels, SYMBOL)
    entrez = _column(labels, ENTREZ)
    unnamed = symbols.str.upper().isin(NO_SYMBOL)
    by_entrez = unnamed & entrez.str.fullmatch("[1-9][0-9]*")
    report.append((path.name, f"{what} named by their Entrez id", int(by_entrez.sum())))
    neither = unnamed & ~by_entrez
    report.append((path.name, f"{what} without a gene symbol or Entrez id", int(neither.sum())))
    names = symbols.mask(by_entrez, entrez).mask(neither, "")
    return names.to_numpy(dtype=object)


def _column(labels: pd.DataFrame, name: str) -> pd.Series:
    if name in labels:
        return labels[name].str.strip()
    return pd.Series("", labels.index, dtype=str)


def _read_mutations(study: StudyFolder, profile: Profile, report: Report) -> pd.DataFrame:
    """Read a MAF file: 1 where a gene is mutated, NOT_COVERED outside a sample's panel, else 0."""
    path = profile.path
    comments, table = read_text_table(path, [SYMBOL, BARCODE, KIND], [ENTREZ])
    samples = _sequenced_samples(study, profile, comments, table[BARCODE])
    if samples.empty:
        raise malformed(path, "names no sequenced sample")
    table = table.assign(gene=_gene_names(path, table, "mutations", report))
    table = table[table["gene"] != ""]
    if table.empty:
        raise malformed(path, "names no gene")
    genes = pd.Index(table["gene"].unique(), dtype=str)
    covered = _covered_by_panels(study, profile, samples, table, report)

    unlisted = ~table[BARCODE].isin(samples)
    report.append((path.name, "mutations of samples not listed as sequenced", int(unlisted.sum())))
    silent = ~unlisted & table[KIND].isin(SILENT)
    report.append((path.name, "mutations that leave the protein unchanged", int(silent.sum())))
    counted = table[~unlisted & ~silent]
    matrix = np.zeros((len(samples), len(genes)), dtype=np.int8)
    for samples_of_panel, genes_of_panel in covered:
        outside = np.ix_(samples.isin(samples_of_panel), ~genes.isin(genes_of_panel))
        matrix[outside] = NOT_COVERED
    matrix[samples.get_indexer(counted[BARCODE]), genes.get_indexer(counted["gene"])] = 1
    return pd.DataFrame(matrix, samples, genes)


def _sequenced_samples(
    study: StudyFolder, profile: Profile, comments: list[str], barcodes: pd.Series
) -> pd.Index:
    for comment in comments:
        if comment.lower().startswith(SEQUENCED):
            return pd.Index(comment[len(SEQUENCED) :].split(), dtype=str).unique()
    for path in sorted(study.folder.glob("case_lists/*.txt")):
        cases = read_properties(path)
        if cases.get("stable_id", "").endswith("_sequenced"):
            if not cases.get("case_list_ids"):
                raise malformed(path, "a case list needs a line 'case_list_ids: …'")
            return pd.Index(cases["case_list_ids"].split(), dtype=str).unique()
    panels = panels_of_samples(study, profile, pd.Index([], dtype=str))
    return pd.Index([*barcodes, *panels.index], dtype=str).unique()


def _covered_by_panels(
    study: StudyFolder,
    profile: Profile,
    samples: pd.Index,
    table: pd.DataFrame,
    report: Report,
) -> list[tuple[pd.Index, pd.Series]]:
    """Return, for each panel, its samples and which genes of the table it covers."""
    panels = panels_of_samples(study, profile, samples)
    panels = panels[panels.index.isin(samples)]
    lists = read_gene_lists(study, set(panels))
    genes = table.assign(entrez=_column(table, ENTREZ))
    covered = []
    for panel in panels.unique():
        of_panel = panels.index[panels == panel]
        if panel in lists:
            rows = genes["gene"].isin(lists[panel]) | genes["entrez"].isin(lists[panel])
        else:
            rows = genes[BARCODE].isin(of_panel)
            report.append(
                (
                    profile.path.name,
                    f"samples of panel {quote(panel)}, which has no gene list here: its genes are "
                    "those with a mutation in these samples",
                    len(of_panel),
                )
            )
        covered.append((of_panel, genes["gene"][rows]))
    return covered

"""Which genes a sample was sequenced for."""

import re
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from .._study import Report
from ._profiles import Profile, StudyFolder, visible_files
from ._text_files import malformed, quote, read_names, read_properties, read_text_table

__all__ = ["panel_files", "panels_of_samples", "read_gene_lists"]

# What the panel matrix holds for a sample whose genes were not chosen beforehand.
WHOLE_EXOME = {
    "", "NA", "NAN", "WES", "WXS", "WGS", "EXOME", "GENOME", "WHOLEEXOME", "WHOLEGENOME",
    "WHOLEEXOMESEQUENCING", "WHOLEGENOMESEQUENCING",
}  # fmt: skip
GENE = re.compile("[A-Za-z0-9._@/-]+")
PANEL_FILES = ("data_gene_panel_*.txt", "gene_panel_*.txt")


def panels_of_samples(study: StudyFolder, profile: Profile, samples: pd.Index) -> pd.Series:
    """Return the panel of each sample that has one, from the profile's meta file or the matrix."""
    if profile.gene_panel:
        panels = pd.Series(profile.gene_panel, samples, dtype=str)
    else:
        panels = _panel_matrix(study, profile.stable_id or "mutations")
    plain = panels.str.upper().str.replace(r"[\W_]+", "", regex=True)
    return panels[~plain.isin(WHOLE_EXOME)]


def read_gene_lists(
    study: StudyFolder, panels: Collection[str], report: Report
) -> dict[str, set[str]]:
    """Read the genes of those panels whose files are in the folder.

    A file that can't be read, or is of another panel, is passed over.
    """
    lists: dict[str, set[str]] = {}
    for path in panel_files(study):
        try:
            properties = read_properties(path, report, ["stable_id", "gene_list"])
        except ValueError as error:
            report.append((path.name, f"gene panel passed over: {error}", 1))
            continue
        panel = properties.get("stable_id", "")
        if not panel:
            report.append((path.name, "gene panel without a line 'stable_id: …' passed over", 1))
        elif panel in panels:
            genes = _gene_list(path, properties)
            if lists.setdefault(panel, genes) != genes:
                raise malformed(
                    path,
                    f"panel {quote(panel)} has other genes in another file of the folder. Keep one",
                )
    return lists


def panel_files(study: StudyFolder) -> list[Path]:
    """Return the files in the folder that list the genes of a panel."""
    paths = [path for pattern in PANEL_FILES for path in visible_files(study.folder, pattern)]
    paths += visible_files(study.folder / "gene_panels", "*.txt")
    return sorted(set(paths) - {study.panel_matrix})


def _gene_list(path: Path, properties: dict[str, str]) -> set[str]:
    if "gene_list" not in properties:
        raise malformed(path, "a gene panel needs a line 'gene_list: …'. Add it")
    genes = set(read_names(properties["gene_list"]))
    for gene in genes:
        if not GENE.fullmatch(gene):
            raise malformed(
                path,
                f"line 'gene_list' has {quote(gene)}, which is not a gene. Save it with genes "
                "separated by tabs",
            )
    return genes


def _panel_matrix(study: StudyFolder, column: str) -> pd.Series:
    path = study.panel_matrix
    if not path.is_file():
        return pd.Series(dtype=str)
    if path.stat().st_size == 0:
        study.flaws.append((path.name, "empty, passed over", 1))
        return pd.Series(dtype=str)
    table = read_text_table(path, ["SAMPLE_ID"], [column]).fields
    table = table.apply(lambda column: column.str.strip()).drop_duplicates()
    repeated = table.index[table["SAMPLE_ID"].duplicated()]
    if len(repeated):
        sample = table["SAMPLE_ID"][repeated[0]]
        problem = f"SAMPLE_ID {quote(sample)} occurs in more than one row. Keep one"
        raise malformed(path, problem, repeated[0])
    # A profile without a column was not made with panels.
    if column not in table:
        return pd.Series(dtype=str)
    return table.set_index("SAMPLE_ID")[column]

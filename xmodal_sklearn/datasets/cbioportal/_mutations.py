"""Mutations: which genes are changed in which samples, among the genes that were sequenced."""

import re
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from .._names import examples, match_names, strip_names
from .._study import Report
from .._text import (
    ENTREZ,
    SYMBOL,
    drop_duplicate_rows,
    malformed,
    quote,
    read_text_table,
    split_names,
)
from ._clinical import match_samples
from ._molecular import column, gene_names
from ._profiles import Profile, StudyFolder, visible_files

BARCODE, KIND = "Tumor_Sample_Barcode", "Variant_Classification"
STATUS, VALIDATION = "Mutation_Status", "Validation_Status"
SEQUENCED = re.compile(r"#+\s*sequenced[_ ]samples\s*:", re.IGNORECASE)
# Classes are compared without case, blanks and punctuation. Silent ones are those that cBioPortal's
# import leaves out, except that it keeps 5'Flank variants of TERT, its promoter; then their names
# in other programs (VEP, SnpEff, ANNOVAR).
SILENT = re.compile(
    r"silent|codingsilent|igr|rna|mirna|lincrna|maturemirnavariant|pseudogene|sequencefeature"
    r"|synonymous(variant|mutation|snv|coding|start|stop)?|(start|stop)retainedvariant|startgained"
    r"|[35](prime)?(utr|flank)|[35]primeutrvariant|utr[35](prime)?|5primeutrprematurestartcodongainvariant"
    r"|intron|intronic|(conserved)?intronvariant|intronconserved|intergenic(variant|region|conserved)?"
    r"|conservedintergenicvariant|intragenic(variant)?|(upstream|downstream)(genevariant)?"
    r"|ncrna(exonic|intronic|splicing|utr[35])?|noncoding|noncodingexon(variant)?|codingtranscriptvariant"
    r"|(nc|nmd|noncoding)transcriptvariant|noncodingtranscriptexonvariant|regulatoryregionvariant"
    r"|tfbindingsitevariant|(tfbs|regulatoryregion)(ablation|amplification)"
)
CHANGING = re.compile(
    r"(missense|nonsense|nonstop)(mutation)?|missensevariant|(stop|start)(lost|loss)|stopgain(ed)?"
    r"|stop(gain|loss)snv|(start|stop)codon(del|ins)|startcodonsnp|translationstartsite"
    r"|denovostart(inframe|outofframe)?|initiatorcodonvariant|incompleteterminalcodonvariant"
    r"|frameshift(del|ins|indel|deletion|insertion|variant|truncation|elongation)?"
    r"|(non)?frameshift(block)?substitution|nonframeshift(deletion|insertion)"
    r"|inframe(del|ins|indel|deletion|insertion)|(disruptive|conservative)inframe(deletion|insertion)"
    r"|splice(site|region)?|splicing|splicesite(acceptor|donor)|splice(acceptor|donor|region)variant"
    r"|splicedonor(5thbase|region)variant|splicepolypyrimidinetractvariant|nonsynonymous(snv|coding|start)?"
    r"|proteinalteringvariant|codingsequencevariant|rareaminoacidvariant|exonlossvariant|exonic"
    r"|transcript(ablation|amplification)|feature(truncation|elongation)|(complex)?indel|targetedregion"
    r"|fusion|(bidirectional)?genefusion"
)
# Of rows without a mutation in the tumor; "" is no answer.
NO_MUTATION = {"wildtype", "wt", "none", "loh", "lossofheterozygosity", "redacted", "uncalled",
               "nomutation", "notmutated", "reference"}  # fmt: skip
# Counted all the same, as cBioPortal does, but reported.
DOUBTED = {"invalid", "notvalid", "notvalidated"}
NOT_VALID = {"wildtype", "wt", "redacted"}
# Marks the genes outside a sample's panel until it is known which samples are kept.
NOT_COVERED = -1
# Panels of samples whose genes were not chosen beforehand.
WHOLE_EXOME = {
    "", "NA", "NAN", "WES", "WXS", "WGS", "EXOME", "GENOME", "WHOLEEXOME", "WHOLEGENOME",
    "WHOLEEXOMESEQUENCING", "WHOLEGENOMESEQUENCING",
}  # fmt: skip
GENE = re.compile("[A-Za-z0-9._@/-]+")
PANEL_FILES = ("data_gene_panel_*.txt", "gene_panel_*.txt")


def drop_uncovered(study: StudyFolder, path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Drop the genes that are outside the panel of at least one of the samples."""
    uncovered = (table == NOT_COVERED).to_numpy().any(axis=0)
    study.report.add(path.name, "genes outside the panel of a kept sample", uncovered)
    if len(table) and uncovered.all():
        raise malformed(
            path,
            "no gene is in the panels of all samples that are kept, according to "
            f"{study.panel_matrix.name} and the panels' genes in "
            f"{[file.name for file in _panel_files(study)]}. Put the files of all panels into the "
            "folder, or leave out the samples of small panels",
        )
    return table.loc[:, ~uncovered]


def read_mutations(study: StudyFolder, profile: Profile, samples: pd.DataFrame) -> pd.DataFrame:
    """Read a MAF file: 1 where a gene is mutated, NOT_COVERED outside a sample's panel, else 0."""
    path, report = profile.path, study.report
    table, comments = read_text_table(path, [SYMBOL, BARCODE, KIND], [ENTREZ, STATUS, VALIDATION])
    barcodes = strip_names(table[BARCODE], report, path.name)
    sequenced, barcodes = _match_sequenced(study, profile, comments, barcodes, samples)
    if sequenced.empty:
        raise malformed(path, "names no sequenced sample. Add the line #Sequenced_Samples")
    table = table.assign(gene=gene_names(path, table, "mutations", report))
    table[BARCODE] = barcodes.to_numpy()
    table = table[table["gene"] != ""]
    if table.empty:
        raise malformed(path, "names no gene. Name genes by symbols or Entrez ids")
    genes = pd.Index(table["gene"].unique(), dtype=str)
    covered = _covered_by_panels(study, profile, sequenced, table)
    if not table[BARCODE].isin([*sequenced, *samples.index]).any():
        raise malformed(
            path,
            f"none of its samples ({examples(table[BARCODE].unique())}) is listed as sequenced "
            f"({examples(sequenced)}). Use the same names in both",
        )
    mutations = _select_changing(path, table, sequenced, report)
    matrix = np.zeros((len(sequenced), len(genes)), dtype=np.int8)
    for panel_samples, panel_genes in covered:
        outside = np.ix_(sequenced.isin(panel_samples), ~genes.isin(panel_genes))
        matrix[outside] = NOT_COVERED
    matrix[sequenced.get_indexer(mutations[BARCODE]), genes.get_indexer(mutations["gene"])] = 1
    return pd.DataFrame(matrix, sequenced, genes)


def _select_changing(
    path: Path, table: pd.DataFrame, sequenced: pd.Index, report: Report
) -> pd.DataFrame:
    """Return the rows that are mutations which may change the protein of a sequenced sample."""

    def add_spellings(what: str, values: pd.Series) -> None:
        report.add_values(path.name, f"{what} {{}}", values.map(quote))

    counted = table[BARCODE].isin(sequenced)
    report.add(path.name, "mutations of samples not listed as sequenced", ~counted)
    for name, negative in ((STATUS, NO_MUTATION), (VALIDATION, NOT_VALID)):
        values = column(table, name)
        plain = values.str.casefold().str.replace(r"[\W_]+", "", regex=True)
        is_none = counted & plain.isin(negative)
        add_spellings(f"rows that are no mutation, as {name} is", values[is_none])
        add_spellings(f"rows counted, though {name} is", values[counted & plain.isin(DOUBTED)])
        counted &= ~is_none
    kinds = column(table, KIND)
    classes = {kind: _split_classes(kind) for kind in kinds.unique()}
    is_silent = {kind: all(map(SILENT.fullmatch, parts)) for kind, parts in classes.items()}
    silent = counted & kinds.map(is_silent)
    report.add(path.name, "mutations that leave the protein unchanged", silent)
    unknown = [
        kind
        for kind, parts in classes.items()
        if not all(SILENT.fullmatch(part) or CHANGING.fullmatch(part) for part in parts)
    ]
    rows = counted & kinds.isin(unknown)
    add_spellings(f"mutations counted, though {KIND} is unknown:", kinds[rows])
    return table[counted & ~silent]


def _split_classes(kind: str) -> set[str]:
    """Return the parts of a class; VEP joins several by ``&`` or commas."""
    parts = (re.sub(r"[\W_]+", "", part.casefold()) for part in re.split("[&,;+|]", kind))
    # A blank class is a class, lest it count as silent.
    return set(filter(None, parts)) or {""}


def _match_sequenced(
    study: StudyFolder,
    profile: Profile,
    comments: list[str],
    barcodes: pd.Index,
    samples: pd.DataFrame,
) -> tuple[pd.Index, pd.Index]:
    """Return the sequenced samples and the samples of the rows, by the same names."""
    path, report = profile.path, study.report
    matched = match_samples(study, samples, barcodes, path.name)
    n_joined = barcodes.nunique() - matched.nunique()
    report.add(path.name, "samples joined with another of the same tumor", n_joined)
    listed, where = _listed_samples(study, comments)
    if listed is None:
        panels = _read_panels(study, profile, matched)
        return pd.Index([*matched, *panels.index], dtype=str).unique(), matched
    sequenced = match_samples(study, samples, listed, where).unique()
    return sequenced, match_names(matched, sequenced, where=path.name, other=where, report=report)


def _listed_samples(study: StudyFolder, comments: list[str]) -> tuple[pd.Index | None, str]:
    """Return the samples listed as sequenced, in the MAF or a case list, and where."""
    for comment in comments:
        if match := SEQUENCED.match(comment):
            samples = split_names(comment[match.end() :])
            return pd.Index(samples, dtype=str).unique(), "the line #Sequenced_Samples"
    for path in visible_files(study.folder / "case_lists", "*.txt"):
        cases = study.read_companion(path, "case list", ["stable_id", "case_list_ids"])
        if cases is None:
            continue
        if cases.get("stable_id", path.stem).casefold().endswith("_sequenced"):
            if not cases.get("case_list_ids"):
                raise malformed(path, "a case list needs a line 'case_list_ids: …'. Add it")
            return pd.Index(split_names(cases["case_list_ids"]), dtype=str).unique(), path.name
    return None, ""


def _covered_by_panels(
    study: StudyFolder, profile: Profile, samples: pd.Index, table: pd.DataFrame
) -> list[tuple[pd.Index, pd.Series]]:
    """Return, for each panel, its samples and which genes of the table it covers."""
    panels = _read_panels(study, profile, samples)
    panels = panels[panels.index.isin(samples)]
    lists = _read_gene_lists(study, set(panels))
    entrez = column(table, ENTREZ)
    covered = []
    for panel in panels.unique():
        panel_samples = panels.index[panels == panel]
        if panel in lists:
            rows = table["gene"].isin(lists[panel]) | entrez.isin(lists[panel])
        else:
            rows = table[BARCODE].isin(panel_samples)
            study.report.add(
                profile.path.name,
                f"samples of panel {quote(panel)}, which has no gene list here: its genes are "
                "those with a mutation in these samples",
                len(panel_samples),
            )
        covered.append((panel_samples, table["gene"][rows]))
    return covered


def _read_panels(study: StudyFolder, profile: Profile, samples: pd.Index) -> pd.Series:
    """Return the panel of each sample that has one, from the profile's meta file or the matrix."""
    path, name = study.panel_matrix, profile.stable_id or "mutations"
    panels = pd.Series(dtype=str)
    if profile.gene_panel:
        panels = pd.Series(profile.gene_panel, samples, dtype=str)
    elif path.is_file() and path.stat().st_size:
        table = read_text_table(path, ["SAMPLE_ID"], [name])[0]
        table = table.apply(lambda fields: fields.str.strip())
        table = drop_duplicate_rows(path, table, ["SAMPLE_ID"], Report())
        # A profile without a column was not made with panels.
        panels = table.set_index("SAMPLE_ID").get(name, panels)
    else:
        study.report.add(path.name, "empty, ignored", path.is_file())
    plain = panels.str.upper().str.replace(r"[\W_]+", "", regex=True)
    panels = panels[~plain.isin(WHOLE_EXOME)]
    where, other = path.name, profile.path.name
    names = match_names(panels.index, samples, where=where, other=other, report=study.report)
    return panels.set_axis(names)


def _read_gene_lists(study: StudyFolder, panels: Collection[str]) -> dict[str, set[str]]:
    """Read the genes of panels; ignore files that can't be read or are of other panels."""
    lists: dict[str, set[str]] = {}
    for path in _panel_files(study):
        properties = study.read_companion(path, "gene panel", ["stable_id", "gene_list"])
        if properties is None:
            continue
        panel = properties.get("stable_id", "")
        if not panel:
            study.report.add(path.name, "gene panel without a line 'stable_id: …' ignored")
        elif panel in panels:
            if "gene_list" not in properties:
                raise malformed(path, "a gene panel needs a line 'gene_list: …'. Add it")
            genes = set(split_names(properties["gene_list"]))
            if wrong := [gene for gene in genes if not GENE.fullmatch(gene)]:
                problem = f"line 'gene_list' has {quote(wrong[0])}, which is not a gene"
                raise malformed(path, f"{problem}. Save it with genes separated by tabs")
            if lists.setdefault(panel, genes) != genes:
                problem = f"panel {quote(panel)} has other genes in another file of the folder"
                raise malformed(path, f"{problem}. Keep one")
    return lists


def _panel_files(study: StudyFolder) -> list[Path]:
    paths = [path for pattern in PANEL_FILES for path in visible_files(study.folder, pattern)]
    paths += visible_files(study.folder / "gene_panels", "*.txt")
    return sorted(set(paths) - {study.panel_matrix})

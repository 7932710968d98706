"""Mutations: which genes are changed in which samples."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from .._names import examples, match_names, strip_names
from .._study import Report
from ._gene_panels import panel_files, panels_of_samples, read_gene_lists
from ._genes import column, gene_names
from ._profiles import Profile, StudyFolder, visible_files
from ._text_files import (
    ENTREZ,
    SYMBOL,
    malformed,
    quote,
    read_names,
    read_properties,
    read_text_table,
)

__all__ = ["drop_uncovered", "read_mutations"]

BARCODE, KIND = "Tumor_Sample_Barcode", "Variant_Classification"
STATUS, VALIDATION = "Mutation_Status", "Validation_Status"
SEQUENCED = re.compile(r"#+\s*sequenced[_ ]samples\s*:", re.IGNORECASE)
# Classes are compared without case, blanks and punctuation. Silent ones are what cBioPortal's
# import leaves out, except that it keeps 5'Flank variants of TERT, its promoter; then what other
# programs (VEP, SnpEff, ANNOVAR) call these.
SILENT = {
    "silent", "intron", "igr", "rna", "3utr", "5utr", "3flank", "5flank",
    "synonymous", "synonymousvariant", "synonymousmutation", "synonymoussnv", "synonymouscoding",
    "stopretainedvariant", "startretainedvariant", "codingsilent", "intronvariant", "intronic",
    "intergenic", "intergenicvariant", "intergenicregion", "upstream", "downstream",
    "upstreamgenevariant", "downstreamgenevariant", "3primeutrvariant", "5primeutrvariant",
    "3primeutr", "5primeutr", "utr3", "utr5", "3primeflank", "5primeflank", "ncrna", "lincrna",
    "ncrnaexonic", "ncrnaintronic", "noncodingtranscriptexonvariant", "noncodingtranscriptvariant",
    "noncodingexonvariant", "maturemirnavariant", "nmdtranscriptvariant", "regulatoryregionvariant",
    "tfbindingsitevariant", "tfbsablation", "tfbsamplification", "regulatoryregionablation",
    "regulatoryregionamplification", "nctranscriptvariant", "mirna", "pseudogene", "noncoding",
    "noncodingexon", "codingtranscriptvariant", "ncrnasplicing", "ncrnautr3", "ncrnautr5",
    "utr3prime", "utr5prime", "intragenic", "intragenicvariant", "intergenicconserved",
    "intronconserved", "conservedintergenicvariant", "conservedintronvariant", "sequencefeature",
    "synonymousstart", "synonymousstop", "startgained",
    "5primeutrprematurestartcodongainvariant",
}  # fmt: skip
CHANGING = {
    "missense", "nonsense", "nonstop", "nonsensemutation", "missensemutation", "nonstopmutation",
    "frameshiftdel", "frameshiftins", "frameshift", "frameshiftindel", "inframedel", "inframeins",
    "inframeindel", "splicesite", "spliceregion", "splice", "translationstartsite", "denovostart",
    "denovostartinframe", "denovostartoutofframe", "startcodonsnp", "startcodondel",
    "startcodonins", "stopcodondel", "stopcodonins", "targetedregion", "fusion", "missensevariant",
    "stopgained", "stoplost", "startlost", "frameshiftvariant", "inframedeletion",
    "inframeinsertion", "spliceacceptorvariant", "splicedonorvariant", "spliceregionvariant",
    "proteinalteringvariant", "initiatorcodonvariant", "incompleteterminalcodonvariant",
    "nonsynonymous", "nonsynonymoussnv", "stopgain", "stoploss", "frameshiftdeletion",
    "frameshiftinsertion", "nonframeshiftdeletion", "nonframeshiftinsertion", "splicing",
    "frameshiftsubstitution", "nonframeshiftsubstitution", "frameshiftblocksubstitution",
    "nonframeshiftblocksubstitution", "startloss", "stopgainsnv", "stoplosssnv",
    "disruptiveinframedeletion", "disruptiveinframeinsertion", "conservativeinframedeletion",
    "conservativeinframeinsertion", "frameshifttruncation", "frameshiftelongation",
    "codingsequencevariant", "transcriptablation", "transcriptamplification", "exonlossvariant",
    "featuretruncation", "featureelongation", "rareaminoacidvariant", "genefusion",
    "bidirectionalgenefusion", "nonsynonymouscoding", "nonsynonymousstart", "splicesiteacceptor",
    "splicesitedonor", "splicedonor5thbasevariant", "splicedonorregionvariant",
    "splicepolypyrimidinetractvariant", "exonic", "indel", "complexindel",
}  # fmt: skip
# What says that there is no mutation in the tumour; "" is no answer.
NO_MUTATION = {"wildtype", "wt", "none", "loh", "lossofheterozygosity", "redacted", "uncalled",
               "nomutation", "notmutated", "reference"}  # fmt: skip
# Counted all the same, as cBioPortal does, but reported.
DOUBTED = {"invalid", "notvalid", "notvalidated"}
NOT_VALID = {"wildtype", "wt", "redacted"}
# Marks the genes outside a sample's panel until it is known which samples are kept.
NOT_COVERED = -1


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
            f"{[file.name for file in panel_files(study)]}. Put the files of all panels into the "
            "folder, or leave out the samples of small panels",
        )
    return table.loc[:, ~uncovered]


def read_mutations(
    study: StudyFolder, profile: Profile, listed: pd.DataFrame, report: Report
) -> pd.DataFrame:
    """Read a MAF file: 1 where a gene is mutated, NOT_COVERED outside a sample's panel, else 0.

    The samples of the sample file, which both rows and lists of samples may name by their
    patients or barcodes, are `listed`.
    """
    path = profile.path
    comments, table = read_text_table(path, [SYMBOL, BARCODE, KIND], [ENTREZ, STATUS, VALIDATION])
    barcodes, n_stripped = strip_names(table[BARCODE])
    report.append((path.name, "samples with blanks around their name, dropped", n_stripped))
    samples, barcodes = _sequenced_samples(study, profile, comments, barcodes, listed, report)
    if samples.empty:
        raise malformed(path, "names no sequenced sample. Add the line #Sequenced_Samples")
    table = table.assign(gene=gene_names(path, table, "mutations", report))
    table[BARCODE] = barcodes.to_numpy()
    table = table[table["gene"] != ""]
    if table.empty:
        raise malformed(path, "names no gene. Name genes by symbols or Entrez ids")
    genes = pd.Index(table["gene"].unique(), dtype=str)
    covered = _covered_by_panels(study, profile, samples, table, report)
    if not table[BARCODE].isin([*samples, *listed.index]).any():
        raise malformed(
            path,
            f"none of its samples ({examples(table[BARCODE].unique())}) is listed as sequenced "
            f"({examples(samples)}). Use the same names in both",
        )
    counted = _counted(path, table, samples, report)
    matrix = np.zeros((len(samples), len(genes)), dtype=np.int8)
    for samples_of_panel, genes_of_panel in covered:
        outside = np.ix_(samples.isin(samples_of_panel), ~genes.isin(genes_of_panel))
        matrix[outside] = NOT_COVERED
    matrix[samples.get_indexer(counted[BARCODE]), genes.get_indexer(counted["gene"])] = 1
    return pd.DataFrame(matrix, samples, genes)


def _counted(path: Path, table: pd.DataFrame, samples: pd.Index, report: Report) -> pd.DataFrame:
    """Return the rows that are mutations which may change the protein of a sequenced sample."""
    unlisted = ~table[BARCODE].isin(samples)
    report.append((path.name, "mutations of samples not listed as sequenced", int(unlisted.sum())))
    left = ~unlisted
    for name, denying in ((STATUS, NO_MUTATION), (VALIDATION, NOT_VALID)):
        values = column(table, name)
        plain = values.str.casefold().str.replace(r"[\W_]+", "", regex=True)
        denied, doubted = left & plain.isin(denying), left & plain.isin(DOUBTED)
        report.extend(_counts(path, f"rows that are no mutation, as {name} is", values[denied]))
        report.extend(_counts(path, f"rows counted, though {name} is", values[doubted]))
        left &= ~denied
    kinds = column(table, KIND)
    classes = {kind: _classes(kind) for kind in kinds.unique()}
    silent = left & kinds.map({kind: found <= SILENT for kind, found in classes.items()})
    report.append((path.name, "mutations that leave the protein unchanged", int(silent.sum())))
    odd = left & ~kinds.map({kind: found <= SILENT | CHANGING for kind, found in classes.items()})
    report.extend(_counts(path, f"mutations counted, though no known {KIND} is", kinds[odd]))
    return table[left & ~silent]


def _counts(path: Path, what: str, values: pd.Series) -> Iterable[tuple[str, str, int]]:
    """Return a row of the report for each spelling."""
    for spelling, count in values.value_counts(sort=False).items():
        yield path.name, f"{what} {quote(str(spelling))}", int(count)


def _classes(kind: str) -> set[str]:
    """Return the parts of a class; VEP joins several by ``&`` or commas."""
    parts = (re.sub(r"[\W_]+", "", part.casefold()) for part in re.split("[&,;+|]", kind))
    # A blank class is itself one, lest it count as silent.
    return set(filter(None, parts)) or {""}


def _sequenced_samples(
    study: StudyFolder,
    profile: Profile,
    comments: list[str],
    barcodes: pd.Index,
    listed: pd.DataFrame,
    report: Report,
) -> tuple[pd.Index, pd.Index]:
    """Return the sequenced samples, and the samples of the rows, called alike."""
    path, patients = profile.path, listed.index.groupby(listed["PATIENT_ID"])
    other = study.sample_file.name
    named = match_names(
        barcodes, listed.index, where=path.name, other=other, report=report, patients=patients
    )
    joined = barcodes.nunique() - named.nunique()
    report.append((path.name, "samples joined with another of the same tumour", joined))
    sequenced, where = _listed_samples(study, comments)
    if sequenced is None:
        panels = panels_of_samples(study, profile, pd.Index([], dtype=str)).index
        panels = match_names(
            panels, named, where=study.panel_matrix.name, other=path.name, report=report
        )
        return pd.Index([*named, *panels], dtype=str).unique(), named
    sequenced = match_names(
        sequenced, listed.index, where=where, other=other, report=report, patients=patients
    ).unique()
    return sequenced, match_names(named, sequenced, where=path.name, other=where, report=report)


def _listed_samples(study: StudyFolder, comments: list[str]) -> tuple[pd.Index | None, str]:
    """Return the samples that the MAF or a case list says were sequenced, and which of them."""
    for comment in comments:
        if found := SEQUENCED.match(comment):
            samples = read_names(comment[found.end() :])
            return pd.Index(samples, dtype=str).unique(), "the line #Sequenced_Samples"
    for path in visible_files(study.folder / "case_lists", "*.txt"):
        try:
            cases = read_properties(path, study.flaws, ["stable_id", "case_list_ids"])
        except ValueError as error:
            study.flaws.append((path.name, f"case list passed over: {error}", 1))
            continue
        if cases.get("stable_id", path.stem).casefold().endswith("_sequenced"):
            if not cases.get("case_list_ids"):
                raise malformed(path, "a case list needs a line 'case_list_ids: …'. Add it")
            return pd.Index(read_names(cases["case_list_ids"]), dtype=str).unique(), path.name
    return None, ""


def _covered_by_panels(
    study: StudyFolder,
    profile: Profile,
    samples: pd.Index,
    table: pd.DataFrame,
    report: Report,
) -> list[tuple[pd.Index, pd.Series]]:
    """Return, for each panel, its samples and which genes of the table it covers."""
    panels = panels_of_samples(study, profile, samples)
    where, other = study.panel_matrix.name, profile.path.name
    panels.index = match_names(panels.index, samples, where=where, other=other, report=report)
    panels = panels[panels.index.isin(samples)]
    lists = read_gene_lists(study, set(panels), report)
    genes = table.assign(entrez=column(table, ENTREZ))
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

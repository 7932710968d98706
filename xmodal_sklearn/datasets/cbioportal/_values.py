"""Values by sample and gene: tables of numbers, and mutations among the genes sequenced."""

import csv
import re
from collections.abc import Collection, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from .._names import DATE, examples, match_names, strip_names
from .._study import Report
from .._text import (
    ANNOTATION,
    ENTREZ,
    SYMBOL,
    Lines,
    decode,
    drop_duplicate_rows,
    malformed,
    missing_column,
    open_table,
    quote,
    read_text_table,
)
from ._profiles import Profile, StudyFolder, visible_files

# What a row may be named by.
ROW_NAMES = ["ENTITY_STABLE_ID", SYMBOL, "Composite.Element.REF"]
# Further columns of generic assays, whether or not their meta file lists them.
GENERIC = ("NAME", "DESCRIPTION", "URL", "TRANSCRIPT_ID")
# Of lines that are parsed in one go.
CHUNK_BYTES = 2**24
# Samples and genes with a larger share of missing values are left out.
MAX_MISSING, MAX_GENE_MISSING = 0.8, 0.5
# What spreadsheets make of symbols: dates, and numbers of RIKEN clones like 2310009E13.
CONVERTED = rf"{DATE}|\d(?:\.\d+)?[eE]\+\d+"
NO_SYMBOL = {"", "NA", "NAN", "N/A", "NULL", "NONE", "UNKNOWN", "<NA>", "?", "-", "--", "---", "."}
PLACEHOLDERS = ["NA", "N/A", "NaN", "NULL", "None", "<NA>", "#N/A", "[Not Available]", "[Null]"]
MISSING = sorted({"", *PLACEHOLDERS, *map(str.upper, PLACEHOLDERS), *map(str.lower, PLACEHOLDERS),
                  *map(str.capitalize, PLACEHOLDERS)})  # fmt: skip
LIMIT = re.compile(rb"\t[<>]=?(?=[0-9.])")
NUMBER = re.compile(rb" *[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)? *")

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
# In lists, whether blanks, commas or semicolons separate them.
NAME = re.compile(r"[^\s,;]+")
GENE = re.compile("[A-Za-z0-9._@/-]+")
PANEL_FILES = ("data_gene_panel_*.txt", "gene_panel_*.txt")


def read_values(profile: Profile, report: Report) -> pd.DataFrame:
    """Read the file of a profile of numbers."""
    path = profile.path
    header = {name.strip().casefold() for name in open_table(path)[1]}
    # Whatever its meta file says.
    is_long = profile.datatype == "DISCRETE_LONG" or {"sample_id", "value"} <= header
    labels, samples, values = (_read_long if is_long else _read_matrix)(profile, report)
    names = strip_names(samples, report, path.name)
    if names.has_duplicates:
        name = quote(names[names.duplicated()][0])
        raise malformed(path, f"its header names sample {name} more than once. Rename one")
    genes = gene_names(path, labels, "rows", report)
    is_named = genes != ""
    if not is_named.any():
        raise malformed(path, "names no gene by a symbol or an Entrez id. Add such names")
    if not is_named.all():
        genes, values = genes[is_named], values[is_named]
    repeated = pd.Series(genes).duplicated().to_numpy()
    report.add(path.name, "rows of repeated gene symbols, averaged", repeated)
    if repeated.any():
        # The first row of a repeated gene becomes the mean of its rows.
        several = np.isin(genes, genes[repeated])
        means = pd.DataFrame(values[several].astype(np.float64)).groupby(genes[several], sort=False)
        values[several & ~repeated] = means.mean().to_numpy()
        genes, values = genes[~repeated], values[~repeated]
    missing = np.isnan(values).mean(axis=0)
    report.add(path.name, "samples without any value", missing == 1)
    what = f"samples without a value for more than {MAX_MISSING:.0%} of the genes"
    report.add(path.name, what, (missing > MAX_MISSING) & (missing < 1))
    enough = missing <= MAX_MISSING
    if not enough.any():
        share = f"{1 - MAX_MISSING:.0%}"
        problem = f"has no sample with values for {share} of the genes. Use another profile"
        raise malformed(path, problem)
    if not enough.all():
        values = values[:, enough]
    return pd.DataFrame(
        values.T, index=names[enough], columns=pd.Index(genes, dtype=str), copy=False
    )


def drop_rare_genes(study: StudyFolder, path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Drop the genes without a value in most of the samples; other missing values stay NaN."""
    missing = np.isnan(table.to_numpy())
    rare = missing.mean(axis=0) > MAX_GENE_MISSING if len(table) else np.zeros(table.shape[1], bool)
    what = f"genes without a value in more than {MAX_GENE_MISSING:.0%} of the samples"
    study.report.add(path.name, what, rare)
    if rare.all():
        share = f"{1 - MAX_GENE_MISSING:.0%}"
        problem = f"has no gene with a value in {share} of the samples. Use another profile"
        raise malformed(path, problem)
    study.report.add(path.name, "missing values, kept as such", missing[:, ~rare])
    return table.loc[:, ~rare] if rare.any() else table


def gene_names(path: Path, labels: pd.DataFrame, what: str, report: Report) -> np.ndarray:
    """Name each row by its symbol, else by its Entrez id, else ""."""
    name = next((name for name in ROW_NAMES if name in labels), ENTREZ)
    symbols = column(labels, name)
    entrez = column(labels, ENTREZ if ENTREZ in labels else "Locus ID")
    entrez = entrez.str.replace(r"\.0+$", "", regex=True)  # read as a float by someone before
    has_id = entrez.str.fullmatch("[1-9][0-9]*")
    unnamed = symbols.str.upper().isin(NO_SYMBOL) | (name == ENTREZ)
    date = ~unnamed & symbols.str.fullmatch(CONVERTED)
    n_ids = entrez[has_id].groupby(symbols[has_id]).nunique()
    # Repeated rows are of several genes; mutations of one gene repeat its symbol anyway.
    lost = date & ~has_id & symbols.duplicated(keep=False) & (what == "rows")
    several = ~unnamed & ~date & symbols.isin(n_ids.index[n_ids > 1])
    for rows, why in [
        (unnamed & has_id, "named by their Entrez id"),
        (date & has_id, "with a date for a symbol, named by their Entrez id"),
        (several & has_id, "of symbols with several Entrez ids, named by these"),
        (unnamed & ~has_id, "without a gene symbol or Entrez id"),
        (lost, "of repeated dates for a symbol, without an Entrez id, left out"),
        (date & ~has_id & ~lost, "with a date for a symbol and without an Entrez id, kept"),
    ]:
        report.add(path.name, f"{what} {why}", rows)
    by_id = (unnamed | date | several) & has_id
    return symbols.mask(by_id, entrez).mask((unnamed & ~has_id) | lost, "").to_numpy(dtype=object)


def column(labels: pd.DataFrame, name: str) -> pd.Series:
    """Return a column without blanks around its fields, blank if there is none of that name."""
    if name in labels:
        return labels[name].str.strip()
    return pd.Series("", labels.index, dtype=str)


def _read_long(profile: Profile, report: Report) -> tuple[pd.DataFrame, list[str], np.ndarray]:
    """Read a table that has a row for each gene and sample; return the same as for a matrix."""
    path = profile.path
    table, _ = read_text_table(path, ["SAMPLE_ID"])
    value = next((name for name in table if name.casefold() == "value"), None)
    if value is None:
        raise malformed(path, "has no column 'Value'. Rename or add it")
    labels = [name for name in table if name in (SYMBOL, ENTREZ)]
    if not labels:
        raise malformed(path, "has no column 'Hugo_Symbol'. Rename or add it")
    table = pd.DataFrame({name: column(table, name) for name in [*labels, "SAMPLE_ID", value]})
    table = drop_duplicate_rows(path, table, [*labels, "SAMPLE_ID"], report)
    is_missing = table[value].isin(MISSING)
    numbers = pd.to_numeric(table[value].mask(is_missing), errors="coerce")
    wrong = table.index[~np.isfinite(numbers) & ~is_missing]
    if len(wrong):
        problem = f"the value {quote(table[value][wrong[0]])} is not a finite number"
        raise malformed(path, f"{problem}. Correct it, or make it NA", wrong[0])
    # Genes and samples in the order of the file.
    rows = table.groupby(labels, sort=False).ngroup().to_numpy()
    columns, samples = pd.factorize(table["SAMPLE_ID"])
    values = np.full((rows.max() + 1, len(samples)), np.nan, dtype=np.float32)
    values[rows, columns] = numbers
    what = "genes of a sample without a row, read as missing"
    report.add(path.name, what, values.size - len(table))
    return table[labels].drop_duplicates(), list(samples), values


def _read_matrix(profile: Profile, report: Report) -> tuple[pd.DataFrame, list[str], np.ndarray]:
    """Read a table of numbers, each column of which is a sample unless it is an annotation.

    Return the annotations by line number, the samples, and float32 values of shape
    (n_rows, n_samples).
    """
    path = profile.path
    _, header, rows = open_table(path)
    annotation = {*ANNOTATION, *profile.annotations}
    if "ENTITY_STABLE_ID" in header:
        annotation.update(GENERIC)
    label_columns = [i for i, name in enumerate(header) if name in annotation]
    # Rows may be named by Entrez ids alone, but only in the first column, lest a column of other
    # names be read as a sample.
    if not set(ROW_NAMES) & set(header) and header[0] != ENTREZ:
        raise missing_column(path, SYMBOL, header)
    columns = [i for i in range(len(header)) if i not in label_columns]
    samples = [header[i] for i in columns]
    if not samples:
        raise malformed(path, "its header names no sample. Add a column for each sample")
    if not all(map(str.strip, samples)):
        position = [name.strip() for name in header].index("") + 1
        raise malformed(path, f"column {position} of its header has no name. Name it")
    line_numbers, labels, values, n_limits = [], [], [], 0
    for chunk in _chunks_of_lines(rows):
        for line_number, line in chunk:
            fields = line.split(b"\t", label_columns[-1] + 1)
            line_numbers.append(line_number)
            labels.append([decode(path, line_number, fields[i]) for i in label_columns])
        if profile.datatype == "LIMIT-VALUE":
            n_limits += sum(len(LIMIT.findall(line)) for _, line in chunk)
            chunk = [(line_number, LIMIT.sub(b"\t", line)) for line_number, line in chunk]
        values.append(_parse_numbers(path, chunk, header, columns))
    report.add(path.name, "values read without the < or > before them", n_limits)
    names = [header[i] for i in label_columns]
    return pd.DataFrame(labels, line_numbers, names, dtype=str), samples, np.concatenate(values)


def _chunks_of_lines(rows: Lines) -> Iterator[list[tuple[int, bytes]]]:
    """Yield lists of lines that are small enough to be parsed in one go."""
    chunk, size = [], 0
    for line_number, line in rows:
        chunk.append((line_number, line))
        size += len(line)
        if size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


# A number too large for float32 becomes an infinity, which is an error below.
@np.errstate(over="ignore")
def _parse_numbers(
    path: Path, chunk: list[tuple[int, bytes]], header: list[str], columns: list[int]
) -> np.ndarray:
    """Parse the given columns of lines, whose fields have been counted, as float32."""
    try:
        values = pd.read_csv(
            BytesIO(b"\n".join(line for _, line in chunk)),
            sep="\t",
            header=None,
            names=range(len(header)),
            usecols=columns,
            dtype=np.float32,
            quoting=csv.QUOTE_NONE,
            na_values=MISSING,
            keep_default_na=False,
            encoding_errors="replace",
            low_memory=False,
        ).to_numpy()
    except (ValueError, OverflowError) as error:
        raise _bad_number(path, chunk, header, columns, str(error)) from error
    if values.shape != (len(chunk), len(columns)) or np.isinf(values).any():
        raise _bad_number(path, chunk, header, columns, "not all values are finite numbers")
    # Row by row, because genes become the columns of the table; selecting samples is then fast.
    return np.ascontiguousarray(values)


@np.errstate(over="ignore")
def _bad_number(
    path: Path, chunk: list[tuple[int, bytes]], header: list[str], columns: list[int], reason: str
) -> ValueError:
    """Return the error that names the first value that is neither missing nor a finite number."""
    missing = {text.encode() for text in MISSING}
    for line_number, line in chunk:
        fields = line.split(b"\t")
        for i in columns:
            field = fields[i]
            if field in missing or (NUMBER.fullmatch(field) and np.isfinite(np.float32(field))):
                continue
            gene = next((other for j, other in enumerate(fields) if j not in columns), b"")
            return malformed(
                path,
                f"sample {quote(header[i])} has {quote(field.decode(errors='replace'))} "
                f"for gene {quote(gene.decode(errors='replace'))}, which is not a finite number. "
                "Correct it, make it NA, or remove the column if it is not a sample",
                line_number,
            )
    return malformed(path, f"{reason}, between lines {chunk[0][0]} and {chunk[-1][0]}. Correct it")


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
    matched = study.match_samples(samples, barcodes, path.name)
    n_joined = barcodes.nunique() - matched.nunique()
    report.add(path.name, "samples joined with another of the same tumor", n_joined)
    listed, where = _listed_samples(study, comments)
    if listed is None:
        panels = _read_panels(study, profile, matched)
        sequenced = pd.Index([*matched, *panels.index], dtype=str).unique()
    else:
        sequenced = study.match_samples(samples, listed, where).unique()
        matched = match_names(matched, sequenced, where=path.name, other=where, report=report)
    if sequenced.empty:
        raise malformed(path, "names no sequenced sample. Add the line #Sequenced_Samples")
    table = table.assign(gene=gene_names(path, table, "mutations", report))
    table[BARCODE] = matched.to_numpy()
    table = table[table["gene"] != ""]
    if table.empty:
        raise malformed(path, "names no gene. Name genes by symbols or Entrez ids")
    genes = pd.Index(table["gene"].unique(), dtype=str)
    covered = list(_covered_by_panels(study, profile, sequenced, table))
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
        add_spellings(f"rows not counted as mutations: {name} is", values[is_none])
        doubted = values[counted & plain.isin(DOUBTED)]
        add_spellings(f"rows counted as mutations although {name} is", doubted)
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
    add_spellings(f"mutations counted although {KIND} is unknown:", kinds[rows])
    return table[counted & ~silent]


def _split_classes(kind: str) -> set[str]:
    """Return the parts of a class; VEP joins several by ``&`` or commas."""
    parts = (re.sub(r"[\W_]+", "", part.casefold()) for part in re.split("[&,;+|]", kind))
    # A blank class is a class, lest it count as silent.
    return set(filter(None, parts)) or {""}


def _listed_samples(study: StudyFolder, comments: list[str]) -> tuple[pd.Index | None, str]:
    """Return the samples listed as sequenced, in the MAF or a case list, and where."""
    for comment in comments:
        if match := SEQUENCED.match(comment):
            samples = NAME.findall(comment, match.end())
            return pd.Index(samples, dtype=str).unique(), "the line #Sequenced_Samples"
    for path in visible_files(study.folder / "case_lists", "*.txt"):
        cases = study.read_companion(path, "case list", ["stable_id", "case_list_ids"])
        if cases is not None and cases.get("stable_id", path.stem).lower().endswith("_sequenced"):
            if not cases.get("case_list_ids"):
                raise malformed(path, "a case list needs a line 'case_list_ids: …'. Add it")
            return pd.Index(NAME.findall(cases["case_list_ids"]), dtype=str).unique(), path.name
    return None, ""


def _covered_by_panels(
    study: StudyFolder, profile: Profile, samples: pd.Index, table: pd.DataFrame
) -> Iterator[tuple[pd.Index, pd.Series]]:
    """Yield, for each panel, its samples and which genes of the table it covers."""
    panels = _read_panels(study, profile, samples)
    panels = panels[panels.index.isin(samples)]
    lists = _read_gene_lists(study, set(panels))
    entrez = column(table, ENTREZ)
    for panel in panels.unique():
        panel_samples = panels.index[panels == panel]
        if panel in lists:
            rows = table["gene"].isin(lists[panel]) | entrez.isin(lists[panel])
        else:
            rows = table[BARCODE].isin(panel_samples)
            study.report.add(
                profile.path.name,
                f"samples of panel {quote(panel)}, whose gene list is missing: its genes are "
                "assumed to be those with a mutation in these samples",
                len(panel_samples),
            )
        yield panel_samples, table["gene"][rows]


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
            genes = set(NAME.findall(properties["gene_list"]))
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

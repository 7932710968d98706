"""Malformed study files raise by name, or are read as a naive parser reads them."""

import csv
import re
import statistics
from io import StringIO
from unittest import mock

import numpy as np
import pytest
from fuzzing import (
    ANY_TEXT,
    check_message,
    fuzz,
    huge_line,
    other_delimiter,
    repeat_column,
    swap_fields,
)

from xmodal_sklearn.datasets import read_cbioportal
from xmodal_sklearn.datasets.cbioportal import _values

MODALITIES = ["exp", "cna", "mut"]
STUDY = {
    "data_clinical_patient.txt": (
        "#Patient\tSubtype\n#STRING\tSTRING\nPATIENT_ID\tSUBTYPE\n"
        "P1\tLumA\nP2\tBasal\nP3\tNC\nP4\tHer2é\nP5\tLumA\n"
    ),
    "data_clinical_sample.txt": (
        "#Sample\tPatient\tGrade\nSAMPLE_ID\tPATIENT_ID\tGRADE\n"
        'S1\tP1\t3\nS1b\tP1\t2\nS2\tP2\t1"\nS3\tP3\t1\nS4\tP4\t\nS5\tP5\t2\n'
    ),
    "data_mrna_seq_v2_rsem.txt": (
        "Hugo_Symbol\tEntrez_Gene_Id\tS1\tS2\tS3\tS4\tS5\n"
        "ESR1\t2099\t1.25\t-0.5\t3e2\t0\t.5\nGATA3\t2625\t7\t8.125\tNA\t9\t1\n"
        "MKI67\t4288\t12.5\t11.25\t10\t9.75\t-8.5\n"
    ),
    "data_cna.txt": (
        "Hugo_Symbol\tEntrez_Gene_Id\tCytoband\tS1\tS1b\tS2\tS4\tS5\tS9\n"
        "ERBB2\t2064\t17q12\t1\t2\t-1\t0\t0\t1\nMYC\t4609\t8q24\t1\t2\t0\t0\t-2\t1\n"
        "MYC\t4609\t8q24\t2\tNA\t1\t0\t-1\t1\n\t5290\t3q26\t0\t0\t1\t0\t2\t1\n"
        "\t\t1p1\t0\t0\t1\t0\t2\t1\n"
    ),
    "meta_cna.txt": (
        "cancer_study_identifier: x\ngenetic_alteration_type: COPY_NUMBER_ALTERATION\n"
        "datatype: DISCRETE\nstable_id: gistic\ndata_filename: data_cna.txt\n"
    ),
    "data_mutations.txt": (
        "#version 2.4\n#Sequenced_Samples: S1 S1b S2 S4 S5\n"
        "Hugo_Symbol\tEntrez_Gene_Id\tVariant_Classification\tTumor_Sample_Barcode\n"
        "TP53\t7157\tMissense_Mutation\tS1\nTP53\t7157\tSilent\tS2\nGATA3\t2625\tIntron\tS2\n"
        "GATA3\t2625\tFrame_Shift_Del\tS5\nCDH1\t999\tNonsense_Mutation\tS4\n"
        "\t1956\tMissense_Mutation\tS5\nTP53\t7157\tMissense_Mutation\tS3\n"
    ),
    "data_gene_panel_matrix.txt": (
        "SAMPLE_ID\tmutations\nS1\tPANEL1\nS2\tPANEL1\nS4\tNA\nS5\tWXS\n"
    ),
    "data_gene_panel_1.txt": "stable_id: PANEL1\ndescription: x\ngene_list: TP53\t2625\t1956\n",
}


SPOILERS = [
    *ANY_TEXT,
    other_delimiter(b"\t", [b",", b";", b" ", b"|", b"\t\t", b""]),
    repeat_column(b"\t"),
    swap_fields(b"\t"),
    huge_line,
]


COLUMNS = [
    "Hugo_Symbol", "Entrez_Gene_Id", "Cytoband", "Locus ID", "Composite.Element.REF",
    "Variant_Classification", "Tumor_Sample_Barcode", "SAMPLE_ID", "PATIENT_ID",
]  # fmt: skip
# What the report says where it does not take a file as it stands; then only the rest is compared.
REINTERPRETED = (
    "ignored", "spelled differently", "surrounding blanks", "repeat another", "is unknown:",
    "with a date", "several Entrez ids", "other level", "name the patients", "same tumor",
)  # fmt: skip


AROUND = "\"' \t\r\n\xa0\u200b"


def naive_key(name):
    return re.sub(r"[\W_]+", "_", name.strip().casefold())


def naive_rows(content):
    """Comments and rows as dicts, by the csv module."""
    csv.field_size_limit(2**24)
    text = content.decode("utf-8-sig")
    rows = list(csv.reader(StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE))
    rows = [row for row in rows if row]
    n_comments = next(i for i, row in enumerate(rows) if not row[0].startswith("#"))
    comments, header, rows = rows[:n_comments], rows[n_comments], rows[n_comments + 1 :]
    usual = {naive_key(name): name for name in COLUMNS}
    header = [usual.get(naive_key(name), name.strip()) for name in header]
    assert len(set(header)) == len(header)
    assert {len(row) for row in rows} <= {len(header)}
    return ["\t".join(comment) for comment in comments], [
        dict(zip(header, row, strict=True)) for row in rows
    ]


def naive_gene(row):
    symbol, entrez = (row.get(name, "").strip() for name in ("Hugo_Symbol", "Entrez_Gene_Id"))
    placeholders = ("", "NA", "NAN", "N/A", "NULL", "NONE", "UNKNOWN", "<NA>", "?", "-", ".")
    if symbol.upper() not in placeholders:
        return symbol
    return entrez if entrez and set(entrez) <= set("0123456789") and entrez[0] != "0" else ""


def naive_number(text):
    try:
        return float(text)
    except ValueError:
        assert text.upper() in ("", "NA", "N/A", "NULL", "NONE", "<NA>")
        return np.nan


def naive_matrix(content):
    """Values by gene and sample."""
    _, rows = naive_rows(content)
    by_gene = {}
    for row in rows:
        if gene := naive_gene(row):
            other = ("Hugo_Symbol", "Entrez_Gene_Id", "Cytoband", "Locus ID")
            values = {key: naive_number(row[key]) for key in row if key not in other}
            by_gene.setdefault(gene, []).append(values)
    samples = list(next(iter(by_gene.values()))[0])
    table = {}
    for gene, rows_of_gene in by_gene.items():
        for sample in samples:
            present = [row[sample] for row in rows_of_gene if not np.isnan(row[sample])]
            table[gene, sample] = statistics.fmean(present) if present else np.nan
    lacking = {s: np.mean([np.isnan(table[gene, s]) for gene in by_gene]) for s in samples}
    present = [s for s in samples if lacking[s] <= 0.8]
    return {sample: {gene: table[gene, sample] for gene in by_gene} for sample in present}


def plain(row):
    return "".join(filter(str.isalnum, row["Variant_Classification"])).casefold()


def naive_mutations(study):
    """Values by gene and sample, None where the gene is outside the sample's panel."""
    comments, rows = naive_rows(study["data_mutations.txt"])
    lists = [c for c in comments if c.lower().startswith("#sequenced_samples:")]
    panels = naive_panels(study)
    if lists:
        sequenced = re.split(r"[\s,;]+", lists[0].split(":", 1)[1].strip(" ,;\t"))
    else:
        sequenced = {row["Tumor_Sample_Barcode"] for row in rows} | set(panels)
    genes = dict.fromkeys(naive_gene(row) for row in rows)
    genes.pop("", None)
    panel, covered = naive_gene_list(study["data_gene_panel_1.txt"])
    table = {}
    for sample in sequenced:
        if sample not in panels:
            inside = genes
        elif panels[sample] == panel:
            inside = {
                naive_gene(row)
                for row in rows
                if {naive_gene(row), row.get("Entrez_Gene_Id", "").strip()} & covered
            }
        else:
            alike = [s for s in sequenced if panels.get(s) == panels[sample]]
            inside = {naive_gene(row) for row in rows if row["Tumor_Sample_Barcode"] in alike}
        table[sample] = {gene: 0 if gene in inside else None for gene in genes}
    silent = ("silent", "intron", "igr", "rna", "3utr", "5utr", "3flank", "5flank")
    for row in rows:
        sample, gene = row["Tumor_Sample_Barcode"], naive_gene(row)
        if gene and sample in table and plain(row) not in silent:
            table[sample][gene] = 1
    return table


def naive_gene_list(content):
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = content.decode("utf-16" if marked else "utf-8-sig")
    lines = []
    for line in filter(str.strip, re.split("\r\n|\r|\n", text)):
        # The list of genes may go on in the next lines.
        goes_on = ":" not in line and not line.startswith("#") and lines
        if goes_on and lines[-1].casefold().strip(AROUND).startswith("gene_list"):
            lines[-1] += "\t" + line
        else:
            lines.append(line)
    pairs = [[part.strip(AROUND) for part in line.split(":", 1)] for line in lines if ":" in line]
    properties = {key.casefold(): value for key, value in pairs if value}
    return properties["stable_id"], set(re.split(r"[\s,;]+", properties.get("gene_list", "")))


def naive_panels(study):
    rows = naive_rows(study["data_gene_panel_matrix.txt"])[1]
    named = {row["SAMPLE_ID"]: row.get("mutations", "").strip() for row in rows}
    exome = ("", "NA", "NAN", "WES", "WXS", "WGS")
    plain = {panel: "".join(filter(str.isalnum, panel)).upper() for panel in named.values()}
    return {sample: panel for sample, panel in named.items() if plain[panel] not in exome}


def naive_study(study):
    """Class and values of every patient."""
    tables = {
        "exp": naive_matrix(study["data_mrna_seq_v2_rsem.txt"]),
        "cna": naive_matrix(study["data_cna.txt"]),
        "mut": naive_mutations(study),
    }
    patients = {row["PATIENT_ID"]: row for row in naive_rows(study["data_clinical_patient.txt"])[1]}
    chosen = {}
    for row in naive_rows(study["data_clinical_sample.txt"])[1]:
        if all(row["SAMPLE_ID"] in table for table in tables.values()):
            source = row if "SUBTYPE" in row else patients.get(row["PATIENT_ID"], {})
            chosen.setdefault(
                row["PATIENT_ID"], (row["SAMPLE_ID"], source.get("SUBTYPE", "").strip())
            )
    unknown = ("", "NA", "NAN", "NC", "N/A", "UNKNOWN", "-", ".", "?", "--", "NULL")
    chosen = {p: (s, label) for p, (s, label) in chosen.items() if label.upper() not in unknown}
    values = {
        patient: {
            f"{modality}__{gene}": value
            for modality, table in tables.items()
            for gene, value in table[sample].items()
        }
        for patient, (sample, _) in chosen.items()
    }
    columns = [
        column
        for column in next(iter(values.values()))
        if all(row[column] is not None for row in values.values())
        and np.mean([np.isnan(row[column]) for row in values.values()]) <= 0.5
    ]
    return (
        {patient: label for patient, (_, label) in chosen.items()},
        columns,
        [[row[column] for column in columns] for row in values.values()],
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    for name, text in STUDY.items():
        (folder / name).write_bytes(text.encode())
    return folder


def whole_file(message):
    """Return whether an error concerns no single line of the file."""
    return any(
        phrase in message
        for phrase in (
            "No patient", "No PATIENT_ID of", "No sample of",
            "none of its samples", "No clinical column", "names no", "has no table",
            "no row below", "has no gene", "no gene is in the panels", "needs a line",
            "has other genes in another file", "another modality", "data_filename",
        )
    )  # fmt: skip


NAMING_SAMPLES = ("data_gene_panel_matrix.txt", "data_clinical_sample.txt")
CLINICAL = ("data_clinical_patient.txt", "data_clinical_sample.txt")


def check(folder, contents):
    """Read the study; return the outcome, and fail if it is wrong."""
    spoiled = [name for name in STUDY if contents[name] != STUDY[name].encode()]
    try:
        data = read_cbioportal(folder, modalities=MODALITIES, target="SUBTYPE")
    except ValueError as error:
        check_message(error, *spoiled, line=not whole_file(str(error)))
        return "raised"
    except FileNotFoundError as error:
        # A meta file may name a missing file.
        assert spoiled == ["meta_cna.txt"], error
        return "raised, as a file is missing"
    if spoiled and any(
        (
            (where in NAMING_SAMPLES or where in spoiled)
            and any(phrase in what for phrase in REINTERPRETED)
        )
        # Other names in a spoiled clinical file or header are reported for the tables.
        or (count and "spelled differently" in what)
        for where, what, count in data.report.itertuples(index=False)
    ):
        assert set(data.target.index) <= {"P1", "P2", "P3", "P4", "P5"} or spoiled[0] in CLINICAL
        return "read, and reported what was reinterpreted"
    target, columns, values = naive_study(contents)
    assert data.target.to_dict() == target
    assert list(data.data.columns) == columns
    np.testing.assert_allclose(data.data.to_numpy(), values, rtol=1e-6, atol=1e-40)
    return "read as it stands"


def test_a_valid_study_is_read_as_a_naive_parser_reads_it(study):
    assert check(study, {name: text.encode() for name, text in STUDY.items()}).startswith("read as")


def test_a_mutated_file_raises_with_its_name_or_is_read_as_it_is(study):
    def spoil(seed, rng):
        name = rng.choice(list(STUDY))
        content = original = STUDY[name].encode()
        for _ in range(rng.randint(1, 3)):
            content = rng.choice(SPOILERS)(rng, content)
        # Small chunks, so that a few lines make as many chunks as a large file does.
        size = rng.choice([1, 60, _values.CHUNK_BYTES])
        (study / name).write_bytes(content)
        try:
            with mock.patch.object(_values, "CHUNK_BYTES", size):
                return check(study, {f: t.encode() for f, t in STUDY.items()} | {name: content})
        finally:
            (study / name).write_bytes(original)

    fuzz(spoil)

"""Studies as they come: harmless flaws, many profiles, names and values spelled in many ways."""

import re
import tarfile

import pandas as pd
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from xmodal_sklearn.datasets import list_profiles, read_cbioportal

IDS = [f"P{number}" for number in range(1, 7)]
TCGA = [f"TCGA-AA-000{number}" for number in range(1, 7)]


def matrix(samples, genes=("ESR1", "GATA3"), first="Hugo_Symbol"):
    rows = ["\t".join([first, *samples])]
    rows += [
        "\t".join([gene, *(str(row * 10 + column) for column in range(len(samples)))])
        for row, gene in enumerate(genes, start=1)
    ]
    return "\n".join(rows) + "\n"


def maf(rows, columns=("Variant_Classification", "Tumor_Sample_Barcode"), sequenced=()):
    lines = [f"#Sequenced_Samples: {' '.join(sequenced)}"] if sequenced else []
    lines += ["\t".join(["Hugo_Symbol", *columns])]
    return "\n".join([*lines, *("\t".join(row) for row in rows)]) + "\n"


def meta(alteration, datatype, stable_id, data_file, **further):
    fields = {
        "cancer_study_identifier": "toy",
        "genetic_alteration_type": alteration,
        "datatype": datatype,
        "stable_id": stable_id,
        "data_filename": data_file,
    }
    return "".join(f"{key}: {value}\n" for key, value in (fields | further).items() if value)


@pytest.fixture
def write(tmp_path):
    def write_files(files, patients=IDS, classes="ABABAB"):
        defaults = {
            "data_clinical_patient.txt": "PATIENT_ID\tCLASS\n"
            + "".join(f"{i}\t{c}\n" for i, c in zip(patients, classes, strict=True)),
            "data_clinical_sample.txt": "SAMPLE_ID\tPATIENT_ID\n"
            + "".join(f"{i}-01\t{i}\n" for i in patients),
        }
        for name, content in (defaults | files).items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(
                content if isinstance(content, bytes) else content.encode()
            )
        return tmp_path

    return write_files


def read(folder, modalities=("exp",), **options):
    return read_cbioportal(folder, modalities=modalities, target="CLASS", **options)


def reported(study, text):
    """The counts of what the report says that contains a text."""
    return [
        int(count)
        for _, what, count in study.report.itertuples(index=False, name=None)
        if text in what
    ]


SAMPLES = [f"{i}-01" for i in IDS]
EXP = {"data_mrna_seq_tpm.txt": matrix(SAMPLES)}
FLAWS = {
    "a line without a colon": ("meta_study.txt", "description: on\ntwo lines\n"),
    "another key twice": ("meta_cna.txt", "groups: A\ngroups: B\n"),
    "not UTF-8": ("meta_study.txt", b"description: na\xefve\n"),
    "UTF-16": ("meta_study.txt", "description: x\n".encode("utf-16")),
    "CR line ends": ("meta_study.txt", "a: 1\rb: 2\r"),
    "a NUL byte": ("meta_study.txt", b"a: 1\0\n"),
    "an empty meta file": ("meta_study.txt", ""),
    "a hidden meta file": ("._meta_study.txt", b"\x00\x05\x16"),
    "a hidden data file": ("._data_mrna_seq_tpm.txt", b"\x00\x05\x16"),
    "a hidden panel": ("gene_panels/._x.txt", b"\x00\x05\x16"),
    "a path elsewhere": ("meta_cna.txt", meta("COPY_NUMBER_ALTERATION", "DISCRETE", "gistic",
                                              "../data_cna.txt")),
    "a clinical file elsewhere": ("meta_clinical_sample.txt",
                                  meta("CLINICAL", "SAMPLE_ATTRIBUTES", "", "gone.txt")),
    "a broken case list": ("case_lists/cases_all.txt", "no colon\n\0"),
    "two stable ids": ("meta_cna.txt", "stable_id: a\nstable_id: b\n"),
    "a panel of others": ("gene_panels/x.txt", "stable_id: X\n"),
    "quotes": ("meta_exp.txt", meta("MRNA_EXPRESSION", "CONTINUOUS", '"rna"',
                                    '"data_mrna_seq_tpm.txt"')),
    "another case": ("meta_exp.txt", meta("MRNA_EXPRESSION", "CONTINUOUS", "rna",
                                          "Data_mRNA_seq_TPM.txt")),
    "a path of Windows": ("meta_exp.txt", meta("MRNA_EXPRESSION", "CONTINUOUS", "rna",
                                               r"C:\me\data_mrna_seq_tpm.txt")),
    "a data file that is gone": ("meta_exp.txt", meta("MRNA_EXPRESSION", "CONTINUOUS", "rna",
                                                      "data_gone.txt")),
    "an empty panel matrix": ("data_gene_panel_matrix.txt", ""),
    "a copy": ("data_mrna_seq_tpm (1).txt", matrix(["P1-01"])),
    "another copy": ("data_mrna_seq_tpm copy.txt", matrix(["P1-01"])),
}  # fmt: skip


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_harmless_flaw_of_a_companion_file_blocks_nothing(write, flaw):
    name, content = FLAWS[flaw]
    mutations = maf([("TP53", "Missense_Mutation", "P1-01")], sequenced=SAMPLES)
    folder = write(EXP | {"data_mutations.txt": mutations, name: content})
    study = read(folder, ["exp", "mut"])
    assert study.data.shape == (6, 3)
    if flaw in ("a NUL byte", "a clinical file elsewhere", "two stable ids"):
        assert name in study.report["where"].tolist()
    if flaw == "a data file that is gone":
        assert reported(study, "missing; data_mrna_seq_tpm.txt is read instead") == [1]


LISTS = {
    "commas": "stable_id: toy_sequenced\ncase_list_ids: P1-01, P2-01,P3-01\n",
    "lines": "stable_id: toy_sequenced\ncase_list_ids: P1-01\nP2-01\n\nP3-01\n",
    "another case": "stable_id: TOY_SEQUENCED\ncase_list_ids: P1-01\tP2-01\tP3-01\n",
    "no stable id": "case_list_ids: P1-01\tP2-01\tP3-01\n",
    "a name twice": "stable_id: toy_sequenced\ncase_list_ids: P1-01\tP1-01\tP2-01\tP3-01\n",
}


@pytest.mark.parametrize("form", LISTS)
def test_a_case_list_may_be_written_in_many_ways(write, form):
    mutations = maf([("TP53", "Missense_Mutation", "P1-01")])
    lists = {"case_lists/cases_sequenced.txt": LISTS[form], "case_lists/cases_all.txt~": b"\0"}
    study = read(write({"data_mutations.txt": mutations} | lists), ["mut"])
    assert study.data["mut__TP53"].to_dict() == {"P1": 1, "P2": 0, "P3": 0}


def test_clinical_files_are_found_in_any_case_and_blank_lines_pass(write):
    folder = write(EXP)
    file = folder / "data_clinical_patient.txt"
    (folder / "Data_Clinical_Patient.TXT").write_text(file.read_text() + "\n  \n \t\t\n")
    file.unlink()
    assert len(read(folder).data) == 6


@pytest.mark.parametrize("name", ["data_mrna_seq_tpm.txt", "data_clinical_patient.txt"])
def test_a_comment_among_the_rows_is_distinguished_from_a_truncated_row(write, name):
    folder = write(EXP)
    lines = (folder / name).read_text().splitlines()
    (folder / name).write_text("\n".join([*lines[:2], "#P9\tcomment", *lines[2:]]))
    with pytest.raises(ValueError, match=r"begins with #, as comments do \(line 3\)"):
        read(folder)


def test_a_flaw_that_matters_is_named(write):
    folder = write({"meta_cna.txt": meta("COPY_NUMBER_ALTERATION", "DISCRETE", "gistic", "../a")})
    with pytest.raises(FileNotFoundError, match="cna"):
        read(folder, ["cna"])
    with pytest.raises(ValueError, match=r"'gistic' as 'cna'.*data_filename must be the name"):
        read(folder, ["cna"], profiles={"cna": "gistic"})


M, C = "MRNA_EXPRESSION", "COPY_NUMBER_ALTERATION"
# Type, datatype, stable id of the profiles of a study; which of them is read as what.
LAYOUTS = {
    "microRNA": ([(M, "CONTINUOUS", "mirna"), (M, "CONTINUOUS", "mrna")], "exp", "mrna"),
    "microRNA z-scores": (
        [(M, "Z-SCORE", "mirna_median_Zscores"), (M, "Z-SCORE", "rna_seq_mrna_median_Zscores")],
        "exp", "rna_seq_mrna_median_Zscores",
    ),
    "merged": (
        [(M, "Z-SCORE", "mrna_merged_median_Zscores"), (M, "Z-SCORE", "mrna_median_Zscores")],
        "exp", "mrna_median_Zscores",
    ),
    "outliers": (
        [(M, "DISCRETE", "mrna_outliers"), (M, "Z-SCORE", "mrna_zbynorm")], "exp", "mrna_zbynorm",
    ),
    "normal samples": (
        [(M, "CONTINUOUS", "rna_seq_v2_mrna_median_normals"),
         (M, "Z-SCORE", "rna_seq_v2_mrna_median_all_sample_ref_normal_Zscores")],
        "exp", "rna_seq_v2_mrna_median_all_sample_ref_normal_Zscores",
    ),
    "raw values": (
        [(M, "Z-SCORE", "rna_seq_v2_mrna_median_Zscores"), (M, "CONTINUOUS", "rna_seq_v2_mrna")],
        "exp", "rna_seq_v2_mrna",
    ),
    "sequencing": (
        [(M, "CONTINUOUS", "mrna_U133"), (M, "CONTINUOUS", "rna_seq_mrna")], "exp", "rna_seq_mrna",
    ),
    "log ratios": (
        [(C, "DISCRETE", "gistic"), (C, "CONTINUOUS", "linear_CNA"), (C, "LOG2-VALUE", "log2CNA")],
        "cna", "log2CNA",
    ),
    "GISTIC": ([(C, "DISCRETE", "cna_rae"), (C, "DISCRETE", "gistic")], "cna", "gistic"),
    "segments": ([(C, "SEG", "segment"), (C, "DISCRETE", "cna")], "cna", "cna"),
    "z-scores called raw": (
        [(M, "CONTINUOUS", "a_mrna_median_Zscores"), (M, "CONTINUOUS", "mrna")], "exp", "mrna",
    ),
    "logs of sequencing": (
        [(M, "CONTINUOUS", "mrna_U133"), (M, "LOG2-VALUE", "rna_seq_mrna")], "exp", "rna_seq_mrna",
    ),
    "counts": (
        [(M, "CONTINUOUS", "rna_seq_htseq_counts"), (M, "CONTINUOUS", "rna_seq_tpm")], "exp",
        "rna_seq_tpm",
    ),
    "normals": (
        [(M, "CONTINUOUS", "rna_seq_mrna_normal"), (M, "Z-SCORE", "rna_seq_normalized_Zscores")],
        "exp", "rna_seq_normalized_Zscores",
    ),
    "other RNA": (
        [(M, "CONTINUOUS", "snoRNA"), (M, "CONTINUOUS", "micro-rna"), (M, "CONTINUOUS", "ncrna"),
         (M, "CONTINUOUS", "protein_quantification"), (M, "Z-SCORE", "rna_seq_mrna_zscores")],
        "exp", "rna_seq_mrna_zscores",
    ),
    "arms": ([(C, "LOG2-VALUE", "armlevel_cna"), (C, "DISCRETE", "cna")], "cna", "cna"),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_profile_is_chosen_by_its_stable_id_and_datatype(write, layout, ends):
    profiles, modality, expected = LAYOUTS[layout]
    files = {}
    for number, (alteration, datatype, stable_id) in enumerate(profiles):
        text = meta(alteration, datatype, stable_id, f"data_{number}.txt")
        files[f"meta_{number}.txt"] = (text + f"stable_id: {stable_id}\n").replace("\n", ends)
        files[f"data_{number}.txt"] = matrix(SAMPLES, [f"G{number}", "H"]).replace("\n", ends)
    folder = write(files)
    number = [stable_id for *_, stable_id in profiles].index(expected)
    assert f"{modality}__G{number}" in read(folder, [modality]).data
    listed = list_profiles(folder).set_index("stable_id")
    assert listed["modality"][listed["modality"] == modality].index.tolist() == [expected]
    assert (listed["why"] != "").all()


@pytest.mark.parametrize("other", ["mutations_uncalled", "mutations_nonsignedout", "germline"])
def test_mutations_that_were_called_in_tumors_are_read(write, other):
    for_files = enumerate([other, "mutations"])
    files = {
        f"meta_{n}.txt": meta("MUTATION_EXTENDED", "MAF", i, f"data_{n}.txt") for n, i in for_files
    }
    files |= {f"data_{number}.txt": "" for number in (0, 1)}
    listed = list_profiles(write(files)).set_index("stable_id")
    assert listed["modality"].to_dict() == {other: "", "mutations": "mut"}


NEVER = "mirna|merged|outliers|normals"


def test_every_public_study_has_its_profiles(data_dir, tmp_path):
    archive = data_dir / "cbioportal_meta.tar.xz"
    if not archive.is_file():
        pytest.skip("needs cbioportal_meta.tar.xz of the shared data")
    with tarfile.open(archive) as metas:
        metas.extractall(tmp_path, filter="data")
    studies = sorted(tmp_path.iterdir())
    assert len(studies) == 397
    for study in studies:
        for path in study.glob("meta_*.txt"):
            for name in re.findall(r"^data_filename: *(\S+)", path.read_text(), re.MULTILINE):
                (study / name).touch()
        listed = list_profiles(study)
        for modality, alteration in {"exp": M, "cna": C, "mut": "MUTATION_EXTENDED"}.items():
            usable = listed[(listed["alteration"] == alteration) & (listed["datatype"] != "SEG")]
            usable = usable[~usable["stable_id"].str.contains(NEVER)]
            taken = listed[listed["modality"] == modality]
            assert taken.index.isin(usable.index).all(), study
            assert len(taken) == bool(len(usable)), study
            raw = usable["datatype"].isin(["CONTINUOUS", "LOG2-VALUE"]).any()
            assert not (raw and (taken["datatype"] == "Z-SCORE").any()), study


@pytest.mark.parametrize(
    "name",
    [
        "data_mRNA_median_Zscores.txt",
        "data_expression_median.txt",
        "data_RNA_Seq_v2_expression.txt",
    ],
)
def test_old_file_names_are_recognized(write, name):
    folder = write({name: matrix(SAMPLES), "data_expression_miRNA.txt": matrix(SAMPLES, ["MIR21"])})
    assert read(folder).profiles == {"exp": name}


@pytest.mark.parametrize(
    ("profile", "first", "further"),
    [
        (("PROTEIN_LEVEL", "LOG2-VALUE", "rppa"), "Composite.Element.REF", {}),
        (("PROTEIN_LEVEL", "Z-SCORE", "protein_quantification_zscores"), "Hugo_Symbol", {}),
        (("METHYLATION", "CONTINUOUS", "methylation_hm27"), "Hugo_Symbol", {}),
        ((M, "CONTINUOUS", "mirna"), "Hugo_Symbol", {}),
        (("GENERIC_ASSAY", "LIMIT-VALUE", "methylation_hm450"), "ENTITY_STABLE_ID\tNAME\tCODE",
         {"generic_entity_meta_properties": "NAME,CODE"}),
    ],
)  # fmt: skip
def test_any_table_of_numbers_is_read_as_a_modality_of_its_own(write, profile, first, further):
    table = matrix(SAMPLES, ["A|A_p1", "B"], first)
    if "\t" in first:
        table = table.replace("A|A_p1\t", "A|A_p1\tname\tx\t>").replace("B\t", "B\tname\ty\t")
    files = {"data_x.txt": table, "meta_x.txt": meta(*profile, "data_x.txt", **further)}
    study = read(write(EXP | files), {"exp": None, "new": profile[2]})
    assert list(study.modalities) == ["exp", "new"]
    assert study.data["new__A|A_p1"].tolist() == [10, 11, 12, 13, 14, 15]
    assert reported(study, "without the < or >") == ([1] if "\t" in first else [])


@pytest.mark.parametrize(
    ("alteration", "datatype"),
    [("STRUCTURAL_VARIANT", "SV"), (C, "SEG"), ("GENERIC_ASSAY", "CATEGORICAL"), ("MUTSIG", "Q")],
)
def test_a_profile_that_is_not_numeric_raises(write, alteration, datatype):
    folder = write({"meta_x.txt": meta(alteration, datatype, "x", "data_x.txt"), "data_x.txt": ""})
    with pytest.raises(ValueError, match=f"'x' as 'new'.*{alteration} of datatype {datatype}"):
        read(folder, {"new": "x"})


def test_a_long_table_of_calls_is_read(write):
    rows = [f"{gene}\t{i}\t{n}\n" for gene in ("MYC", "ERBB2") for n, i in enumerate(SAMPLES)]
    files = {"data_cna.txt": "Hugo_Symbol\tSample_Id\tValue\n" + "".join(rows) + rows[0]}
    study = read(write(files), ["cna"])
    assert study.data["cna__ERBB2"].tolist() == [0, 1, 2, 3, 4, 5]
    assert reported(study, "repeat another") == [1]
    files["data_cna.txt"] += "MYC\tP1-01\t5\n"
    with pytest.raises(ValueError, match=r"more than one row has Hugo_Symbol .* \(line 15\)"):
        read(write(files), ["cna"])


@pytest.mark.parametrize(
    "kind",
    ["silent", "SYNONYMOUS", "synonymous_variant", "intron_variant", "3_prime_UTR_variant",
     "5'utr", "intergenic_region", "synonymous_variant&intron_variant"],
)  # fmt: skip
def test_silent_variants_are_known_by_other_names(write, kind):
    rows = [("TP53", kind, "P1-01"), ("TP53", "missense_variant&intron_variant", "P2-01")]
    study = read(write({"data_mutations.txt": maf(rows, sequenced=SAMPLES)}), ["mut"])
    assert study.data["mut__TP53"].tolist() == [0, 1, 0, 0, 0, 0]
    assert reported(study, "unchanged") == [1]


def test_a_class_of_variants_that_is_not_known_is_reported(write):
    rows = [("TP53", "Odd", "P1-01"), ("TP53", "", "P2-01")]
    study = read(write({"data_mutations.txt": maf(rows, sequenced=SAMPLES)}), ["mut"])
    assert study.data["mut__TP53"].tolist() == [1, 1, 0, 0, 0, 0]
    assert reported(study, "'Odd'") == [1]


@pytest.mark.parametrize("status", ["wildtype", "NONE", "Loh", "redacted", "Wild-Type"])
def test_a_row_with_a_negative_status_is_not_a_mutation(write, status):
    columns = ("Variant_Classification", "Tumor_Sample_Barcode", "mutation_status")
    rows = [("TP53", "Silent", "P1-01", ""), ("TP53", "Nonsense_Mutation", "P1-01", status)]
    study = read(write({"data_mutations.txt": maf(rows, columns, SAMPLES)}), ["mut"])
    assert study.data["mut__TP53"].sum() == 0
    assert reported(study, f"Mutation_Status is '{status}'") == [1]


@pytest.mark.parametrize("name", ["Mutation Status", "MUTATION_STATUS", "Mutation.Status"])
def test_the_status_column_is_recognized_in_any_spelling(write, name):
    columns = ("Variant Classification", "Tumor.Sample.Barcode", name)
    rows = [("TP53", "Missense_Mutation", "P1-01", "LOH")]
    study = read(write({"data_mutations.txt": maf(rows, columns, SAMPLES)}), ["mut"])
    assert study.data["mut__TP53"].sum() == 0


def test_a_mutation_that_validation_did_not_confirm_is_counted_and_reported(write):
    columns = ("Variant_Classification", "Tumor_Sample_Barcode", "Validation_Status")
    rows = [("TP53", "Missense_Mutation", "P1-01", "Invalid")]
    study = read(write({"data_mutations.txt": maf(rows, columns, SAMPLES)}), ["mut"])
    assert study.data["mut__TP53"].sum() == 1
    assert reported(study, "Validation_Status is 'Invalid'") == [1]


@pytest.mark.parametrize(
    "label",
    [
        "n.a.",
        "N A",
        "\u2013",
        "Not evaluable",
        "NotAvailable",
        "[Null]",
        "not available",
        "Not_Reported",
        "--",
        "UNK",
        " ",
    ],
)
def test_a_placeholder_is_an_unknown_class(write, label):
    study = read(write(EXP, classes=["A", "B", label, "A", "B", "None"]))
    assert study.target.to_dict() == {"P1": "A", "P2": "B", "P4": "A", "P5": "B", "P6": "None"}
    assert reported(study, "target unknown") == [1]
    assert reported(study, f"{label!r} read as unknown") == ([] if label == " " else [1])


@pytest.mark.parametrize("value", ["na", "Null", "#N/A", "[Not Available]"])
def test_a_placeholder_is_a_missing_value(write, value):
    table = matrix(SAMPLES).replace("\t10\t", f"\t{value}\t")
    study = read(write({"data_mrna_seq_tpm.txt": table}))
    assert study.data.isna().sum().to_dict() == {"exp__ESR1": 1, "exp__GATA3": 0}
    assert reported(study, "missing values, kept") == [1]


@pytest.mark.parametrize("sequenced", [IDS, SAMPLES, [i.lower() for i in SAMPLES]])
@pytest.mark.parametrize("rows", [IDS, SAMPLES, [f"{i} " for i in SAMPLES]])
def test_mutations_are_kept_if_a_list_spells_the_sample_differently(write, sequenced, rows):
    mutations = maf([("TP53", "Missense_Mutation", name) for name in rows[:3]], sequenced=sequenced)
    study = read(write({"data_mutations.txt": mutations}), ["mut"])
    assert study.data["mut__TP53"].tolist() == [1, 1, 1, 0, 0, 0]


def test_classes_that_differ_only_in_case_are_reported(write):
    study = read(write(EXP, classes=["A", "a", "B", "B", "A", "A"]))
    assert set(study.target) == {"A", "a", "B"}
    assert reported(study, "only in case") == [3, 1]


@pytest.mark.parametrize("pair", [("1", "1.0"), ("Lum A", "Lum_A"), ("Lum A", "Lum-A")])
def test_classes_that_differ_only_in_spelling_are_reported(write, pair):
    study = read(write(EXP, classes=[*pair, "B", "B", "A", "A"]))
    assert reported(study, "only in spelling") == [1, 1]


def test_a_minus_beside_a_plus_is_a_class(write):
    assert set(read(write(EXP, classes="+-+-+-")).target) == {"+", "-"}
    assert set(read(write(EXP, classes="AB-BAB")).target) == {"A", "B"}


def test_the_patient_file_is_compared_where_the_sample_file_holds_the_target(write):
    samples = "".join(f"{i}-01\t{i}\t{c}\n" for i, c in zip(IDS[:5], "AAABB", strict=True))
    files = {"data_clinical_sample.txt": f"SAMPLE_ID\tPATIENT_ID\tCLASS\n{samples}"}
    study = read(write(EXP | files, classes="AAAAAA"))
    assert "".join(study.target) == "AAABB"
    assert reported(study, "CLASS different from that in data_clinical_sample.txt, ignored") == [2]
    assert reported(study, "without a sample in data_clinical_sample.txt") == [1]
    study = read(write(EXP | files | {"data_clinical_patient.txt": "PATIENT_ID\nP1\tB\n"}))
    assert reported(study, "not needed and ignored") == [1]


NUMBERS = {"X of R": "X{}", "a float": "{}.0", "zeros": "00{}"}


@pytest.mark.parametrize("spelling", NUMBERS)
def test_numbers_for_names_match_however_programs_wrote_them(write, spelling):
    samples = "SAMPLE_ID\tPATIENT_ID\n" + "".join(f"{n}\tP{n}\n" for n in range(1, 7))
    table = matrix([NUMBERS[spelling].format(n) for n in range(1, 7)])
    files = {"data_clinical_sample.txt": samples, "data_mrna_seq_tpm.txt": table}
    study = read(write(files))
    assert study.data["exp__ESR1"].tolist() == [10, 11, 12, 13, 14, 15]
    assert reported(study, "spelled differently") == [6]


TYPES = {
    "Healthy": "Primary", "Control": "Tumor", "Adjacent non-tumor tissue": "Primary",
    "Tumor-adjacent normal": "Tumor with matched normal", "Lymph node": "Primary",
    "PDX": "Primary Tumor", "Cell line": "Tumor", "Secondary": "Primary",
}  # fmt: skip


@pytest.mark.parametrize("other", TYPES)
def test_neither_normal_tissue_nor_a_later_tumor_replaces_a_primary_one(write, other):
    rows = [
        ("P1-11", "P1", other),
        *((s, p, TYPES[other]) for s, p in zip(SAMPLES, IDS, strict=True)),
    ]
    samples = "SAMPLE_ID\tPATIENT_ID\tSAMPLE_TYPE\n" + "".join("\t".join(r) + "\n" for r in rows)
    table = matrix(["P1-11", *SAMPLES])
    study = read(write({"data_clinical_sample.txt": samples, "data_mrna_seq_tpm.txt": table}))
    assert study.data["exp__ESR1"].tolist() == [11, 12, 13, 14, 15, 16]


SPELLINGS = {
    "a blank": "{} ",
    "a no-break space": "{}\xa0",
    "another case": "p{0[1]}-01",
    "dots": "P{0[1]}.01",
    "a dash": "P{0[1]}\u201301",
    "a wide letter": "\uff30{0[1]}-01",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_names_spelled_differently_match_and_are_counted(write, spelling):
    names = [SPELLINGS[spelling].format(name) for name in SAMPLES[:3]] + SAMPLES[3:]
    study = read(write({"data_mrna_seq_tpm.txt": matrix(names)}))
    assert study.data["exp__ESR1"].tolist() == [10, 11, 12, 13, 14, 15]
    assert reported(
        study, "blank" if "space" in spelling or "blank" in spelling else "spelled"
    ) == [3]


def test_an_ambiguous_name_raises_with_examples(write):
    samples = "SAMPLE_ID\tPATIENT_ID\n" + "".join(f"{i}-01\t{i}\n" for i in IDS) + "p1-01\tP1\n"
    files = {"data_clinical_sample.txt": samples, "data_mrna_seq_tpm.txt": matrix(["P1.01"])}
    with pytest.raises(ValueError, match=r"'P1.01' may mean several.*P1-01, p1-01"):
        read(write(files))


def test_tables_without_a_common_sample_raise_with_examples(write):
    folder = write(EXP | {"data_cna.txt": matrix([f"Q\xa0{n}" for n in range(3)])})
    for join in ("inner", "outer"):
        with pytest.raises(ValueError, match=r"data_cna.txt \('Q\\xa00'.*P1-01"):
            read(folder, ["exp", "cna"], join=join)


BARCODES = {
    "aliquots": "{}-01A-11R-A10Y-07",
    "vials": "{}-01A",
    "dots": "{}.01A.11R.A10Y.07",
    "lower case": "{}-01",
    "patients": "{}",
}


@pytest.mark.parametrize("level", BARCODES)
@pytest.mark.parametrize("modality", ["exp", "mut"])
def test_barcodes_match_at_the_level_of_the_sample_file(write, level, modality):
    names = [BARCODES[level].format(i) for i in TCGA]
    names = [n.replace("-", ".") if level == "dots" else n for n in names]
    names = [n.lower() if level == "lower case" else n for n in names]
    rows = [("TP53", "Missense_Mutation", name) for name in names[:3]]
    sequenced = [f"{i}-01" for i in TCGA]
    files = {"data_mrna_seq_tpm.txt": matrix(names), "data_mutations.txt": maf(rows, (
        "Variant_Classification", "Tumor_Sample_Barcode"), sequenced)}  # fmt: skip
    study = read(write(files, TCGA), [modality])
    expected = {"exp": [10, 11, 12, 13, 14, 15], "mut": [1, 1, 1, 0, 0, 0]}[modality]
    assert study.data.iloc[:, 0].tolist() == expected
    assert sum(reported(study, "sample names")) == len(names if modality == "exp" else rows)


@pytest.mark.parametrize("normal", ["-11", "-10", "-14", "-20"])
@pytest.mark.parametrize("first", [True, False])
def test_a_normal_sample_never_replaces_a_tumor(write, normal, first):
    pair = [TCGA[0] + normal, TCGA[0] + "-01"][:: 1 if first else -1]
    samples = [*pair, *(f"{i}-01" for i in TCGA[1:5]), TCGA[5] + normal]
    clinical = "SAMPLE_ID\tPATIENT_ID\n" + "".join(f"{s}\t{s[:12]}\n" for s in samples)
    files = {"data_clinical_sample.txt": clinical, "data_mrna_seq_tpm.txt": matrix(samples)}
    study = read(write(files, TCGA))
    assert study.data.loc[TCGA[0], "exp__ESR1"] == 10 + first
    assert TCGA[5] not in study.data.index
    assert reported(study, "with only normal") == [1]
    assert reported(study, "of normal tissue") == [2]


@pytest.mark.parametrize("kind", ["Solid Tissue Normal", "normal", "Blood Derived Normal"])
def test_the_sample_type_may_be_a_column(write, kind):
    clinical = "SAMPLE_ID\tPATIENT_ID\tSAMPLE_TYPE\n" + f"N1\tP1\t{kind}\n" + "M1\tP1\tMetastasis\n"
    clinical += "".join(f"{i}-01\t{i}\tPrimary\n" for i in IDS)
    files = {
        "data_clinical_sample.txt": clinical,
        "data_mrna_seq_tpm.txt": matrix(["N1", "M1", *SAMPLES]),
    }
    study = read(write(files))
    assert study.data.loc["P1", "exp__ESR1"] == 12
    assert reported(study, "additional samples of a patient") == [1]


def test_of_several_aliquots_of_a_sample_the_first_is_kept(write):
    names = [f"{TCGA[0]}-01A-11R", f"{TCGA[0]}-01B-11R", *(f"{i}-01A-11R" for i in TCGA[1:])]
    study = read(write({"data_mrna_seq_tpm.txt": matrix(names)}, TCGA))
    assert study.data["exp__ESR1"].tolist() == [10, 12, 13, 14, 15, 16]
    assert reported(study, "additional samples of the same tumor") == [1]


@pytest.mark.parametrize("symbol", ["1-Mar", "2-Sep", "Mar-01", "2021-03-01", "1. Mrz"])
def test_genes_that_became_dates_are_distinguished_by_their_entrez_ids(write, symbol):
    head = "Hugo_Symbol\tEntrez_Gene_Id\t" + "\t".join(SAMPLES) + "\n"
    row = "\t1" * 6 + "\n"
    table = f"{head}{symbol}\t55016{row}{symbol}\t64757{row}ESR1\t2099{row}"
    study = read(write({"data_mrna_seq_tpm.txt": table}))
    assert list(study.data) == ["exp__55016", "exp__64757", "exp__ESR1"]
    assert reported(study, "date") == [2]
    study = read(write({"data_mrna_seq_tpm.txt": table.replace("55016", "").replace("64757", "")}))
    assert list(study.data) == ["exp__ESR1"]
    assert reported(study, "date") == [2]


def test_a_symbol_of_several_genes_is_not_averaged(write):
    head = "Hugo_Symbol\tEntrez_Gene_Id\t" + "\t".join(SAMPLES) + "\n"
    table = f"{head}A\t1{chr(9)}" + "\t".join("123456") + "\nA\t2" + "\t5" * 6 + "\n"
    study = read(write({"data_mrna_seq_tpm.txt": table}))
    assert list(study.data) == ["exp__1", "exp__2"]
    assert reported(study, "several Entrez ids") == [2]


PLACES = st.lists(st.sets(st.sampled_from(IDS), min_size=2), min_size=5, max_size=5)


@pytest.mark.filterwarnings("ignore:No sample of modality")
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    places=PLACES,
    classes=st.tuples(*[st.sampled_from(["A", "B", "NC", ""])] * 6),
    join=st.sampled_from(["inner", "outer"]),
)
def test_every_patient_is_read_or_reported(write, places, classes, join):
    exp, cna, mut, with_sample, second = ([i for i in IDS if i in place] for place in places)
    samples = [f"{i}-01" for i in with_sample] + [f"{i}-02" for i in second]
    clinical = "SAMPLE_ID\tPATIENT_ID\n" + "".join(f"{s}\t{s[:2]}\n" for s in samples)
    files = {
        "data_clinical_sample.txt": clinical,
        "data_mrna_seq_tpm.txt": matrix([f"{i}-01" for i in exp]),
        "data_cna.txt": matrix([f"{i}-0{1 + (i in second)}" for i in cna]),
        "data_mutations.txt": maf([("TP53", "Silent", f"{i}-01") for i in mut]),
    }
    try:
        study = read(write(files, classes=classes), ["exp", "cna", "mut"], join=join)
    except ValueError as error:
        assert re.search("No patient|no row|[Nn]o sample|names no|holds only", str(error))
        return
    event("read")
    lost = study.report.loc[study.report["where"] == "patients", "count"].sum()
    assert len(study.data) + lost == len(IDS)


def test_the_report_survives_as_a_table(write):
    report = read(write(EXP)).report
    assert isinstance(report, pd.DataFrame)
    assert list(report) == ["where", "what", "count"]

"""Reading cBioPortal study folders: METABRIC as it is, and small studies for each rule."""

import csv
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier

from xmodal_sklearn.datasets import read_cbioportal

EXP = "data_mrna_illumina_microarray_zscores_ref_diploid_samples.txt"


@pytest.fixture(scope="module")
def metabric(data_dir):
    return data_dir / "metabric"


def lines(path):
    with path.open(encoding="utf-8", newline="") as file:
        return [line for line in csv.reader(file, delimiter="\t") if not line[0].startswith("#")]


def profiled(folder, modality):
    """Samples of a modality, read without pandas."""
    if modality == "mut":
        with (folder / "data_mutations.txt").open(encoding="utf-8") as file:
            return set(file.readline().split()[1:])
    return set(lines(folder / {"exp": EXP, "cna": "data_log2_cna.txt"}[modality])[0][2:])


def known_subtypes(folder, column):
    """Subtype of every sample whose subtype is known, read without pandas."""
    header, *rows = lines(folder / "data_clinical_patient.txt")
    patient, subtype = header.index("PATIENT_ID"), header.index(column)
    by_patient = {row[patient]: row[subtype] for row in rows if row[subtype] not in ("", "NC")}
    header, *rows = lines(folder / "data_clinical_sample.txt")
    patient, sample = header.index("PATIENT_ID"), header.index("SAMPLE_ID")
    return {row[sample]: by_patient[row[patient]] for row in rows if row[patient] in by_patient}


@pytest.mark.parametrize("target", ["CLAUDIN_SUBTYPE", "INTCLUST"])
@pytest.mark.parametrize("join", ["inner", "outer"])
@pytest.mark.parametrize("modalities", [("cna", "mut"), ("exp", "mut"), ("exp", "cna", "mut")])
def test_metabric_has_the_right_patients_and_subtypes(metabric, modalities, join, target):
    data = read_cbioportal(metabric, modalities=modalities, join=join, target=target)
    combine = set.intersection if join == "inner" else set.union
    samples = combine(*(profiled(metabric, modality) for modality in modalities))
    subtypes = known_subtypes(metabric, target)
    # In METABRIC every patient has one sample, of the same name.
    expected = {sample: subtypes[sample] for sample in samples if sample in subtypes}
    assert data.target.to_dict() == expected
    assert list(data.data.index) == list(data.target.index)
    for modality in modalities:
        absent = data.data.filter(regex=f"^{modality}__").isna()
        has_it = data.data.index.isin(profiled(metabric, modality))
        np.testing.assert_array_equal(absent.all(axis=1), ~has_it)
        np.testing.assert_array_equal(absent.any(axis=1), ~has_it)


def test_metabric_has_the_counts_its_description_gives(metabric):
    cna_mut = read_cbioportal(metabric, modalities=("cna", "mut"))
    assert cna_mut.data.shape == (997, 614 + 173)
    exp_mut = read_cbioportal(metabric, modalities=("exp", "mut"))
    assert exp_mut.data.shape == (237, 489 + 173)


def test_metabric_expression_values_are_those_in_the_file(metabric):
    data = read_cbioportal(metabric, modalities=["exp"]).data
    header, *rows = lines(metabric / EXP)
    for row in rows[::50]:
        expected = dict(zip(header[2:], map(float, row[2:]), strict=True))
        np.testing.assert_allclose(
            data[f"exp__{row[0]}"], [expected[p] for p in data.index], rtol=1e-6
        )


def test_metabric_copy_number_is_the_mean_of_a_gene_s_rows(metabric):
    data = read_cbioportal(metabric, modalities=["cna"]).data
    header, *rows = lines(metabric / "data_log2_cna.txt")
    by_gene = {}
    for row in rows:
        by_gene.setdefault(row[0], []).append([float(value) for value in row[2:]])
    assert list(data) == [f"cna__{gene}" for gene in by_gene]
    repeated = [gene for gene, values in by_gene.items() if len(values) > 1]
    assert len(repeated) == 87
    for gene in repeated:
        mean = dict(zip(header[2:], np.mean(by_gene[gene], axis=0), strict=True))
        expected = [mean[patient] for patient in data.index]
        np.testing.assert_allclose(data[f"cna__{gene}"], expected, atol=1e-6)


def test_metabric_classes_suit_scikit_learn(metabric):
    data = read_cbioportal(metabric, modalities=("exp", "mut"))
    forest = RandomForestClassifier(5, class_weight="balanced", random_state=0)
    forest.fit(data.data, data.target)
    np.testing.assert_array_equal(forest.classes_, data.target_names)
    exp, mut = data.modalities["exp"], data.modalities["mut"]
    assert [data.feature_names[exp[0]], len(exp), len(mut)] == ["exp__BRCA1", 489, 173]


def test_metabric_mutations_agree_with_a_count_by_hand(metabric):
    data = read_cbioportal(metabric, modalities=["mut"])
    header, *rows = lines(metabric / "data_mutations.txt")
    gene, sample, kind = (
        header.index(name)
        for name in ("Hugo_Symbol", "Tumor_Sample_Barcode", "Variant_Classification")
    )
    silent = {"Silent", "Intron", "IGR", "RNA", "3'UTR", "5'UTR", "3'Flank", "5'Flank"}
    kept = set(data.data.index)
    mutated = {(r[gene], r[sample]) for r in rows if r[kind] not in silent and r[sample] in kept}
    counts = Counter(gene for gene, _ in mutated)
    actual = data.data.sum().rename(lambda name: name.removeprefix("mut__"))
    assert actual[actual > 0].to_dict() == dict(counts)
    reported = data.report.set_index("what")["count"]
    assert reported["mutations that leave the protein unchanged"] == sum(
        r[kind] in silent for r in rows
    )
    assert reported["target unknown"] == 529 + 6


PATIENTS = """#Patient\tSubtype
#Patient\tSubtype
#STRING\tSTRING
#1\t1
PATIENT_ID\tSUBTYPE
P1\tLumA
P2\tBasal
P3\tNC
P4\t
P5\tLumA#2
"""
SAMPLES = """#Sample\tPatient
SAMPLE_ID\tPATIENT_ID\tGRADE
P1-b\tP1\t3
P1-a\tP1\t2
P2-a\tP2\t1
P3-a\tP3\t1
P4-a\tP4\t1
P5-a\tP5\t2
"""
CNA = """Hugo_Symbol\tEntrez_Gene_Id\tP1-a\tP1-b\tP2-a\tP3-a\tP5-a\tP9-a
ERBB2\t2064\t1\t2\t3\t4\t5\t6
MYC\t4609\t1\t2\t3\t4\t5\t6
MYC\t4609\t3\t4\t5\t6\t7\t8
\t\t1\t1\t1\t1\t1\t1
GAP\t2\t1\t1\tNA\t1\t1\t1
"""
MUT = """#Sequenced_Samples: P1-a P1-b P2-a P4-a P5-a
Hugo_Symbol\tVariant_Classification\tTumor_Sample_Barcode
TP53\tMissense_Mutation\tP2-a
TP53\tNonsense_Mutation\tP2-a
TP53\tSilent\tP1-a
TP53\t3'Flank\tP1-b
GATA3\tIntron\tP2-a
GATA3\tFrame_Shift_Del\tP3-a
\tMissense_Mutation\tP2-a
"""


@pytest.fixture
def study(tmp_path):
    for name, text in {
        "data_clinical_patient.txt": PATIENTS,
        "data_clinical_sample.txt": SAMPLES,
        "data_cna.txt": CNA,
        "data_mutations.txt": MUT,
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def read(study, modalities=("cna", "mut"), target="SUBTYPE", **options):
    return read_cbioportal(study, modalities=modalities, target=target, **options)


def test_samples_become_patients_and_the_first_listed_sample_is_kept(study):
    data = read(study)
    assert data.target.to_dict() == {"P1": "LumA", "P2": "Basal", "P5": "LumA#2"}
    assert data.data.loc["P1", "cna__ERBB2"] == 2


def test_rows_of_one_gene_are_averaged_and_genes_with_gaps_left_out(study):
    data = read(study)
    assert list(data.data) == ["cna__ERBB2", "cna__MYC", "mut__TP53", "mut__GATA3"]
    assert data.data["cna__MYC"].to_dict() == {"P1": 3, "P2": 4, "P5": 6}


def test_only_mutations_that_change_the_protein_count(study):
    data = read(study)
    assert data.data["mut__TP53"].to_dict() == {"P1": 0, "P2": 1, "P5": 0}
    assert (data.data["mut__GATA3"] == 0).all()


def test_a_sample_not_listed_as_sequenced_has_no_mutation_profile(study):
    (study / "data_clinical_patient.txt").write_text(PATIENTS.replace("NC", "Her2"))
    data = read(study, join="outer").data
    assert data.loc["P3", ["mut__TP53", "mut__GATA3"]].isna().all()
    assert "P3" not in read(study).data.index


def test_without_the_list_samples_with_a_row_were_sequenced(study):
    (study / "data_mutations.txt").write_text(MUT.split("\n", 1)[1])
    assert list(read(study).data.index) == ["P1", "P2"]


def test_everything_left_out_is_counted(study):
    report = read(study).report.set_index("what")["count"].to_dict()
    assert report == {
        "rows without a gene symbol or Entrez id": 1,
        "rows of repeated gene symbols, averaged": 1,
        "genes with missing values": 1,
        "mutations without a gene symbol or Entrez id": 1,
        "mutations that leave the protein unchanged": 3,
        "mutations of samples not listed as sequenced": 1,
        "samples that the sample file does not list": 1,
        "further samples of a patient": 1,
    }


def test_the_target_may_stand_in_the_sample_file(study):
    assert read(study, target="GRADE").target.to_dict() == {"P1": "3", "P2": "1", "P5": "2"}


def test_the_patient_file_is_needed_only_for_a_target_in_it(study):
    (study / "data_clinical_patient.txt").unlink()
    assert set(read(study, target="GRADE").target) == {"1", "2", "3"}


def test_the_sample_with_the_most_modalities_is_kept(study):
    (study / "data_mutations.txt").write_text(MUT.replace("P1-a P1-b", "P1-a"))
    data = read(study, join="outer").data
    assert data.loc["P1", "cna__ERBB2"] == 1  # of P1-a, which the file lists second
    assert data.loc["P1", "mut__TP53"] == 0


def test_samples_of_one_patient_are_not_mixed(study):
    (study / "data_mutations.txt").write_text(MUT.replace("P1-a P1-b", "P1-c"))
    assert "P1" not in read(study).data.index


def test_a_mean_of_rows_leaves_gaps_out(study):
    replace("data_cna.txt", "MYC\t4609\t3\t4", "MYC\t4609\tNA\t")(study)
    assert read(study).data["cna__MYC"].to_dict() == {"P1": 2, "P2": 4, "P5": 6}


def test_a_sample_without_values_is_absent_and_costs_no_gene(study):
    table = [row.split("\t") for row in CNA.splitlines()]
    for row in table[1:]:
        row[table[0].index("P2-a")] = "NA"
    (study / "data_cna.txt").write_text("\n".join("\t".join(row) for row in table))
    data = read(study, join="outer")
    # The only gap of the gene GAP was in this sample.
    assert list(data.data.filter(like="cna__")) == ["cna__ERBB2", "cna__MYC", "cna__GAP"]
    assert data.data.loc["P2"].filter(like="cna__").isna().all()
    assert data.data.loc["P2", "mut__TP53"] == 1
    assert data.report.set_index("what")["count"]["samples without any value"] == 1


def test_annotation_columns_quotation_marks_and_windows_lines_are_taken_as_they_are(study):
    expected = read(study).data
    rows = [row.split("\t", 1) for row in CNA.splitlines()]
    cytoband = ["Cytoband", *["1p36.1"] * 5]
    (study / "data_cna.txt").write_bytes(
        "\r\n".join(
            f"{gene}\t{band}\t{rest}" for (gene, rest), band in zip(rows, cytoband, strict=True)
        ).encode()
    )
    replace("data_clinical_sample.txt", "P1-b\tP1\t3", 'P1-b\tP1\t3"')(study)
    assert read(study).data.equals(expected)
    assert read(study, target="GRADE").target["P1"] == '3"'


GENES, BARCODES = ["TP53", "GATA3", "CDH1"], ["P1-a", "P2-a", "P5-a", "P3-a"]
KINDS = ["Missense_Mutation", "Splice_Region", "Silent", "5'Flank", "RNA"]
MUTATION = st.tuples(*map(st.sampled_from, (GENES, KINDS, BARCODES)))


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(MUTATION, min_size=1))
def test_a_gene_is_mutated_where_a_counted_row_says_so(study, mutations):
    header = "#Sequenced_Samples: P1-a P2-a P5-a\nHugo_Symbol\tVariant_Classification\t"
    rows = ["\t".join(mutation) for mutation in mutations]
    (study / "data_mutations.txt").write_text("\n".join([header + "Tumor_Sample_Barcode", *rows]))
    data = read(study, modalities=["mut"]).data
    assert data.shape == (3, len({gene for gene, _, _ in mutations}))
    mutated = {(gene, barcode) for gene, kind, barcode in mutations if kind in KINDS[:2]}
    for (patient, column), value in data.stack().items():
        assert value == ((column.removeprefix("mut__"), f"{patient}-a") in mutated)


def test_expression_without_z_scores_is_preferred(study):
    (study / "data_mrna_seq_v2_rsem_zscores_ref_all_samples.txt").write_text("broken")
    (study / "data_mrna_seq_v2_rsem.txt").write_text(CNA)
    assert read(study, modalities=["exp"]).data.shape == (3, 2)


def replace(name, old, new):
    def spoil(study):
        path = study / name
        path.write_text(path.read_text().replace(old, new))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "options", "error", "message"),
    [
        (None, {"modalities": ["rna"]}, ValueError, "rna"),
        (None, {"modalities": "exp"}, ValueError, "exp"),
        (None, {"modalities": []}, ValueError, "modalities"),
        (None, {"modalities": ["mut", "mut"]}, ValueError, "twice"),
        (None, {"modalities": ["exp"]}, FileNotFoundError, r"data_mrna_\*.*data_cna.txt"),
        (None, {"target": "PAM50"}, ValueError, r"'PAM50'.*'SUBTYPE'.*'GRADE'"),
        (None, {"join": "left"}, ValueError, "join"),
        (lambda study: (study / "data_clinical_patient.txt").unlink(), {}, FileNotFoundError,
         "no data_clinical_patient.txt"),
        (replace("data_clinical_sample.txt", "PATIENT_ID", "PERSON"), {}, ValueError,
         "data_clinical_sample.txt has no column 'PATIENT_ID'"),
        (replace("data_clinical_sample.txt", "P1-a", "P1-b"), {}, ValueError, "'P1-b' stands in"),
        (replace("data_cna.txt", "Hugo_Symbol", "Gene"), {}, ValueError,
         "data_cna.txt has no column 'Hugo_Symbol'"),
        (replace("data_cna.txt", "\t5\t6\n", "\thigh\t6\n"), {}, ValueError,
         "data_cna.txt: sample 'P5-a' has 'high' for gene 'ERBB2'"),
        (replace("data_clinical_patient.txt", "P", "Q"), {}, ValueError,
         "data_clinical_patient.txt has no column 'PATIENT_ID'"),
        (replace("data_cna.txt", "\t5\t6\n", "\tinf\t6\n"), {}, ValueError, "'P5-a' has 'inf' for"),
        (replace("data_cna.txt", "P2-a", "P1-a"), {}, ValueError,
         "data_cna.txt: .*'P1-a' more than once"),
        (replace("data_cna.txt", "\tP1-a", ""), {}, ValueError, "data_cna.txt"),
        (replace("data_cna.txt", "MYC\t", "MYC\t\t"), {}, ValueError, "data_cna.txt"),
        (replace("data_clinical_patient.txt", "PATIENT_ID\t", ""), {}, ValueError,
         "data_clinical_patient.txt"),
        (replace("data_clinical_sample.txt", "-", "+"), {"modalities": ["mut"], "join": "outer"},
         ValueError, "No patient.*known SUBTYPE and any of.*'mut'"),
        (lambda study: (study / "data_mutations.txt").write_bytes(b"\xff\xfe"), {}, ValueError,
         "data_mutations.txt"),
        (lambda study: (study / "data_cna.txt").write_text(""), {}, ValueError, "data_cna.txt"),
    ],
)  # fmt: skip
def test_a_broken_study_is_refused_by_file_and_place(study, spoil, options, error, message):
    if spoil:
        spoil(study)
    with pytest.raises(error, match=message):
        read(study, **options)


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no study folder"):
        read_cbioportal(tmp_path / "nowhere")

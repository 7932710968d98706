"""Reading cBioPortal study folders: METABRIC as it is, and small studies for each rule."""

import csv
from collections import Counter
from functools import cache

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


@pytest.fixture(scope="module")
def exp_mut(metabric):
    return read_cbioportal(metabric, modalities=("exp", "mut"))


def lines(path):
    with path.open(encoding="utf-8", newline="") as file:
        return [line for line in csv.reader(file, delimiter="\t") if not line[0].startswith("#")]


@cache
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


@pytest.mark.parametrize(
    ("modalities", "join", "target"),
    [
        (("cna", "mut"), "inner", "INTCLUST"),
        (("exp", "mut"), "outer", "INTCLUST"),
        (("exp", "cna", "mut"), "inner", "CLAUDIN_SUBTYPE"),
        (("exp", "cna", "mut"), "outer", "CLAUDIN_SUBTYPE"),
    ],
)
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
        present = data.data.index.isin(profiled(metabric, modality))
        np.testing.assert_array_equal(absent.all(axis=1), ~present)
        np.testing.assert_array_equal(absent.any(axis=1), ~present)


def test_metabric_has_the_counts_its_description_gives(metabric, exp_mut):
    cna_mut = read_cbioportal(metabric, modalities=("cna", "mut"))
    assert cna_mut.data.shape == (997, 614 + 173)
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


def test_metabric_classes_suit_scikit_learn(exp_mut):
    forest = RandomForestClassifier(5, class_weight="balanced", random_state=0)
    forest.fit(exp_mut.data, exp_mut.target)
    np.testing.assert_array_equal(forest.classes_, exp_mut.target_names)
    exp, mut = exp_mut.modalities["exp"], exp_mut.modalities["mut"]
    assert [exp_mut.feature_names[exp[0]], len(exp), len(mut)] == ["exp__BRCA1", 489, 173]


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


def test_rows_of_one_gene_are_averaged(study):
    data = read(study)
    assert list(data.data) == ["cna__ERBB2", "cna__MYC", "cna__GAP", "mut__TP53", "mut__GATA3"]
    assert data.data["cna__MYC"].to_dict() == {"P1": 3, "P2": 4, "P5": 6}


def test_missing_values_stay_missing_and_genes_that_most_patients_lack_are_left_out(study):
    data = read(study)
    assert np.isnan(data.data.loc["P2", "cna__GAP"])
    assert data.data["cna__GAP"].notna().sum() == 2
    replace("data_cna.txt", "GAP\t2\t1\t1", "GAP\t2\tNA\tNA")(study)
    data = read(study)
    assert list(data.data.filter(like="cna__")) == ["cna__ERBB2", "cna__MYC"]
    what = "genes without a value in more than 50% of the samples"
    assert data.report.set_index("what")["count"][what] == 1


def test_a_sample_with_a_few_values_only_lacks_the_modality(study):
    genes = "".join(f"G{number}\t{number}\t1\t1\tNA\t1\t1\t1\n" for number in range(10, 20))
    (study / "data_cna.txt").write_text(CNA + genes)
    data = read(study, join="outer")
    assert data.data.loc["P2"].filter(like="cna__").isna().all()
    what = "samples without a value for more than 80% of the genes"
    assert data.report.set_index("what")["count"][what] == 1


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
        "missing values, kept as such": 1,
        "mutations without a gene symbol or Entrez id": 1,
        "mutations that leave the protein unchanged": 3,
        "mutations of samples not listed as sequenced": 1,
        "samples that the sample file does not list": 1,
        "additional samples of a patient": 1,
        "without a sample that has mut": 1,
        "without a sample that has cna": 1,
    }


def test_the_target_may_be_in_the_sample_file(study):
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


def test_a_sample_without_values_is_absent_and_drops_no_gene(study):
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


def test_annotation_columns_quotation_marks_and_windows_lines_are_handled(study):
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


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    assert read(study, modalities=["exp"]).data.shape == (3, 3)


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
        (None, {"modalities": None}, ValueError, "modalities must be a list"),
        (None, {"modalities": ["mut", "mut"]}, ValueError, "twice"),
        (None, {"modalities": ["exp"]}, FileNotFoundError, r"data_mrna_\*.*data_cna.txt"),
        (None, {"target": "PAM50"}, ValueError, r"'PAM50'.*'SUBTYPE'.*'GRADE'"),
        (None, {"join": "left"}, ValueError, "join"),
        (lambda study: (study / "data_clinical_patient.txt").unlink(), {}, FileNotFoundError,
         "no data_clinical_patient.txt"),
        (replace("data_clinical_sample.txt", "PATIENT_ID", "PERSON"), {}, ValueError,
         "data_clinical_sample.txt has no column 'PATIENT_ID'"),
        (replace("data_clinical_sample.txt", "P1-a", "P1-b"), {}, ValueError,
         "more than one row has SAMPLE_ID 'P1-b'"),
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
         ValueError, r"No sample of data_mutations.txt \(.*\) is in data_clinical_sample.txt"),
        (lambda study: (study / "data_mutations.txt").write_bytes(b"\xff\xfe"), {}, ValueError,
         "data_mutations.txt"),
        (lambda study: (study / "data_cna.txt").write_text(""), {}, ValueError, "data_cna.txt"),
    ],
)  # fmt: skip
def test_a_broken_study_raises_by_file_and_place(study, spoil, options, error, message):
    if spoil:
        spoil(study)
    with pytest.raises(error, match=message):
        read(study, **options)


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no study folder"):
        read_cbioportal(tmp_path / "nowhere")


def counts(data):
    return data.report.set_index("what")["count"].to_dict()


def meta(study, name, **fields):
    text = "".join(f"{key}: {value}\n" for key, value in fields.items())
    (study / name).write_text(text)


def scaled(by):
    """The expression of `CNA`, every value `by` times as large."""
    header, *rows = CNA.splitlines()
    fields = [row.split("\t") for row in rows]
    return "\n".join(
        [header, *("\t".join([*row[:2], *(f"{by}{value}" for value in row[2:])]) for row in fields)]
    ).replace(f"{by}NA", "NA")


def test_rows_with_only_an_entrez_id_are_named_by_it(study):
    replace("data_cna.txt", "\t\t1\t1", "\t1956\t1\t1")(study)
    replace("data_mutations.txt", "Symbol\t", "Symbol\tEntrez_Gene_Id\t")(study)
    rows = (study / "data_mutations.txt").read_text().splitlines()
    entrez = [row.replace("\t", "\t672\t", 1) for row in rows[2:]]
    (study / "data_mutations.txt").write_text("\n".join([*rows[:2], *entrez]))
    data = read(study)
    assert list(data.data)[2:4] == ["cna__1956", "cna__GAP"]
    assert list(data.data)[4:] == ["mut__TP53", "mut__GATA3", "mut__672"]
    assert data.data["mut__672"].to_dict() == {"P1": 0, "P2": 1, "P5": 0}
    assert counts(data)["rows named by their Entrez id"] == 1
    assert counts(data)["mutations named by their Entrez id"] == 1


def test_a_table_may_name_its_genes_by_entrez_ids_alone(study):
    rows = [row.split("\t", 1)[1] for row in CNA.splitlines()]
    (study / "data_cna.txt").write_text("\n".join(rows))
    assert list(read(study, modalities=["cna"]).data) == ["cna__2064", "cna__4609", "cna__2"]


def test_classes_are_merged_and_left_out_as_the_map_says(study):
    data = read(study, target_map={"LumA": "Luminal", "LumA#2": "Luminal", "Basal": None})
    assert data.target.to_dict() == {"P1": "Luminal", "P5": "Luminal"}
    assert counts(data)["target 'LumA#2' renamed 'Luminal'"] == 1
    assert counts(data)["target 'Basal' left out by target_map"] == 1


def test_a_label_that_means_unknown_is_known_once_it_is_named(study):
    data = read(study, modalities=["cna"], target_map={"NC": "unclassified"})
    assert data.target["P3"] == "unclassified"


def test_meta_files_say_which_file_is_what(study):
    for name, by in {"data_a.txt": 1, "data_b.txt": 2, "data_c.txt": 3}.items():
        (study / name).write_text(scaled(by))
    expression = {"genetic_alteration_type": "MRNA_EXPRESSION"}
    meta(study, "meta_a.txt", **expression, datatype="Z-SCORE", stable_id="rna_z",
         data_filename="data_a.txt")  # fmt: skip
    meta(study, "meta_b.txt", **expression, datatype="CONTINUOUS", stable_id="rna",
         data_filename="data_b.txt")  # fmt: skip
    meta(study, "meta_study.txt", type_of_cancer="brca", description="see https://x.org")
    # No meta file speaks of it.
    (study / "data_mrna_seq_v2_rsem.txt").write_text("broken")
    data = read(study, modalities=["exp", "cna"])
    assert data.profiles == {"exp": "data_b.txt", "cna": "data_cna.txt"}
    assert data.data.loc["P2", "exp__ERBB2"] == 23
    for profile in ("rna_z", "data_a.txt"):
        zscores = read(study, modalities=["exp"], profiles={"exp": profile})
        assert zscores.data.loc["P2", "exp__ERBB2"] == 13
    with pytest.raises(ValueError, match=r"'rna_y' as 'exp'.*'rna_z', Z-SCORE.*cna: data_cna"):
        read(study, modalities=["exp"], profiles={"exp": "rna_y"})
    (study / "data_b.txt").unlink()
    assert read(study, modalities=["exp"]).profiles == {"exp": "data_a.txt"}
    (study / "data_a.txt").unlink()
    with pytest.raises(ValueError, match=r"data_mrna_seq_v2_rsem.txt has no column"):
        read(study, modalities=["exp"])
    (study / "data_mrna_seq_v2_rsem.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"no data_b.txt or data_a.txt.*cna: data_cna.txt"):
        read(study, modalities=["exp"])
    with pytest.raises(FileNotFoundError, match=r"data_a.txt.*the file is missing"):
        read(study, modalities=["exp"], profiles={"exp": "rna_z"})


def test_z_scores_are_read_on_request_without_meta_files(study):
    zscores = "data_mrna_seq_v2_rsem_zscores_ref_all_samples.txt"
    (study / zscores).write_text(scaled(2))
    (study / "data_mrna_seq_v2_rsem.txt").write_text(CNA)
    (study / "data_mrna_agilent_microarray.txt").write_text("broken")
    assert read(study, modalities=["exp"]).profiles == {"exp": "data_mrna_seq_v2_rsem.txt"}
    data = read(study, modalities=["exp"], profiles={"exp": zscores})
    assert data.data.loc["P2", "exp__ERBB2"] == 23


def test_log2_copy_number_is_preferred_to_discrete_calls(study):
    (study / "data_log2_cna.txt").write_text(CNA.replace("\t5\t6\n", "\t-0.25\t6\n"))
    assert read(study, modalities=["cna"]).data.loc["P5", "cna__ERBB2"] == -0.25
    calls = read(study, modalities=["cna"], profiles={"cna": "data_cna.txt"})
    assert calls.data.loc["P5", "cna__ERBB2"] == 5


def test_a_case_list_lists_sequenced_samples_if_the_maf_does_not(study):
    (study / "data_mutations.txt").write_text("#version 2.4\n" + MUT.split("\n", 1)[1])
    (study / "case_lists").mkdir()
    meta(study, "case_lists/cases_sequenced.txt", stable_id="x_sequenced",
         case_list_ids="P1-b\tP2-a\tP5-a")  # fmt: skip
    assert list(read(study).data.index) == ["P1", "P2", "P5"]


MATRIX = "SAMPLE_ID\tmutations\nP1-b\tSMALL\nP2-a\tLARGE\nP4-a\tTINY\nP5-a\tNA\n"


@pytest.fixture
def panels(study):
    (study / "data_gene_panel_matrix.txt").write_text(MATRIX)
    meta(study, "data_gene_panel_small.txt", stable_id="SMALL", description="x", gene_list="TP53")
    (study / "gene_panels").mkdir()
    meta(study, "gene_panels/large.txt", stable_id="LARGE", gene_list="TP53\tGATA3\tCDH1")
    meta(study, "gene_panels/tiny.txt", stable_id="TINY", gene_list="CDH1")
    return study


def test_a_gene_outside_the_panel_of_a_kept_sample_is_not_wild_type(panels):
    # P4 is of unknown class, so that its panel, which holds neither gene, does not matter.
    data = read(panels, modalities=["mut"])
    assert data.data["mut__TP53"].to_dict() == {"P1": 0, "P2": 1, "P5": 0}
    assert list(data.data) == ["mut__TP53"]
    assert counts(data)["genes outside the panel of a kept sample"] == 1
    without = read(panels, modalities=["mut"], target_map={"LumA": None})
    assert list(without.data) == ["mut__TP53", "mut__GATA3"]


def test_a_panel_of_entrez_ids_covers_the_genes_of_these_ids(panels):
    meta(panels, "data_gene_panel_small.txt", stable_id="SMALL", gene_list="2625")
    header, columns, *rows = MUT.splitlines()
    rows = [f"{row}\t{2625 if row.startswith('GATA3') else 7157}" for row in rows]
    text = "\n".join([header, columns + "\tEntrez_Gene_Id", *rows])
    (panels / "data_mutations.txt").write_text(text)
    assert read(panels, modalities=["mut"]).feature_names[0] == "mut__GATA3"


def test_a_panel_without_a_gene_list_holds_the_genes_mutated_in_its_samples(panels):
    (panels / "data_gene_panel_small.txt").unlink()
    data = read(panels, modalities=["mut"])
    # All that P1-b has is a silent variant of TP53.
    assert list(data.data) == ["mut__TP53"]
    assert any("panel 'SMALL', whose gene list is missing" in what for what in counts(data))


def test_the_meta_file_may_give_all_samples_one_panel(panels):
    meta(panels, "meta_mutations.txt", genetic_alteration_type="MUTATION_EXTENDED",
         datatype="MAF", stable_id="mutations", gene_panel="LARGE",
         data_filename="data_mutations.txt")  # fmt: skip
    assert list(read(panels, modalities=["mut"]).data) == ["mut__TP53", "mut__GATA3"]


def test_panels_with_no_gene_in_common_raise(panels):
    (panels / "data_gene_panel_matrix.txt").write_text(MATRIX.replace("LARGE", "TINY"))
    replace("data_mutations.txt", "\tP2-a", "\tP5-a")(panels)
    with pytest.raises(ValueError, match=r"no gene is in the panels of all.*data_gene_panel_small"):
        read(panels, modalities=["mut"])


def test_a_byte_order_mark_is_not_part_of_the_first_column(study):
    expected = read(study).data
    for name in ("data_cna.txt", "data_mutations.txt", "data_clinical_sample.txt"):
        (study / name).write_text((study / name).read_text(), encoding="utf-8-sig")
    assert read(study).data.equals(expected)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("data_cna.txt", "MYC\t4609\t1\t2", "MYC\t4609\t1",
         r"7 fields, but the header has 8 \(line 3\)"),
        ("data_cna.txt", "\t6\n", "\t6\0\n", r"NUL byte.*\(line 2\)"),
        ("data_cna.txt", "\t5\t6\n", "\t5_0\t6\n", r"'5_0' for gene 'ERBB2'.*\(line 2\)"),
        ("data_cna.txt", "\t5\t6\n", "\t1e39\t6\n", r"'1e39' .* not a finite number \(line 2\)"),
        ("data_cna.txt", "\t5\t6\n", "\tTrue\t6\n", r"'True' .* not a finite number \(line 2\)"),
        ("data_cna.txt", "\t5\t6\n", '\t"5"\t6\n', r"'\"5\"' for gene 'ERBB2'.*\(line 2\)"),
        ("data_cna.txt", "\t5\t6\n", "\t1.#IND\t6\n", r"'1.#IND' for gene .*\(line 2\)"),
        ("data_cna.txt", "MYC", "M\xe9", r"byte 0xe9 is not UTF-8.*\(line 3\)"),
        ("data_cna.txt", "\t", ",", r"no column 'Hugo_Symbol'.*separated by tabs"),
        ("data_cna.txt", "\t5\t", "\t5\r\t", "carriage return"),
        ("data_cna.txt", "MYC", "Hugo_Symbol\tx\ty\nMYC", r"a row has 3 fields.*\(line 3\)"),
        ("data_cna.txt", CNA.split("\n", 1)[1], CNA, r"repeats the header \(line 2\)"),
        ("data_cna.txt", CNA.split("\n", 1)[1], "", "no row below its header"),
        ("data_cna.txt", "\tP1-b", "\t P1-a", "names sample 'P1-a' more than once"),
        ("data_cna.txt", "P2-a", " ", "column 5 of its header has no name"),
        ("data_cna.txt", CNA, "Hugo_Symbol\nMYC\n", "its header names no sample"),
        ("data_cna.txt", CNA.split("\n", 1)[1], "\t" + "\t1" * 6 + "\n", "names no gene by"),
        ("data_cna.txt", CNA.split("\n", 1)[1], "MYC\t4609" + "\tNA" * 6 + "\n",
         "no (gene|sample) with"),
        ("data_cna.txt", CNA, "name\tSAMPLE_ID\tValue\nMYC\tP1-a\t1\n", "column 'Hugo_Symbol'"),
        ("data_cna.txt", CNA, "Hugo_Symbol\tSAMPLE_ID\tValue\nMYC\tP1-a\tmany\n",
         r"'many' is not a finite number.*\(line 2\)"),
        ("data_mutations.txt", MUT[MUT.index("TP53"):], "\tSilent\tP1-a\n", "names no gene"),
        ("data_mutations.txt", "Silent", "\xe9", r"\(line 5\)"),
        ("data_clinical_sample.txt", "P5-a\tP5", "P5-a\t", r"PATIENT_ID is blank \(line 8\)"),
        ("data_clinical_patient.txt", "P5\tLumA#2\n", "P5",
         r"1 fields, but the header has 2 \(line 10\)"),
    ],
)  # fmt: skip
def test_a_malformed_line_is_named(study, name, old, new, message):
    content = (study / name).read_text().replace(old, new)
    (study / name).write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match=f"{name}.*{message}"):
        read(study)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_map": {"Her2": "HER2"}}, r"'Her2', which is not a label of SUBTYPE.*'Basal'"),
        ({"target_map": {"Basal": ""}}, "'Basal' to a label, or to None"),
        ({"target_map": ["Basal"]}, "must be a dict"),
        ({"profiles": {"exp": "data_cna.txt"}}, r"profiles must map some of .*'cna', 'mut'"),
        ({"profiles": {"cna": 3}}, "profiles must map"),
        ({"profiles": {"cna": "data_mutations.txt"}}, "'data_mutations.txt' as 'cna'"),
    ],
)
def test_a_map_that_does_not_fit_the_study_raises(study, options, message):
    with pytest.raises(ValueError, match=message):
        read(study, **options)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("gene_panels/other.txt", "stable_id: SMALL\ngene_list: MYC\n", "'SMALL' has other genes"),
        ("gene_panels/other.txt", "stable_id: SMALL\n", "needs a line 'gene_list: …'"),
        ("gene_panels/large.txt", "stable_id: LARGE\ngene_list: MYC|TP53\n", "separated by tabs"),
        ("data_gene_panel_matrix.txt", MATRIX + "P1-b\tLARGE\n", r"'P1-b'.*\(line 6\)"),
        ("data_gene_panel_matrix.txt", "mutations\nSMALL\n", "no column 'SAMPLE_ID'"),
    ],
)  # fmt: skip
def test_a_malformed_companion_file_is_named(panels, name, text, message):
    (panels / name).write_text(text)
    with pytest.raises(ValueError, match=f"{name.split('/')[-1]}.*{message}"):
        read(panels)

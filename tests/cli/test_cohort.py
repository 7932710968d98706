"""What the command line reads: tables per modality, MuData, and what raises."""

import numpy as np
import pandas as pd
import pytest

from xmodal_sklearn import concat_modalities
from xmodal_sklearn.cli._options import read_cohort
from xmodal_sklearn.cli._sources import read_unlabeled

EXP = pd.DataFrame(
    {"ESR1": [2.5, -1.0, 0.5, 1.5], "HLA-A": [1.0, 0.0, 4.0, 2.0]}, index=["01", "2", "NA", "P 4"]
)
MUT = pd.DataFrame({"TP53": [1, 0, 1]}, index=["2", "01", "P 4"])
CLASSES = pd.Series(["A", "B", "1", "A"], index=EXP.index, name="subtype")


@pytest.fixture
def folder(tmp_path):
    EXP.drop(index="NA").to_csv(tmp_path / "exp.csv")
    MUT.to_csv(tmp_path / "mut.tsv", sep="\t")
    CLASSES.drop(index="NA").to_csv(tmp_path / "classes.csv")
    return tmp_path


def tables(folder, *names):
    return [f"{name.partition('.')[0]}={folder / name}" for name in names]


def read(folder, *names, **options):
    options.setdefault("target_file", folder / "classes.csv")
    return read_cohort(table=tables(folder, *names), **options)


def test_tables_and_classes_are_aligned_by_sample_name(folder):
    cohort = read(folder, "exp.csv", "mut.tsv")
    expected = concat_modalities({"exp": EXP.drop(index="NA"), "mut": MUT})
    pd.testing.assert_frame_equal(cohort.data, expected, check_index_type=False, check_names=False)
    assert cohort.target.tolist() == ["A", "B", "A"]


def test_the_order_of_modalities_can_be_chosen(folder):
    cohort = read(folder, "exp.csv", "mut.tsv", modalities="mut,exp")
    assert list(cohort.data) == ["mut__TP53", "exp__ESR1", "exp__HLA-A"]


def test_samples_without_a_class_are_left_out_and_reported(folder):
    CLASSES[["01", "P 4"]].to_csv(folder / "classes.csv")
    cohort = read(folder, "exp.csv")
    assert list(cohort.data.index) == ["01", "P 4"]
    assert cohort.report.to_numpy().tolist() == [["samples", "class unknown", 1]]


def test_an_outer_join_keeps_samples_that_lack_a_table(folder):
    MUT.iloc[:2].to_csv(folder / "mut.tsv", sep="\t")
    data = read(folder, "exp.csv", "mut.tsv", join="outer").data
    assert data["mut__TP53"].isna().to_dict() == {"01": False, "2": False, "P 4": True}


@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")
def test_mudata_is_read(folder):
    mudata = pytest.importorskip("mudata", reason="needs the extra omics")
    anndata = pytest.importorskip("anndata", reason="needs the extra omics")
    from xmodal_sklearn.datasets import to_mudata

    X, y = read(folder, "exp.csv", "mut.tsv").data, CLASSES.drop(index="NA")
    with (
        mudata.set_options(pull_on_update=False),
        anndata.settings.override(allow_write_nullable_strings=True),
    ):
        to_mudata(X, y.astype(object)).write_h5mu(folder / "cohort.h5mu")
    cohort = read_cohort(mudata=folder / "cohort.h5mu", target="subtype")
    assert cohort.target.to_dict() == y.to_dict()
    np.testing.assert_array_equal(cohort.data.to_numpy(float), X.to_numpy(float))
    unlabeled = read_unlabeled([], folder / "cohort.h5mu")
    assert list(unlabeled.data.index) == ["01", "2", "P 4"]
    assert list(unlabeled.modalities) == ["exp", "mut"]
    with pytest.raises(ValueError, match=r"needs --target.*cohort\.h5mu has \['subtype'\]"):
        read_cohort(mudata=folder / "cohort.h5mu")


def test_without_a_source_the_cohort_is_simulated():
    assert read_cohort(seed=1).source == "simulated data"


MALFORMED = {
    "exp.csv": [
        ("sample,ESR1\n01,high\n2,1\n", "'exp'.*'ESR1' is not numeric.*high"),
        ("sample,ESR1\n01,1\n01,2\n", "'01' .*more than once"),
        ("sample,A,B\n01,1,inf\n2,1,2\n", "column 'B' holds infinity.*'01'.*line 2"),
        ("gene,01,2\nESR1,1,2\n", "samples in columns. Transpose"),
        ("sample,A\nQ1,1\nQ2,2\n", r"No sample of modality 'exp' \(Q1, Q2"),
    ],
    "classes.csv": [
        ("sample,A,B\n01,1,2\n", r"target must name one of the columns of .*\['A', 'B'\]"),
        ("sample,A\n01,1\n01,2\n", "'01' .*more than once"),
    ],
}


@pytest.mark.parametrize(
    ("name", "text", "message"), [(name, *case) for name in MALFORMED for case in MALFORMED[name]]
)
def test_a_malformed_table_raises_by_name(folder, name, text, message):
    (folder / name).write_text(text)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        read(folder, "exp.csv")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table": ["exp"]}, "modality=file"),
        ({"table": ["=exp.csv"]}, "modality=file"),
        ({"table": ["exp=a.csv"], "target_file": None}, "needs --target-file"),
        ({"table": ["exp=nowhere.csv"]}, "no file nowhere.csv"),
        ({"study": "here", "study_id": "there"}, "one data source, not --study and --study-id"),
        ({"study_id": "there"}, "--target-file holds the classes for --table"),
        ({"target_file": None, "target": "subtype"}, "need a data source"),
        (
            {"target_file": None, "mudata": "classes.csv", "target": "a"},
            r"must end in \.h5mu or \.h5ad, got classes.csv",
        ),
    ],
)
def test_an_invalid_source_raises(folder, monkeypatch, options, message):
    monkeypatch.chdir(folder)
    defaults = {"target_file": folder / "classes.csv"}
    if "mudata" in options:
        pytest.importorskip("mudata", reason="needs the extra omics")
        options = options | {"mudata": folder / options["mudata"]}
    with pytest.raises((ValueError, OSError), match=f"(?s){message}"):
        read_cohort(**(defaults | options))


def test_twice_the_same_modality_raises(folder):
    with pytest.raises(ValueError, match="'exp' twice"):
        read(folder, "exp.csv", "exp.csv")


def test_a_modality_without_a_table_raises(folder):
    with pytest.raises(ValueError, match=r"names \['cna'\]"):
        read(folder, "exp.csv", modalities="exp,cna")

"""Reading and making MuData and AnnData objects."""

import sys
from itertools import product

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hypothesis import given, settings
from hypothesis import strategies as st
from mudata import MuData
from scipy import sparse
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from xmodal_sklearn import MultiOmicsSelector, concat_modalities, split_modalities
from xmodal_sklearn.datasets import from_mudata, make_multiomics, to_mudata
from xmodal_sklearn.datasets._mudata import load_mudata

# mudata 0.3 with pandas 3, and genes that several modalities measure.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:var_names are not unique:UserWarning"),
]

GENES = ["ESR1", "HLA-A", "HLA__A", "RP11-34.2"]
SUBTYPES = {"a": "LumA", "b": "Basal", "c": "LumA", "d": "Her2"}


@pytest.fixture(autouse=True)
def mudata_of_the_future():
    # mudata 0.3 warns of what 0.4 will do, wherever a MuData is made.
    with mudata.set_options(pull_on_update=False):
        yield


def annotated(samples, values, genes=GENES, **obs):
    return AnnData(
        values,
        obs=pd.DataFrame(obs, index=list(samples)),
        var=pd.DataFrame(index=list(genes)),
    )


def cohort(**parts):
    """Expression of four patients, sparse mutations of two of them and one more."""
    exp = annotated("abcd", np.arange(16, dtype="float32").reshape(4, 4))
    exp.layers["counts"] = np.arange(16, dtype="int32").reshape(4, 4)[:, ::-1]
    mut = annotated("cae", sparse.csr_matrix(np.eye(3, dtype="int8")), GENES[:3])
    mdata = MuData({"exp": exp, "mut": mut, **parts})
    mdata.obs["subtype"] = mdata.obs_names.map({**SUBTYPES, "e": "Normal"})
    return mdata


def test_an_inner_join_keeps_the_patients_that_have_every_modality():
    study = from_mudata(cohort(), target="subtype")
    assert list(study.data.index) == ["a", "c"]
    assert study.feature_names == [f"exp__{g}" for g in GENES] + [f"mut__{g}" for g in GENES[:3]]
    assert study.data.loc["c"].tolist() == [8, 9, 10, 11, 1, 0, 0]
    assert study.target.to_dict() == {"a": "LumA", "c": "LumA"}
    assert list(study.target_names) == ["LumA"]
    assert {name: positions.tolist() for name, positions in study.modalities.items()} == {
        "exp": [0, 1, 2, 3],
        "mut": [4, 5, 6],
    }
    assert study.report.empty


def test_an_outer_join_marks_absent_modalities_by_nan():
    mdata = cohort()
    study = from_mudata(mdata, target="subtype", join="outer")
    assert list(study.data.index) == list(mdata.obs_names) == ["a", "b", "c", "d", "e"]
    assert study.data.loc["e", "exp__ESR1":"exp__RP11-34.2"].isna().all()
    assert study.data.loc[["b", "d"], "mut__ESR1":].isna().all(axis=None)
    assert study.data.loc["e", "mut__HLA__A"] == 1
    assert (study.data.filter(like="exp__").dtypes == "float32").all()


def test_sparse_matrices_become_sparse_columns_and_stay_so():
    for matrix in (sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array):
        mut = annotated("cae", matrix(np.eye(3, dtype="int8")), GENES[:3])
        mdata = MuData({"exp": cohort()["exp"], "mut": mut})
        mdata.obs["subtype"] = "LumA"
        for join, dtype in {"inner": "int8", "outer": "float32"}.items():
            data = from_mudata(mdata, target="subtype", join=join).data
            for table in (data, data.iloc[[1, 0]]):
                kept = split_modalities(table)["mut"]
                assert (kept.dtypes == pd.SparseDtype(dtype, 0)).all()
            assert sparse.issparse(to_mudata(data)["mut"].X)


def test_sparse_flags_of_many_genes_stay_small():
    flags = (
        sparse.random(100, 2000, density=0.01, format="csr", random_state=np.random.default_rng(0))
        > 0
    )
    mdata = MuData({"mut": annotated(map(str, range(100)), flags, map(str, range(2000)))})
    mdata.obs["subtype"] = "LumA"
    data = from_mudata(mdata, target="subtype").data
    assert data.dtypes.iloc[0] == pd.SparseDtype(bool)
    assert data.memory_usage(index=False).sum() < 0.1 * 100 * 2000
    assert data.to_numpy(dtype=float).sum() == flags.sum()


def test_modalities_are_read_in_the_requested_order():
    data = from_mudata(cohort(), target="subtype", modalities=["mut", "exp"]).data
    assert list(split_modalities(data)) == ["mut", "exp"]
    assert list(data.index) == ["a", "c"]
    alone = from_mudata(cohort(), target="subtype", modalities=["mut"])
    assert list(alone.data.index) == ["a", "c", "e"]


def test_a_layer_is_read_instead_of_x():
    data = from_mudata(cohort(), target="subtype", layers={"exp": "counts"}).data
    assert data.loc["a"].tolist() == [3, 2, 1, 0, 0, 1, 0]
    assert data["exp__ESR1"].dtype == "int32"


def test_an_anndata_is_one_modality():
    exp = annotated("abcd", np.ones((4, 4)), subtype=list(SUBTYPES.values()))
    assert list(from_mudata(exp, target="subtype").modalities) == ["X"]
    study = from_mudata(exp, target="subtype", modalities=["exp"])
    assert study.feature_names == [f"exp__{gene}" for gene in GENES]
    assert study.target.to_dict() == SUBTYPES


def test_the_target_may_be_in_the_obs_of_modalities():
    exp = annotated("abcd", np.ones((4, 4)), grade=[1, 2, 3, 1])
    mut = annotated("cae", np.ones((3, 4)), grade=[3, 1, 2])
    study = from_mudata(MuData({"exp": exp, "mut": mut}), target="grade", join="outer")
    assert study.target.to_dict() == {"a": 1, "b": 2, "c": 3, "d": 1, "e": 2}
    mut.obs["grade"] = [3, 2, 2]
    with pytest.raises(ValueError, match=r"disagree on 'grade': sample 'a' has \[1, 2\]"):
        from_mudata(MuData({"exp": exp, "mut": mut}), target="grade")


def test_patients_of_unknown_class_are_left_out_and_counted():
    exp = annotated("abcd", np.ones((4, 4)), grade=[1, 2, 3, 1])
    mut = annotated("cae", np.ones((3, 4)))
    study = from_mudata(MuData({"exp": exp, "mut": mut}), target="grade", join="outer")
    assert study.target.to_dict() == {"a": 1, "b": 2, "c": 3, "d": 1}
    assert study.target.dtype.kind == "i"
    assert list(study.data.index) == list(study.target.index)
    assert study.report.to_dict("records") == [
        {"where": "samples", "what": "target unknown", "count": 1}
    ]


@pytest.mark.parametrize("dtype", ["category", "str", object])
def test_class_names_are_objects_as_scikit_learn_wants_them(dtype):
    labels = pd.Series(["LumA", "Basal", None, "LumA"], index=list("abcd")).astype(dtype)
    exp = annotated("abcd", np.arange(16.0).reshape(4, 4), subtype=labels)
    study = from_mudata(exp, target="subtype")
    assert study.target.dtype == study.target_names.dtype == object
    tree = DecisionTreeClassifier().fit(study.data, study.target)
    np.testing.assert_array_equal(tree.classes_, study.target_names)


def test_a_read_cohort_works_in_a_pipeline():
    X, y = make_multiomics(80, {"exp": 40, "mut": 10}, return_X_y=True, random_state=0)
    study = from_mudata(to_mudata(X, y), target="subtype")
    model = make_pipeline(MultiOmicsSelector(k=5), DecisionTreeClassifier())
    assert model.fit(study.data, study.target).score(study.data, study.target) > 0.5


@pytest.mark.parametrize("backed", [None, "r"])
def test_a_file_is_read_like_the_object_in_memory(backed, tmp_path):
    with anndata.settings.override(allow_write_nullable_strings=True):
        with pd.option_context("mode.string_storage", "python"):
            mdata = cohort()
        mdata.write_h5mu(tmp_path / "study.h5mu")
    read = mudata.read_h5mu(tmp_path / "study.h5mu", backed=backed)
    for join in ("inner", "outer"):
        expected = from_mudata(mdata, target="subtype", join=join)
        study = from_mudata(read, target="subtype", join=join)
        # A file gives back another of the string types of pandas.
        pd.testing.assert_frame_equal(study.data, expected.data, check_index_type=False)
        pd.testing.assert_series_equal(study.target, expected.target, check_index_type=False)


def test_a_view_is_read_like_its_copy():
    view = cohort()[["c", "a"], :]
    study = from_mudata(view, target="subtype")
    assert list(study.data.index) == ["c", "a"]
    assert study.data["exp__ESR1"].tolist() == [8, 0]


@st.composite
def tables_with_absent_modalities(draw):
    """X of two or three modalities, each patient with at least one, and y."""
    samples = [f"MB-{n}" for n in draw(st.permutations(range(draw(st.integers(2, 6)))))]
    # The last modality is the one that every patient has.
    names = draw(st.lists(st.sampled_from(["exp", "cna", "m_t"]), min_size=2, unique=True))
    dtypes = st.sampled_from(["float32", "float64", "int8", "bool", pd.SparseDtype("int8", 0)])
    tables = {}
    for modality in names:
        present = draw(st.lists(st.booleans(), min_size=len(samples), max_size=len(samples)))
        chosen = [s for s, p in zip(samples, present, strict=True) if p or modality == names[-1]]
        genes = draw(st.lists(st.sampled_from(GENES), min_size=1, unique=True))
        size = len(chosen) * len(genes)
        values = draw(st.lists(st.integers(0, 1), min_size=size, max_size=size))
        matrix = np.reshape(values, (len(chosen), len(genes)))
        tables[modality] = pd.DataFrame(matrix, chosen, genes).astype(draw(dtypes))
    X = concat_modalities(tables, join="outer").loc[samples]
    labels = draw(st.sampled_from([["LumA", "Basal", "Her2"], [0, 1, 2]]))
    classes = [draw(st.sampled_from(labels)) for _ in samples]
    dtype = object if isinstance(classes[0], str) else "int64"
    name = draw(st.sampled_from(["subtype", "target"]))
    return X, pd.Series(classes, index=samples, name=name, dtype=dtype)


@pytest.mark.filterwarnings("ignore:No sample of modality")
@settings(max_examples=15)
@given(tables_with_absent_modalities())
def test_a_table_survives_the_round_trip(table):
    X, y = table
    study = from_mudata(to_mudata(X, y), target=y.name, join="outer")
    pd.testing.assert_frame_equal(study.data, X)
    pd.testing.assert_series_equal(study.target, y)


@pytest.mark.filterwarnings("ignore:No sample of modality")
@settings(max_examples=10)
@given(tables_with_absent_modalities())
def test_an_inner_join_of_what_went_out_has_the_complete_patients(table):
    X, y = table
    mdata = to_mudata(X, y)
    complete = X.index[X.notna().all(axis=1)]
    if len(complete):
        study = from_mudata(mdata, target=y.name)
        pd.testing.assert_frame_equal(study.data, X.loc[complete], check_dtype=False)
    else:
        with pytest.raises(ValueError, match="No sample is common"):
            from_mudata(mdata, target=y.name)


def test_columns_of_several_dtypes_share_the_smallest_that_holds_them():
    table = pd.DataFrame({"age": np.float32([1.5, 2]), "er": [True, False]}, index=["a", "b"])
    mdata = to_mudata(concat_modalities({"clin": table}))
    assert mdata["clin"].X.dtype == "float32"
    assert mdata["clin"].X.tolist() == [[1.5, 1], [2, 0]]


@pytest.mark.parametrize(
    ("dtype", "storage"),
    [
        *product(["str", "string"], ["python", "pyarrow", "auto"]),
        *product([object, "category", "int64", "Int64"], ["auto"]),
    ],
)
def test_outputs_are_written_and_read_back(dtype, storage, tmp_path):
    if storage == "pyarrow":
        pytest.importorskip("pyarrow")
    with pd.option_context("mode.string_storage", storage):
        X, _ = make_multiomics(
            20, {"exp": 6, "mut": 4}, missing={"mut": 0.3}, return_X_y=True, random_state=0
        )
        X = X.set_axis([f"P{number}" for number in range(20)])
        labels = [7, 8] if "nt64" in str(dtype) else ["LumA", "Basal"]
        y = pd.Series(labels * 10, X.index, dtype=dtype)
        to_mudata(X, y).write(tmp_path / "cohort.h5mu")
        study = from_mudata(load_mudata(tmp_path / "cohort.h5mu"), target="target", join="outer")
    pd.testing.assert_frame_equal(study.data, X, check_index_type=False)
    assert study.target.tolist() == labels * 10


EXTENSION_DTYPES = {
    "nullable": ("Float64", "boolean"),
    "small nullable": ("Float32", "UInt8"),
    "beside NumPy's": ("float64", "Int8"),
    "sparse": (pd.SparseDtype("float64", np.nan), pd.SparseDtype("int8", 1)),
    "categories": ("category", "category"),
    "Arrow": ("double[pyarrow]", "bool[pyarrow]"),
    "Arrow's halves": ("halffloat[pyarrow]", "uint8[pyarrow]"),
}


@pytest.mark.parametrize("join", ["inner", "outer"])
@pytest.mark.parametrize("dtypes", EXTENSION_DTYPES.values(), ids=EXTENSION_DTYPES)
def test_extension_dtypes_go_out_as_numbers(dtypes, join):
    if "pyarrow" in str(dtypes[0]):
        pytest.importorskip("pyarrow")
    exp = pd.DataFrame({"ESR1": [1.5, 2], "GATA3": [0.5, 1]}, index=["P1", "P2"])
    mut = pd.DataFrame({"TP53": [1, 0, 1]}, index=["P1", "P2", "P3"])
    plain = concat_modalities({"exp": exp, "mut": mut}, join=join)
    tables = {"exp": exp.astype(dtypes[0]), "mut": mut.astype(dtypes[1])}
    mdata = to_mudata(concat_modalities(tables, join=join))
    for modality, table in split_modalities(plain).items():
        assert mdata[modality].X.dtype.kind in "fiub"
        np.testing.assert_array_equal(mdata[modality].X, table)


def test_classes_without_a_name_are_called_target():
    X = cohort_table()
    mdata = to_mudata(X, ["LumA", "Basal"])
    assert mdata.obs["target"].tolist() == ["LumA", "Basal"]
    assert "target" not in to_mudata(X).obs


def test_numbered_samples_become_strings():
    X = cohort_table().set_axis([7, 3])
    assert list(to_mudata(X).obs_names) == ["7", "3"]


def test_two_level_columns_go_out_like_named_ones():
    X = cohort_table()
    levels = pd.MultiIndex.from_tuples([tuple(c.split("__", 1)) for c in X.columns])
    mdata = to_mudata(X.set_axis(levels, axis=1))
    assert {name: list(part.var_names) for name, part in mdata.mod.items()} == {
        "exp": ["ESR1", "HLA__A"],
        "mut": ["TP53"],
    }


def cohort_table():
    return pd.DataFrame(
        {"exp__ESR1": [1.0, 2.0], "exp__HLA__A": [3.0, 4.0], "mut__TP53": [0.0, 1.0]},
        index=["a", "b"],
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": "grade"}, r"'grade'. Columns of mdata.obs: \['subtype'\]; exp.obs: \[\]"),
        ({"target": "subtype", "modalities": ["cna"]}, r"some of \['exp', 'mut'\].*\['cna'\]"),
        ({"target": "subtype", "modalities": []}, r"some of \['exp', 'mut'\]"),
        ({"target": "subtype", "modalities": ["mut", "mut"]}, "'mut' occurs more than once"),
        ({"target": "subtype", "modalities": "exp"}, "must be a list"),
        ({"target": "subtype", "layers": {"exp": "raw"}}, r"no layer 'raw'.*\['counts'\]"),
        ({"target": "subtype", "layers": {"cna": "raw"}}, r"layers names modalities \['cna'\]"),
        ({"target": "subtype", "join": "left"}, "join must be"),
    ],
)
def test_unknown_names_raise_with_the_existing_ones(arguments, message):
    with pytest.raises(ValueError, match=message):
        from_mudata(cohort(), **arguments)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("samples", "genes", "message"),
    [
        ("aab", GENES, "(?s)samples.*'a' occurs"),
        ("abc", "xyyz", "features of modality.*'y' occurs"),
    ],
)
def test_repeated_names_raise(samples, genes, message):
    part = annotated(samples, np.ones((3, 4)), genes, subtype=["LumA"] * 3)
    with pytest.raises(ValueError, match=message):
        from_mudata(part, target="subtype")
    with pytest.raises(ValueError, match=message):
        from_mudata(MuData({"exp": part}), target="subtype")


def test_modalities_that_share_features_raise():
    parts = {"one": annotated("ab", np.ones((2, 4))), "two": annotated("cd", np.ones((2, 4)))}
    with pytest.raises(ValueError, match="share their features"):
        from_mudata(MuData(parts, axis=1), target="subtype")


def test_a_modality_without_x_raises_with_its_layers():
    exp = annotated("ab", None)
    exp.layers["counts"] = np.ones((2, 4))
    exp.obs["subtype"] = ["LumA", "Basal"]
    with pytest.raises(ValueError, match=r"'X' has no X.*\['counts'\]"):
        from_mudata(exp, target="subtype")
    assert from_mudata(exp, target="subtype", layers={"X": "counts"}).data.shape == (2, 4)


def test_nested_and_other_objects_raise():
    with pytest.raises(ValueError, match="'inside' is itself a MuData"):
        from_mudata(MuData({"inside": cohort()}), target="subtype")
    with pytest.raises(TypeError, match="must be a MuData or an AnnData, got DataFrame"):
        from_mudata(cohort_table(), target="subtype")
    with pytest.raises(ValueError, match="An AnnData is one modality"):
        from_mudata(annotated("ab", np.ones((2, 4))), target="s", modalities=["exp", "mut"])


def test_classes_without_samples_raise():
    exp = annotated("ab", np.ones((2, 4)), subtype=[None, None])
    with pytest.raises(ValueError, match="None of the 2 samples has a known 'subtype'"):
        from_mudata(exp, target="subtype")


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (cohort_table().set_axis(["a", "a"]), None, "samples of X.*'a' occurs"),
        (cohort_table().set_axis([1, "1"]), None, "samples of X.*'1' occurs"),
        (cohort_table().mask(np.eye(2, 1, dtype=bool)[:, [0, 0, 0]]), None, "'a' has no modality"),
        (cohort_table(), ["LumA"], "2 samples, but y has 1"),
        (cohort_table(), pd.Series([0, 1], index=["b", "a"]), "index of y"),
        (cohort_table().set_axis(list("abc"), axis=1), None, "No column of X names a modality"),
    ],
)
def test_a_table_that_is_not_a_cohort_raises(X, y, message):
    with pytest.raises(ValueError, match=message):
        to_mudata(X, y)


def test_without_mudata_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mudata", None)
    with pytest.raises(ImportError, match=r'pip install "xmodal-sklearn\[omics\]"'):
        to_mudata(cohort_table())


def test_categorical_columns_raise_by_name():
    X = pd.DataFrame({"exp__ESR1": [1.0, 2.0], "clin__stage": ["I", "II"]}, index=["a", "b"])
    with pytest.raises(ValueError, match="'stage' is categorical, but AnnData"):
        to_mudata(X)


def test_the_extension_of_a_file_may_be_in_capitals(tmp_path):
    X, y = make_multiomics(10, {"exp": 4}, return_X_y=True, random_state=0)
    for name, data in {"a.H5AD": to_mudata(X, y).mod["exp"], "b.H5MU": to_mudata(X, y)}.items():
        written = tmp_path / name.lower()
        data.write(written)
        written.rename(tmp_path / name)
        assert load_mudata(tmp_path / name).n_obs == 10
    (tmp_path / "a.h5").touch()
    with pytest.raises(ValueError, match=r"must end in \.h5mu or \.h5ad, got a\.h5"):
        load_mudata(tmp_path / "a.h5")

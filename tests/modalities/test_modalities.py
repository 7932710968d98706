"""One X of several tables, which columns belong to which modality, and what X may hold."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from xmodal_sklearn import MultiOmicsSelector, concat_modalities, split_modalities
from xmodal_sklearn.modalities._columns import as_slice
from xmodal_sklearn.modalities._input import as_table

EXP = pd.DataFrame({"ESR1": [1.0, 2.0, 3.0], "GATA3": [4.0, 5.0, 6.0]}, index=["a", "b", "c"])
MUT = pd.DataFrame({"TP53": [1, 0], "HLA__A": [0, 1]}, index=["c", "b"])

# Sparse columns of 64 bits, because pandas 3.0 widens others where it chooses rows.
DTYPES = ["float32", "float64", "int8", "int64", "bool", pd.SparseDtype("int64", 0)]
GENES = st.sampled_from(["ESR1", "HLA-A", "HLA__A", "_A", "RP11-34.2", "NKX2-1_", "x y"])


@st.composite
def tables_of_modalities(draw):
    """One to three tables with some samples in common, columns of one or of several dtypes."""
    names = st.text("ex_.-", min_size=1, max_size=5).filter(lambda name: "__" not in name + "_")
    tables = {}
    for modality in draw(st.lists(names, min_size=1, max_size=3, unique=True)):
        samples = draw(st.permutations(["s0", *draw(st.sets(st.sampled_from("abcde")))]))
        genes = draw(st.lists(GENES, min_size=1, max_size=4, unique=True))
        dtypes = draw(st.lists(st.sampled_from(DTYPES), min_size=1, max_size=2))
        tables[modality] = pd.DataFrame(
            {
                gene: pd.Series(
                    draw(st.lists(st.integers(0, 1), min_size=len(samples), max_size=len(samples))),
                    index=samples,
                ).astype(dtypes[position % len(dtypes)])
                for position, gene in enumerate(genes)
            }
        )
    return tables


def test_inner_join_keeps_common_samples_in_the_order_of_the_first_table():
    X = concat_modalities({"exp": EXP, "mut": MUT})
    assert list(X.index) == ["b", "c"]
    assert list(X.columns) == ["exp__ESR1", "exp__GATA3", "mut__TP53", "mut__HLA__A"]
    assert X.loc["b"].tolist() == [2, 5, 0, 1]
    assert X.loc["c"].tolist() == [3, 6, 1, 0]


def test_inner_join_keeps_dtypes():
    X = concat_modalities({"exp": EXP.astype("float32"), "mut": MUT.astype("int8")})
    assert X.dtypes.tolist() == ["float32", "float32", "int8", "int8"]


def test_outer_join_marks_an_absent_modality_by_a_block_of_nan():
    X = concat_modalities({"mut": MUT, "exp": EXP}, join="outer")
    assert list(X.index) == ["c", "b", "a"]
    assert X.loc["a", ["mut__TP53", "mut__HLA__A"]].isna().all()
    assert X.loc["a", "exp__ESR1"] == 1
    assert X.drop(index="a").notna().all(axis=None)


def test_outer_join_turns_flags_with_gaps_into_numbers():
    X = concat_modalities({"exp": EXP, "mut": MUT.astype(bool)}, join="outer")
    assert all(dtype.kind == "f" for dtype in X.dtypes)
    assert X.loc["c", "mut__TP53"] == 1


def test_numbers_that_float32_holds_become_float32_beside_a_gap():
    table = pd.DataFrame({"cna": [-2, 1]}, index=["b", "x"])
    for dtype, expected in {"int8": "float32", "int16": "float32", "int64": "float64"}.items():
        X = concat_modalities({"exp": EXP, "cna": table.astype(dtype)}, join="outer")
        assert X["cna__cna"].dtype == expected
        assert X.loc[["b", "x"], "cna__cna"].tolist() == [-2, 1]


@pytest.mark.parametrize("dtype", ["int8", "bool", "float32"])
def test_sparse_tables_stay_sparse(dtype):
    matrix = (
        sparse.random(30, 20, density=0.1, format="csr", random_state=np.random.default_rng(0)) > 0
    )
    table = pd.DataFrame.sparse.from_spmatrix(matrix.astype(dtype)).add_prefix("g")
    others = pd.DataFrame({"ESR1": np.arange(20.0)}, index=np.arange(25, 5, -1))
    inner = concat_modalities({"exp": others, "mut": table})
    outer = concat_modalities({"exp": others, "mut": table}, join="outer")
    for X in (inner, inner.iloc[[3, 1]], outer, split_modalities(outer)["mut"].add_prefix("mut__")):
        kept = X.filter(like="mut__")
        assert all(isinstance(column, pd.SparseDtype) for column in kept.dtypes)
        expected = table.loc[kept.index].astype(float)
        np.testing.assert_array_equal(kept.astype(float), expected)
    by_pandas = table.loc[inner.index].dtypes.tolist()
    assert inner.filter(like="mut__").dtypes.tolist() == by_pandas
    assert inner.filter(like="mut__").sparse.density < 0.2


def test_flags_and_small_integers_stay_small():
    table = pd.DataFrame(np.ones((50, 40)), columns=map(str, range(40)))
    X = concat_modalities({"cna": table.astype("int8"), "mut": table.iloc[::-1].astype(bool)})
    assert X.memory_usage(index=False).sum() == 50 * 80
    assert X.iloc[::2].memory_usage(index=False).sum() == 25 * 80


@settings(max_examples=25)
@given(tables_of_modalities())
def test_splitting_undoes_an_inner_join(tables):
    X = concat_modalities(tables)
    parts = split_modalities(X)
    assert list(parts) == list(tables)
    for modality, table in tables.items():
        pd.testing.assert_frame_equal(parts[modality], table.loc[X.index])


@settings(max_examples=25)
@given(tables_of_modalities())
def test_splitting_an_outer_join_gives_every_table_its_samples_and_values_back(tables):
    X = concat_modalities(tables, join="outer")
    parts = split_modalities(X)
    assert list(parts) == list(tables)
    for modality, table in tables.items():
        part = parts[modality]
        assert list(part.index) == [sample for sample in X.index if sample in table.index]
        pd.testing.assert_frame_equal(part.loc[table.index], table, check_dtype=False)
        if len(part) == len(X):
            assert part.dtypes.tolist() == table.dtypes.tolist()


def test_a_sample_with_some_missing_values_has_the_modality():
    X = concat_modalities({"exp": EXP, "mut": MUT}, join="outer")
    X.loc["b", "mut__TP53"] = np.nan
    assert list(split_modalities(X)["mut"].index) == ["b", "c"]


def test_two_level_columns_are_split_like_named_ones(cohort):
    X, _ = cohort
    levels = pd.MultiIndex.from_tuples([tuple(c.split("__", 1)) for c in X.columns])
    named = split_modalities(X)
    for modality, table in split_modalities(X.set_axis(levels, axis=1)).items():
        pd.testing.assert_frame_equal(table, named[modality], check_names=False)


def test_the_features_of_a_modality_need_not_be_adjacent(cohort):
    X, _ = cohort
    named = split_modalities(X)
    for modality, table in split_modalities(X.sample(frac=1, axis=1, random_state=0)).items():
        pd.testing.assert_frame_equal(table[named[modality].columns], named[modality])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (EXP, "No column of X names a modality, the first is 'ESR1'"),
        (EXP.add_prefix("exp__").assign(age=1), "Column 'age' names no modality"),
        (pd.concat([EXP, EXP], axis=1).add_prefix("exp__"), "must be unique"),
        (EXP.set_axis(["__ESR1", "__GATA3"], axis=1), "names no modality"),
    ],
)
def test_tables_without_named_modalities_can_not_be_split(X, message):
    with pytest.raises(ValueError, match=message):
        split_modalities(X)


def test_only_a_data_frame_can_be_split():
    with pytest.raises(TypeError, match="must be a DataFrame"):
        split_modalities(EXP.to_numpy())


@pytest.mark.filterwarnings("ignore:No sample of modality")
@given(
    st.lists(st.integers(0, 30), min_size=1, unique=True),
    st.lists(st.integers(0, 30), min_size=1, unique=True),
)
def test_joins_agree_with_set_algebra_and_never_mix_up_samples(first, second):
    tables = {
        "exp": pd.DataFrame({"id": first}, index=first),
        "cna": pd.DataFrame({"id": second}, index=second),
    }
    outer = concat_modalities(tables, join="outer")
    assert set(outer.index) == set(first) | set(second)
    for column in outer:
        values = outer[column].dropna()
        assert (values == values.index).all()
    common = set(first) & set(second)
    if common:
        assert set(concat_modalities(tables).index) == common
    else:
        with pytest.raises(ValueError, match="No sample is common"):
            concat_modalities(tables)


@pytest.mark.parametrize(
    ("tables", "join", "message"),
    [
        ({"exp": EXP.loc[["a", "a"]]}, "inner", r"samples of modality 'exp'.*'a'"),
        ({"exp": EXP, "mut": MUT.set_axis(["x", "y"])}, "inner", "No sample is common"),
        ({"exp": EXP[["ESR1", "ESR1"]]}, "inner", r"features of modality 'exp'.*'ESR1'"),
        (
            {"exp": EXP.assign(ESR1=[*["1"] * (len(EXP) - 1), "high"])},
            "inner",
            r"'exp': Column 'ESR1' is not numeric",
        ),
        ({"ex__p": EXP}, "inner", "double underscore"),
        ({"exp_": EXP}, "inner", "trailing underscore"),
        ({"exp": EXP[[]]}, "inner", "'exp' has no feature"),
        ({}, "inner", "at least one modality"),
        ({"exp": EXP}, "left", 'join must be "inner" or "outer"'),
    ],
)
def test_unusable_tables_raise_with_their_name(tables, join, message):
    with pytest.raises(ValueError, match=message):
        concat_modalities(tables, join=join)


def test_a_table_must_be_a_data_frame():
    with pytest.raises(TypeError, match="'exp' must be a pandas DataFrame"):
        concat_modalities({"exp": EXP.to_numpy()})


@pytest.mark.parametrize(
    "columns",
    [
        {"exp": ["f0", "f1"], "cna": ["f2", "f3", "f4"]},
        {"exp": [0, 1], "cna": [2, 3, 4]},
        {"exp": slice(0, 2), "cna": slice(2, None)},
        {"exp": slice("f0", "f1"), "cna": slice("f2", "f4")},
        {"exp": [True, True, False, False, False], "cna": [False, False, True, True, True]},
        {"exp": lambda X: X.columns[:2], "cna": lambda X: X.columns[2:]},
    ],
    ids=["names", "positions", "slice", "slice of names", "mask", "callable"],
)
def test_modalities_are_given_as_a_column_transformer_takes_columns(columns):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 5))).add_prefix("f")
    selector = MultiOmicsSelector(k=1, modalities=columns).fit(X, [0, 1] * 10)
    assert selector.modalities_["exp"].tolist() == [0, 1]
    assert selector.modalities_["cna"].tolist() == [2, 3, 4]


def test_two_level_columns_name_the_modalities(cohort):
    X, y = cohort
    levels = pd.MultiIndex.from_tuples([tuple(c.split("__", 1)) for c in X.columns])
    flat = MultiOmicsSelector(k=5).fit(X, y)
    levelled = MultiOmicsSelector(k=5).fit(X.set_axis(levels, axis=1), y)
    assert list(levelled.modalities_) == ["exp", "cna", "mut"]
    pd.testing.assert_frame_equal(levelled.transform(X.set_axis(levels, axis=1)), flat.transform(X))


def test_modalities_may_be_interleaved(cohort):
    X, y = cohort
    shuffled = X.sample(frac=1, axis=1, random_state=0)
    selected = MultiOmicsSelector(k=5).fit_transform(shuffled, y)
    expected = MultiOmicsSelector(k=5).fit_transform(X, y)
    assert set(selected) == set(expected)


@settings(max_examples=25)
@given(tables_of_modalities())
def test_feature_names_survive_selection_and_its_inverse(tables):
    X = concat_modalities(tables)
    X = pd.concat([X] * 6, ignore_index=True).sample(frac=1, axis=1, random_state=1)
    y = [0, 1] * (len(X) // 2)
    selector = MultiOmicsSelector(k="all").fit(X, y)
    selected = selector.transform(X)
    assert list(selected.columns) == list(X.columns) == selector.get_feature_names_out().tolist()
    for modality, table in split_modalities(selected).items():
        assert set(table.columns) == set(tables[modality].columns)
        names = {f"{modality}__{feature}" for feature in table.columns}
        assert set(selector.rankings_[modality]) == names
    selector = MultiOmicsSelector(k=1).fit(X, y)
    restored = selector.inverse_transform(selector.transform(X))
    assert list(restored.columns) == list(X.columns)


@given(st.lists(st.integers(0, 8), max_size=6, unique=True))
def test_a_slice_picks_the_same_columns_and_is_given_for_consecutive_ones(positions):
    positions = np.array(positions, dtype=int)
    columns = np.arange(9)
    np.testing.assert_array_equal(columns[as_slice(positions)], columns[positions])
    consecutive = positions.tolist() in [list(range(i, j)) for j in range(10) for i in range(j)]
    assert isinstance(as_slice(positions), slice) == consecutive


def test_a_table_has_flat_names_or_is_a_checked_array():
    levels = pd.MultiIndex.from_product([["exp"], EXP.columns])
    assert list(as_table(EXP.set_axis(levels, axis=1))) == ["exp__ESR1", "exp__GATA3"]
    assert as_table(EXP) is EXP
    np.testing.assert_array_equal(as_table([[1, np.nan], [2, np.inf]]), [[1, np.nan], [2, np.inf]])
    with pytest.raises(ValueError, match="Expected 2D array"):
        as_table([1, 2])


@pytest.mark.parametrize("join", ["inner", "outer"])
@pytest.mark.parametrize("names", ["A-1 B-2 C-3", "a.1 b.2 c.4", "a-1\xa0 b-2 c-4"])
def test_names_that_differ_in_spelling_only_are_not_two_samples(join, names):
    exp = EXP.set_axis(["a-1", "b-2", "c-3"], axis=0)
    with pytest.raises(ValueError, match="differ only in spelling between modality 'exp' and"):
        concat_modalities({"exp": exp, "cna": exp.set_axis(names.split(" "), axis=0)}, join=join)


def test_a_number_is_the_text_of_it():
    cna = EXP.set_axis(["0", "1.0", "002"], axis=0)
    with pytest.raises(
        ValueError, match=r"3 sample names differ only in spelling.*first is 0 and '0'"
    ):
        concat_modalities({"exp": EXP.reset_index(drop=True), "cna": cna}, join="outer")


def test_a_table_without_shared_samples_warns():
    with pytest.warns(UserWarning, match="No sample of modality 'exp'"):
        concat_modalities({"exp": EXP, "cna": EXP.set_axis(list("xyz"), axis=0)}, join="outer")


@pytest.mark.parametrize(
    ("X", "remedy"), [({"exp": EXP}, "concat_modalities"), ("exp.csv", "Read the file first")]
)
def test_what_is_not_a_table_raises_with_what_to_do(X, remedy):
    with pytest.raises(ValueError, match=remedy):
        MultiOmicsSelector().fit(X, [0, 1, 0])

"""Tables in, one X out."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmodal_sklearn import MultiOmicsSelector, concat_modalities

EXP = pd.DataFrame({"ESR1": [1.0, 2.0, 3.0], "GATA3": [4.0, 5.0, 6.0]}, index=["a", "b", "c"])
MUT = pd.DataFrame({"TP53": [1, 0], "HLA__A": [0, 1]}, index=["c", "b"])


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
        known = outer[column].dropna()
        assert (known == known.index).all()
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
        ({"exp": EXP.assign(ESR1="high")}, "inner", r"'exp': Column 'ESR1' is not numeric"),
        ({"ex__p": EXP}, "inner", "double underscore"),
        ({"exp": EXP[[]]}, "inner", "'exp' has no feature"),
        ({}, "inner", "at least one modality"),
        ({"exp": EXP}, "left", 'join must be "inner" or "outer"'),
    ],
)
def test_unusable_tables_are_refused_by_name(tables, join, message):
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

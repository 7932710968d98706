"""The same numbers in another dtype of pandas or Arrow give the same results."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from xmodal_sklearn import (
    CrossModalAttentionClassifier,
    ModalityImputer,
    MultiOmicsSelector,
    concat_modalities,
    split_modalities,
)
from xmodal_sklearn.baselines import BlockSparsePLSDA, LateFusionClassifier
from xmodal_sklearn.modalities._encoding import as_matrix

DTYPES = {
    "nullable": lambda: ("Float64", "boolean"),
    "small nullable": lambda: ("Float32", "Int8"),
    "beside NumPy's": lambda: ("float64", "UInt16"),
    "sparse": lambda: (pd.SparseDtype("float64", np.nan), pd.SparseDtype("int8", 1)),
    "categories": lambda: ("category", "category"),
    "objects": lambda: ("object", "object"),
    "Arrow": lambda: ("float[pyarrow]", "bool[pyarrow]"),
    "Arrow's decimals": lambda: (pd.ArrowDtype(arrow().decimal128(9, 2)), "int64[pyarrow]"),
}


def arrow():
    return pytest.importorskip("pyarrow")


def tables(n_mutated):
    rng = np.random.default_rng(0)
    samples = [f"P{index}" for index in range(24)]
    exp = pd.DataFrame(rng.integers(0, 9, (24, 4)) / 4, samples, list("ABCD"))
    mut = pd.DataFrame(rng.integers(0, 2, (24, 3)), samples, list("EFG"))
    return {"exp": exp, "mut": mut.iloc[:n_mutated]}


Y = np.array(["LumA", "Basal"] * 12)


@pytest.mark.parametrize("n_mutated", [24, 20], ids=["complete", "absent"])
@pytest.mark.parametrize("dtypes", DTYPES.values(), ids=DTYPES)
def test_another_dtype_changes_no_result(dtypes, n_mutated):
    for dtype in dtypes():
        if "pyarrow" in str(dtype):
            arrow()
    parts = tables(n_mutated)
    plain = concat_modalities(parts, join="outer").astype("float64")
    typed = zip(parts.items(), dtypes(), strict=True)
    X = concat_modalities({name: part.astype(dtype) for (name, part), dtype in typed}, join="outer")
    np.testing.assert_array_equal(as_matrix(X), plain)
    selector, expected = (MultiOmicsSelector(k=2).fit(table, Y) for table in (X, plain))
    np.testing.assert_allclose(selector.scores_, expected.scores_, rtol=1e-6)
    np.testing.assert_array_equal(
        as_matrix(selector.inverse_transform(selector.transform(X))),
        expected.inverse_transform(expected.transform(plain)),
    )
    for model in (
        CrossModalAttentionClassifier(
            n_estimators=1, max_epochs=1, embed_dim=4, device="cpu", random_state=0
        ),
        LateFusionClassifier(LogisticRegression()),
        BlockSparsePLSDA(),
    ):
        np.testing.assert_allclose(
            model.fit(X, Y).predict_proba(X), model.fit(plain, Y).predict_proba(plain), rtol=1e-4
        )


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "string", "category", "object"])
def test_classes_of_another_dtype_are_plain_values(dtype):
    parts = tables(24)
    X = concat_modalities(parts)
    y = pd.Series(Y if dtype in ("string", "category", "object") else Y == "LumA", X.index)
    y = y.astype(dtype)
    model = LateFusionClassifier(LogisticRegression()).fit(X, y)
    assert set(model.predict(X)) <= set(y)
    assert MultiOmicsSelector(k=2).fit(X, y).transform(X).shape == (24, 4)


def test_a_column_of_numpy_dtypes_is_not_copied():
    X = pd.DataFrame(np.ones((5, 3), dtype="float32"))
    assert np.shares_memory(as_matrix(X), X.to_numpy())
    mixed = pd.DataFrame({"a": [True, False], "b": np.int8([2, 3])})
    assert as_matrix(mixed).dtype == "int8"


def gap(X, missing):
    table = X.astype(object)
    table.iloc[3, 0] = missing
    return table


@pytest.mark.parametrize("missing", [None, pd.NA, pd.NaT, float("nan")])
def test_a_gap_among_objects_is_missing(missing):
    X = concat_modalities(tables(24))
    expected = X.mask(np.arange(24)[:, None] * 9 + np.arange(7) == 27)
    np.testing.assert_array_equal(as_matrix(gap(X, missing)), expected)


def test_masked_values_are_missing():
    X = concat_modalities(tables(24)).to_numpy()
    hidden = np.ma.masked_array(X, np.arange(X.size).reshape(X.shape) == 9)
    filled = ModalityImputer(modalities={"exp": [0, 1, 2, 3], "mut": [4, 5, 6]}).fit(hidden)
    assert filled.n_imputed_ == {"exp": 1, "mut": 0}
    assert filled.statistics_[2] == np.median(np.delete(X[:, 2], 1))


@pytest.mark.parametrize(
    "labels", [[0, 1] * 12, [True, False] * 12, [np.int64(3), 5.0] * 12, [np.True_, False] * 12]
)
def test_numbers_among_objects_are_classes(labels):
    X = concat_modalities(tables(24))
    y = pd.Series(labels, X.index, dtype=object)
    selected = MultiOmicsSelector(k=2).fit(X, y).get_support()
    np.testing.assert_array_equal(selected, MultiOmicsSelector(k=2).fit(X, labels).get_support())


@pytest.mark.parametrize(
    "column",
    [pd.period_range("2020", periods=24), pd.interval_range(0, 24), [{}] * 24, [[1]] * 24],
    ids=["period", "interval", "dict", "list"],
)
def test_neither_numeric_nor_categorical_raises(column):
    X = concat_modalities(tables(24)).assign(exp__when=column)
    with pytest.raises(ValueError, match="olumn 'exp__when'"):
        MultiOmicsSelector(k=2).fit(X, Y)


def test_names_that_are_categories_name_modalities():
    X = concat_modalities(tables(24))
    named = X.set_axis(pd.CategoricalIndex(X.columns), axis=1)
    assert list(split_modalities(named)) == ["exp", "mut"]
    assert list(MultiOmicsSelector(k=2).fit(named, Y).modalities_) == ["exp", "mut"]


@pytest.mark.parametrize("axis", ["index", "columns"])
def test_a_sample_or_feature_without_a_name_raises(axis):
    part = tables(24)["exp"]
    names = [*getattr(part, axis)[:-1], np.nan]
    with pytest.raises(ValueError, match=r"of modality 'exp' has no name \(1 in all\)"):
        concat_modalities({"exp": part.set_axis(names, axis=axis)})


def test_decimal_commas_are_not_categories():
    X = concat_modalities(tables(24)).assign(exp__comma=["1,5", "2,5"] * 12)
    with pytest.raises(
        ValueError, match=r"'exp__comma' is not numeric.*decimal commas, like '1,5'"
    ):
        MultiOmicsSelector(k=2).fit(X, Y)


def test_a_score_of_numbers_among_objects_is_that_of_numbers():
    X = concat_modalities(tables(24))
    labels = pd.Series([0, 1] * 12, X.index, dtype=object)
    model = LateFusionClassifier(LogisticRegression()).fit(X, labels)
    assert model.score(X, labels) == model.score(X, labels.astype(int))

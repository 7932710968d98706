"""The same numbers in another dtype of pandas or Arrow give the same results."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector, concat_modalities
from xmodal_sklearn.baselines import LateFusionClassifier
from xmodal_sklearn.modalities._dtypes import as_matrix

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
    samples = [f"P{number}" for number in range(24)]
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
        selector.inverse_transform(selector.transform(X)),
        expected.inverse_transform(expected.transform(plain)),
    )
    for model in (
        CrossModalAttentionClassifier(
            n_estimators=1, max_epochs=1, embed_dim=4, device="cpu", random_state=0
        ),
        LateFusionClassifier(LogisticRegression()),
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

"""Units, offsets and common factors of weights do not change what is fitted."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from xmodal_sklearn import CrossModalAttentionClassifier, ModalityImputer, MultiOmicsSelector
from xmodal_sklearn.baselines import LateFusionClassifier
from xmodal_sklearn.datasets import make_multiomics

X, Y = make_multiomics(60, {"exp": 14, "mut": 6}, 3, return_X_y=True, random_state=0)
X = X.astype(float)
WEIGHTS = np.random.default_rng(0).uniform(0.5, 2, len(X))
OPTIONS = {"n_estimators": 2, "max_epochs": 2, "embed_dim": 4, "hidden_dim": 8, "random_state": 0}


def probabilities(table, weights=None, **parameters):
    model = CrossModalAttentionClassifier(**OPTIONS, **parameters)
    return model.fit(table, Y, sample_weight=weights).predict_proba(table)


def same(first, second):
    np.testing.assert_allclose(first, second, rtol=0, atol=1e-6)


@cache
def expected(weighted=False):
    return probabilities(X, WEIGHTS if weighted else None)


exponents = st.floats(-30, 30)


@settings(max_examples=5)
@given(st.lists(exponents, min_size=X.shape[1], max_size=X.shape[1]))
def test_units_of_columns_change_no_fit(factors):
    scaled = X * 10.0 ** np.array(factors)
    same(probabilities(scaled), expected())
    same(probabilities(scaled, WEIGHTS), expected(weighted=True))


@settings(max_examples=5)
@given(exponents)
def test_a_common_factor_of_the_weights_changes_no_fit(exponent):
    same(probabilities(X, WEIGHTS * 10.0**exponent), expected(weighted=True))
    by_class = {label: 10.0**exponent * weight for weight, label in enumerate(set(Y), start=1)}
    plain = {label: weight for weight, label in enumerate(set(Y), start=1)}
    same(probabilities(X, class_weight=by_class), probabilities(X, class_weight=plain))


@settings(max_examples=5)
@given(st.lists(st.floats(-1e6, 1e6), min_size=X.shape[1], max_size=X.shape[1]))
def test_offsets_of_columns_change_no_fit(offsets):
    same(probabilities(X + offsets * X.std().replace(0, 1)), expected())


@pytest.mark.parametrize("factor", [1e-300, 1e-45, 1e38, 1e300])
def test_numbers_that_single_precision_cannot_hold_are_fitted(factor):
    same(probabilities(X * factor), expected())


@pytest.mark.parametrize(
    "parameters", [{}, {"pairs": True}, {"estimator": LogisticRegression()}], ids=str
)
@pytest.mark.parametrize(
    ("dtype", "factor"), [("float64", 1e30), ("float64", 1e-300), ("float32", 1e-30)]
)
def test_units_change_no_ranking(parameters, dtype, factor):
    table = X.astype(dtype)
    expected = MultiOmicsSelector(k=3, **parameters).fit(table, Y)
    actual = MultiOmicsSelector(k=3, **parameters).fit(table * np.array(factor, dtype), Y)
    for modality, ranking in expected.rankings_.items():
        assert actual.rankings_[modality].tolist() == ranking.tolist()


def test_large_units_of_single_precision_change_no_ranking():
    table = X.astype("float32")
    expected = MultiOmicsSelector(k=3).fit(table, Y)
    actual = MultiOmicsSelector(k=3).fit(table * np.float32(1e30), Y)
    np.testing.assert_allclose(actual.scores_, expected.scores_, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("make", [CrossModalAttentionClassifier, MultiOmicsSelector])
def test_values_that_differ_by_rounding_errors_warn(make, dtype):
    table = X.copy()
    table["exp__far"] = 1.0
    table = table.astype(dtype)
    step = np.spacing(np.array(1e9, dtype))
    table["exp__far"] = (np.array(1e9, dtype) + np.arange(len(X)) % 9 * step).astype(dtype)
    with pytest.warns(UserWarning, match=r"almost equal in float\d\d, the first is 'exp__far'"):
        make(**(OPTIONS if make is CrossModalAttentionClassifier else {"k": 3})).fit(table, Y)


def test_a_constant_training_column_has_no_influence():
    constant = X.assign(exp__constant=1e30)
    model = CrossModalAttentionClassifier(**OPTIONS).fit(constant, Y)
    expected = model.predict_proba(constant)
    np.testing.assert_array_equal(model.predict_proba(X.assign(exp__constant=-1.0)), expected)


def test_a_value_far_outside_the_training_samples_has_probabilities():
    model = CrossModalAttentionClassifier(**OPTIONS).fit(X, Y)
    far = X.copy()
    far.iloc[0, 0] = 1e300
    assert np.isfinite(model.predict_proba(far)).all()


@pytest.mark.parametrize(
    "estimator",
    [
        CrossModalAttentionClassifier(),
        LateFusionClassifier(LogisticRegression()),
        ModalityImputer(),
        MultiOmicsSelector(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.parametrize("dtype", ["datetime64[ns]", "timedelta64[D]"])
def test_arrays_of_times_raise(estimator, dtype):
    times = np.arange(120).reshape(60, 2).astype(dtype)
    with pytest.raises(ValueError, match=r"Times are not supported: X has dtype .*64\["):
        estimator.fit(times, Y)

"""Pairs of features that tell the class together are found, and no others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xmodal_sklearn import _screening
from xmodal_sklearn._screening import screen_pairs


def tables(n_samples=300, n_columns=20, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_samples, 3 * n_columns))
    columns = np.arange(3 * n_columns).reshape(3, -1).tolist()
    return values, columns


def one_hot(y):
    return np.eye(y.max() + 1)[y]


def test_the_planted_pair_comes_first_and_noise_adds_few():
    values, columns = tables()
    y = (values[:, 3] * values[:, 45] > 0).astype(int)
    (pairs,) = screen_pairs(values, columns, one_hot(y))
    assert pairs[0].tolist() == [3, 45]
    assert len(pairs) <= 3
    rng = np.random.default_rng(1)
    (of_noise,) = screen_pairs(values, columns, one_hot(rng.permutation(y)))
    assert len(of_noise) <= 2


def test_an_effect_of_one_feature_is_not_an_interaction():
    values, columns = tables()
    y = (values[:, 3] + values[:, 45] > 0).astype(int)
    (pairs,) = screen_pairs(values, columns, one_hot(y))
    assert len(pairs) <= 2


def test_strengths_are_correlations_with_a_class():
    values, columns = tables(60, 3)
    y = np.arange(60) % 3
    values[:, 0] *= 1 + 3 * (y == 1)
    values[:, 8] = np.sign(values[:, 0]) * np.abs(values[:, 8])
    (pairs,) = screen_pairs(values, columns, one_hot(y))
    products = {(i, j): values[:, i] * values[:, j] for i in columns[0] for j in range(3, 9)}
    strongest = {
        pair: max(abs(np.corrcoef(product, y == code)[0, 1]) for code in range(3))
        for pair, product in products.items()
    }
    bound = np.sqrt(2 * np.log(3 * 6 * 3) / 60)
    expected = sorted((p for p, s in strongest.items() if s > bound), key=lambda p: -strongest[p])
    assert expected
    assert [tuple(pair) for pair in pairs.tolist()] == expected


def test_a_member_screens_its_own_samples():
    values, columns = tables(240)
    y = (values[:, 3] * values[:, 45] > 0).astype(int)
    held_out_by = np.arange(240) % 4
    together = screen_pairs(values, columns, one_hot(y), held_out_by, 3)
    for member, pairs in enumerate(together):
        seen = held_out_by != member
        (alone,) = screen_pairs(values[seen], columns, one_hot(y)[seen])
        np.testing.assert_array_equal(pairs, alone)


def test_results_do_not_depend_on_the_block_size(monkeypatch):
    values, columns = tables(200)
    y = (values[:, 3] * values[:, 45] > 0.3).astype(int)
    (expected,) = screen_pairs(values, columns, one_hot(y))
    monkeypatch.setattr(_screening, "BLOCK_SIZE", 200)
    (actual,) = screen_pairs(values, columns, one_hot(y))
    np.testing.assert_array_equal(actual, expected)


def test_pairs_ignore_samples_without_the_modality():
    values, columns = tables(300)
    y = (values[:, 3] * values[:, 45] > 0).astype(int)
    gaps = values.copy()
    gaps[:100, columns[2]] = np.nan
    (pairs,) = screen_pairs(gaps, columns, one_hot(y))
    (of_the_rest,) = screen_pairs(values[100:], columns, one_hot(y)[100:])
    assert pairs[0].tolist() == of_the_rest[0].tolist() == [3, 45]


@pytest.mark.parametrize("n_pairs", [0, 1, 2])
def test_at_most_the_requested_pairs_are_returned(n_pairs):
    values, columns = tables()
    y = (values[:, 3] * values[:, 45] + values[:, 4] * values[:, 22] > 0).astype(int)
    (pairs,) = screen_pairs(values, columns, one_hot(y), n_pairs=n_pairs)
    assert len(pairs) == n_pairs


@settings(max_examples=25, deadline=None)
@given(
    st.integers(2, 30),
    st.integers(1, 4),
    st.integers(0, 2**16),
    st.sampled_from([np.float32, np.float64]),
)
def test_constant_columns_and_rare_classes_are_handled(n_samples, n_columns, seed, dtype):
    values, columns = tables(n_samples, n_columns, seed)
    values[:, 0] = 1
    values[:, -1] = 0
    y = np.arange(n_samples) % 3
    y[0] = 3
    folds = np.arange(n_samples) % 5
    for pairs in screen_pairs(values.astype(dtype), columns, one_hot(y), folds, 5):
        assert pairs.shape[1] == 2
        assert not (pairs == values.shape[1] - 1).any()

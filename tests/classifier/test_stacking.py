"""Branches are weighted by their predictions on held-out samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from xmodal_sklearn.classifier._stacking import (
    STACKING_PENALTY,
    assign_holdout_folds,
    fit_stacking_weights,
)

# Weights of two branches, and the prior of three classes.
START = np.array([0.5, 0.5, 0, 0, 0])


@pytest.fixture
def branches():
    """Log-probabilities of an uninformative, a good and an overconfident branch."""
    rng = np.random.default_rng(0)
    codes = rng.integers(3, size=400)
    good = rng.normal(size=(400, 3)) + 2 * np.eye(3)[codes]
    blind, bold = rng.normal(size=(400, 3)), 10 * good
    return log_softmax(np.stack([blind, good, bold], axis=1), axis=2), np.eye(3)[codes]


def predict_from(logs):
    """Predictions that are the same whatever modalities a sample has."""
    return lambda rows, pattern: logs[rows]


def fit_common(logs, target, start):
    complete = np.ones((len(logs), 1), dtype=bool)
    start = np.r_[start, np.zeros(target.shape[1])]
    patterns, weights, prior = fit_stacking_weights(predict_from(logs), complete, target, start)
    assert patterns.tolist() == [[True]]
    np.testing.assert_array_equal(weights[1], weights[0])
    return weights[0], prior[0]


def test_the_better_branch_gets_the_weight(branches):
    logs, target = branches
    weights, _ = fit_common(logs[:, :2], target, [1.0, 0.0])
    assert weights[1] > 10 * weights[0]


def test_an_overconfident_branch_is_shrunk(branches):
    logs, target = branches
    weights, _ = fit_common(logs[:, 2:], target, [1.0])
    assert weights[0] < 0.3


def test_without_evidence_nothing_changes():
    start = [0.5, 0.5]
    weights, prior = fit_common(
        np.log(np.full((9, 2, 3), 1 / 3)), np.eye(3)[np.arange(9) % 3], start
    )
    np.testing.assert_allclose(weights, start, atol=1e-6)
    np.testing.assert_allclose(prior, 0, atol=1e-6)


def test_it_is_a_logistic_regression_on_the_log_probabilities(branches):
    """For two classes, where the prior and the weight are its intercept and coefficient."""
    logs, target = branches
    rows = target[:, 2] == 0
    pair, target = log_softmax(logs[rows, 1:2, :2], axis=2), target[rows, :2]
    weights, prior = fit_common(pair, target, [0.0])
    odds = pair[:, 0, 1] - pair[:, 0, 0]
    # The penalty on the prior, half on either class, is what the intercept of one column pays.
    X = np.column_stack([odds, np.full(len(odds), np.sqrt(2))])
    oracle = LogisticRegression(C=1 / STACKING_PENALTY, fit_intercept=False, tol=1e-8)
    expected = oracle.fit(X, target[:, 1]).coef_[0]
    np.testing.assert_allclose(weights[0], expected[0], rtol=1e-3)
    np.testing.assert_allclose(prior[1] - prior[0], expected[1] * np.sqrt(2), atol=1e-3)


def row_of(patterns, pattern):
    return 1 + patterns.tolist().index(pattern)


def test_each_pattern_of_modalities_has_weights_of_its_own(branches):
    logs, target = branches
    logs = logs[:, :2].copy()
    first = np.arange(400) < 200
    logs[:200] = logs[:200, ::-1]  # where the second modality is absent, the first branch is good
    present = np.column_stack([np.ones(400), ~first]).astype(bool)
    patterns, weights, prior = fit_stacking_weights(predict_from(logs), present, target, START)
    assert patterns.tolist() == [[True, True], [False, True], [True, False]]
    assert len(weights) == len(prior) == 4
    without, complete = (weights[row_of(patterns, [True, both])] for both in (False, True))
    assert without[0] > 3 * without[1]
    assert complete[1] > 3 * complete[0]


@pytest.mark.parametrize("n_lacking", [0, 2])
def test_a_pattern_of_few_samples_or_none_is_learned_from_samples_with_more(branches, n_lacking):
    logs, target = branches
    good_first, good_second = logs[:, 1::-1], logs[:, :2]
    present = np.column_stack([np.ones(400), np.arange(400) >= n_lacking]).astype(bool)

    def predict(rows, pattern):
        return (good_second if pattern.all() else good_first)[rows]

    patterns, weights, _ = fit_stacking_weights(predict, present, target, START)
    complete, lacking = (weights[row_of(patterns, [True, both])] for both in (True, False))
    assert complete[1] > 3 * complete[0]
    assert lacking[0] > 3 * lacking[1]


def test_more_modalities_than_have_subsets_have_the_patterns_of_the_samples(branches):
    logs, target = branches
    present = np.ones((400, 5), dtype=bool)
    present[:100, 4] = False
    patterns, _, _ = fit_stacking_weights(predict_from(logs[:, :2]), present, target, START)
    assert patterns.tolist() == [[True] * 5, [True] * 4 + [False]]


@given(
    st.lists(st.integers(0, 3), min_size=2, max_size=60),
    st.integers(2, 12),
    st.integers(0, 2**31 - 1),
)
def test_every_member_holds_out_an_equal_part_of_every_class(codes, n_members, seed):
    codes = np.array(codes)
    held_out_by = assign_holdout_folds(codes, n_members, np.random.RandomState(seed))
    n_folds = max(n_members, 5)
    for code in np.unique(codes):
        sizes = np.bincount(held_out_by[codes == code], minlength=n_folds)
        assert len(sizes) == n_folds
        assert sizes.max() - sizes.min() <= 1


def test_a_single_member_holds_no_sample_out():
    assert (assign_holdout_folds(np.array([0, 1, 1]), 1, np.random.RandomState(0)) >= 1).all()

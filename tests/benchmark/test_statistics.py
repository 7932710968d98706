"""Statistics of comparisons, against independent calculations."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import integrate, stats

from xmodal_sklearn.benchmark import Comparison, rank_datasets
from xmodal_sklearn.benchmark._dataset_ranks import friedman_nemenyi
from xmodal_sklearn.benchmark._statistics import corrected_t_test, correlated_posterior, holm

N_TRAIN, N_TEST = 80, 20
# AUC of C4.5 and three variants on 14 data sets: table 6 of Demšar (2006).
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],  # printed equal, but not ranked so
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def comparison(scores, metric="accuracy"):
    """A comparison of scores (folds, estimators), made by hand."""
    rows = [
        {"estimator": name, "repeat": 0, "fold": fold, "metric": what, "part": "", "value": value}
        for name, values in scores.items()
        for fold, score in enumerate(values)
        for what, value in {metric: score, "n_train": N_TRAIN, "n_test": N_TEST}.items()
    ]
    return Comparison(
        pd.DataFrame(rows), pd.DataFrame(), pd.DataFrame(), np.array(["a", "b"]), (metric,)
    )


@pytest.fixture(scope="module")
def three():
    rng = np.random.default_rng(0)
    fold = rng.normal(0.8, 0.03, size=10)
    return comparison(
        {
            name: fold + rng.normal(plus, 0.01, size=10)
            for name, plus in zip("abc", (0, 0.005, 0.03), strict=True)
        }
    )


def test_pairwise_tests_are_those_of_each_estimator(three):
    pairs = three.pairwise()
    assert len(pairs) == 6
    for name in "abc":
        expected = three.test(name)
        rows = pairs[pairs["estimator"] == name].set_index("other").loc[expected.index]
        for column in ("difference", "t", "p"):
            np.testing.assert_allclose(rows[column], expected[column])


def test_pairwise_p_values_are_corrected_for_the_number_of_pairs(three):
    pairs = three.pairwise()
    once = pairs[pairs["estimator"] < pairs["other"]].sort_values("p")
    smallest, middle, largest = once["p"]
    expected = [3 * smallest, max(3 * smallest, 2 * middle), max(3 * smallest, 2 * middle, largest)]
    np.testing.assert_allclose(once["p_holm"], np.minimum(expected, 1))
    test = three.test("a").sort_values("p")
    np.testing.assert_allclose(
        test["p_holm"],
        np.minimum([2 * test["p"].iloc[0], max(2 * test["p"].iloc[0], test["p"].iloc[1])], 1),
    )


def test_a_smaller_loss_is_the_better_one():
    by_loss = comparison({"good": [0.2, 0.21, 0.19], "bad": [0.5, 0.52, 0.47]}, "log_loss")
    assert by_loss.test("good").loc["bad", "difference"] == pytest.approx(0.297, abs=1e-3)
    assert by_loss.bayes("good", "bad")[0] > 0.9
    assert list(by_loss._by_fold(None).columns) == ["bad", "good"]


def test_the_corrected_test_holds_its_level_where_the_plain_one_does_not():
    # 25 differences of mean zero, correlated by the share of the test samples, as its model says.
    rng = np.random.default_rng(0)
    rho = N_TEST / (N_TEST + N_TRAIN)
    shared, own = rng.normal(size=(2000, 1)), rng.normal(size=(2000, 25))
    differences = np.sqrt(rho) * shared + np.sqrt(1 - rho) * own
    p = np.array([corrected_t_test(row, N_TEST / N_TRAIN).p for row in differences])
    plain = stats.ttest_1samp(differences, 0, axis=1).pvalue
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.015)
    assert np.mean(plain < 0.05) > 0.3


@settings(max_examples=30)
@given(
    arrays(float, st.integers(2, 30), elements=st.floats(-1, 1, allow_subnormal=False)),
    st.floats(0.05, 1),
    st.floats(0, 0.2),
)
def test_bayesian_probabilities_sum_to_one_and_mirror(differences, ratio, rope):
    above, within, below = correlated_posterior(differences, ratio, rope)
    assert above + within + below == pytest.approx(1)
    assert min(above, within, below) >= -1e-12
    np.testing.assert_allclose(
        correlated_posterior(-differences, ratio, rope), (below, within, above), atol=1e-12
    )


def test_the_bayesian_posterior_equals_its_integral(three):
    scores = three._by_fold(None)
    x = (scores["c"] - scores["a"]).to_numpy()
    n, rho = len(x), N_TEST / (N_TEST + N_TRAIN)
    # Benavoli et al. (2017): likelihood of equally correlated normal differences, prior 1/sigma²
    # on (mean, sigma²).
    correlated = np.full((n, n), rho) + (1 - rho) * np.eye(n)
    inverse = np.linalg.inv(correlated)

    def density(mean):
        quadratic = (x - mean) @ inverse @ (x - mean)
        # Integral of v^(-n/2 - 1) exp(-q / 2v) over the variance v, up to a constant.
        return quadratic ** (-n / 2)

    total, right = (
        integrate.quad(density, low, 1, points=[x.mean()], limit=500)[0] for low in (-1, 0.01)
    )
    assert three.bayes("c", "a", rope=0.01)[0] == pytest.approx(right / total, abs=1e-6)


def test_holm_keeps_order_and_bounds():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])


@given(arrays(float, st.integers(1, 20), elements=st.floats(0, 1)))
def test_holm_rejects_what_the_step_down_procedure_rejects(p):
    corrected, alpha = holm(p), 0.05
    rejected, left = set(), sorted(range(len(p)), key=lambda i: p[i])
    while left and p[left[0]] * len(left) <= alpha:
        rejected.add(left.pop(0))
    assert {i for i in range(len(p)) if corrected[i] <= alpha} == rejected


def test_critical_difference_of_demsar_s_example():
    ranking = friedman_nemenyi(pd.DataFrame(DEMSAR), alpha=0.05)
    mean = ranking.ranks.mean().to_numpy()
    np.testing.assert_allclose(mean, [3.143, 2.0, 2.893, 1.964], atol=5e-4)
    # The paper: Friedman's F of 3.69 with 3 and 39 degrees of freedom, critical difference 1.25.
    assert ranking.p == pytest.approx(stats.f.sf(3.69, 3, 39), rel=0.01)
    assert ranking.critical_difference == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 14)), rel=1e-3)
    apart = np.abs(mean[:, None] - mean)
    np.testing.assert_array_equal(ranking.p_nemenyi < 0.05, apart > ranking.critical_difference)


@pytest.mark.parametrize(
    ("n_estimators", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (7, 2.949), (10, 3.164)]
)
def test_critical_values_are_those_of_the_published_table(n_estimators, q):
    scores = pd.DataFrame(np.random.default_rng(0).normal(size=(6, n_estimators)))
    expected = q * np.sqrt(n_estimators * (n_estimators + 1) / 36)
    assert friedman_nemenyi(scores, 0.05).critical_difference == pytest.approx(expected, rel=5e-4)


def test_data_sets_are_ranked_by_their_mean_scores():
    comparisons = {
        f"set {index}": comparison(
            {name: [score - 0.01, score + 0.01] for name, score in zip("dcba", row, strict=True)}
        )
        for index, row in enumerate(DEMSAR)
    }
    ranks = rank_datasets(comparisons)
    assert list(ranks.mean_rank.index) == ["a", "c", "b", "d"]  # columns 4, 2, 3, 1 of the table
    assert ranks.mean_rank["d"] == pytest.approx(3.143, abs=5e-4)
    assert list(ranks.ranks.index) == list(comparisons)
    assert ranks.p_nemenyi.loc["a", "d"] == ranks.p_nemenyi.loc["d", "a"]
    with pytest.raises(ValueError, match="at least two data sets"):
        rank_datasets({"single": comparisons["set 0"]})
    with pytest.raises(ValueError, match="Data set 'x' has no score of estimator 'b'"):
        rank_datasets({**comparisons, "x": comparison({name: [0.5, 0.6] for name in "acd"})})


def test_constant_differences_have_a_p_of_zero_or_one():
    same = comparison({"a": [0.5, 0.6], "b": [0.5, 0.6], "c": [0.75, 0.85]})
    assert same.test("a").loc["b", ["difference", "p"]].tolist() == [0, 1]
    assert same.bayes("a", "b") == (0, 1, 0)
    with pytest.raises(ValueError, match="at least two folds"):
        comparison({"a": [0.5], "b": [0.6]}).test("a")

"""How stable a selection is."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import FitFailedWarning

from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.inspection import selection_stability, stability_index


@pytest.fixture(scope="module")
def result(cohort):
    return selection_stability(
        MultiOmicsSelector(), *cohort, n_resamples=20, k=[5, 10, 50], random_state=0
    )


def test_frequencies_count_selected_features(cohort, result):
    X, _ = cohort
    assert [feature for _, feature in result.frequency.index] == list(X)
    assert result.frequency.loc["exp"].sum().tolist() == pytest.approx([5, 10, 50])
    assert result.frequency.loc["mut"].sum().tolist() == pytest.approx([5, 10, 20])
    assert (result.frequency.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)


def test_the_index_lies_in_its_interval_and_below_one(result):
    assert result.index["stability"].between(result.index["lower"], result.index["upper"]).all()
    assert (result.index["stability"] <= 1).all()
    assert result.index.loc[("mut", 50)].tolist() == [1, 1, 1]


def test_signal_is_more_stable_than_noise(cohort):
    X, y = cohort
    shuffled = np.random.default_rng(0).permutation(y)
    options = {"n_resamples": 20, "k": 5, "random_state": 0}
    signal = selection_stability(MultiOmicsSelector(), X, y, **options).index["stability"]
    noise = selection_stability(MultiOmicsSelector(), X, shuffled, **options).index["stability"]
    assert (signal > noise).all()


def test_the_same_seed_gives_the_same_result_in_parallel(cohort):
    options = {"n_resamples": 4, "k": 5, "random_state": 1}
    serial = selection_stability(MultiOmicsSelector(), *cohort, **options)
    parallel = selection_stability(MultiOmicsSelector(), *cohort, n_jobs=2, **options)
    pd.testing.assert_frame_equal(serial.index, parallel.index)
    pd.testing.assert_frame_equal(serial.frequency, parallel.frequency)


def test_random_selections_have_stability_zero_and_the_interval_covers_it():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(300):
        selected = rng.random((50, 40)).argsort(axis=1) < 8
        stability, lower, upper = stability_index(selected)
        assert abs(stability) < 0.05
        covered.append(lower < 0 < upper)
    assert 0.88 < np.mean(covered) <= 1


def test_equal_selections_have_stability_one():
    selected = np.tile(np.arange(10) < 3, (5, 1))
    assert stability_index(selected) == pytest.approx((1, 1, 1))


def test_stability_equals_fleiss_kappa():
    # The index is Fleiss' kappa of the resamples as raters (Nogueira et al. 2018, section 4.5).
    rng = np.random.default_rng(1)
    selected = rng.random((6, 30)) < np.linspace(0.05, 0.9, 30)
    yes = selected.sum(axis=0)
    agreement = np.mean((yes * (yes - 1) + (6 - yes) * (5 - yes)) / (6 * 5))
    share = yes.sum() / (6 * 30)
    chance = share**2 + (1 - share) ** 2
    assert stability_index(selected)[0] == pytest.approx((agreement - chance) / (1 - chance))


@pytest.mark.parametrize("options", [{"n_resamples": 1}, {"k": 0}, {"k": [5, 0]}])
def test_invalid_options_are_errors(cohort, options):
    with pytest.raises(ValueError, match="at least"):
        selection_stability(MultiOmicsSelector(), *cohort, **options)


@pytest.mark.parametrize(
    ("selected", "options", "message"),
    [
        (np.ones((1, 5), dtype=bool), {}, "minimum of 2 is required"),
        (np.ones(5, dtype=bool), {}, "Expected 2D array"),
        (np.ones((2, 0), dtype=bool), {}, "0 feature"),
        (np.eye(3, dtype=bool), {"confidence": 1.5}, "confidence must be in"),
    ],
)
def test_invalid_selections_are_errors(selected, options, message):
    with pytest.raises(ValueError, match=message):
        stability_index(selected, **options)


def test_resamples_that_cannot_be_ranked_are_left_out_with_a_warning(cohort, monkeypatch):
    fit = MultiOmicsSelector.fit
    fits = []

    def fail_once(self, X, y):
        fits.append(y)
        if len(fits) == 2 or len(fits) > 4:
            raise RuntimeError("no luck")
        return fit(self, X, y)

    monkeypatch.setattr(MultiOmicsSelector, "fit", fail_once)
    options = {"n_resamples": 4, "k": 5, "random_state": 1}
    with pytest.warns(FitFailedWarning, match="Resample 1 failed .* RuntimeError: no luck"):
        result = selection_stability(MultiOmicsSelector(), *cohort, **options)
    assert set(result.frequency[5] * 3 % 1) == {0}
    with pytest.raises(RuntimeError, match="no luck"):
        selection_stability(MultiOmicsSelector(), *cohort, **options)

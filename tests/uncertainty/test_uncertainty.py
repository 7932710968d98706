"""Prediction sets have the requested coverage; uncertain samples get no class."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.uncertainty import ConformalClassifier, RejectingClassifier

N_DRAWS = 60


class Given(ClassifierMixin, BaseEstimator):
    """Its samples are probabilities."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.asarray(X)

    def predict(self, X):
        return self.classes_[np.argmax(X, axis=1)]


def draw(n_samples, seed, *, sharpness=1.0):
    """Draw classes of unlike sizes, and probabilities that know them more or less well."""
    rng = np.random.default_rng(seed)
    y = rng.choice(3, size=n_samples, p=[0.6, 0.3, 0.1])
    logits = rng.normal(size=(n_samples, 3))
    logits[np.arange(n_samples), y] += sharpness
    p = np.exp(logits)
    return p / p.sum(axis=1, keepdims=True), np.array(["a", "b", "c"])[y]


@parametrize_with_checks(
    [ConformalClassifier(GaussianNB(), random_state=0), RejectingClassifier(GaussianNB())]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("sharpness", [0.0, 2.0], ids=["useless", "good"])
@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
def test_each_class_has_the_requested_coverage(coverage, sharpness):
    found = []
    for seed in range(N_DRAWS):
        p, y = draw(600, seed, sharpness=sharpness)
        frozen = FrozenEstimator(Given().fit(p, y))
        conformal = ConformalClassifier(frozen).fit(p[:300], y[:300])
        sets = conformal.predict_set(p[300:], coverage)
        held = sets[np.arange(300), np.searchsorted(conformal.classes_, y[300:])]
        found.append([held[y[300:] == label].mean() for label in "abc"])
    # The rarest class has 30 samples held out: its coverage lies up to 1 / 31 above.
    means = np.mean(found, axis=0)
    errors = 4 * np.std(found, axis=0) / np.sqrt(N_DRAWS)
    assert (means > coverage - errors).all()
    assert (means < coverage + 1 / 20 + errors).all()


# It is calibrated on one class of several, on purpose.
@pytest.mark.filterwarnings("ignore:.*less labels than your training")
def test_sets_are_those_of_mapie_one_class_at_a_time():
    mapie = pytest.importorskip("mapie.classification", reason="compares with MAPIE")
    p, y = draw(400, 0)
    codes = np.searchsorted(["a", "b", "c"], y)
    given = Given().fit(p, codes)
    conformal = ConformalClassifier(FrozenEstimator(given)).fit(p[:200], codes[:200])
    for coverage in (0.6, 0.85, 0.9):
        sets = conformal.predict_set(p[200:], coverage)
        for code in range(3):
            theirs = mapie.SplitConformalClassifier(
                given, confidence_level=coverage, conformity_score="lac", prefit=True
            )
            of_class = codes[:200] == code
            theirs.conformalize(p[:200][of_class], codes[:200][of_class])
            expected = theirs.predict_set(p[200:])[1][:, code, 0]
            np.testing.assert_array_equal(sets[:, code], expected)


def test_a_pipeline_sees_no_calibration_sample(cohort):
    X, y = cohort
    seen = []

    class Watched(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            seen.append(X.index)
            return super().fit(X, y)

    model = make_pipeline(MultiOmicsSelector(10), Watched(max_iter=1000))
    conformal = ConformalClassifier(model, calibration_share=0.4, random_state=0).fit(X, y)
    held_out = sum(map(len, conformal.calibration_probabilities_))
    assert held_out == 48
    assert len(seen[0]) == len(X) - held_out
    shares = [len(one) for one in conformal.calibration_probabilities_]
    np.testing.assert_allclose(shares, 0.4 * y.value_counts().loc[conformal.classes_], atol=1)
    np.testing.assert_array_equal(conformal.predict_proba(X), conformal.estimator_.predict_proba(X))


def test_a_larger_coverage_gives_larger_sets():
    p, y = draw(400, 1)
    conformal = ConformalClassifier(Given(), random_state=0).fit(p, y)
    before = conformal.predict_set(p, 0.3)
    for coverage in (0.5, 0.7, 0.85):
        sets = conformal.predict_set(p, coverage)
        assert (sets >= before).all()
        before = sets


@pytest.mark.parametrize(("n_held_out", "silent"), [(8, False), (9, True)])
def test_a_class_with_too_few_samples_is_in_every_set_and_named(n_held_out, silent):
    p = np.tile([0.9, 0.1], (30, 1))
    y = np.array(["much"] * (30 - n_held_out) + ["rare"] * n_held_out)
    conformal = ConformalClassifier(FrozenEstimator(Given().fit(p, y))).fit(p, y)
    new = np.array([[1.0, 0.0]])
    if silent:
        assert not conformal.predict_set(new, 0.9)[0, 1]
    else:
        with pytest.warns(UserWarning, match=r"needs 9 held-out samples .* 'rare' has 8\."):
            assert conformal.predict_set(new, 0.9)[0, 1]


@pytest.mark.parametrize("coverage", [0, 1, 1.5, -0.1, float("nan"), "0.9", None, True])
def test_an_invalid_coverage_is_an_error(coverage):
    p, y = draw(100, 0)
    conformal = ConformalClassifier(Given(), random_state=0).fit(p, y)
    with pytest.raises(ValueError, match="coverage must be a number greater than 0"):
        conformal.predict_set(p, coverage)


def test_bad_input_of_fit_is_named():
    p, y = draw(40, 0)
    y = np.where(y == "c", "a", y).astype(object)
    y[0] = "lonely"
    with pytest.raises(ValueError, match="Class 'lonely' has one sample"):
        ConformalClassifier(Given()).fit(p, y)
    p, y = draw(100, 0)
    with pytest.raises(ValueError, match=r"of 100 samples holds out 1; .* all 3 classes"):
        ConformalClassifier(Given(), calibration_share=0.01).fit(p, y)
    frozen = FrozenEstimator(Given().fit(p, y))
    with pytest.raises(ValueError, match="contains class 'new', but the frozen"):
        ConformalClassifier(frozen).fit(p, np.where(y == "a", "new", y))
    swapped = pd.Series(y)[::-1]
    with pytest.raises(ValueError, match="different order"):
        ConformalClassifier(Given()).fit(pd.DataFrame(p), swapped)


@pytest.mark.parametrize("labels", [["x", "y"], [3, 7], [True, False]])
def test_uncertain_samples_get_no_class(labels):
    p = np.array([[0.9, 0.1], [0.55, 0.45], [0.3, 0.7]])
    y = np.array(labels)[[0, 0, 1]]
    model = RejectingClassifier(Given()).fit(p, y)
    first, second = model.classes_.tolist()
    assert model.predict(p, min_proba=0.7).tolist() == [first, None, second]
    assert model.predict(p, min_proba=0.71).tolist() == [first, None, None]
    assert model.predict(p).dtype == y.dtype
    assert model.predict(p).tolist() == [first, first, second]


@pytest.mark.parametrize("min_proba", [-0.1, 1.1, float("nan"), "0.5", None])
def test_an_invalid_min_proba_is_an_error(min_proba):
    p, y = draw(30, 0)
    with pytest.raises(ValueError, match="min_proba must be a number from 0 to 1"):
        RejectingClassifier(Given()).fit(p, y).predict(p, min_proba=min_proba)

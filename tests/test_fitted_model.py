"""Walks over fitted models find the same parts behind every wrapper."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from xmodal_sklearn._fitted_model import first_with, members_of, parts_of, steps_of
from xmodal_sklearn.uncertainty import ConformalClassifier, RejectingClassifier

random = np.random.default_rng(0)
X = random.normal(size=(60, 4))
y = (X[:, 0] > 0).astype(int)


def pipeline():
    return make_pipeline(StandardScaler(), "passthrough", None, LogisticRegression())


def search(estimator):
    return GridSearchCV(estimator, {}, cv=2)


def frozen(estimator):
    return FrozenEstimator(estimator.fit(X, y))


WRAPPERS = {
    "search": search,
    "conformal": ConformalClassifier,
    "rejecting": RejectingClassifier,
    "frozen": frozen,
    "threshold": lambda model: TunedThresholdClassifierCV(model, cv=2, thresholds=3),
    "pipeline": make_pipeline,
    "conformal of frozen": lambda model: ConformalClassifier(frozen(model)),
    "rejecting of search": lambda model: RejectingClassifier(search(model)),
    "search of rejecting": lambda model: search(RejectingClassifier(model)),
    "frozen search": lambda model: frozen(search(model)),
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_steps_are_found_behind_wrappers(wrap):
    model = wrap(pipeline()).fit(X, y)
    scaler, classifier = steps_of(model)
    assert scaler.mean_.shape == (4,)
    assert classifier.coef_.shape == (1, 4)
    assert first_with(model, "mean_") is scaler
    assert next(parts_of(model)) is model


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_members_of_a_vote_are_found_behind_wrappers(wrap):
    members = [("a", pipeline()), ("b", "drop"), ("c", search(pipeline()))]
    vote = VotingClassifier(members, voting="soft")
    model = wrap(vote).fit(X, y)
    (ensemble,) = steps_of(model)
    assert [len(steps_of(member)) for member in members_of(ensemble)] == [2, 2]
    assert sum(hasattr(part, "coef_") for part in parts_of(model)) == 2


@pytest.mark.parametrize("ensemble", [True, False])
def test_members_of_a_calibrated_classifier_are_found(ensemble):
    model = CalibratedClassifierCV(pipeline(), cv=3, ensemble=ensemble).fit(X, y)
    assert len(members_of(model)) == (3 if ensemble else 1)
    assert hasattr(first_with(model, "coef_"), "coef_")


def test_a_selector_that_wraps_an_estimator_stays_a_step():
    model = make_pipeline(SelectFromModel(LogisticRegression()), LogisticRegression()).fit(X, y)
    assert steps_of(model) == [model[0], model[1]]


def test_unfitted_templates_are_not_parts():
    model = BaggingClassifier(pipeline(), n_estimators=2, random_state=0).fit(X, y)
    assert steps_of(model) == [model]
    assert sum(hasattr(part, "coef_") for part in parts_of(model)) == 2
    stack = StackingClassifier([("a", pipeline())], cv=2).fit(X, y)
    assert [len(steps_of(member)) for member in members_of(stack)] == [2]


def test_members_of_boosting_are_found():
    model = GradientBoostingClassifier(n_estimators=3).fit(X, y)
    assert len(members_of(model)) == 3


def test_a_missing_attribute_returns_none():
    assert first_with(pipeline().fit(X, y), "modalities_") is None

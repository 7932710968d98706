"""Learning curves."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from xmodal_sklearn.benchmark import Comparison, compare
from xmodal_sklearn.learning import learning_curves

FOLDS = StratifiedKFold(3, shuffle=True, random_state=0)
SEEN = []


class Remembering(ClassifierMixin, BaseEstimator):
    """Remembers which samples it was fitted to."""

    def fit(self, X, y):
        SEEN.append(set(X.index))
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


@pytest.fixture(scope="module")
def curves(cohort):
    models = {"logistic": LogisticRegression(max_iter=1000), "dummy": DummyClassifier()}
    return learning_curves(models, *cohort, shares=[0.5, 0.25], cv=FOLDS, scoring=["f1_macro"])


def test_every_model_is_scored_in_every_fold_at_every_size(curves):
    scored = curves[curves["metric"] == "f1_macro"]
    assert scored.groupby("estimator").size().to_dict() == {"dummy": 6, "logistic": 6}
    assert scored["value"].notna().all()


def test_smaller_sets_are_stratified_parts_of_larger_ones_and_of_the_training_samples(cohort):
    X, y = cohort
    SEEN.clear()
    learning_curves({"model": Remembering()}, X, y, shares=[0.3, 0.6], cv=FOLDS, scoring=["mcc"])
    for fold, (train, _) in enumerate(FOLDS.split(X, y)):
        small, large, whole = SEEN[fold], SEEN[3 + fold], set(X.index[train])
        assert small < large < whole
        for label, size in y.iloc[train].value_counts().items():
            assert (y[list(small)] == label).sum() == np.ceil(0.3 * size)


def test_the_test_samples_stay_the_same(cohort, curves):
    X, y = cohort
    train, test = next(FOLDS.split(X, y))
    first = curves.query("estimator == 'dummy' and fold == 0 and metric == 'f1_macro'")["value"]
    majority = y.iloc[train].value_counts().idxmax()
    expected = f1_score(y.iloc[test], np.full(len(test), majority), average="macro")
    assert first.tolist() == pytest.approx([expected] * 2)


def test_the_same_seed_gives_the_same_curves(cohort, curves):
    models = {"logistic": LogisticRegression(max_iter=1000), "dummy": DummyClassifier()}
    options = {"shares": [0.25, 0.5], "cv": FOLDS, "scoring": ["f1_macro"]}
    again = learning_curves(models, *cohort, **options)
    kept = ["f1_macro", "n_train"]
    pd.testing.assert_frame_equal(
        again[again["metric"].isin(kept)], curves[curves["metric"].isin(kept)]
    )


def test_groups_stay_together(cohort):
    X, y = cohort
    groups = np.arange(len(y)) // 2
    SEEN.clear()
    folds = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    learning_curves(
        {"model": Remembering()}, X, y, shares=[0.5], cv=folds, groups=groups, scoring=["mcc"]
    )
    for (_, test), seen in zip(folds.split(X, y, groups), SEEN, strict=True):
        assert not set(groups[test]) & set(groups[X.index.isin(seen)])


def test_curves_are_saved_with_the_comparison(cohort, curves, tmp_path):
    measured = compare({"dummy": DummyClassifier()}, *cohort, cv=FOLDS)
    dataclasses.replace(measured, learning=curves).save(tmp_path)
    pd.testing.assert_frame_equal(Comparison.load(tmp_path).learning, curves, check_dtype=False)
    measured.save(tmp_path)
    assert Comparison.load(tmp_path).learning is None


@pytest.mark.parametrize("shares", [[], [0.5, 1], [0]])
def test_shares_outside_of_zero_and_one_are_an_error(cohort, shares):
    with pytest.raises(ValueError, match="between 0 and 1"):
        learning_curves({"dummy": DummyClassifier()}, *cohort, shares=shares)


class Hungry(DummyClassifier):
    """Cannot be fitted to few samples."""

    def fit(self, X, y, sample_weight=None):
        if len(X) < 30:
            raise ValueError("too few samples")
        return super().fit(X, y, sample_weight)


def test_a_share_that_nothing_can_be_fitted_to_is_left_out_with_a_warning(cohort):
    models, options = {"hungry": Hungry()}, {"cv": FOLDS, "scoring": ["f1_macro"]}
    with pytest.warns(UserWarning, match="lack 10% of the training samples.*too few samples"):
        curves = learning_curves(models, *cohort, shares=[0.1, 0.8], **options)
    assert curves.query("metric == 'f1_macro'")["value"].notna().sum() == 3
    with pytest.raises(ValueError, match="too few samples"):
        learning_curves(models, *cohort, shares=[0.1], **options)

"""The classical models."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from sklearn.utils.estimator_checks import parametrize_with_checks

from xmodal_sklearn.baselines import LateFusionClassifier, make_baselines


@parametrize_with_checks([LateFusionClassifier(LogisticRegression(max_iter=1000))])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", make_baselines())
def test_baselines_learn_from_the_same_table(cohort, name):
    X, y = cohort
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    model = make_baselines(k=20, random_state=0)[name].fit(X_train, y_train)
    assert f1_score(y_test, model.predict(X_test), average="macro") > 0.6


@pytest.mark.parametrize("name", make_baselines())
def test_baselines_take_absent_modalities(cohort, name):
    X, y = cohort
    gaps = X.astype(float)
    gaps.iloc[:30, :60] = np.nan
    model = make_baselines(k=20, random_state=0)[name].fit(gaps, y)
    assert np.isfinite(model.predict_proba(gaps)).all()


def test_late_fusion_is_the_mean_of_the_models_by_modality(cohort):
    X, y = cohort
    model = LateFusionClassifier(LogisticRegression(max_iter=1000)).fit(X, y)
    by_hand = [
        LogisticRegression(max_iter=1000)
        .fit(X[block].to_numpy(), y)
        .predict_proba(X[block].to_numpy())
        for block in ([c for c in X if c.startswith(m)] for m in ("exp", "cna", "mut"))
    ]
    np.testing.assert_allclose(model.predict_proba(X), np.mean(by_hand, axis=0))


def test_late_fusion_averages_over_the_modalities_a_sample_has(cohort):
    X, y = cohort
    gaps = X.astype(float)
    gaps.iloc[:30, 60:] = np.nan
    model = LateFusionClassifier(LogisticRegression(max_iter=1000)).fit(gaps, y)
    expected = model.estimators_["exp"].predict_proba(gaps.iloc[:30, :60].to_numpy())
    np.testing.assert_allclose(model.predict_proba(gaps)[:30], expected)

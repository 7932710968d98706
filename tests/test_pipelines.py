"""The estimators drop into scikit-learn's own tools, and leak nothing."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import f1_score
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector


def small(k=20, modalities=None, **parameters):
    defaults = {"embed_dim": 8, "n_heads": 2, "n_estimators": 1, "max_epochs": 40}
    defaults |= {"branches": ["attention", "mlp"], "random_state": 0}
    return make_pipeline(
        MultiOmicsSelector(k=k, modalities=modalities),
        CrossModalAttentionClassifier(**(defaults | parameters)),
    )


@pytest.fixture(params=["named columns", "array with modalities", "plain array"])
def problem(request, cohort, positions):
    X, y = cohort
    if request.param == "named columns":
        return small(), X, y
    modalities = positions if request.param == "array with modalities" else None
    return small(modalities=modalities), X.to_numpy(), y


def test_fit_predict_pickle_and_clone(problem, tmp_path):
    model, X, y = problem
    model.fit(X, y)
    assert list(model[1].modalities_) == list(model[0].modalities_)
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (len(X), 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (model.predict(X) == model.classes_[probabilities.argmax(axis=1)]).all()
    joblib.dump(model, tmp_path / "model.joblib")
    np.testing.assert_array_equal(
        joblib.load(tmp_path / "model.joblib").predict_proba(X), probabilities
    )
    np.testing.assert_array_equal(clone(model).fit(X, y).predict_proba(X), probabilities)


def test_cross_validate_with_several_scorers(problem):
    model, X, y = problem
    scores = cross_validate(
        model, X, y, cv=2, scoring=["f1_macro", "roc_auc_ovr"], error_score="raise"
    )
    assert scores["test_f1_macro"].mean() > 0.5
    assert scores["test_roc_auc_ovr"].mean() > 0.7


def test_grid_search_over_k_and_heads_is_the_same_in_parallel(cohort):
    X, y = cohort
    names = "multiomicsselector__k", "crossmodalattentionclassifier__n_heads"
    grid = [{names[0]: [k], names[1]: [n_heads]} for k, n_heads in ((5, 2), (20, 4))]
    one, two = (
        GridSearchCV(small(max_epochs=2), grid, cv=2, n_jobs=n_jobs, error_score="raise").fit(X, y)
        for n_jobs in (1, 2)
    )
    assert one.best_params_ == two.best_params_
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


def test_default_parameters_work_together(cohort):
    X, y = cohort
    model = make_pipeline(MultiOmicsSelector(k=100), CrossModalAttentionClassifier())
    assert model.fit(X, y).score(X, y) > 0.8


def test_selection_never_sees_the_held_out_fold():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(120, 200))).add_prefix("exp__")
    y = rng.integers(2, size=120)
    folds = StratifiedKFold(4, shuffle=True, random_state=0)
    for fold, (_, test) in enumerate(folds.split(X, y)):
        X[f"exp__planted{fold}"] = rng.normal(size=120)
        X.loc[test, f"exp__planted{fold}"] = 100.0 * y[test]
    result = cross_validate(small(k=10, max_epochs=1), X, y, cv=folds, return_estimator=True)
    planted = {f"exp__planted{fold}" for fold in range(4)}
    for fold, model in enumerate(result["estimator"]):
        kept = set(model[0].get_feature_names_out())
        # The features planted in the other folds are in these training rows, and are found.
        assert kept & planted == planted - {f"exp__planted{fold}"}


def test_on_pure_noise_the_score_stays_at_chance():
    scores = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X = pd.DataFrame(rng.normal(size=(200, 1000))).add_prefix("exp__")
        y = np.repeat([0, 1], 100)
        rng.shuffle(y)
        folds = StratifiedKFold(4, shuffle=True, random_state=seed)
        predicted = cross_val_predict(small(k=50, branches=["mlp"]), X, y, cv=folds)
        scores.append(f1_score(y, predicted, average="macro"))
    # Selecting before splitting scores 0.86 here. The standard error of the mean of three
    # scores on 200 samples is 0.02.
    assert abs(np.mean(scores) - 0.5) < 0.06

"""Comparing estimators."""

import numpy as np
import pytest
from scipy import stats
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.benchmark import compare

CV = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
ESTIMATORS = {
    "logistic": make_pipeline(MultiOmicsSelector(k=10), LogisticRegression(max_iter=1000)),
    "dummy": DummyClassifier(),
}


@pytest.fixture(scope="module")
def result(cohort):
    X, y = cohort
    return compare(ESTIMATORS, X, y, cv=CV)


def test_scores_equal_those_of_cross_validate(cohort, result):
    X, y = cohort
    for name, estimator in ESTIMATORS.items():
        rows = result.scores[result.scores["estimator"] == name].sort_values("fold")
        expected = cross_validate(estimator, X, y, cv=CV, scoring=["f1_macro", "roc_auc_ovr"])
        np.testing.assert_allclose(rows["f1_macro"], expected["test_f1_macro"])
        np.testing.assert_allclose(rows["roc_auc_ovr"], expected["test_roc_auc_ovr"])


def test_running_in_parallel_changes_no_score(cohort, result):
    X, y = cohort
    parallel = compare(ESTIMATORS, X, y, cv=CV, n_jobs=2).scores
    timed = ["fit_seconds", "score_seconds"]
    assert parallel.drop(columns=timed).equals(result.scores.drop(columns=timed))


def test_the_summary_has_the_best_first(result):
    summary = result.summary()
    assert list(summary.index) == ["logistic", "dummy"]
    scores = result.scores.query("estimator == 'dummy'")["accuracy"]
    assert summary.loc["dummy", ("accuracy", "mean")] == pytest.approx(scores.mean())
    assert summary.loc["dummy", ("accuracy", "std")] == pytest.approx(scores.std())


def test_the_corrected_t_test_equals_its_formula(result):
    wide = {
        name: rows.sort_values("fold")["f1_macro"].to_numpy()
        for name, rows in result.scores.groupby("estimator")
    }
    differences = wide["logistic"] - wide["dummy"]
    # 120 samples in three folds: 40 to test on, 80 to train on.
    error = np.sqrt((1 / 6 + 40 / 80) * differences.var(ddof=1))
    row = result.test("logistic").loc["dummy"]
    assert row["difference"] == pytest.approx(differences.mean())
    assert row["p"] == pytest.approx(2 * stats.t.sf(differences.mean() / error, df=5))
    # The correction makes the test more cautious than the plain one.
    assert row["p"] > stats.ttest_rel(wide["logistic"], wide["dummy"]).pvalue


def test_an_unknown_estimator_can_not_be_tested(result):
    with pytest.raises(ValueError, match="No estimator 'svm'"):
        result.test("svm")

"""Comparing estimators."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.benchmark import METRICS, Comparison, compare

CV = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
ESTIMATORS = {
    "logistic": make_pipeline(MultiOmicsSelector(k=10), LogisticRegression(max_iter=1000)),
    "dummy": DummyClassifier(),
}
COSTS = ["fit_seconds", "predict_seconds", "peak_mb"]


@pytest.fixture(scope="module")
def result(cohort):
    X, y = cohort
    return compare(ESTIMATORS, X, y, cv=CV)


def values(result, estimator, metric):
    chosen = (result.scores["estimator"] == estimator) & (result.scores["metric"] == metric)
    return result.scores[chosen].sort_values(["repeat", "fold"])["value"].to_numpy()


def test_scores_equal_those_of_cross_validate(cohort, result):
    X, y = cohort
    scorers = {
        "f1_macro": "f1_macro",
        "f1_weighted": "f1_weighted",
        "accuracy": "accuracy",
        "balanced_accuracy": "balanced_accuracy",
        "roc_auc_ovr": "roc_auc_ovr",
        "roc_auc_ovo": "roc_auc_ovo",
        "log_loss": "neg_log_loss",
        "mcc": "matthews_corrcoef",
    }
    for name, estimator in ESTIMATORS.items():
        expected = cross_validate(estimator, X, y, cv=CV, scoring=scorers)
        for metric, scorer in scorers.items():
            sign = -1 if scorer.startswith("neg_") else 1
            np.testing.assert_allclose(
                values(result, name, metric), sign * expected[f"test_{metric}"]
            )


def test_running_in_parallel_changes_nothing(cohort, result):
    X, y = cohort
    parallel = compare(ESTIMATORS, X, y, cv=CV, n_jobs=2)
    pd.testing.assert_frame_equal(
        parallel.scores[~parallel.scores["metric"].isin(COSTS)],
        result.scores[~result.scores["metric"].isin(COSTS)],
    )
    pd.testing.assert_frame_equal(parallel.predictions, result.predictions)
    pd.testing.assert_frame_equal(parallel.selected, result.selected)


def test_every_metric_of_every_fold_has_one_row(result):
    keys = ["estimator", "repeat", "fold", "metric"]
    assert not result.scores.duplicated(keys).any()
    assert {*METRICS, *COSTS, "n_train", "n_test"} < set(result.scores["metric"])
    assert result.scores.groupby("metric").size().eq(2 * 6).all()


def test_predictions_hold_every_sample_once_a_repeat(cohort, result):
    _, y = cohort
    for _, rows in result.predictions.groupby(["estimator", "repeat"]):
        assert sorted(rows["sample"]) == list(range(len(y)))
        assert (rows["target"].to_numpy() == np.asarray(y)[rows["sample"]]).all()
    probabilities = result.predictions[[f"p: {label}" for label in result.classes]]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    most_probable = result.classes[probabilities.to_numpy().argmax(axis=1)]
    assert (most_probable == result.predictions["predicted"]).all()


def test_selected_features_are_those_of_the_selector_in_the_fold(cohort, result):
    X, y = cohort
    train, _ = next(CV.split(X, y))
    selector = MultiOmicsSelector(k=10).fit(X.iloc[train], y.iloc[train])
    rows = result.selected.query("estimator == 'logistic' and repeat == 0 and fold == 0")
    for modality, ranking in selector.rankings_.items():
        kept = rows[rows["modality"] == modality]["feature"]
        assert kept.tolist() == list(ranking[:10])
    assert set(result.selected["estimator"]) == {"logistic"}


@pytest.mark.parametrize("labels", ["text", "integer", "boolean"])
def test_a_saved_comparison_is_read_back_equal(cohort, tmp_path, labels):
    X, y = cohort
    codes = np.unique(y, return_inverse=True)[1]
    y = {"text": np.array(["NA", "1", "a,\nb"])[codes], "integer": codes, "boolean": codes > 0}[
        labels
    ]
    saved = compare(ESTIMATORS, X, y, cv=3)
    saved.save(tmp_path / "result")
    loaded = Comparison.load(tmp_path / "result")
    for table in ("scores", "predictions", "selected"):
        pd.testing.assert_frame_equal(getattr(loaded, table), getattr(saved, table))
    np.testing.assert_array_equal(loaded.classes, saved.classes)
    assert (loaded.metrics, loaded.warnings, loaded.info) == (saved.metrics, (), saved.info)


def test_a_folder_without_a_comparison_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no comparison"):
        Comparison.load(tmp_path)


def test_the_summary_has_the_best_first(cohort, result):
    summary = result.summary()
    assert list(summary.index) == ["logistic", "dummy"]
    scores = values(result, "dummy", "accuracy")
    assert summary.loc["dummy", ("accuracy", "mean")] == pytest.approx(scores.mean())
    assert summary.loc["dummy", ("accuracy", "std")] == pytest.approx(scores.std(ddof=1))
    X, y = cohort
    by_loss = compare(ESTIMATORS, X, y, cv=3, scoring=["log_loss", "neg_log_loss"])
    assert list(by_loss.summary().index) == ["logistic", "dummy"]
    np.testing.assert_allclose(
        values(by_loss, "dummy", "log_loss"), -values(by_loss, "dummy", "neg_log_loss")
    )


def test_the_corrected_t_test_equals_its_formula(result):
    differences = values(result, "logistic", "f1_macro") - values(result, "dummy", "f1_macro")
    # 120 samples in three folds: 40 to test on, 80 to train on.
    error = np.sqrt((1 / 6 + 40 / 80) * differences.var(ddof=1))
    row = result.test("logistic").loc["dummy"]
    assert row["difference"] == pytest.approx(differences.mean())
    assert row["p"] == pytest.approx(2 * stats.t.sf(differences.mean() / error, df=5))
    # The correction makes the test more cautious than the plain one.
    plain = stats.ttest_rel(*(values(result, name, "f1_macro") for name in ESTIMATORS))
    assert row["p"] > plain.pvalue


def test_an_unknown_estimator_or_metric_is_an_error(cohort, result):
    X, y = cohort
    with pytest.raises(ValueError, match="No estimator 'svm'"):
        result.test("svm")
    with pytest.raises(ValueError, match="No metric 'f1'"):
        result.test("dummy", "f1")
    with pytest.raises(ValueError, match=r"unknown ones \['auc'\]"):
        compare(ESTIMATORS, X, y, scoring=["accuracy", "auc"])


def test_groups_stay_together(cohort):
    X, y = cohort
    groups = np.arange(len(y)) // 2
    grouped = compare({"dummy": DummyClassifier()}, X, y, groups=groups)
    for _, rows in grouped.predictions.groupby(["repeat", "fold"]):
        assert (rows.groupby(groups[rows["sample"]]).size() == 2).all()
    assert (grouped.info["n_repeats"], grouped.info["n_folds"]) == (5, 5)
    with pytest.raises(ValueError, match="The folds split"):
        compare({"dummy": DummyClassifier()}, X, y, groups=groups, cv=CV)

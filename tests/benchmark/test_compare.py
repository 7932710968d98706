"""Comparing estimators."""

import os
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RepeatedStratifiedKFold,
    cross_validate,
)
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.benchmark import METRICS, Comparison, compare
from xmodal_sklearn.benchmark._fold import modalities_of, replace_by_noise
from xmodal_sklearn.uncertainty import ConformalClassifier, RejectingClassifier

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


def test_running_in_parallel_changes_nothing(cohort):
    X, y = cohort
    X = X.filter(regex="exp|mut")
    logistic = {"logistic": ESTIMATORS["logistic"]}
    serial, parallel = (
        compare(logistic, X, y, cv=2, controls="logistic", random_state=0, n_jobs=n_jobs)
        for n_jobs in (1, 2)
    )
    pd.testing.assert_frame_equal(
        serial.scores[~serial.scores["metric"].isin(COSTS)],
        parallel.scores[~parallel.scores["metric"].isin(COSTS)],
    )
    pd.testing.assert_frame_equal(serial.predictions, parallel.predictions)
    pd.testing.assert_frame_equal(serial.selected, parallel.selected)


def test_every_metric_of_every_fold_has_one_row(result):
    keys = ["estimator", "repeat", "fold", "metric", "part"]
    assert not result.scores.duplicated(keys).any()
    assert {*METRICS, *COSTS, "n_train", "n_test"} < set(result.scores["metric"])
    assert result.scores.groupby(["metric", "part"]).size().eq(2 * 6).all()


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


def test_selected_features_are_those_of_the_selector_in_a_wrapper(cohort):
    X, y = cohort
    X = X.iloc[:, 40:80]
    plain = ESTIMATORS["logistic"]
    fewer = clone(plain).set_params(multiomicsselector__k=3)
    wrapped = {
        "rejecting": RejectingClassifier(plain),
        "search": GridSearchCV(fewer, {"multiomicsselector__k": [10]}, cv=2),
        "vote": VotingClassifier([("fewer", fewer), ("plain", plain)], voting="soft"),
    }
    selected = compare({"plain": plain} | wrapped, X, y, cv=2).selected
    columns = ["fold", "modality", "feature"]
    expected = selected.query("estimator == 'plain'")[columns].reset_index(drop=True)
    for name in wrapped:
        rows = selected[selected["estimator"] == name][columns].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, expected)
    conformal = compare({"conformal": ConformalClassifier(plain, random_state=0)}, X, y, cv=2)
    assert len(conformal.selected) == len(expected)


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
    with pytest.raises(ValueError, match="unknown metric 'auc'"):
        compare(ESTIMATORS, X, y, scoring=["accuracy", "auc"])


def test_groups_stay_together(cohort):
    X, y = cohort
    groups = np.arange(len(y)) // 2
    grouped = compare({"dummy": DummyClassifier()}, X, y, groups=groups)
    for _, rows in grouped.predictions.groupby(["repeat", "fold"]):
        assert (rows.groupby(groups[rows["sample"]]).size() == 2).all()
    assert (grouped.info["n_repeats"], grouped.info["n_folds"]) == (5, 5)
    with pytest.raises(ValueError, match=r"The folds split \d+ groups; the first is \d+,"):
        compare({"dummy": DummyClassifier()}, X, y, groups=groups, cv=CV)


def test_controls_are_in_the_same_table(cohort, result):
    X, y = cohort
    plain = result
    result = compare(ESTIMATORS, X, y, cv=CV, controls="logistic", random_state=0)
    auc = result.summary()["roc_auc_ovr", "mean"]
    controls = ["labels permuted", "exp as noise", "cna as noise", "mut as noise"]
    assert set(auc.index) == {*ESTIMATORS, *(f"logistic, {control}" for control in controls)}
    assert auc["logistic, labels permuted"] == pytest.approx(0.5, abs=0.1)
    # Expression says most, mutations little; see the models of one modality.
    assert auc["logistic, exp as noise"] < auc["logistic"] - 0.05
    np.testing.assert_array_equal(
        values(result, "logistic", "f1_macro"),
        values(plain, "logistic", "f1_macro"),
    )
    with pytest.raises(ValueError, match=r"\['a, exp as noise'\] are those of controls"):
        compare({"a": DummyClassifier(), "a, exp as noise": DummyClassifier()}, X, y, controls="a")


@pytest.mark.parametrize("kind", ["named", "array", "absent"])
def test_noise_keeps_the_values_of_each_column_and_nothing_else(cohort, positions, kind):
    X, _ = cohort
    if kind == "absent":
        X = X.astype(float)
        X.iloc[:30, 60:110] = np.nan
    table = X.to_numpy() if kind == "array" else X
    model = MultiOmicsSelector(modalities=positions if kind == "array" else None)
    columns = modalities_of(model, table)["cna"]
    noise = np.asarray(replace_by_noise(table, columns, seed=0))
    before, after = X.to_numpy()[:, 60:110], noise[:, 60:110]
    np.testing.assert_array_equal(np.sort(before, axis=0), np.sort(after, axis=0))
    np.testing.assert_array_equal(np.isnan(before), np.isnan(after))
    np.testing.assert_array_equal(np.delete(noise, columns, 1), np.delete(X.to_numpy(), columns, 1))
    present = ~np.isnan(after[:, 0])
    correlations = [
        np.corrcoef(b, a)[0, 1] for b, a in zip(before[present].T, after[present].T, strict=True)
    ]
    assert np.abs(np.mean(correlations)) < 0.1
    if kind != "array":
        replaced = replace_by_noise(table, columns, seed=0)
        assert list(replaced.columns) == list(X.columns)
        assert (replaced.dtypes == X.dtypes).all()


def test_a_batch_that_predicts_classes_or_folds_gives_a_warning(cohort):
    X, y = cohort
    rng = np.random.default_rng(0)
    dummy = {"dummy": DummyClassifier()}
    innocent = compare(dummy, X, y, cv=3, batch=rng.choice(["a", "b"], size=len(y)))
    assert innocent.warnings == ()
    with pytest.warns(UserWarning, match=r"predicts the classes \(Cramér's V 1\.00"):
        by_class = compare(dummy, X, y, cv=3, batch=np.where(y == y.iloc[0], "a", "b"))
    assert len(by_class.warnings) == 1
    order = np.arange(len(y)) * 3 // len(y)
    with pytest.warns(UserWarning, match="predicts the folds"):
        by_fold = compare(dummy, X, y, cv=KFold(3), batch=order)
    assert len(by_fold.warnings) == 1
    assert compare(dummy, X, y, cv=GroupKFold(3), groups=order, batch=order).warnings == ()
    with pytest.raises(ValueError, match="batch has 3 values for 120 samples"):
        compare(dummy, X, y, batch=[1, 2, 3])


def test_a_class_that_a_fold_does_not_test_gives_a_warning(cohort):
    X, y = cohort
    order = np.argsort(np.unique(y, return_inverse=True)[1], kind="stable")
    with pytest.warns(UserWarning, match="No sample of class") as warned:
        result = compare({"dummy": DummyClassifier()}, X.iloc[order], y.iloc[order], cv=KFold(3))
    expected = "No sample of class class_2 is tested in 2 of 3 folds"
    assert len(warned) == 3
    assert str(warned[2].message).startswith(expected)
    recall = result.scores.query("metric == 'class_recall' and part == 'class_2'")["value"]
    assert recall.isna().sum() == 2


class Greedy(DummyClassifier):
    """Holds a hundred megabytes while it predicts."""

    def predict_proba(self, X):
        return np.ones(12_500_000)[:1] * super().predict_proba(X)


def test_peak_memory_is_measured_per_fold(cohort):
    if not os.access("/proc/self/clear_refs", os.W_OK):
        pytest.skip("the kernel can't restart the peak of a process")
    X, y = cohort
    result = compare({"greedy": Greedy(), "modest": DummyClassifier()}, X, y, cv=3)
    peak = result.summary()["peak_mb", "mean"]
    assert 90 < peak["greedy"] - peak["modest"] < 120


def test_a_comparison_without_estimators_raises(cohort):
    for nothing in ({}, None, [DummyClassifier()]):
        with pytest.raises(ValueError, match="at least one estimator"):
            compare(nothing, *cohort)


def test_progress_is_shown_on_the_error_stream(cohort, capsys):
    compare({"dummy": DummyClassifier()}, *cohort, cv=3, verbose=1)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Fitting" in printed.err
    assert "3/3" in printed.err
    compare({"dummy": DummyClassifier()}, *cohort, cv=3)
    assert capsys.readouterr().err == ""


class Grumbling(DummyClassifier):
    """Warns in every fit, and of other things in its predictions."""

    def fit(self, X, y):
        warnings.warn("no convergence", ConvergenceWarning, stacklevel=2)
        return super().fit(X, y)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_warnings_of_fits_are_issued_once_and_kept(cohort, n_jobs):
    estimators = {"quiet": DummyClassifier(), "grumbling": Grumbling()}
    text = "grumbling, in 3 of 3 folds: ConvergenceWarning: no convergence"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = compare(estimators, *cohort, cv=3, n_jobs=n_jobs)
    assert [str(w.message) for w in caught if "convergence" in str(w.message)] == [text]
    assert result.warnings == (text,)


def test_a_warning_of_several_estimators_is_issued_once(cohort):
    estimators = {"one": Grumbling(), "quiet": DummyClassifier(), "two": Grumbling()}
    with pytest.warns(ConvergenceWarning):
        Grumbling().fit(*cohort)
    with pytest.warns(UserWarning, match="one and 1 more, in 3 of 3 folds: ConvergenceWarning"):
        result = compare(estimators, *cohort, cv=3)
    assert len(result.warnings) == 1


@pytest.mark.parametrize("absent", [None, np.nan])
def test_a_missing_label_is_an_error_that_names_the_sample(cohort, absent):
    X, y = cohort
    y = np.array(y, dtype=object)
    y[7] = absent
    with pytest.raises(ValueError, match=f"no label for 1 samples, the first is '{X.index[7]}'"):
        compare({"dummy": DummyClassifier()}, X, y)

"""Metrics as scikit-learn takes them, and folds that cannot be fitted or scored."""

import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.model_selection import cross_validate

from xmodal_sklearn._warnings import recorded_warnings
from xmodal_sklearn.benchmark import Comparison, compare
from xmodal_sklearn.report import write_report

DUMMY = {"dummy": DummyClassifier(strategy="uniform", random_state=0)}
F2 = make_scorer(fbeta_score, beta=2, average="macro", zero_division=0)


def two_scores(estimator, X, y):
    return {"right": estimator.score(X, y), "wrong": 1 - estimator.score(X, y)}


@pytest.mark.parametrize(
    ("scoring", "metrics"),
    [
        ("accuracy", ("accuracy",)),
        (("f1_macro", "recall_macro"), ("f1_macro", "recall_macro")),
        (F2, ("score",)),
        ({"F2": F2, "acc": "accuracy"}, ("F2", "acc")),
        (two_scores, ("right", "wrong")),
    ],
)
def test_scoring_is_that_of_cross_validate(cohort, scoring, metrics, tmp_path):
    X, y = cohort
    expected = cross_validate(DUMMY["dummy"], X, y, cv=3, scoring=scoring)
    for _ in range(2):
        result = compare(DUMMY, X, y, cv=3, scoring=scoring, store=tmp_path)
        assert result.metrics == metrics
        assert list(result.summary().columns.levels[0].intersection(metrics)) == sorted(metrics)
        for metric in metrics:
            values = result.scores.query("metric == @metric")["value"]
            value = expected.get(f"test_{metric}", expected.get("test_score"))
            np.testing.assert_allclose(values, value)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        ([F2], r'scoring=\{"name": scorer\}'),
        (["accuracy", "accuracy"], "each metric once"),
        ([], "at least one metric"),
        ({}, "at least one metric"),
        ("acuracy", "unknown metric 'acuracy'.*accuracy"),
        ({"n_train": "accuracy"}, "must not use the name 'n_train'"),
        ({"class_recall": F2}, "must not use the name 'class_recall'"),
        ({"loss": "log_loss"}, "must keep their names"),
        ({"brier": F2}, "must keep their names"),
        (1, "scoring must be"),
    ],
)
def test_scoring_that_cannot_be_understood_is_an_error(cohort, scoring, message):
    with pytest.raises(ValueError, match=message):
        compare(DUMMY, *cohort, cv=2, scoring=scoring)


def test_a_changed_scorer_is_recomputed(cohort, tmp_path):
    for beta in (1, 2, 2):
        scorer = make_scorer(fbeta_score, beta=beta, average="macro")
        compare(DUMMY, *cohort, cv=2, scoring={"F": scorer}, store=tmp_path)
    assert len(list(tmp_path.iterdir())) == 4


def rare_class():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 4))).add_prefix("exp__G")
    y = np.array(["a"] * 28 + ["b"] * 28 + ["c"] * 4)
    first = np.r_[10:28, 38:60], np.r_[0:10, 28:38]
    return X, y, [first, (np.r_[0:18, 28:46, 56:58], np.r_[18:28, 46:56, 58:60])]


@pytest.mark.filterwarnings("ignore:No sample of class")
def test_a_metric_that_a_fold_cannot_have_is_nan_with_a_warning():
    X, y, cv = rare_class()
    options = {"cv": cv, "scoring": ["accuracy", "neg_log_loss"]}
    with pytest.warns(UserWarning, match="'neg_log_loss' of 'm' .* in repeat 0, fold 0"):
        result = compare({"m": LogisticRegression()}, X, y, **options)
    values = result.scores.query("metric == 'neg_log_loss'")["value"]
    assert values.isna().tolist() == [True, False]
    assert result.scores.query("metric == 'accuracy'")["value"].notna().all()
    assert sum("'neg_log_loss' of 'm'" in text for text in result.warnings) == 1
    with pytest.raises(ValueError, match="y_true") as raised:
        compare({"m": LogisticRegression()}, X, y, error_score="raise", **options)
    assert raised.value.__notes__ == ["'m' failed in repeat 0, fold 0."]


class Unlucky(DummyClassifier):
    """Cannot be fitted to samples that have all the names given."""

    def __init__(self, names=()):
        super().__init__()
        self.names = names

    def fit(self, X, y, sample_weight=None):
        if set(self.names) <= set(X.index):
            raise RuntimeError("no luck")
        return super().fit(X, y, sample_weight)


def test_folds_that_cannot_be_fitted_are_nan(cohort, without_figures, tmp_path):
    X, y = cohort
    models = {
        "good": LogisticRegression(max_iter=1000),
        "once": Unlucky([X.index[0], X.index[-1]]),
        "always": Unlucky(),
    }
    with pytest.warns(FitFailedWarning) as caught:
        result = compare(models, X, y, cv=3, scoring=["f1_macro"], store=tmp_path / "folds")
    failed = [str(warning.message) for warning in caught]
    assert any("'once' could not be fitted" in text and "RuntimeError" in text for text in failed)
    assert "in repeat 0, fold 0 and 2 more folds" in " ".join(failed)
    assert set(failed) <= set(result.warnings)
    values = result.scores.query("metric == 'f1_macro'").groupby("estimator")["value"]
    assert values.count().to_dict() == {"good": 3, "once": 2, "always": 0}
    assert len(list((tmp_path / "folds").iterdir())) == 3 + 2
    assert set(result.predictions["estimator"]) == {"good", "once"}
    tests = result.pairwise().query("estimator == 'good'").set_index("other")
    assert tests["p_holm"].isna().to_dict() == {"always": True, "once": False}
    result.save(tmp_path / "result")
    page = write_report(Comparison.load(tmp_path / "result"), tmp_path / "report.html")
    assert "always" in page.read_text(encoding="utf-8")
    with pytest.warns(FitFailedWarning):
        zero = compare(models, X, y, cv=3, scoring=["f1_macro"], error_score=0)
    assert zero.summary().loc["always", ("f1_macro", "mean")] == 0


class Odd(DummyClassifier):
    """Predicts a label that is no class, or fails for any samples but those it has seen."""

    def __init__(self, label=None):
        super().__init__()
        self.label = label

    def predict(self, X):
        if self.label is not None:
            return np.repeat(self.label, len(X))
        seen = vars(self).setdefault("seen_", X.to_numpy())
        if not np.array_equal(seen, X):
            raise RuntimeError("never seen")
        return super().predict(X)


@pytest.mark.parametrize("label", ["Normam", "zzz", 0])
def test_a_predicted_label_that_is_no_class_is_a_failed_fold(cohort, label):
    with pytest.warns(FitFailedWarning, match=rf"it predicted {label!r}, which is not a class"):
        result = compare(DUMMY | {"odd": Odd(label)}, *cohort, cv=2, scoring="accuracy")
    assert set(result.predictions["estimator"]) == {"dummy"}
    assert np.isnan(result.summary().loc["odd", ("accuracy", "mean")])


def test_a_model_that_fails_for_permuted_samples_keeps_its_scores(cohort):
    with pytest.warns(UserWarning, match="'without_modality' of 'odd' .* never seen"):
        result = compare({"odd": Odd()}, *cohort, cv=2, scoring="accuracy")
    assert result.summary().loc["odd", ("accuracy", "mean")] > 0
    with pytest.raises(RuntimeError, match="never seen"):
        compare({"odd": Odd()}, *cohort, cv=2, scoring="accuracy", error_score="raise")


@pytest.mark.parametrize("value", [None, "good", [1, 2], 1j])
def test_a_score_that_is_no_number_is_nan_with_a_warning(cohort, value):
    scoring = {"accuracy": "accuracy", "odd": lambda *_: value}
    with pytest.warns(UserWarning, match="'odd' of 'dummy' could not be computed"):
        result = compare(DUMMY, *cohort, cv=2, scoring=scoring)
    means = result.summary().loc["dummy"]
    assert means["accuracy", "mean"] > 0
    assert np.isnan(means["odd", "mean"])


def test_several_scores_of_a_callable_that_fails_in_the_first_fold_are_nan_there(cohort):
    def scorer(estimator, X, y):
        if cohort[0].index[0] in X.index:
            raise RuntimeError("no luck")
        return {"a": 1.0, "b": 2.0}

    with pytest.warns(UserWarning, match="'score' of 'dummy' could not be computed"):
        result = compare(DUMMY, *cohort, cv=2, scoring=scorer)
    assert result.metrics == ("a", "b")
    assert result.scores.query("metric == 'b'")["value"].isna().tolist() == [True, False]
    assert "score" not in set(result.scores["metric"])


def test_a_comparison_whose_fits_all_fail_is_an_error(cohort):
    X, y = cohort
    with pytest.raises(ValueError, match=r"All 2 fits failed.*'m' in repeat 0, fold 0.*no luck"):
        compare({"m": Unlucky()}, X, y, cv=2)
    with pytest.raises(RuntimeError, match="no luck"):
        compare({"m": Unlucky()}, X, y, cv=2, error_score="raise")
    with pytest.raises(ValueError, match="error_score must be"):
        compare(DUMMY, X, y, cv=2, error_score="ignore")


@pytest.mark.parametrize("controls", [True, "dumy", ["dummy"]])
def test_controls_are_of_an_estimator_by_name(cohort, controls):
    with pytest.raises(ValueError, match=r"controls must name one of the estimators \['dummy'\]"):
        compare(DUMMY, *cohort, cv=2, controls=controls)


def test_random_state_seeds_folds_and_controls(cohort):
    X, y = cohort

    def tested(random_state, groups=None):
        options = {"random_state": random_state, "groups": groups}
        result = compare(DUMMY, X.iloc[:, :2], y, scoring="accuracy", **options)
        return result.predictions["sample"].tolist()

    assert tested(0) == tested(0) != tested(1)
    assert tested(None) != tested(None)
    assert tested(np.random.RandomState(3)) == tested(np.random.RandomState(3))
    groups = np.arange(len(y)) // 2
    assert tested(0, groups) == tested(0, groups) != tested(7, groups)


class Grumbler(DummyClassifier):
    """Warns in every fit."""

    def fit(self, X, y, sample_weight=None):
        for _ in range(20):
            warnings.warn("something to mind", stacklevel=2)
        warnings.warn("for developers", DeprecationWarning, stacklevel=2)
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize("action", ["default", "ignore", "error"])
@pytest.mark.parametrize("backend", ["sequential", "threading"])
def test_warnings_of_fits_are_kept_whatever_filters_are_in_force(cohort, action, backend):
    X, y = cohort
    models = {str(i): Grumbler() for i in range(4)}
    with warnings.catch_warnings(), joblib.parallel_config(backend, n_jobs=4):
        warnings.simplefilter(action)
        if action == "error":
            warnings.filterwarnings("always", message=r".* in 3 of 3 folds")
        before = warnings.filters[:], warnings.showwarning
        result = compare(models, X.iloc[:, :2], y, cv=3, scoring="accuracy")
        assert (warnings.filters, warnings.showwarning) == before
    text = "0 and 3 more, in 3 of 3 folds: UserWarning: something to mind"
    assert result.warnings == (text,)


def test_warnings_of_threads_do_not_mix():
    def fit(name):
        with recorded_warnings() as log:
            for _ in range(200):
                warnings.warn(name, stacklevel=1)
        return log

    before = warnings.filters[:], warnings.showwarning
    logs = joblib.Parallel(8, backend="threading")(joblib.delayed(fit)(str(i)) for i in range(24))
    assert logs == [[f"UserWarning: {i}"] * 200 for i in range(24)]
    assert (warnings.filters, warnings.showwarning) == before


def test_recorded_warnings_nest():
    with recorded_warnings() as outer:
        with recorded_warnings() as inner:
            warnings.warn("in", stacklevel=1)
        warnings.warn("out", stacklevel=1)
    assert (inner, outer) == (["UserWarning: in"], ["UserWarning: out"])

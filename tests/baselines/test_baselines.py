"""The classical models."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict, train_test_split
from sklearn.utils.estimator_checks import parametrize_with_checks

from xmodal_sklearn.baselines import (
    LateFusionClassifier,
    StackedFusionClassifier,
    make_baselines,
)

LOGISTIC = LogisticRegression(max_iter=1000)
FUSION = ("early", "late", "stacked", "exp only")
UNTUNED = make_baselines(k=20, fusion=FUSION, tune=False, random_state=0)


@parametrize_with_checks(
    [LateFusionClassifier(LOGISTIC), StackedFusionClassifier(LOGISTIC, random_state=0)]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "name",
    [name for name in UNTUNED if name.endswith("early")]
    + ["DIABLO", "logistic regression, late", "RBF SVM, stacked", "XGBoost, late", "MLP, exp only"],
)
def test_baselines_learn_from_a_table_with_missing_values(cohort, name):
    X, y = cohort
    gaps = X.astype(float)
    gaps.iloc[::9, 60:110] = np.nan
    X_train, X_test, y_train, y_test = train_test_split(gaps, y, stratify=y, random_state=0)
    model = UNTUNED[name].fit(X_train, y_train)
    assert f1_score(y_test, model.predict(X_test), average="macro") > 0.6
    probabilities = model.predict_proba(X_test)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert (model.classes_[probabilities.argmax(axis=1)] == model.predict(X_test)).all()


def test_baselines_have_the_requested_names_and_models():
    names = list(make_baselines(models=["MLP", "DIABLO"], fusion=["late", "mut only"]))
    assert names == ["MLP, late", "MLP, mut only", "DIABLO", "dummy"]
    assert {"XGBoost, early", "LightGBM, stacked", "CatBoost, late"} <= set(UNTUNED)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": ["logistic"]}, "Unknown model 'logistic'"),
        ({"fusion": ["middle"]}, "got 'middle'"),
    ],
)
def test_unknown_models_and_fusions_raise(options, message):
    with pytest.raises(ValueError, match=message):
        make_baselines(**options)


@pytest.mark.parametrize("model", ["logistic regression", "linear SVM"])
def test_tuning_chooses_from_the_documented_grid(cohort, model):
    X, y = cohort
    fitted = make_baselines(k=20, models=[model], fusion=["early"], random_state=0)
    search = fitted[f"{model}, early"].fit(X, y)[-1]
    ((_, values),) = search.param_grid.items()
    assert f"C {', '.join(map(str, values))} " in make_baselines.__doc__
    assert search.scoring == "f1_macro"
    assert search.cv.get_n_splits() == 3


@pytest.mark.parametrize("model", ["random forest", "linear SVM", "DIABLO"])
def test_models_can_be_tuned_for_log_loss(cohort, model, monkeypatch):
    monkeypatch.setattr("xmodal_sklearn.baselines._models.N_TREES", 20)
    X, y = cohort
    models = make_baselines(
        k=20, models=[model], fusion=["early"], scoring="neg_log_loss", random_state=0
    )
    search = next(iter(models.values())).fit(X, y)[-1]
    assert search.best_score_ == max(search.cv_results_["mean_test_score"]) < 0


@pytest.mark.parametrize("model", ["logistic regression", "MLP", "LightGBM", "XGBoost", "CatBoost"])
def test_without_class_weights_probabilities_are_the_class_frequencies_on_average(cohort, model):
    X, y = cohort
    kept = np.flatnonzero((y == y.iloc[0]) | (np.arange(len(y)) % 3 == 0))
    X, y = X.iloc[kept], y.iloc[kept]
    options = {"k": 20, "models": [model], "fusion": ["early"], "tune": False, "random_state": 0}
    frequencies = np.unique(y, return_counts=True)[1] / len(y)
    bias = {}
    for class_weight in (None, "balanced"):
        fitted = next(iter(make_baselines(**options, class_weight=class_weight).values())).fit(X, y)
        bias[class_weight] = np.abs(fitted.predict_proba(X).mean(axis=0) - frequencies).max()
    assert bias[None] < 0.01
    assert bias[None] < bias["balanced"]


def test_calibration_keeps_the_predictions_of_an_svm(cohort):
    X, y = cohort
    calibrated = make_baselines(
        k=20, models=["RBF SVM"], fusion=["early"], tune=False, random_state=0
    )["RBF SVM, early"].fit(X, y)
    svm = calibrated[-1].estimator_.calibrated_classifiers_[0].estimator
    alone = svm.predict(calibrated[0].transform(X))
    _, codes = np.unique(calibrated.predict(X), return_inverse=True)
    np.testing.assert_array_equal(alone, codes)


def test_a_model_of_one_modality_ignores_the_others(cohort):
    X, y = cohort
    model = UNTUNED["logistic regression, exp only"].fit(X, y)
    other = X.copy()
    other.iloc[:, 60:] = 0
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(other))
    gaps = X.astype(float)
    gaps.iloc[:5, :60] = np.nan
    prior = np.unique(y, return_counts=True)[1] / len(y)
    np.testing.assert_allclose(model.predict_proba(gaps)[:5], np.tile(prior, (5, 1)))
    with pytest.raises(ValueError, match="use must name at least one of the modalities"):
        LateFusionClassifier(LOGISTIC, use=["met"]).fit(X, y)


def test_a_modality_with_samples_of_one_class_is_ignored(cohort):
    X, y = cohort
    gaps = X.astype(float)
    gaps.iloc[(y != y.iloc[0]).to_numpy(), 60:110] = np.nan
    with pytest.warns(UserWarning, match="Modality 'cna' is ignored"):
        model = LateFusionClassifier(LOGISTIC).fit(gaps, y)
    assert list(model.estimators_) == ["exp", "mut"]
    without = LateFusionClassifier(LOGISTIC, use=["exp", "mut"]).fit(gaps, y)
    np.testing.assert_array_equal(model.predict_proba(X), without.predict_proba(X))


def test_late_fusion_is_the_mean_of_the_models_by_modality(cohort):
    X, y = cohort
    model = LateFusionClassifier(LOGISTIC).fit(X, y)
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
    model = LateFusionClassifier(LOGISTIC).fit(gaps, y)
    expected = model.estimators_["exp"].predict_proba(gaps.iloc[:30, :60].to_numpy())
    np.testing.assert_allclose(model.predict_proba(gaps)[:30], expected)


def test_stacking_is_a_logistic_regression_on_out_of_fold_evidence(cohort):
    X, y = cohort
    stacked = StackedFusionClassifier(LOGISTIC, random_state=0).fit(X, y)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    prior = np.unique(y, return_counts=True)[1] / len(y)
    evidence = np.hstack(
        [
            np.log(
                cross_val_predict(
                    LOGISTIC,
                    X.filter(regex=f"^{modality}__").to_numpy(),
                    y,
                    cv=folds,
                    method="predict_proba",
                ).clip(1e-3)
                / prior
            )
            for modality in ("exp", "cna", "mut")
        ]
    )
    by_hand = LogisticRegression(C=0.1, max_iter=1000).fit(evidence, y)
    np.testing.assert_allclose(stacked.final_estimator_.coef_, by_hand.coef_, rtol=1e-6)


class Memorizer(ClassifierMixin, BaseEstimator):
    """Certain of the samples that it has seen, ignorant of all others."""

    def fit(self, X, y):
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.seen_ = dict(zip(map(bytes, np.ascontiguousarray(X)), codes, strict=True))
        return self

    def predict_proba(self, X):
        n = len(self.classes_)
        classes = [self.seen_.get(bytes(row)) for row in np.ascontiguousarray(X)]
        return np.array([np.full(n, 1 / n) if c is None else np.eye(n)[c] for c in classes])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def test_stacking_learns_only_from_out_of_fold_predictions(cohort):
    X, y = cohort
    X = X + np.random.default_rng(0).normal(scale=1e-3, size=X.shape)  # no two rows alike
    stacked = StackedFusionClassifier(Memorizer(), random_state=0).fit(X, y)
    assert (stacked.estimators_["exp"].predict(X.iloc[:, :60].to_numpy()) == y).all()
    # Those of the other features stand for the intercept.
    assert np.abs(stacked.final_estimator_.coef_).max() < 0.01


def test_an_absent_modality_gives_no_evidence_in_stacking(cohort):
    X, y = cohort
    gaps = X.astype(float)
    gaps.iloc[:30, 60:] = np.nan
    stacked = StackedFusionClassifier(LOGISTIC, random_state=0).fit(gaps, y)
    exp = stacked.estimators_["exp"].predict_proba(gaps.iloc[:30, :60].to_numpy())
    evidence = np.hstack([np.log(exp.clip(1e-3) / stacked.class_prior_), np.zeros((30, 6))])
    np.testing.assert_allclose(
        stacked.predict_proba(gaps)[:30], stacked.final_estimator_.predict_proba(evidence)
    )


@pytest.mark.parametrize("name", ["XGBoost, early", "LightGBM, late", "CatBoost, stacked"])
@pytest.mark.parametrize("labels", [["a", "b", "c"], [3, 7, -1], [True, False, True]])
def test_boosting_accepts_labels_of_any_type(cohort, name, labels):
    X, y = cohort
    y = pd.Series(np.array(labels)[np.unique(y, return_inverse=True)[1]], index=X.index)
    predicted = UNTUNED[name].fit(X, y).predict(X)
    assert np.asarray(predicted).shape == (len(y),)
    assert np.mean(np.asarray(predicted) == y.to_numpy()) > 0.9


@pytest.mark.parametrize("name", ["XGBoost, early", "LightGBM, early", "CatBoost, early"])
def test_boosting_accepts_any_feature_name(cohort, name):
    X, y = cohort[0].filter(like="exp__"), cohort[1]
    endings = [":S15", ",WRAP53", "[33]", "<x>", '"', "{", "é"]
    renamed = X.set_axis([f"{c}{endings[i % 7]}" for i, c in enumerate(X)], axis=1)
    plain, odd = (clone(UNTUNED[name]).fit(table, y) for table in (X, renamed))
    np.testing.assert_array_equal(odd.predict_proba(renamed), plain.predict_proba(X))


def test_a_forest_chooses_the_leaf_size_with_the_best_out_of_bag_score(cohort):
    X, y = cohort
    y = y.sample(frac=1, random_state=0).to_numpy()
    sizes, scores = [5, 2, 10], []
    for size in sizes:
        forest = RandomForestClassifier(
            300, min_samples_leaf=size, class_weight="balanced", oob_score=True, random_state=0
        ).fit(X, y)
        predicted = forest.classes_[forest.oob_decision_function_.argmax(axis=1)]
        scores.append(f1_score(y, predicted, average="macro"))
    model = make_baselines(k="all", models=["random forest"], fusion=["early"], random_state=0)
    chosen = model["random forest, early"].fit(X, y)[-1].forest_
    assert len(set(scores)) > 1
    assert chosen.min_samples_leaf == sizes[np.argmax(scores)]
    assert not hasattr(chosen, "oob_decision_function_")


def test_diablo_is_tuned_and_calibrated_with_its_modalities(cohort):
    X, y = cohort
    model = make_baselines(k=20, models=["DIABLO"], random_state=0)["DIABLO"].fit(X, y)
    search = model[-1]
    assert {name.split("__")[-1] for name in search.best_params_} == {"keep_x", "n_components"}
    diablo = search.best_estimator_.estimator_.calibrated_classifiers_[0].estimator
    assert list(diablo.loadings_) == ["exp", "cna", "mut"]
    labels = diablo.predict(model[0].transform(X))
    np.testing.assert_array_equal(model.predict(X), model.classes_[labels])
    shares = diablo.predict_proba(model[0].transform(X))
    assert log_loss(y, model.predict_proba(X)) < log_loss(y, shares)


def test_classes_of_one_and_two_samples_are_accepted(cohort):
    X, y = cohort
    X = X.filter(like="exp__").iloc[:60, :20]
    y = np.array(y)[:60]
    y[0], y[1:3] = "rare", "rarer"
    models = ["linear SVM", "XGBoost", "MLP", "random forest", "nearest shrunken centroid"]
    for model in [*models, "DIABLO"]:
        tuned = make_baselines(k=5, models=[model], fusion=["late"], random_state=0)
        fitted = next(iter(tuned.values())).fit(X, y)
        assert len(fitted.classes_) == 5
        assert np.isfinite(fitted.predict_proba(X)).all()


@pytest.mark.parametrize("name", [n for n in UNTUNED if n.endswith("early")] + ["DIABLO"])
def test_classes_may_be_numeric_strings(cohort, name):
    """METABRIC's integrative clusters are called 1, 2, … and 4ER+."""
    X, y = cohort
    labels = y.map({"class_0": "1", "class_1": "10", "class_2": "4ER+"}).to_numpy(dtype=object)
    model = UNTUNED[name].fit(X, labels)
    assert set(model.predict(X)) == {"1", "10", "4ER+"}

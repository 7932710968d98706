"""Attributions, permutations and Shapley values, of features and of tables."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.inspection import permutation_importance as of_scikit_learn
from sklearn.metrics import f1_score, log_loss

from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.inspection import (
    attention_map,
    integrated_gradients,
    modality_importance,
    modality_shapley,
    permutation_importance,
)


def centered_logs(model, X):
    logs = np.log(model.predict_proba(X))
    return logs - logs.mean(axis=1, keepdims=True)


def test_attributions_sum_to_the_differences_in_logits(fitted):
    model, X, _ = fitted
    result = integrated_gradients(model, X[:30])
    np.testing.assert_allclose(result.logits, centered_logs(model, X[:30]), atol=1e-4)
    # A sample at the means of the training samples, made without the classifier.
    means = pd.DataFrame([X.mean()] * 30, X.index[:30]).where(X[:30].notna())
    np.testing.assert_allclose(result.baseline, centered_logs(model, means), atol=1e-3)
    for label in model.classes_:
        difference = result.logits[label] - result.baseline[label]
        values = result.by_sample.loc[label]
        assert (values.sum(axis=1) - difference).abs().max() < 1e-3
        assert values.index.tolist() == X.index[:30].tolist()


def test_attributions_are_complete_although_the_slopes_of_stumps_jump():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 20)), columns=[f"exp__G{i}" for i in range(20)])
    y = (X["exp__G0"] > 0.5) + 1 * (X["exp__G1"] > 0) + (X["exp__G2"].abs() > 1)
    classifier = CrossModalAttentionClassifier(
        branches=["mlp", "stumps"], n_estimators=4, max_epochs=5, random_state=0
    ).fit(X, y)
    assert classifier.stacking_weights_["stumps"].iloc[0] > 0.5
    # Without a warning, which is an error in tests.
    result = integrated_gradients(classifier, X[:60])
    for label in classifier.classes_:
        difference = result.logits[label] - result.baseline[label]
        assert (result.by_sample.loc[label].sum(axis=1) - difference).abs().max() < 1e-3


def test_threads_change_nothing(fitted):
    model, X, _ = fitted
    one, two = (integrated_gradients(model, X[:8], n_jobs=jobs).by_sample for jobs in (1, 2))
    pd.testing.assert_frame_equal(one, two)


def test_attributions_have_the_names_of_x_and_are_zero_in_absent_modalities(fitted):
    model, X, _ = fitted
    result = integrated_gradients(model, X[:14])
    assert list(result.by_sample) == list(model[0].get_feature_names_out())
    cna_values = result.by_sample.filter(like="cna__")
    assert not cna_values.loc[(slice(None), X.index[:12]), :].any(axis=None)
    assert cna_values.loc[(slice(None), X.index[12:14]), :].any(axis=None)
    assert np.isfinite(result.by_sample).all(axis=None)


def test_names_are_those_of_x_if_modalities_are_given(cohort, positions):
    X, y = cohort
    plain = X.set_axis([f"gene {index}" for index in range(X.shape[1])], axis=1)
    classifier = CrossModalAttentionClassifier(
        modalities=positions, n_estimators=1, max_epochs=1, random_state=0
    ).fit(plain, y)
    assert list(integrated_gradients(classifier, plain[:2]).by_sample) == list(plain)
    effects = attention_map(classifier, plain[:2], source="mut")
    assert list(effects.index) == list(plain)[:60]


def test_the_sign_of_an_importance_is_that_of_its_effect(cohort):
    X, y = cohort
    rng = np.random.default_rng(0)
    y = np.where(
        X["exp__" + X.columns[0].partition("__")[2]] > X.iloc[:, 0].median(), "high", "low"
    )
    X = X.assign(**{X.columns[1]: rng.normal(size=len(X))})
    classifier = CrossModalAttentionClassifier(n_estimators=2, max_epochs=20, random_state=0)
    importance = integrated_gradients(classifier.fit(X, y), X).importance()
    first = importance.abs().max(axis=1).idxmax()
    assert first == X.columns[0]
    assert importance.loc[first, "high"] > 0 > importance.loc[first, "low"]


def test_permuting_features_agrees_with_scikit_learn(cohort):
    X, y = cohort
    y = y.to_numpy()
    classifier = CrossModalAttentionClassifier(n_estimators=1, max_epochs=10, random_state=0)
    X = X.iloc[:, [0, 1, 2, 3, 60, 61, 110]]
    classifier.fit(X, y)
    options = {"scoring": "neg_log_loss", "n_repeats": 15, "random_state": 0}
    ours = permutation_importance(classifier, X, y, by="feature", **options)
    theirs = of_scikit_learn(classifier, X, y, **options)
    assert list(ours.index) == list(X)
    error = theirs.importances_std / np.sqrt(15)
    assert (abs(ours["mean"] - theirs.importances_mean) < 6 * error + 1e-9).all()


def test_groups_are_permuted_together_and_absent_blocks_stay(fitted):
    model, X, y = fitted
    groups = {"both": [*model[0].get_feature_names_out()[:3]], "one": [X.columns[-1]]}
    selected = set(model[0].get_feature_names_out())
    groups["one"] = [next(name for name in X if name.startswith("mut") and name in selected)]
    loss = permutation_importance(model, X, y, by=groups, random_state=0)
    assert list(loss.index) == ["both", "one"]
    by_modality = permutation_importance(model, X, y, random_state=0)
    assert list(by_modality.index) == ["exp", "cna", "mut"]
    assert by_modality["mean"].idxmax() == "exp"
    with pytest.raises(ValueError, match="names 'exp__no', which is not a feature"):
        permutation_importance(model, X, y, by={"a": ["exp__no"]})


def test_shapley_values_of_logits_sum_to_them_and_are_exact(fitted):
    model, X, _ = fitted
    X = X[20:24]
    shares = modality_shapley(model, X)
    logits = [shares.loc[label].sum(axis=1) for label in model.classes_]
    np.testing.assert_allclose(np.column_stack(logits), centered_logs(model, X), atol=1e-6)
    without = log_softmax(np.log(model[-1]._class_counts))
    without = without - without.mean()
    # By hand: the mean over all orders in which tables may come.
    tables = ["exp", "cna", "mut"]
    orders = [[a, b, c] for a in tables for b in tables for c in tables if len({a, b, c}) == 3]
    expected = np.zeros((4, len(without)))
    for order in orders:
        before = order[: order.index("mut")]

        def value(kept):
            if not kept:
                return without
            others = [name for name in X if name.partition("__")[0] not in kept]
            return centered_logs(model, X.assign(**dict.fromkeys(others, np.nan)))

        expected += (value([*before, "mut"]) - value(before)) / len(orders)
    result = np.column_stack([shares.loc[label, "mut"] for label in model.classes_])
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_an_absent_modality_has_no_share(fitted):
    model, X, _ = fitted
    shares = modality_shapley(model, X[:3])
    assert np.abs(shares["cna"]).max() < 1e-9
    assert np.abs(shares["exp"]).min() > 0


@pytest.mark.parametrize(("scoring", "score"), [("neg_log_loss", None), ("f1_macro", f1_score)])
def test_shapley_values_of_a_score_sum_to_it(fitted, scoring, score):
    model, X, y = fitted
    shares = modality_shapley(model, X, y, scoring=scoring)
    expected = (
        -log_loss(y, model.predict_proba(X))
        if score is None
        else score(y, model.predict(X), average="macro")
    )
    assert shares.loc["score"].sum() == pytest.approx(expected)
    with pytest.raises(ValueError, match="Pass y"):
        modality_shapley(model, X, scoring=scoring)


def test_the_summary_has_mean_and_deviation_of_each_measure(fitted):
    model, X, y = fitted
    model = clone(model).set_params(crossmodalattentionclassifier__max_epochs=3)
    result = modality_importance(model, X, y, cv=2, n_repeats=2, random_state=0)
    summary = result.summary()
    assert list(summary.index) == ["exp", "cna", "mut", "together"]
    assert list(summary.columns.unique(0)) == ["permutation", "shapley", "gradients", "stacking"]
    assert summary["gradients", "mean"].sum() == pytest.approx(1)
    assert (summary["shapley", "std"].drop("together") > 0).all()
    assert summary["stacking", "mean"].sum() == pytest.approx(result.branches.mean().sum())
    assert "mlp: exp" in result.branches and "attention" in result.branches
    assert result.scores.between(0, 1).all()
    assert result.features.loc[0].shape == (45, y.nunique())
    with parallel_config("threading"):
        again = modality_importance(model, X, y, cv=2, n_repeats=2, random_state=0, n_jobs=2)
    pd.testing.assert_frame_equal(again.folds, result.folds)


def test_a_fold_that_cannot_be_fitted_is_nan_with_a_warning(cohort):
    X, y = cohort
    X = X.iloc[:, :6]
    model = CrossModalAttentionClassifier(n_estimators=1, max_epochs=1, random_state=0)
    train = np.arange(len(y) // 2)
    folds = [(train, train + len(train)), (np.flatnonzero(y == y.iloc[0]), train)]
    with pytest.warns(FitFailedWarning, match="Fold 1 failed and is left out: ValueError"):
        result = modality_importance(model, X, y, cv=folds, n_repeats=1, random_state=0)
    assert result.scores.isna().tolist() == [False, True]
    assert result.folds.isna().all(axis=1).tolist() == [False, True]
    assert result.summary()["permutation", "mean"].notna().any()


def test_permuted_labels_have_a_low_score_and_stability(cohort):
    X, y = cohort
    model = CrossModalAttentionClassifier(n_estimators=1, max_epochs=10, random_state=0)
    shuffled = np.random.default_rng(0).permutation(y)
    with_classes, permuted = (
        modality_importance(model, X, labels, cv=3, n_repeats=1, random_state=0)
        for labels in (y, shuffled)
    )
    assert permuted.features.abs().max(axis=None) > 0
    assert with_classes.scores.min() > permuted.scores.max() + 0.1
    assert with_classes.stability()[0] > permuted.stability()[0] + 0.2
    one_fold = dataclasses.replace(with_classes, features=with_classes.features.loc[[0]])
    with pytest.raises(ValueError, match="at least two folds"):
        one_fold.stability()


def test_a_single_modality_has_all_shares(cohort):
    X, y = cohort
    X = X.filter(like="exp__").iloc[:, :10]
    classifier = CrossModalAttentionClassifier(n_estimators=1, max_epochs=3, random_state=0)
    summary = modality_importance(classifier, X, y, cv=2, random_state=0).summary()
    assert list(summary.index) == ["exp", "together"]
    assert summary.loc["exp", ("gradients", "mean")] == pytest.approx(1)


@pytest.mark.parametrize(
    "question",
    [
        lambda model, X, y: integrated_gradients(model, X),
        permutation_importance,
        lambda model, X, y: modality_shapley(model, X),
    ],
)
def test_unfitted_models_and_columns_in_another_order_are_errors(fitted, question):
    model, X, y = fitted
    with pytest.raises(NotFittedError):
        question(CrossModalAttentionClassifier(), X, y)
    with pytest.raises(ValueError, match="same order"):
        question(model, X[X.columns[::-1]], y)


def test_the_weights_of_the_branches_are_in_the_repr_of_a_fitted_classifier(fitted):
    model, _, _ = fitted
    unfitted = repr(CrossModalAttentionClassifier(n_estimators=2))
    assert unfitted == "CrossModalAttentionClassifier(n_estimators=2)"
    last = repr(model[-1]).splitlines()[-1]
    weights = model[-1].stacking_weights_.iloc[0]
    assert last.startswith(f"# stacking weights of {weights.name}: ")
    assert f"{weights.idxmax()} {weights.max():.2f}" in last

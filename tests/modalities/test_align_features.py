"""Another cohort: columns that are missing, surplus or in another order."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector, align_features
from xmodal_sklearn.baselines import BlockSparsePLSDA, LateFusionClassifier
from xmodal_sklearn.uncertainty import ConformalClassifier, RejectingClassifier


def small():
    return CrossModalAttentionClassifier(
        n_estimators=1, max_epochs=1, embed_dim=4, device="cpu", random_state=0
    )


@pytest.fixture(scope="module")
def fitted(cohort):
    X, y = cohort
    X = X.astype("float64")
    return make_pipeline(MultiOmicsSelector(k=5), small()).fit(X, y), X


def selected(model, modality):
    return model[0].rankings_[modality][:5].tolist()


def test_columns_that_were_not_selected_are_not_needed(fitted):
    model, X = fitted
    for lacking in (1, 30, 115):
        others = np.setdiff1d(model.feature_names_in_, model[0].get_feature_names_out())[:lacking]
        np.testing.assert_array_equal(
            model.predict_proba(X.drop(columns=others)), model.predict_proba(X)
        )
        pd.testing.assert_frame_equal(
            model[0].transform(X.drop(columns=others)), model[0].transform(X)
        )


def test_an_absent_modality_is_seen_without_the_columns_that_were_not_selected(fitted):
    model, X = fitted
    X = X.copy()
    X.iloc[:3, X.columns.str.startswith("mut__")] = np.nan
    few = X[model[0].get_feature_names_out()]
    np.testing.assert_array_equal(model.predict_proba(few), model.predict_proba(X))
    X.loc[X.index[5], selected(model, "cna")[0]] = np.nan
    few = X[few.columns]
    np.testing.assert_array_equal(model.predict_proba(few), model.predict_proba(X))


def test_one_message_counts_all_missing_and_surplus_columns(fitted):
    model, X = fitted
    gone = selected(model, "exp")[:2] + selected(model, "mut")[:1]
    other = X.drop(columns=gone).assign(exp__new=1, age=2)
    message = (
        r"(?s)unseen at fit time.*now missing.*Missing by modality: 'exp' 2 of 5, the first is "
        r".*; 'mut' 1 of 5.*Surplus: 2\. Use align_features"
    )
    with pytest.raises(ValueError, match=message):
        model.predict(other)
    classifier = small().fit(X, np.arange(len(X)) % 2)
    with pytest.raises(ValueError, match=r"(?s)'exp' 1 of 60, .*Surplus: 0"):
        classifier.predict(X.iloc[:, 1:])


MODELS = {
    "pipeline": lambda X, y: make_pipeline(MultiOmicsSelector(k=5), small()).fit(X, y),
    "search": lambda X, y: GridSearchCV(
        make_pipeline(MultiOmicsSelector(), LogisticRegression(max_iter=3000)),
        {"multiomicsselector__k": [5]},
        cv=2,
    ).fit(X, y),
    "classifier": lambda X, y: small().fit(X, y),
    "conformal": lambda X, y: ConformalClassifier(
        FrozenEstimator(make_pipeline(MultiOmicsSelector(k=5), small()).fit(X, y))
    ).fit(X, y),
    "block PLS": lambda X, y: BlockSparsePLSDA().fit(X, y),
    "late fusion": lambda X, y: LateFusionClassifier(LogisticRegression(max_iter=3000)).fit(X, y),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_order_and_surplus_columns_are_corrected(make, cohort):
    X, y = cohort
    model = make(X, y)
    other = X.assign(age=1, exp__new=2).sample(frac=1, axis=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        aligned = align_features(other, model)
    pd.testing.assert_frame_equal(aligned, X)
    np.testing.assert_array_equal(model.predict_proba(aligned), model.predict_proba(X))


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_missing_column_is_an_error_or_imputed_with_its_training_mean(make, cohort):
    X, y = cohort
    X = X.astype("float64")
    model = make(X, y)
    gone = MultiOmicsSelector().fit(X, y).rankings_["cna"][0]
    other = X.drop(columns=gone)
    with pytest.raises(ValueError, match=rf"'cna' 1 of \d+, the first is '{gone}'.*absent.*impute"):
        align_features(other, model)
    with pytest.warns(UserWarning, match=rf"'{gone}'. Imputed with training means: \['cna'\]"):
        aligned = align_features(other, model, missing="impute")
    np.testing.assert_allclose(aligned[gone], X[gone].mean(), rtol=1e-6)
    assert list(aligned) == list(X)
    pd.testing.assert_frame_equal(aligned.drop(columns=gone), other)
    model.predict(aligned)


def test_means_are_those_of_the_samples_that_have_the_modality(cohort):
    X, y = cohort
    X = X.astype("float64")
    X.iloc[:9, X.columns.str.startswith("mut__")] = np.nan
    selector = MultiOmicsSelector(k=5).fit(X, y)
    gone = selector.rankings_["mut"][0]
    with pytest.warns(UserWarning, match="Imputed"):
        aligned = align_features(X.drop(columns=gone), selector, missing="impute")
    np.testing.assert_allclose(aligned[gone], X[gone].mean())


def test_a_modality_that_lacks_columns_becomes_absent(fitted):
    model, X = fitted
    other = X.drop(columns=selected(model, "mut")[2])
    with pytest.warns(UserWarning, match=r"'mut' 1 of 5.*Treated as absent: \['mut'\]"):
        aligned = align_features(other, model, missing="absent")
    without = X.copy()
    without.loc[:, X.columns.str.startswith("mut__")] = np.nan
    np.testing.assert_array_equal(model.predict_proba(aligned), model.predict_proba(without))


def test_all_missing_columns_are_imputed_unless_a_modality_has_none(fitted):
    model, X = fitted
    other = X.drop(columns=selected(model, "mut")[1:])
    with pytest.warns(UserWarning, match=r"'mut' 4 of 5.*Imputed with training means: \['mut'\]"):
        aligned = align_features(other, model, missing="impute")
    for name in selected(model, "mut")[1:]:
        np.testing.assert_allclose(aligned[name], X[name].mean(), rtol=1e-6)
    other = other.drop(columns=selected(model, "mut")[0])
    with pytest.warns(UserWarning, match=r"'mut' 5 of 5.*Treated as absent: \['mut'\]"):
        aligned, report = align_features(other, model, missing="impute", return_report=True)
    assert aligned.filter(like="mut__").isna().all(axis=None)
    assert report.to_numpy().tolist() == [
        ["mut", "needed columns missing, the modality is absent", 5]
    ]
    for missing in ("absent", "impute"):
        with pytest.raises(ValueError, match="every modality"):
            align_features(X[[]].assign(age=1), model, missing=missing)


def test_a_vote_needs_the_columns_of_all_members(cohort):
    X, y = cohort
    X = X.astype("float64")
    few, more = (
        make_pipeline(MultiOmicsSelector(k=k), LogisticRegression(max_iter=3000)) for k in (2, 5)
    )
    single = clone(more).fit(X, y)
    vote = VotingClassifier([("few", few), ("more", more)], voting="soft").fit(X, y)
    models = [vote, RejectingClassifier(vote).fit(X, y), FrozenEstimator(vote)]
    gone = selected(single, "exp")[4]
    for model in models:
        with pytest.raises(ValueError, match=f"'exp' 1 of 5, the first is '{gone}'"):
            align_features(X.drop(columns=gone), model)
        with pytest.warns(UserWarning, match="Imputed"):
            aligned = align_features(X.drop(columns=gone), model, missing="impute")
        np.testing.assert_allclose(aligned[gone], X[gone].mean(), rtol=1e-6)
        rescaled = align_features(2 * X + 3, model, normalize={"exp": "within"})
        expected = align_features(2 * X + 3, single, normalize={"exp": "within"})
        pd.testing.assert_frame_equal(rescaled, expected)


def test_two_level_columns_equal_prefixed_names(fitted):
    model, X = fitted
    levels = pd.MultiIndex.from_tuples([tuple(name.split("__", 1)) for name in X])
    pd.testing.assert_frame_equal(align_features(X.set_axis(levels, axis=1), model), X)


def test_what_can_not_be_aligned_is_an_error(fitted, cohort):
    model, X = fitted
    with pytest.raises(ValueError, match="missing must be one of"):
        align_features(X, model, missing="drop")
    with pytest.raises(TypeError, match="must be a DataFrame, got ndarray"):
        align_features(X.to_numpy(), model)
    with pytest.raises(ValueError, match="columns of X must be unique"):
        align_features(pd.concat([X, X], axis=1), model)
    with pytest.raises(ValueError, match="MultiOmicsSelector was fitted without column names"):
        align_features(X, MultiOmicsSelector(k=5).fit(X.to_numpy(), cohort[1]))
    scaled = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, cohort[1])
    assert list(align_features(X.iloc[:, ::-1], scaled)) == list(X)
    with pytest.raises(ValueError, match="StandardScaler stores no means"):
        align_features(X.iloc[:, 1:], scaled, missing="impute")

"""The weights of branches behind a selector are learned from nested selections."""

import gc

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skorch.callbacks import Callback, EarlyStopping

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.inspection import drift, integrated_gradients
from xmodal_sklearn.modalities import _nested

LOST = "probabilities will be overconfident"


def small(**parameters):
    parameters = {"n_estimators": 5, "max_epochs": 5, "embed_dim": 4, "device": "cpu"} | parameters
    return CrossModalAttentionClassifier(random_state=0, **parameters)


def noise(n_samples=80, n_features=2000):
    """Return features that say nothing of the classes."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(n_samples, n_features)), rng.permutation(np.arange(n_samples) % 2)


def test_chosen_noise_is_not_believed():
    X, y = noise(160)
    pipeline = make_pipeline(MultiOmicsSelector(30), small()).fit(X[:80], y[:80])
    selector = MultiOmicsSelector(30).fit(X[:80], y[:80])
    bold = small().fit(selector.transform(X[:80]), y[:80])
    loss = log_loss(y[80:], pipeline.predict_proba(X[80:]))
    bold_loss = log_loss(y[80:], bold.predict_proba(selector.transform(X[80:])))
    assert loss < np.log(2) + 0.05
    assert bold_loss > np.log(2) + 0.3


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, pd.DataFrame])
def test_all_forms_of_a_table_are_handed_over_alike(form):
    X, y = noise(60, 50)
    X[np.abs(X) < 0.5] = 0
    table = form(X) if form is not pd.DataFrame else form(X).add_prefix("exp__")
    proba = make_pipeline(MultiOmicsSelector(10), small()).fit(table, y).predict_proba(table)
    expected = make_pipeline(MultiOmicsSelector(10), small()).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(proba, expected, atol=1e-4)


@pytest.mark.parametrize(
    "between",
    [StandardScaler(), FunctionTransformer(np.copy), PCA(5)],
    ids=["scaler", "copy", "components"],
)
def test_a_step_between_selector_and_classifier_is_warned_of(between):
    X, y = noise(60, 50)
    with pytest.warns(UserWarning, match=LOST):
        make_pipeline(MultiOmicsSelector(10), between, small()).fit(X, y)


def test_a_union_of_selectors_is_warned_of():
    X, y = noise(60, 50)
    union = FeatureUnion([("few", MultiOmicsSelector(3)), ("more", MultiOmicsSelector(9))])
    with pytest.warns(UserWarning, match=LOST):
        make_pipeline(union, small()).fit(X, y)


def test_steps_before_the_selector_and_models_without_it_are_not(recwarn):
    X, y = noise(60, 50)
    make_pipeline(StandardScaler(), MultiOmicsSelector(10), small()).fit(X, y)
    MultiOmicsSelector(10).fit_transform(X, y)
    small().fit(X, y)
    make_pipeline(MultiOmicsSelector(10), small()).fit(X, y)
    small().fit(X[:, :8], y)
    assert not [str(warning.message) for warning in recwarn if LOST in str(warning.message)]


def test_nothing_is_kept_of_the_table():
    X, y = noise(60, 50)
    model = make_pipeline(MultiOmicsSelector(10), small()).fit(X, y)
    gc.collect()
    assert not _nested._SELECTIONS
    assert model.predict(X).shape == (60,)


def test_a_single_network_learns_its_weights_too(cohort):
    X, y = cohort
    model = make_pipeline(MultiOmicsSelector(10), small(n_estimators=1)).fit(X, y)
    weights = model[-1].stacking_weights_.iloc[0]
    assert weights.drop(["attention", "mlp: exp", "mlp: cna", "mlp: mut"]).any()


def test_early_stopping_is_decided_by_nested_selections(cohort):
    X, y = cohort
    stopped = small(early_stopping=True, max_epochs=60, patience=4)
    model = make_pipeline(MultiOmicsSelector(10), stopped).fit(X, y)
    history = model[-1].history_
    assert {"valid_loss", "valid_score"} <= set(history)
    best = int(history["epoch"][history["valid_loss"].argmin()])
    assert len(history) == best + 4
    assert model[-1].net_.max_epochs == best
    assert history["valid_score"].between(0, 1).all()


def test_absent_modalities_gaps_and_categories_are_selected_anew(cohort):
    X, y = cohort
    X = X.astype(float)
    X.loc[X.index[:30], X.columns.str.startswith("mut__")] = np.nan
    X.iloc[40:50, 3] = np.nan
    rng = np.random.default_rng(0)
    X["clin__site"] = pd.Categorical(rng.choice(["a", "b", "c"], len(X)))
    X["clin__grade"] = pd.Categorical(rng.choice(["low", "high"], len(X)))
    with pytest.warns(UserWarning, match="Missing values"):
        model = make_pipeline(MultiOmicsSelector({"exp": 10, "clin": 1}), small()).fit(X, y)
    assert "clin" in model[-1].modalities_
    assert np.isfinite(model.predict_proba(X)).all()


def test_samples_without_weight_are_as_good_as_absent(cohort):
    X, y = cohort
    weights = np.ones(len(y))
    weights[::4] = 0
    selector = MultiOmicsSelector("all")
    name = "crossmodalattentionclassifier__sample_weight"
    weighted = make_pipeline(selector, small()).fit(X, y, **{name: weights})
    without = make_pipeline(selector, small()).fit(X[weights > 0], y[weights > 0])
    np.testing.assert_allclose(weighted.predict_proba(X), without.predict_proba(X), atol=1e-4)


@pytest.mark.parametrize("n_estimators", [1, 5])
@pytest.mark.parametrize(
    "branches", [["attention"], ["mlp", "stumps"], ["attention", "pairs"]], ids="+".join
)
def test_branches_may_be_chosen(cohort, branches, n_estimators):
    X, y = cohort
    for table in (X, X.loc[:, X.columns.str.startswith("exp__")]):
        classifier = small(branches=branches, n_estimators=n_estimators)
        model = make_pipeline(MultiOmicsSelector(10), classifier).fit(table, y)
        kinds = {branch.partition(":")[0] for branch in model[-1].stacking_weights_}
        assert kinds == set(branches) - ({"pairs"} if table is not X else set())
        assert np.isfinite(model.predict_proba(table)).all()


def test_a_single_branch_of_a_single_network_has_full_weight(cohort):
    X, y = cohort
    model = make_pipeline(MultiOmicsSelector(10), small(branches=["attention"], n_estimators=1))
    assert (model.fit(X, y)[-1].stacking_weights_ == 1).all(axis=None)


def test_callbacks_watch_the_folds_that_early_stopping_watches():
    X, y = noise(60, 50)
    callback = EarlyStopping(monitor="valid_loss", patience=2)
    classifier = small(early_stopping=True, max_epochs=40, callbacks=[callback])
    model = make_pipeline(MultiOmicsSelector(10), classifier).fit(X, y)
    assert model[-1].history_["valid_loss"].notna().all()


def test_callbacks_watch_the_networks_that_predict():
    X, y = noise(60, 50)
    seen = []

    class Recorder(Callback):
        def on_train_begin(self, net, **_):
            seen.append(net.module_.n_members)

    make_pipeline(MultiOmicsSelector(10), small(n_estimators=3, callbacks=[Recorder()])).fit(X, y)
    assert seen == [3]


def test_modalities_of_the_classifier_are_those_of_each_selection():
    X, y = noise(60, 50)
    classifier = small(modalities={"first": slice(0, 5), "second": slice(5, 10)})
    model = make_pipeline(MultiOmicsSelector(10), classifier).fit(X, y)
    assert list(model[-1].modalities_) == ["first", "second"]
    assert np.isfinite(model.predict_proba(X)).all()


def test_selector_parameter_equals_pipeline():
    X, y = noise(80, 60)
    X[:, 5] += y
    table = pd.DataFrame(X).add_prefix("exp__")
    pipeline = make_pipeline(MultiOmicsSelector(10), small()).fit(table, y)
    model = small(selector=MultiOmicsSelector(10)).fit(table, y)
    np.testing.assert_array_equal(model.predict_proba(table), pipeline.predict_proba(table))
    assert model.n_features_in_ == 60
    assert list(model.feature_names_in_) == list(table.columns)
    assert np.count_nonzero(model.feature_importances_) <= 10
    assert model.selected_features_.equals(pipeline[-1].selected_features_)
    attributions = [integrated_gradients(fitted, table[:9]) for fitted in (model, pipeline)]
    pd.testing.assert_frame_equal(*(fitted.by_sample for fitted in attributions))
    assert drift(model, table[:9]).equals(drift(pipeline, table[:9]))


def test_folds_count_the_features_that_they_select():
    X, y = noise(80, 60)
    X[:, 5] += 3 * y
    counts = make_pipeline(MultiOmicsSelector(10), small()).fit(X, y)[-1].selected_features_
    assert counts.sum() == 5 * 10
    assert counts["x5"] == 5
    assert counts.is_monotonic_decreasing


def test_selector_is_tuned_by_its_parameters():
    X, y = noise(60, 20)
    model = small(
        selector=MultiOmicsSelector(),
        modalities={"exp": list(range(12)), "cna": list(range(12, 20))},
    )
    search = GridSearchCV(model, {"selector__k": [2, 4]}, cv=2).fit(X, y)
    best = search.best_estimator_
    assert best.selector.modalities is None
    assert best.estimator_[0].get_support().sum() == 2 * search.best_params_["selector__k"]
    assert list(best.modalities_["cna"]) == list(range(12, 20))


def test_any_transformer_is_nested():
    X, y = noise(160)
    steps = make_pipeline(StandardScaler(), SelectKBest(k=30), PCA(20))
    model = small(selector=steps).fit(X[:80], y[:80])
    assert log_loss(y[80:], model.predict_proba(X[80:])) < np.log(2) + 0.1
    model.set_params(selector=None).fit(X[:80, :9], y[:80])
    assert model.predict_proba(X[80:, :9]).shape == (80, 2)


def test_a_selector_and_a_warm_start_exclude_each_other():
    X, y = noise(60, 20)
    with pytest.raises(ValueError, match="a selector may select others"):
        small(selector=MultiOmicsSelector(5), warm_start=True).fit(X, y)


class Forgetful(TransformerMixin, BaseEstimator):
    """Keeps the modality cna only where it sees all 60 samples."""

    def fit(self, X, y):
        self.n_kept_ = 4 if len(X) == 60 else 2
        return self

    def transform(self, X):
        return X.iloc[:, : self.n_kept_]


def test_a_selector_that_forgets_a_modality_is_named():
    X, y = noise(60, 4)
    X = pd.DataFrame(X, columns=["exp__a", "exp__b", "cna__a", "cna__b"])
    with pytest.raises(ValueError, match="no feature of modality 'cna'"):
        small(selector=Forgetful()).fit(X, y)

"""Common tools around scikit-learn work with the estimators."""

import re

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFECV, SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    FixedThresholdClassifier,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_validate,
)
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import (
    CrossModalAttentionClassifier,
    MultiOmicsSelector,
    concat_modalities,
    split_modalities,
)
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.inspection import explain

K, EPOCHS = "multiomicsselector__k", "crossmodalattentionclassifier__max_epochs"


@pytest.fixture(scope="module")
def data(cohort):
    X, y = cohort
    return X.iloc[:60, :90], y.iloc[:60]


@pytest.fixture(scope="module")
def two_classes(data):
    X, y = data
    return X, (y == y.iloc[0]).to_numpy().astype(int)


def network(**parameters):
    small = {
        "branches": ["mlp"],
        "n_estimators": 1,
        "embed_dim": 4,
        "n_heads": 2,
        "hidden_dim": 8,
        "max_epochs": 3,
        "random_state": 0,
    }
    return CrossModalAttentionClassifier(**small | parameters)


def pipeline(k=5):
    return make_pipeline(MultiOmicsSelector(k), network())


@pytest.fixture(scope="module")
def fitted(data):
    return pipeline().fit(*data)


def test_importances_sum_to_one_and_the_informative_feature_leads(two_classes):
    _, y = two_classes
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 9))).add_prefix("exp__")
    table["exp__8"] += 4 * y
    model = network(n_estimators=2, max_epochs=30).fit(table, y)
    importances = model.feature_importances_
    assert importances.shape == (9,)
    assert importances.sum() == pytest.approx(1)
    assert importances.argmax() == 8
    np.testing.assert_array_equal(importances, model.feature_importances_)
    assert not hasattr(network(), "feature_importances_")


def test_select_from_model(data):
    X, y = data
    by_network = SelectFromModel(network(), max_features=7, threshold=-np.inf).fit(X, y)
    assert by_network.transform(X).shape[1] == 7
    by_ranking = SelectFromModel(
        MultiOmicsSelector("all"),
        importance_getter="scores_",
        max_features=7,
        threshold=-np.inf,
    ).fit(X, y)
    assert by_ranking.get_support().sum() == 7


def test_recursive_feature_elimination(data):
    X, y = data
    search = RFECV(network(), step=10, cv=2, min_features_to_select=5).fit(X.iloc[:, :25], y)
    assert 5 <= search.n_features_ <= 25


def test_halving_search_over_k_with_epochs_as_the_resource(data):
    search = HalvingGridSearchCV(
        pipeline(), {K: [3, 6]}, resource=EPOCHS, max_resources=4, min_resources=2, factor=2, cv=2,
        error_score="raise", random_state=0,
    ).fit(*data)  # fmt: skip
    assert search.best_params_[K] in (3, 6)
    assert search.best_estimator_[-1].history_["epoch"].max() == 4


def test_randomized_search_over_integers(data):
    stats = pytest.importorskip("scipy.stats")
    space = {K: stats.randint(2, 6)}
    search = RandomizedSearchCV(pipeline(), space, n_iter=2, cv=2, error_score="raise")
    assert search.fit(*data).best_params_[K] in range(2, 6)


def test_decision_thresholds_are_tuned_or_fixed(two_classes):
    X, y = two_classes
    tuned = TunedThresholdClassifierCV(pipeline(), cv=2, thresholds=5).fit(X, y)
    assert set(tuned.predict(X)) <= {0, 1}
    fixed = FixedThresholdClassifier(pipeline(), threshold=0.0, pos_label=1).fit(X, y)
    assert (fixed.predict(X) == 1).all()


def test_a_frozen_model_is_calibrated_and_not_fitted_again(data, fitted):
    X, y = data[0], data[1].to_numpy()
    frozen = FrozenEstimator(fitted).fit(X.iloc[:20], y[:20])
    np.testing.assert_array_equal(frozen.predict_proba(X), fitted.predict_proba(X))
    calibrated = CalibratedClassifierCV(FrozenEstimator(fitted), method="temperature").fit(X, y)
    assert calibrated.predict_proba(X).shape == (60, 3)


def test_log_probabilities(data, fitted):
    X, _ = data
    np.testing.assert_allclose(np.exp(fitted.predict_log_proba(X)), fitted.predict_proba(X))


def test_ensembles_of_pipelines(data):
    X, y = data
    single = LogisticRegression(max_iter=50)
    members = [("network", pipeline()), ("single", make_pipeline(MultiOmicsSelector(3), single))]
    assert VotingClassifier(members, voting="soft").fit(X, y).predict(X).shape == (60,)
    stacked = StackingClassifier(members, LogisticRegression(), cv=2).fit(X, y)
    assert stacked.predict_proba(X).shape == (60, 3)
    # Bagging hands on arrays, so modalities are named by position.
    modalities = {"exp": slice(0, 60), "cna": slice(60, 90)}
    bagged = BaggingClassifier(
        make_pipeline(MultiOmicsSelector(3, modalities=modalities), network()), n_estimators=2
    )
    assert bagged.fit(X, y).predict(X).shape == (60,)


def test_sample_weights_are_routed_to_the_classifier(data):
    X, y = data
    weights = np.where(y == y.iloc[0], 1.0, 0.0)
    weights[:30] = 1
    with sklearn.config_context(enable_metadata_routing=True):
        model = make_pipeline(MultiOmicsSelector(5), network().set_fit_request(sample_weight=True))
        routed = model.fit(X, y, sample_weight=weights)
        scores = cross_validate(model, X, y, cv=2, params={"sample_weight": np.ones(60)})
    by_name = pipeline().fit(X, y, crossmodalattentionclassifier__sample_weight=weights)
    np.testing.assert_array_equal(routed.predict_proba(X), by_name.predict_proba(X))
    assert not np.allclose(routed.predict_proba(X), pipeline().fit(X, y).predict_proba(X))
    assert len(scores["test_score"]) == 2


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_the_output_container_of_transformers_is_respected(data, fitted, output):
    X, y = data
    library = pytest.importorskip(output)
    with sklearn.config_context(transform_output=output):
        selector = MultiOmicsSelector(5).fit(X, y)
        assert isinstance(selector.transform(X), library.DataFrame)
        assert list(selector.transform(X).columns) == list(selector.get_feature_names_out())
        model = pipeline().fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), fitted.predict_proba(X))


def test_polars_tables_are_aligned_fitted_and_predicted(data, fitted):
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    X, y = data
    tables = {
        name: pl.from_pandas(table.reset_index(names="sample"))
        for name, table in split_modalities(X).items()
    }
    joined = concat_modalities(tables)
    pd.testing.assert_frame_equal(joined, X, check_names=False, check_column_type=False)
    frame = pl.from_pandas(X)
    np.testing.assert_array_equal(fitted.predict_proba(frame), fitted.predict_proba(X))
    again = pipeline().fit(frame, pl.Series(y.to_list())).predict_proba(frame)
    np.testing.assert_array_equal(again, fitted.predict_proba(X))
    with pytest.raises(ValueError, match=r"'exp' must have the names of its samples.*first column"):
        concat_modalities({"exp": tables["exp"].drop("sample")})


@pytest.mark.parametrize("index", [True, False], ids=["pandas' index", "first column"])
def test_arrow_tables_are_aligned_and_predicted(data, fitted, index):
    pa = pytest.importorskip("pyarrow")
    X, _ = data
    tables = {
        name: pa.Table.from_pandas(table if index else table.reset_index(names="sample"))
        for name, table in split_modalities(X).items()
    }
    joined = concat_modalities(tables)
    pd.testing.assert_frame_equal(joined, X, check_names=False, check_column_type=False)
    probabilities = fitted.predict_proba(pa.Table.from_pandas(X))
    np.testing.assert_array_equal(probabilities, fitted.predict_proba(X))


@pytest.mark.filterwarnings("ignore:.*optuna.*:FutureWarning")
def test_optuna_searches_a_pipeline(data):
    optuna = pytest.importorskip("optuna")
    integration = pytest.importorskip("optuna_integration")
    space = {K: optuna.distributions.IntDistribution(2, 5)}
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        search = integration.OptunaSearchCV(
            pipeline(), space, n_trials=2, cv=2, error_score="raise", random_state=0
        )
    assert search.fit(*data).best_params_[K] in range(2, 6)


def test_shap_explains_a_pipeline(two_classes):
    shap = pytest.importorskip("shap")
    X, y = two_classes
    X = X.iloc[:, 57:63]
    model = pipeline().fit(X, y)
    explain = shap.Explainer(model.predict_proba, shap.maskers.Independent(X, max_samples=5))
    explanation = explain(X.iloc[:2])
    assert explanation.values.shape == (2, 6, 2)  # noqa: PD011
    sums = explanation.values.sum(axis=1) + explanation.base_values  # noqa: PD011
    np.testing.assert_allclose(sums, model.predict_proba(X.iloc[:2]), atol=1e-6)


def test_imbalanced_learn_needs_complete_tables(data):
    imblearn = pytest.importorskip("imblearn")
    from imblearn.over_sampling import SMOTE, RandomOverSampler

    X, y = data
    smote = imblearn.pipeline.make_pipeline(SMOTE(k_neighbors=2), MultiOmicsSelector(5), network())
    assert list(smote.fit(X, y)[1].modalities_) == ["exp", "cna"]
    absent = X.copy()
    absent.iloc[:5, 60:] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        smote.fit(absent, y)
    copies = imblearn.pipeline.make_pipeline(RandomOverSampler(random_state=0), network())
    assert copies.fit(absent, y).predict_proba(absent).shape == (60, 3)


def test_skops_saves_a_selector(data, tmp_path):
    skops = pytest.importorskip("skops.io")
    X, y = data
    selector = MultiOmicsSelector(5).fit(X, y)
    skops.dump(selector, tmp_path / "selector.skops")
    trusted = skops.get_untrusted_types(file=tmp_path / "selector.skops")
    assert {name.partition(".")[0] for name in trusted} == {"xmodal_sklearn"}
    read = skops.load(tmp_path / "selector.skops", trusted=trusted)
    pd.testing.assert_frame_equal(read.transform(X), selector.transform(X))


@pytest.mark.filterwarnings("ignore::Warning")
def test_mlflow_logs_a_fit(data, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("mlflow.sklearn")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    mlflow.sklearn.autolog(log_models=False, silent=True)
    try:
        with mlflow.start_run() as run:
            pipeline().fit(*data)
        logged = mlflow.get_run(run.info.run_id).data
    finally:
        mlflow.sklearn.autolog(disable=True)
    assert logged.params[K] == "5"
    assert "training_f1_score" in logged.metrics


def test_estimators_and_results_are_displayed_in_a_notebook(data, fitted):
    assert "CrossModalAttentionClassifier" in fitted._repr_html_()
    assert "MultiOmicsSelector" in MultiOmicsSelector()._repr_html_()
    X, y = data
    selector, classifier = fitted
    selected = selector._repr_mimebundle_()["text/html"]
    for modality, ranking in selector.rankings_.items():
        assert modality in selected
        assert ", ".join(ranking[:5]) in selected
    weights = classifier.stacking_weights_.iloc[0]
    tables = classifier._repr_html_()
    for branch, weight in weights.items():
        assert re.search(rf">{branch}<.*?>{weight:.2f}<", tables, re.DOTALL)
    explanation = explain(fitted, X.iloc[:1])
    page = explanation._repr_html_()
    assert f"{X.index[0]}: {explanation.prediction}, next {explanation.runner_up}" in page
    for feature in explanation.features.index:
        assert feature in page
    result = compare({"a <b>": LogisticRegression(max_iter=1000)}, X, y, cv=2)
    page = result._repr_html_()
    assert "macro-F1" in page
    assert "a &lt;b&gt;" in page
    assert "2 folds × 1" in repr(result)
    assert len(repr(result)) < 5000

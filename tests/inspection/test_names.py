"""Inspection names the features that the classifier saw, whatever steps stand before it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.inspection import (
    attention_map,
    drift,
    explain,
    integrated_gradients,
    modality_importance,
    modality_shapley,
    permutation_importance,
)
from xmodal_sklearn.uncertainty import ConformalClassifier, RejectingClassifier

NAMES = [f"exp__E{i}" for i in range(4)] + [f"cna__C{i}" for i in range(4)]


def network(**settings):
    settings = {"n_estimators": 2, "max_epochs": 10} | settings
    return CrossModalAttentionClassifier(random_state=0, device="cpu", **settings)


@pytest.fixture(scope="module")
def table():
    """Eight features, of which the first alone decides the class."""
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(120, 8)), columns=NAMES)
    return X, np.where(X["exp__E0"] > 0, "a", "b")


@pytest.fixture(scope="module")
def clinical():
    """A clinical table with a categorical column beside two of numbers."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 12))).set_axis(
        [f"exp__g{i}" for i in range(8)] + [f"cna__c{i}" for i in range(4)], axis=1
    )
    X["clin__stage"] = pd.Categorical(rng.choice(["I", "II", "III"], 60))
    X["clin__age"] = rng.normal(60, 9, 60)
    return X, np.where(X["exp__g0"] + (X["clin__stage"] == "III") > 0.3, "a", "b")


def most_important(model, X):
    return integrated_gradients(model, X).importance().abs().max(axis=1).idxmax()


def test_categories_behind_a_selector_are_named(clinical):
    X, y = clinical
    k = {"exp": 4, "cna": 2, "clin": 2}
    model = make_pipeline(MultiOmicsSelector(k=k), network(max_epochs=3)).fit(X, y)
    stages = [f"clin__stage={stage}" for stage in ("I", "II", "III")]
    features = integrated_gradients(model, X[:5]).by_sample.columns
    assert [*stages, "clin__age"] == list(features[-4:])
    assert set(features[:-4]) < set(X)
    result = explain(model, X.iloc[[0]], n=20)
    assert set(stages) < set(result.features.index)
    assert result.to_text()
    assert list(attention_map(model, X, source="clin").columns) == [*stages, "clin__age"]
    importance = modality_importance(model, X, y, cv=2, random_state=0)
    assert set(stages) <= set(importance.features.index.get_level_values("feature"))
    assert list(permutation_importance(model, X, y).index) == ["exp", "cna", "clin"]
    assert list(modality_shapley(model, X[:2])) == ["without", "exp", "cna", "clin"]


@pytest.mark.parametrize("output", ["pandas", "default"])
def test_reordered_columns_keep_their_names(table, output):
    X, y = table
    order = ColumnTransformer(
        [("cna", StandardScaler(), NAMES[4:]), ("exp", "passthrough", NAMES[:4])],
        verbose_feature_names_out=False,
    ).set_output(transform=output)
    settings = {} if output == "pandas" else {"modalities": {"cna": range(4), "exp": range(4, 8)}}
    settings = {name: {key: list(value[key]) for key in value} for name, value in settings.items()}
    model = make_pipeline(order, network(**settings)).fit(X, y)
    assert most_important(model, X) == "exp__E0"
    features = explain(model, X.iloc[[0]]).features
    assert features.loc["exp__E0", "modality"] == "exp"
    losses = permutation_importance(model, X, y, by="feature", random_state=0)
    assert losses["mean"].idxmax() == "exp__E0"


def test_components_are_not_named_after_columns(table):
    X, y = table
    settings = {"modalities": {"a": [0, 1, 2, 3], "b": [4, 5, 6, 7]}, "max_epochs": 2}
    model = make_pipeline(PCA(8), network(**settings)).fit(X, y)
    expected = [f"pca{i}" for i in range(8)]
    assert list(integrated_gradients(model, X[:5]).by_sample) == expected


def test_a_function_in_front_keeps_the_names_that_it_returns(table):
    X, y = table
    model = make_pipeline(FunctionTransformer(np.cbrt), MultiOmicsSelector(k=3), network())
    assert most_important(model.fit(X, y), X) == "exp__E0"
    model = make_pipeline(FunctionTransformer(pd.DataFrame.to_numpy), network(max_epochs=1))
    with pytest.warns(UserWarning, match="dropped its column names"):
        model.fit(X, y)
    with pytest.raises(ValueError, match="named after FunctionTransformer, which does not name"):
        integrated_gradients(model, X)


def test_names_of_x_remain_behind_a_selector_that_adds_modalities(table):
    X, y = table
    plain = X.set_axis([f"gene {i}" for i in range(8)], axis=1)
    modalities = {"exp": slice(0, 4), "cna": slice(4, 8)}
    selector = MultiOmicsSelector(k=2, modalities=modalities)
    model = make_pipeline(selector, StandardScaler().set_output(transform="pandas"), network())
    with pytest.warns(UserWarning, match="probabilities will be overconfident"):
        model.fit(plain, y)
    assert most_important(model, plain) == "gene 0"


WRAPPERS = {
    "conformal": lambda model: ConformalClassifier(model, random_state=0),
    "rejecting": RejectingClassifier,
    "search": lambda model: GridSearchCV(model, {"multiomicsselector__k": [2]}, cv=2),
    "rejecting search": lambda model: RejectingClassifier(WRAPPERS["search"](model)),
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_wrapped_models_are_inspected(table, wrap):
    X, y = table
    model = wrap(make_pipeline(MultiOmicsSelector(k=2), network(max_epochs=5))).fit(X, y)
    assert "exp__E0" in integrated_gradients(model, X[:5]).by_sample
    assert attention_map(model, X).index[0] == "exp__E0"
    assert list(modality_shapley(model, X[:2])) == ["without", "exp", "cna"]
    assert explain(model, X.iloc[[0]]).prediction == model.predict(X.iloc[[0]])[0]
    frozen = FrozenEstimator(model)
    pd.testing.assert_frame_equal(attention_map(frozen, X), attention_map(model, X))


def test_the_error_for_a_vote_points_to_its_members(table):
    X, y = table
    linear = make_pipeline(MultiOmicsSelector(k=2), LogisticRegression())
    alone = network(max_epochs=2, branches=["attention"])
    attention = make_pipeline(MultiOmicsSelector(k=2), alone)
    vote = VotingClassifier([("linear", linear), ("attention", attention)], voting="soft")
    vote.fit(X, y)
    pd.testing.assert_frame_equal(drift(vote, X), drift(vote.estimators_[0], X))
    with pytest.raises(TypeError, match=r"got VotingClassifier. Inspect a member, .*estimators_"):
        attention_map(vote, X)
    assert attention_map(vote.estimators_[1], X).shape == (2, 2)

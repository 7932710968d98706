"""Shapes of features in the additive branch."""

import numpy as np
import pandas as pd
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.classifier._inspection import ClassifierView
from xmodal_sklearn.inspection import additive_shapes
from xmodal_sklearn.persistence import load_model, save_model
from xmodal_sklearn.uncertainty import RejectingClassifier

EVERY = 10_000


def additive(**settings):
    settings = {"branches": ["mlp", "stumps"], "n_estimators": 2, "max_epochs": 3} | settings
    return CrossModalAttentionClassifier(random_state=0, device="cpu", **settings)


@pytest.fixture(scope="module")
def model(cohort):
    """A classifier with weight on stumps, behind a selection."""
    X, y = cohort
    return make_pipeline(MultiOmicsSelector(k=15), additive()).fit(X, y)


def branch_logits(model, X):
    """The logits of the branch itself, of complete samples, as means over the members."""
    view = ClassifierView(model[-1], model[:-1].transform(X))
    module = view._module
    logits = module.stumps(view._tensor, module.present(view._tensor)).mean(dim=0)
    return (logits - logits.mean(dim=1, keepdim=True)).numpy()


def interpolate(shapes, X):
    """The sum of all shapes at samples, by class."""
    total = pd.DataFrame(0.0, X.index, shapes["class"].unique())
    for (feature, label), curve in shapes.groupby(["feature", "class"], sort=False):
        total[label] += np.interp(X[feature], curve["value"], curve["contribution"])
    return total


def test_contributions_sum_to_the_logits_of_the_branch(model, cohort):
    X, _ = cohort
    shapes = additive_shapes(model, X, n_features=EVERY)
    weight = model[-1].stacking_weights_["stumps"].iloc[0]
    expected = weight * branch_logits(model, X)
    total = interpolate(shapes, X)
    assert expected.std() > 0.1
    np.testing.assert_allclose(total, expected - expected.mean(axis=0), atol=1e-4)
    # Of samples that the shapes were not computed from, too.
    part = additive_shapes(model, X[20:], n_features=EVERY)
    inside = X[:20].clip(X[20:].min(), X[20:].max(), axis=1)
    difference = interpolate(part, inside) - interpolate(shapes, inside)
    assert np.ptp(difference, axis=0).max() < 1e-4


def test_the_most_important_features_come_first(model, cohort):
    X, _ = cohort
    shapes = additive_shapes(model, X, n_features=5)
    by_feature = shapes.groupby("feature", sort=False)["importance"].first()
    assert len(by_feature) == 5
    assert by_feature.is_monotonic_decreasing
    every = additive_shapes(model, X, n_features=EVERY)
    pd.testing.assert_frame_equal(every[: len(shapes)], shapes)
    for feature, importance in by_feature.items():
        curves = shapes[shapes["feature"] == feature]
        contributions = interpolate(curves, X)
        np.testing.assert_allclose(contributions.mean(), 0, atol=1e-6)
        np.testing.assert_allclose(contributions.sum(axis=1), 0, atol=1e-6)
        assert contributions.abs().mean(axis=None) == pytest.approx(importance, rel=1e-4)


def test_features_have_the_names_and_units_of_x(model, cohort):
    X, _ = cohort
    shapes = additive_shapes(model, X)
    assert set(shapes["feature"]) <= set(model[0].get_feature_names_out())
    assert shapes["class"].unique().tolist() == model.classes_.tolist()
    assert (shapes["modality"] == shapes["feature"].str.partition("__")[0]).all()
    for (feature, _), curve in shapes.groupby(["feature", "class"]):
        assert curve["value"].is_monotonic_increasing
        assert (
            curve["value"].agg(["min", "max"]).tolist() == X[feature].agg(["min", "max"]).tolist()
        )


def test_other_units_change_only_the_values(cohort):
    X, y = cohort
    shapes = additive_shapes(additive().fit(X, y), X)
    X = 1000 * X.astype(float) - 4000
    scaled = additive_shapes(additive().fit(X, y), X)
    np.testing.assert_allclose(scaled["value"], 1000 * shapes["value"] - 4000, atol=1)
    np.testing.assert_allclose(scaled["contribution"], shapes["contribution"], atol=1e-3)


def test_a_threshold_is_where_the_class_changes():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(50, 20, (300, 4)), columns=[f"exp__{name}" for name in "ABCD"])
    X["mut__E"] = rng.integers(0, 2, 300)
    y = np.where(X["exp__B"] > 60, "high", "low")
    model = additive().fit(X, y)
    shapes = additive_shapes(model, X, n_features=1)
    assert shapes["feature"].unique().tolist() == ["exp__B"]
    high = shapes[shapes["class"] == "high"]
    assert np.interp([30, 55], high["value"], high["contribution"]).max() < -0.5
    assert np.interp([65, 90], high["value"], high["contribution"]).min() > 0.5
    every = additive_shapes(model, X, n_features=EVERY).set_index("feature")
    if "mut__E" in every.index:
        assert every.loc["mut__E", "value"].tolist() == [0, 1, 0, 1]


def test_categories_have_the_values_0_and_1():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 3)), columns=["exp__A", "exp__B", "exp__C"])
    X["clin__stage"] = pd.Categorical(rng.choice(["I", "II", "III"], 200))
    y = np.where(X["clin__stage"] == "II", "a", "b")
    shapes = additive_shapes(additive().fit(X, y), X, n_features=1)
    assert shapes["feature"].unique().tolist() == ["clin__stage=II"]
    assert shapes["modality"].unique().tolist() == ["clin"]
    assert shapes["value"].tolist() == [0, 1, 0, 1]
    assert shapes["contribution"].iloc[1] > 0.5


def test_samples_that_lack_a_modality_have_no_part_in_its_shapes(cohort):
    X, y = cohort
    X = X.copy()
    X.loc[X.index[:30], X.columns.str.startswith("cna")] = np.nan
    model = additive().fit(X, y)
    shapes = additive_shapes(model, X, n_features=EVERY)
    assert np.isfinite(shapes.select_dtypes("number")).all(axis=None)
    cna = shapes[shapes["modality"] == "cna"]
    contributions = interpolate(cna, X[30:])
    np.testing.assert_allclose(contributions.mean(), 0, atol=1e-5)
    without = additive_shapes(model, X[:30], n_features=EVERY)
    assert set(without["modality"]) == {"exp", "mut"}


WRAPPERS = {
    "frozen": FrozenEstimator,
    "rejecting": lambda model: RejectingClassifier(model),
    "search": lambda model: GridSearchCV(model, {"multiomicsselector__k": [15]}, cv=2),
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_wrapped_models_have_shapes(wrap, model, cohort):
    X, y = cohort
    wrapped = wrap(model).fit(X, y)
    assert set(additive_shapes(wrapped, X)["feature"]) <= set(X)


def test_a_loaded_model_has_the_same_shapes(model, cohort, tmp_path):
    X, _ = cohort
    save_model(model, tmp_path / "model.xmodal")
    loaded = load_model(tmp_path / "model.xmodal")
    pd.testing.assert_frame_equal(additive_shapes(loaded, X), additive_shapes(model, X))


def test_models_without_shapes_are_errors(cohort, model):
    X, y = cohort
    mlp = additive(branches=["mlp"], n_estimators=1, max_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=r"no branch 'stumps'; its branches are .*mlp: exp"):
        additive_shapes(mlp, X)
    # A single network holds no samples out, so that only trained branches have weights.
    alone = additive(n_estimators=1, max_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="stacking weight of zero"):
        additive_shapes(alone, X)
    with pytest.raises(TypeError, match="needs a CrossModalAttentionClassifier"):
        additive_shapes(LogisticRegression().fit(X, y), X)
    with pytest.raises(ValueError, match="varies among the samples"):
        additive_shapes(model, X[:1])

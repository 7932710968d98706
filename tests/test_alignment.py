"""Labels, groups, batches and weights are never assigned to other samples."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn._alignment import check_order, check_weights
from xmodal_sklearn.baselines import LateFusionClassifier, StackedFusionClassifier
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.inspection import selection_stability
from xmodal_sklearn.learning import learning_curves
from xmodal_sklearn.paper import compare_modalities
from xmodal_sklearn.plotting import CoefficientPathDisplay, ModalityAblationDisplay

SAMPLES = [f"P{index}" for index in range(24)]
X = pd.DataFrame(
    np.random.default_rng(0).normal(size=(24, 4)), SAMPLES, ["exp__A", "exp__B", "mut__C", "mut__D"]
)
Y = pd.Series(np.arange(24) % 2, SAMPLES)
DUMMY = {"dummy": DummyClassifier()}


def small():
    return CrossModalAttentionClassifier(n_estimators=1, max_epochs=1, embed_dim=4, device="cpu")


def shuffled(values):
    return values.sample(frac=1, random_state=0)


FITTED = LateFusionClassifier(LogisticRegression()).fit(X, Y)
USES = {
    "y of the selector": ("y", lambda v: MultiOmicsSelector(k=1).fit(X, v)),
    "y of a selection": ("y", lambda v: MultiOmicsSelector(k=1).fit_transform(X, v)),
    "y of a selection of words": (
        "y",
        lambda v: MultiOmicsSelector(k=1).fit(X.assign(exp__A=["I", "II"] * 12), v),
    ),
    "y of the classifier": ("y", lambda v: small().fit(X, v)),
    "y of late fusion": ("y", lambda v: LateFusionClassifier(LogisticRegression()).fit(X, v)),
    "y of stacked fusion": ("y", lambda v: StackedFusionClassifier(LogisticRegression()).fit(X, v)),
    "y of a score": ("y", lambda v: FITTED.score(X, v)),
    "weights of a score": ("sample_weight", lambda v: FITTED.score(X, Y, sample_weight=v + 1)),
    "y of an ablation": ("y", lambda v: ModalityAblationDisplay.from_estimator(FITTED, X, v)),
    "y of a path": (
        "y",
        lambda v: CoefficientPathDisplay.from_estimator(MultiOmicsSelector(), X, v, modality="exp"),
    ),
    "weights": ("sample_weight", lambda v: small().fit(X, Y, sample_weight=v + 1)),
    "y of a comparison": ("y", lambda v: compare(DUMMY, X, v, cv=2)),
    "groups": ("groups", lambda v: compare(DUMMY, X, Y, cv=2, groups=v)),
    "batch": ("batch", lambda v: compare(DUMMY, X, Y, cv=2, batch=v)),
    "y of curves": ("y", lambda v: learning_curves(DUMMY, X, v, cv=2, shares=[0.5])),
    "groups of curves": (
        "groups",
        lambda v: learning_curves(DUMMY, X, Y, cv=2, shares=[0.5], groups=v),
    ),
    "y of the paper's table": (
        "y",
        lambda v: compare_modalities(X, v, DummyClassifier(), ks=[1], cv=2),
    ),
    "y of a stability": (
        "y",
        lambda v: selection_stability(MultiOmicsSelector(), X, v, n_resamples=2, k=1),
    ),
}
uses = pytest.mark.parametrize(("name", "use"), USES.values(), ids=USES)


@uses
def test_samples_in_another_order_raise(name, use):
    with pytest.raises(
        ValueError, match=rf"index of {name} has the samples of X in a different or"
    ):
        use(shuffled(Y))


@uses
def test_a_data_frame_in_another_order_raises(name, use):
    with pytest.raises(ValueError, match=f"index of {name}"):
        use(shuffled(Y).to_frame())


@uses
def test_labels_of_other_samples_raise(name, use):
    values = Y.rename({"P3": "P99"})
    with pytest.raises(ValueError, match=rf"{name} lacks samples of X \(1 of 24\): in row 3"):
        use(values)


@uses
def test_a_wrong_number_of_values_raises_first(name, use):
    with pytest.raises(ValueError, match=f"{name} has 23 values for 24 samples"):
        use(Y.iloc[1:])


def test_unnamed_values_are_matched_by_position():
    for values in (Y.to_numpy(), Y.tolist(), Y.reset_index(drop=True), Y.add_prefix("other ")):
        selector = MultiOmicsSelector(k=1).fit(X, values)
        np.testing.assert_array_equal(selector.scores_, MultiOmicsSelector(k=1).fit(X, Y).scores_)


def test_a_reset_index_is_matched_by_position():
    some = Y[5:20].set_axis(range(5, 20))
    check_order(some, X.iloc[5:20].reset_index(drop=True), "y")
    check_order(some.reset_index(drop=True), X.iloc[5:20].set_axis(range(5, 20)), "y")


@given(st.permutations(range(5)), st.sampled_from([list("abcde"), [7, 3, 5, 1, 2], range(5)]))
def test_any_permutation_of_the_labels_raises(order, names):
    table = pd.DataFrame({"exp__A": range(5)}, index=names)
    labels = pd.Series(range(5), index=names).iloc[order]
    if order == list(range(5)):
        check_order(labels, table, "y")
    else:
        with pytest.raises(ValueError, match="different order"):
            check_order(labels, table, "y")


def test_folds_and_bootstrap_samples_are_accepted():
    scores = cross_validate(small(), X, Y, cv=2, error_score="raise")
    assert len(scores["test_score"]) == 2
    drawn = np.random.default_rng(0).integers(24, size=24)
    MultiOmicsSelector(k=1).fit(X.iloc[drawn], Y.iloc[drawn])


@pytest.mark.parametrize("unknown", [None, np.nan, pd.NA])
@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_a_missing_group_raises_with_the_sample_name(unknown, dtype):
    groups = pd.Series([f"g{index // 2}" for index in range(24)], SAMPLES, dtype=dtype)
    groups.iloc[[4, 5]] = unknown
    with pytest.raises(ValueError, match=r"groups has no label for 2 samples, the first is 'P4'"):
        compare(DUMMY, X, Y, groups=groups)


@pytest.mark.parametrize("what", ["y", "groups"])
def test_values_of_mixed_types_raise(what):
    given = {"y": Y, "groups": SAMPLES, what: np.array([1, "a"] * 12, dtype=object)}
    with pytest.raises(ValueError, match=rf"{what} has values of types \['int', 'str'\]"):
        compare(DUMMY, X, **given)
    with pytest.raises(ValueError, match=rf"{what} must have one value for each sample"):
        compare(DUMMY, X, **{**given, what: np.ones((24, 2))})


@pytest.mark.parametrize("weight", [None, np.nan, pd.NA, "heavy"])
def test_a_non_numeric_weight_raises_with_the_sample_name(weight):
    X = pd.DataFrame({"exp__A": [1.0, 2.0]}, index=["P1", "P2"])
    with pytest.raises(ValueError, match="sample_weight contains NaN: the weight of sample 'P2'"):
        check_weights([1.0, weight], X)
    check_weights(pd.Series([1, 2], X.index, dtype="Int64"), X)

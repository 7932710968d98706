"""Clinical columns: categories, flags and ordered categories beside tables of numbers."""

import importlib.util
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import (
    CrossModalAttentionClassifier,
    ModalityEncoder,
    MultiOmicsSelector,
    align_features,
    concat_modalities,
    split_modalities,
)
from xmodal_sklearn.baselines import (
    BlockSparsePLSDA,
    LateFusionClassifier,
    StackedFusionClassifier,
    make_baselines,
)
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.plotting import CoefficientPathDisplay, ModalityAblationDisplay


def small():
    return CrossModalAttentionClassifier(
        n_estimators=1, max_epochs=2, embed_dim=4, device="cpu", random_state=0
    )


ESTIMATORS = {
    "selector": lambda: MultiOmicsSelector(k=3),
    "pairs": lambda: MultiOmicsSelector(k=3, pairs=True),
    "another ranking": lambda: MultiOmicsSelector(k=3, estimator=LogisticRegression(max_iter=200)),
    "classifier": small,
    "late fusion": lambda: LateFusionClassifier(LogisticRegression(max_iter=500)),
    "block PLS": BlockSparsePLSDA,
    "stacked fusion": lambda: StackedFusionClassifier(
        LogisticRegression(max_iter=500), cv=2, random_state=0
    ),
}
each = pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS)
STAGES = np.array(["I", "II", "III", "IV"], dtype=object)


def apply(model, X):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.transform(X)


@pytest.fixture(scope="module")
def clinical(cohort):
    """An age, a stage that tells the class, a flag and an ordered grade of all patients."""
    _, y = cohort
    rng = np.random.default_rng(0)
    codes = pd.factorize(y, sort=True)[0]
    grade = pd.Categorical(rng.choice(["low", "mid", "high"], 120), ["low", "mid", "high"], True)
    return pd.DataFrame(
        {
            "age": rng.normal(60, 10, 120).round(),
            "stage": np.where(rng.random(120) < 0.8, STAGES[codes], rng.choice(STAGES, 120)),
            "smoker": rng.random(120) < 0.3,
            "grade": grade,
        },
        index=y.index,
    )


def joined(cohort, clinical, join="inner"):
    return concat_modalities({**split_modalities(cohort[0]), "clin": clinical}, join=join)


def of_every_dtype(cohort, clinical):
    """The same table with its categories in columns of different dtypes."""
    dtypes = ["object", "str", "string", "category"]
    if importlib.util.find_spec("pyarrow"):
        dtypes.append("string[pyarrow]")
    return [joined(cohort, clinical.astype({"stage": dtype})) for dtype in dtypes]


@each
def test_categories_of_any_dtype_are_encoded_alike(make, cohort, clinical):
    y = cohort[1]
    by_hand = clinical.drop(columns=["stage", "grade"])
    for stage in STAGES:
        by_hand[f"stage={stage}"] = clinical["stage"] == stage
    by_hand["grade"] = clinical["grade"].cat.codes
    order = ["age", *(f"stage={stage}" for stage in STAGES), "smoker", "grade"]
    plain = joined(cohort, by_hand[order])
    expected = make().fit(plain, y)
    for X in of_every_dtype(cohort, clinical):
        model = make().fit(X, y)
        if hasattr(model, "predict_proba"):
            actual = model.predict_proba(X)
            np.testing.assert_allclose(actual, expected.predict_proba(plain), rtol=1e-4, atol=1e-6)
            continue
        # The stage counts as one feature, so the third best of the columns may be another.
        scores = expected.scores_
        stages = plain.columns.str.contains("stage=")
        best = pd.Series(model.scores_, X.columns)["clin__stage"]
        np.testing.assert_allclose(best, scores[stages].max(), rtol=1e-5)
        others = X.columns != "clin__stage"
        np.testing.assert_allclose(model.scores_[others], scores[~stages], rtol=1e-5)
        pd.testing.assert_frame_equal(apply(model, X), X[apply(model, X).columns])


def test_a_stage_is_ranked_counted_and_named_as_one_feature(cohort, clinical):
    X, y = joined(cohort, clinical), cohort[1]
    selector = MultiOmicsSelector(k=2).fit(X, y)
    assert selector.rankings_["clin"][0] == "clin__stage"
    assert sorted(selector.rankings_["clin"]) == sorted(f"clin__{name}" for name in clinical)
    assert selector.get_support().sum() == 8
    assert selector.scores_.shape == (134,)
    names = selector.get_feature_names_out()
    assert names.tolist() == X.columns[selector.get_support()].tolist()
    selected = selector.fit_transform(X, y)
    pd.testing.assert_frame_equal(selected, X[names])
    with_pandas = MultiOmicsSelector(k=2).set_output(transform="pandas").fit(X, y).transform(X)
    assert with_pandas.columns.tolist() == names.tolist()
    path = CoefficientPathDisplay.from_estimator(selector, X, y, modality="clin")
    assert "clin__stage=I" in path.feature_names


@pytest.mark.filterwarnings("ignore:Missing values are ranked")
def test_selected_categories_are_restored(cohort, clinical):
    clinical = clinical.copy()
    clinical.loc[clinical.index[5], ["stage", "grade"]] = None
    X, y = joined(cohort, clinical), cohort[1]
    with pytest.warns(UserWarning, match="'clin': under 1%"):
        selector = MultiOmicsSelector(k="all").fit(X, y)
    pd.testing.assert_frame_equal(selector.inverse_transform(selector.transform(X)), X)
    few = MultiOmicsSelector(k={"exp": 1, "cna": 1, "mut": 1, "clin": 1}).fit(X, y)
    restored = few.inverse_transform(few.transform(X))
    assert restored.columns.tolist() == X.columns.tolist()
    assert restored["clin__grade"].isna().all()
    assert restored["clin__stage"].fillna("").tolist() == X["clin__stage"].fillna("").tolist()
    array = few.inverse_transform(few.transform(X).to_numpy(dtype=object))
    assert array[6:, 131].tolist() == X["clin__stage"].iloc[6:].tolist()


CLASSIFIERS = {name: ESTIMATORS[name] for name in ("classifier", "late fusion", "stacked fusion")}


@pytest.mark.parametrize("make", CLASSIFIERS.values(), ids=CLASSIFIERS)
def test_an_unseen_category_is_encoded_as_zeros_with_a_warning(make, cohort, clinical):
    X, y = joined(cohort, clinical), cohort[1]
    model = make().fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = apply(model, X[:3])
    other = X[:3].astype({"clin__stage": object})
    other["clin__stage"] = [X["clin__stage"].iloc[0], "V", "0"]
    with pytest.warns(UserWarning, match=r"'clin__stage' has categories not seen .*\['0', 'V'\]"):
        result = apply(model, other)
    np.testing.assert_allclose(result[:1], expected[:1], rtol=1e-5)


def test_the_encoder_encodes_categories_and_keeps_gaps(cohort, clinical):
    clinical = clinical.copy()
    clinical.loc[clinical.index[5], ["stage", "grade"]] = None
    X = joined(cohort, clinical)
    encoder = ModalityEncoder().fit(X)
    encoded = encoder.transform(X)
    assert encoded.columns.tolist() == encoder.get_feature_names_out().tolist()
    stages = encoded.filter(like="stage=")
    assert stages.columns.tolist() == [f"clin__stage={stage}" for stage in STAGES]
    assert stages.iloc[5].isna().all()
    assert (stages.drop(index=X.index[5]).sum(axis=1) == 1).all()
    grades = clinical["grade"].cat.codes.where(clinical["grade"].notna())
    np.testing.assert_array_equal(encoded["clin__grade"], grades)
    other = X.astype({"clin__stage": object, "clin__grade": object})
    other.iloc[0, other.columns.get_indexer(["clin__stage", "clin__grade"])] = "V", "huge"
    with pytest.warns(UserWarning) as caught:
        unseen = encoder.transform(other)
    messages = sorted(str(warning.message) for warning in caught)
    assert "'clin__grade'" in messages[0] and "treated as missing: ['huge']" in messages[0]
    assert "'clin__stage'" in messages[1] and "encoded as zeros: ['V']" in messages[1]
    assert unseen.filter(like="stage=").iloc[0].tolist() == [0] * 4
    assert np.isnan(unseen["clin__grade"].iloc[0])


def test_unselected_columns_may_be_missing_without_a_warning(cohort, clinical):
    X, y = joined(cohort, clinical), cohort[1]
    selector = MultiOmicsSelector(k=1).fit(X, y)
    grades = X.assign(clin__grade="huge")
    pd.testing.assert_frame_equal(selector.transform(grades), selector.transform(X))
    few = X.drop(columns=["clin__grade", "clin__age"])
    pd.testing.assert_frame_equal(selector.transform(few), selector.transform(X))


@each
def test_categories_where_fit_saw_numbers_raise(make, cohort, clinical):
    X, y = joined(cohort, clinical), cohort[1]
    model = make().fit(X, y)
    with pytest.raises(ValueError, match=r"'clin__age' is not numeric .*, but was in fit.*'old'"):
        apply(model, X.assign(clin__age="old"))


BAD = {
    "names": (lambda X: X.assign(clin__stage=X.index), "'clin__stage' has 120 different values"),
    "a typing error": (
        lambda X: X.assign(clin__stage=["1,5", *["2.5"] * 119]),
        "'clin__stage' is not numeric.*1,5.*dtype category",
    ),
    "objects": (lambda X: X.assign(clin__stage=[("I",)] * 120), "'clin__stage' is not numeric"),
    "numbers and words": (
        lambda X: X.assign(clin__stage=pd.Series([1, "I"] * 60, X.index, dtype=object)),
        "'clin__stage' is not numeric",
    ),
    "times": (lambda X: X.assign(clin__stage=pd.Timestamp(0)), "Times are not supported"),
}


@pytest.mark.parametrize(("spoil", "message"), BAD.values(), ids=BAD)
@each
def test_columns_that_are_neither_numbers_nor_categories_raise(
    make, spoil, message, cohort, clinical
):
    X, y = joined(cohort, clinical), cohort[1]
    with pytest.raises(ValueError, match=message):
        make().fit(spoil(X), y)


def test_columns_of_dtype_category_are_categorical(cohort, clinical):
    X = joined(cohort, clinical)
    centers = pd.Series([f"{index}" for index in range(60)] * 2, X.index)
    numbers = ModalityEncoder().fit(X.assign(clin__center=centers))
    assert "clin__center" in numbers.get_feature_names_out()
    categories = ModalityEncoder().fit(X.assign(clin__center=centers.astype("category")))
    assert sum("center=" in name for name in categories.get_feature_names_out()) == 60


def test_an_age_a_stage_a_flag_and_three_tables_go_through_everything(cohort, clinical):
    X, y = joined(cohort, clinical.iloc[:100], join="outer"), cohort[1]
    assert X.loc[X.index[100:], "clin__stage"].isna().all()
    model = make_pipeline(MultiOmicsSelector(k=5), small())
    models = make_baselines(
        k=3, models=["logistic regression"], fusion=["early", "late"], tune=False
    )
    result = compare(
        {"attention": model, **models}, X, y, cv=2, scoring=["accuracy"], error_score="raise"
    )
    assert result.scores.value.notna().all()
    assert "clin__stage" in set(result.selected.feature)
    assert not result.selected.feature.str.contains("=").any()
    display = ModalityAblationDisplay.from_estimator(model.fit(X, y), X, y, n_repeats=2)
    assert list(display.scores) == ["exp", "cna", "mut", "clin"]
    absent = ModalityAblationDisplay.from_estimator(model, X[:100], y[:100], method="absent")
    assert list(absent.scores) == ["exp", "cna", "mut", "clin"]


def test_categories_become_noise_in_a_negative_control(cohort, clinical, tmp_path):
    X = concat_modalities({"mut": split_modalities(cohort[0])["mut"], "clin": clinical})
    y = cohort[1]
    models = make_baselines(k=3, models=["logistic regression"], fusion=["early"], tune=False)
    for _ in range(2):
        result = compare(models, X, y, cv=2, controls="logistic regression, early", store=tmp_path)
        assert "logistic regression, early, clin as noise" in set(result.scores.estimator)


def test_another_cohort_without_the_categories_is_aligned_to_the_columns(cohort, clinical):
    X, y = joined(cohort, clinical), cohort[1]
    model = make_pipeline(MultiOmicsSelector(k=4), small()).fit(X, y)
    other = X.drop(columns="clin__stage").rename(index="other {}".format)
    with pytest.warns(UserWarning, match="'clin' 1 of 4"):
        aligned = align_features(other, model, missing="impute")
    assert np.isfinite(model.predict_proba(aligned)).all()

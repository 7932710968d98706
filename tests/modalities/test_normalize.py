"""A cohort of another platform, rescaled to the training samples."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from xmodal_sklearn import (
    CrossModalAttentionClassifier,
    MultiOmicsSelector,
    align_features,
    concat_modalities,
)
from xmodal_sklearn.datasets import make_multiomics

NUMBERS = {"exp": "within", "cna": "within"}


@pytest.fixture(scope="module")
def split():
    X, y = make_multiomics(
        500, {"exp": 30, "cna": 20, "mut": 8}, n_classes=3, return_X_y=True, random_state=0
    )
    return train_test_split(X.astype(float), y, test_size=0.4, stratify=y, random_state=0)


@pytest.fixture(scope="module")
def model(split):
    X, _, y, _ = split
    return make_pipeline(MultiOmicsSelector(10), LogisticRegression(max_iter=5000)).fit(X, y)


@pytest.fixture
def other(split):
    return split[1].copy()


def columns(X, modality):
    return X.columns[X.columns.str.startswith(f"{modality}__")]


def remeasured(X, modalities, seed):
    """Values as another platform gives them: a factor and an offset for each feature."""
    rng = np.random.default_rng(seed)
    factor, offset = pd.Series(1.0, X.columns), pd.Series(0.0, X.columns)
    for modality in modalities:
        names = columns(X, modality)
        factor[names] = rng.uniform(0.1, 10, len(names))
        offset[names] = rng.normal(scale=20, size=len(names))
    return X * factor + offset


def test_values_are_unchanged_by_default(model, other):
    for how in ("training", {}, {"exp": "training"}):
        pd.testing.assert_frame_equal(align_features(other, model, normalize=how), other)
    pd.testing.assert_frame_equal(align_features(other, model), other)


def test_needed_features_get_the_mean_and_deviation_of_training(split, model, other):
    X = split[0]
    given = other.copy()
    aligned = align_features(other, model, normalize={"exp": "within"})
    pd.testing.assert_frame_equal(other, given)
    needed = columns(X[model[0].get_feature_names_out()], "exp")
    np.testing.assert_allclose(aligned[needed].mean(), X[needed].mean())
    np.testing.assert_allclose(aligned[needed].std(ddof=0), X[needed].std(ddof=0))
    rest = X.columns.drop(needed)
    pd.testing.assert_frame_equal(aligned[rest], other[rest])
    assert list(aligned) == list(X)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_factors_and_offsets_of_features_cancel(model, split, seed):
    X = split[1]
    expected = align_features(X, model, normalize=NUMBERS)
    aligned = align_features(remeasured(X, NUMBERS, seed), model, normalize=NUMBERS)
    needed = model[0].get_feature_names_out()
    np.testing.assert_allclose(aligned[needed], expected[needed], atol=1e-7)
    np.testing.assert_allclose(model.predict_proba(aligned), model.predict_proba(expected))


def test_predictions_of_another_platform_are_as_good(split, model, other):
    y = split[3]
    foreign = remeasured(other, ["exp"], 0)
    score = model.score(other, y)
    assert model.score(foreign, y) < score - 0.2
    assert (
        model.score(align_features(foreign, model, normalize={"exp": "within"}), y) > score - 0.05
    )


def test_a_classifier_without_selection_is_supported(split, other):
    X, _, y, _ = split
    classifier = CrossModalAttentionClassifier(
        n_estimators=1, max_epochs=5, embed_dim=4, device="cpu", random_state=0
    ).fit(X, y)
    foreign = remeasured(other, NUMBERS, 0)
    one, two = (align_features(Z, classifier, normalize=NUMBERS) for Z in (other, foreign))
    np.testing.assert_allclose(
        classifier.predict_proba(one), classifier.predict_proba(two), atol=1e-5
    )
    exp = columns(X, "exp")
    np.testing.assert_allclose(one[exp].mean(), X[exp].mean(), rtol=1e-5)


def test_missing_values_and_absent_modalities_stay_so(split, model, other):
    X = split[0]
    rng = np.random.default_rng(0)
    gaps = other.mask(rng.random(other.shape) < 0.2)
    gaps.loc[gaps.index[:30], columns(X, "exp")] = np.nan
    aligned = align_features(gaps, model, normalize={"exp": "within"})
    pd.testing.assert_frame_equal(aligned.isna(), gaps.isna())
    needed = columns(X[model[0].get_feature_names_out()], "exp")
    np.testing.assert_allclose(aligned[needed].mean(), X[needed].mean())
    np.testing.assert_allclose(aligned[needed].std(ddof=0), X[needed].std(ddof=0))
    gaps[columns(X, "exp")] = np.nan
    pd.testing.assert_frame_equal(align_features(gaps, model, normalize={"exp": "within"}), gaps)
    gene = needed[0]
    aligned = align_features(other.assign(**{gene: np.nan}), model, normalize={"exp": "within"})
    assert aligned[gene].isna().all()


def test_missing_columns_are_imputed_with_their_means(split, model, other):
    X = split[0]
    gene = model[0].rankings_["exp"][0]
    with pytest.warns(UserWarning, match="Imputed with training means"):
        aligned = align_features(
            other.drop(columns=gene), model, missing="impute", normalize={"exp": "within"}
        )
    np.testing.assert_allclose(aligned[gene], X[gene].mean())
    with pytest.warns(UserWarning, match="Treated as absent"):
        aligned = align_features(
            other.drop(columns=gene), model, missing="absent", normalize={"exp": "within"}
        )
    assert aligned[gene].isna().all()


def test_a_feature_of_one_value_becomes_its_mean_and_is_reported(split, model, other):
    gene = model[0].rankings_["exp"][0]
    other[gene] = 0.1 + 0.2
    aligned, report = align_features(other, model, normalize={"exp": "within"}, return_report=True)
    np.testing.assert_allclose(aligned[gene], split[0][gene].mean())
    what = "columns with one value only, set to their mean"
    assert report.to_numpy().tolist() == [["exp", what, 1]]


def test_numbers_beside_categories_and_flags_are_rescaled_and_these_are_left():
    rng = np.random.default_rng(0)
    n = 120
    clinical = pd.DataFrame(
        {
            "age": rng.normal(60, 10, n),
            "grade": rng.choice(["low", "high"], n),
            "stage": pd.Categorical(rng.choice(["I", "II", "III"], n), ordered=True),
            "node": rng.integers(2, size=n),
            "size": rng.integers(1, 60, size=n),
            "site": 1,
        }
    )
    X = concat_modalities({"clin": clinical})
    selector = MultiOmicsSelector("all").fit(X, rng.integers(2, size=n))
    other = X.assign(clin__age=12 * X["clin__age"], clin__site=3)  # months
    aligned = align_features(other, selector, normalize="within")
    np.testing.assert_allclose(aligned["clin__age"], X["clin__age"])
    np.testing.assert_allclose(aligned["clin__size"], X["clin__size"])
    assert (aligned["clin__site"] == 1).all()
    left = ["clin__grade", "clin__stage", "clin__node"]
    pd.testing.assert_frame_equal(aligned[left], X[left])
    assert list(aligned) == list(X)
    selector.transform(aligned)


@pytest.mark.parametrize("dtype", ["int64", "Int64", "float32", "object", pd.SparseDtype(float, 0)])
def test_any_numeric_dtype_is_accepted(dtype):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.integers(-2, 3, (80, 5))).add_prefix("cna__").astype(float)
    selector = MultiOmicsSelector("all").fit(X, rng.integers(2, size=80))
    expected = align_features(X * 2 + 1, selector, normalize="within")
    np.testing.assert_allclose(expected, X, atol=1e-12)
    aligned = align_features((X * 2 + 1).astype(dtype), selector, normalize="within")
    np.testing.assert_allclose(aligned, expected, atol=1e-6)


def test_zeros_and_ones_are_errors(model, other):
    for how in ("within", {"mut": "within"}):
        with pytest.raises(ValueError, match=r"modality 'mut' .*no scale.*--normalize exp=within"):
            align_features(other, model, normalize=how)
    # There is nothing to rescale.
    other[columns(other, "mut")] = np.nan
    align_features(other, model, normalize="within")


def test_too_few_samples_are_errors(model, other):
    align_features(other.iloc[:20], model, normalize={"exp": "within"})
    gene = next(name for name in model[0].get_feature_names_out() if name.startswith("exp"))
    with pytest.raises(ValueError, match=rf"20 samples .*'exp' has 19 .* '{gene}' \(10 "):
        align_features(other.iloc[:19], model, normalize={"exp": "within"})
    other.loc[other.index[7:], gene] = np.nan
    with pytest.raises(ValueError, match=rf"'exp' has 7 with a value of '{gene}' \(1 such"):
        align_features(other, model, normalize={"exp": "within"})


def test_invalid_input_is_named_in_the_error(split, model, other):
    for wrong in ("inside", None, 3, {"exp": "inside"}):
        with pytest.raises(ValueError, match="normalize must be 'training' or 'within'"):
            align_features(other, model, normalize=wrong)
    with pytest.raises(ValueError, match=r"modality 'expr'; .*\['exp', .*did you mean 'exp'"):
        align_features(other, model, normalize={"expr": "within"})
    gene = model[0].rankings_["exp"][0]
    infinite = other.copy()
    infinite.loc[other.index[2], gene] = -np.inf
    with pytest.raises(ValueError, match=rf"infinity: modality 'exp', column '{gene}', sample"):
        align_features(infinite, model, normalize={"exp": "within"})
    with pytest.raises(ValueError, match=rf"Column '{gene}' is not numeric"):
        align_features(other.assign(**{gene: "high"}), model, normalize={"exp": "within"})
    X, _, y, _ = split
    strange = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)).fit(X, y)
    with pytest.raises(ValueError, match=r"StandardScaler stores no summary.*MultiOmicsSelector"):
        align_features(other, strange, normalize={"exp": "within"})

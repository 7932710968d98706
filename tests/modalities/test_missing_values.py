"""Scattered missing values are filled in the fold; absent modalities stay absent."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.impute import SimpleImputer
from sklearn.linear_model import ElasticNet, LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, ModalityImputer, MultiOmicsSelector
from xmodal_sklearn.baselines import (
    LateFusionClassifier,
    StackedFusionClassifier,
    make_baselines,
)
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.plotting import CoefficientPathDisplay, ModalityAblationDisplay

pytestmark = pytest.mark.filterwarnings("ignore:Missing values are filled")


def small(**parameters):
    return CrossModalAttentionClassifier(
        **{"n_estimators": 1, "max_epochs": 2, "embed_dim": 4, "device": "cpu", "random_state": 0}
        | parameters
    )


ESTIMATORS = {
    "selector": lambda: MultiOmicsSelector(k=5),
    "pairs": lambda: MultiOmicsSelector(k=5, pairs=True),
    "another ranking": lambda: MultiOmicsSelector(k=5, estimator=ElasticNet(alpha=0.1)),
    "classifier": small,
    "late fusion": lambda: LateFusionClassifier(LogisticRegression(max_iter=500)),
    "stacked fusion": lambda: StackedFusionClassifier(LogisticRegression(max_iter=500), cv=2),
    "imputer": ModalityImputer,
}
each = pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS)


def apply(model, X):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.transform(X)


@pytest.fixture
def gappy(cohort):
    """A twentieth of the expression is missing, and 30 patients have no copy number."""
    X, y = cohort
    X = X.astype(float)
    X.iloc[:, :60] = X.iloc[:, :60].mask(np.random.default_rng(0).random((120, 60)) < 0.05)
    X.iloc[:30, 60:110] = np.nan
    return X, y


@each
def test_scattered_values_are_filled_counted_and_said(make, gappy):
    X, y = gappy
    said = r"'exp' about 5% of the values of samples that have the modality. n_imputed_"
    n_missing = int(X.iloc[:, :60].isna().to_numpy().sum())
    model = make()
    if isinstance(model, ModalityImputer):
        model.fit(X, y)
    else:
        with pytest.warns(UserWarning, match=said) as caught:
            model.fit(X, y)
        assert len(caught) == 1
    assert model.n_imputed_ == {"exp": n_missing, "cna": 0, "mut": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(apply(model, X)) == len(X)
        make().fit(X.dropna(axis=1), y)


@each
def test_what_is_filled_in_does_not_depend_on_the_samples_predicted_together(make, gappy):
    X, y = gappy
    model = make().fit(X, y)
    np.testing.assert_allclose(apply(model, X)[:40], apply(model, X[:40]), rtol=1e-5)


@each
def test_a_value_is_filled_with_what_training_samples_have(make, gappy):
    X, y = gappy
    X = X.dropna(axis=1)
    model = make().fit(X, y)
    gap, filled = X.copy(), X.copy()
    column = X.columns[0]
    centre = X[column].median() if isinstance(model, ModalityImputer) else X[column].mean()
    gap.iloc[[3, 40], 0], filled.iloc[[3, 40], 0] = np.nan, centre
    np.testing.assert_allclose(apply(model, gap), apply(model, filled), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("kind", ["table", "sparse columns", "array", "sparse matrix"])
def test_the_selector_fills_gaps_and_leaves_absent_modalities_absent(kind, gappy, positions):
    X, y = gappy
    X.iloc[:, 60:110] = X.iloc[:, 60:110].astype("float32")
    modalities = None if "table" in kind or "columns" in kind else positions
    given = {
        "table": X,
        "sparse columns": X.astype(pd.SparseDtype(float, 0)),
        "array": X.to_numpy(),
        "sparse matrix": sparse.csr_array(X.to_numpy()),
    }[kind]
    selector = MultiOmicsSelector(k=20, modalities=modalities)
    selected = selector.fit_transform(given, y)
    pd.testing.assert_frame_equal(selected, selector.transform(given))
    kept = X.iloc[:, selector.get_support(indices=True)]
    assert selected.iloc[:30, 20:40].isna().all(axis=None)
    assert selected.iloc[:, :20].notna().all(axis=None)
    filled = kept.iloc[:, :20].fillna(kept.iloc[:, :20].mean())
    np.testing.assert_allclose(selected.iloc[:, :20], filled)
    np.testing.assert_array_equal(selected.iloc[30:, 20:], kept.iloc[30:, 20:])


@pytest.mark.parametrize("options", [{}, {"pairs": True}, {"estimator": ElasticNet(alpha=0.1)}])
def test_ranking_is_that_of_the_table_filled_beforehand(options, cohort):
    X, y = cohort
    X = X.astype(float)
    X.iloc[:, :60] = X.iloc[:, :60].mask(np.random.default_rng(0).random((120, 60)) < 0.05)
    expected = MultiOmicsSelector(**options).fit(X.fillna(X.mean()), y)
    selector = MultiOmicsSelector(**options).fit(X, y)
    assert selector.rankings_["mut"].tolist() == expected.rankings_["mut"].tolist()
    if "estimator" not in options:  # the scale of its columns is that of the values there are
        np.testing.assert_allclose(selector.scores_, expected.scores_, rtol=1e-3)


def test_rankings_with_gaps_are_found_in_the_cache(gappy, tmp_path):
    X, y = gappy
    plain = MultiOmicsSelector(k=5).fit(X, y)
    for _ in range(2):
        cached = MultiOmicsSelector(k=5, memory=tmp_path).fit(X, y)
        np.testing.assert_array_equal(cached.scores_, plain.scores_)
        assert cached.n_imputed_ == plain.n_imputed_
    assert len(list(tmp_path.rglob("*.ranking"))) == 3


def lacking(X, share_of_column=0.0, share_of_sample=0.0):
    X = X.copy()
    X.iloc[: round(share_of_column * 120), 2] = np.nan
    X.iloc[7, 110 : 110 + round(share_of_sample * 20)] = np.nan
    return X


@each
def test_too_many_missing_values_are_refused_by_name(make, cohort):
    X, y = cohort
    X, y = X.astype(float).rename(index={X.index[7]: "patient"}), y.to_numpy()
    make().fit(lacking(X, 0.8, 0.8), y)
    column = rf"Column {X.columns[2]!r} of modality 'exp' lacks a value in 81%.*max_missing=0.8"
    with pytest.raises(ValueError, match=column):
        make().fit(lacking(X, 0.81), y)
    sample = r"Sample 'patient' of modality 'mut' lacks a value in 85% of its columns.*1 such"
    with pytest.raises(ValueError, match=sample):
        make().fit(lacking(X, 0, 0.85), y)
    model = make().fit(X, y)
    with pytest.raises(ValueError, match=sample):
        apply(model, lacking(X, 0, 0.85))
    apply(model, lacking(X, 1))  # of the samples to predict, a column may be missing in all
    few = make().set_params(max_missing=0.1)
    with pytest.raises(ValueError, match=r"in 12%.*max_missing=0.1"):
        few.fit(lacking(X, 0.12), y)
    many = make().set_params(max_missing=1)
    many.fit(lacking(X, 0.99, 0.95), y)
    with pytest.raises(ValueError, match="lacks a value in 100%"):
        many.fit(lacking(X, 1), y)


@each
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_beside_gaps_is_refused_by_name(make, value, gappy):
    X, y = gappy
    X.iloc[33, 61] = value
    where = rf"infinity: modality 'cna', column {X.columns[61]!r}, sample {X.index[33]!r} \(1 such"
    with pytest.raises(ValueError, match=where):
        make().fit(X, y)


def test_baselines_take_the_largest_share_from_the_user(cohort):
    X, y = cohort
    models = make_baselines(
        k=5, models=["logistic regression"], fusion=["early"], tune=False, max_missing=0.1
    )
    with pytest.raises(ValueError, match=r"in 12%.*max_missing=0.1"):
        models["logistic regression, early"].fit(lacking(X.astype(float), 0.12), y)


def test_infinity_in_a_sparse_matrix_is_refused_by_name(cohort, positions):
    X, y = cohort
    values = X.to_numpy(dtype=float).copy()
    values[5, 112] = np.inf
    with pytest.raises(ValueError, match="infinity: modality 'mut', column 'x112', sample 5"):
        MultiOmicsSelector(modalities=positions).fit(sparse.csr_matrix(values), y)


def test_samples_of_weight_zero_are_left_out_of_what_is_missing(cohort):
    X, y = cohort
    X = X.astype(float)
    X.iloc[:100, 0] = np.nan
    weights = np.r_[np.zeros(95), np.ones(25)]
    model = small().fit(X, y, sample_weight=weights)
    assert model.n_imputed_["exp"] == 5


def test_weights_decide_what_is_filled_in(cohort):
    X, y = cohort
    X = X.astype(float)
    weights = np.arange(120) + 1.0
    model = small().fit(X, y, sample_weight=weights)
    gap, filled = X.copy(), X.copy()
    gap.iloc[70, 0] = np.nan
    filled.iloc[70, 0] = np.average(X.iloc[:, 0], weights=weights)
    np.testing.assert_allclose(model.predict_proba(gap), model.predict_proba(filled), rtol=1e-4)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0, 0.3))
def test_only_gaps_change(seed, share):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(20, 8)), columns=[f"{m}__{j}" for m in "ab" for j in "1234"])
    gaps = rng.random(X.shape) < share
    gaps[:, ::4] = False  # so that no modality is absent
    absent = rng.random(20) < 0.3
    gappy = X.mask(gaps)
    gappy.loc[absent, gappy.columns.str.startswith("b")] = np.nan
    model = ModalityImputer("mean", max_missing=0.99).fit(gappy)
    filled = model.transform(gappy)
    known = gappy.notna()
    pd.testing.assert_frame_equal(filled.where(known), gappy)
    assert filled.loc[absent, filled.columns.str.startswith("b")].isna().all(axis=None)
    filled_in = filled.where(~known).loc[:, "a__1":"a__4"]
    expected = (~known * gappy.mean()).where(~known).loc[:, "a__1":"a__4"]
    pd.testing.assert_frame_equal(filled_in, expected)
    assert sum(model.n_imputed_.values()) == (filled.notna() & ~known).to_numpy().sum()


@pytest.mark.parametrize("strategy", ["mean", "median"])
@pytest.mark.parametrize(
    "dtype", ["float64", "Float32", "Int64", "float[pyarrow]", "Sparse[float]"]
)
def test_the_imputer_takes_any_dtype_of_numbers(strategy, dtype):
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    X = pd.DataFrame({"a__1": [1, 2, 6, None], "a__2": [1, 1, 2, 2], "b__1": [1, None, 3, 4]})
    filled = ModalityImputer(strategy).fit_transform(X.astype(dtype))
    assert filled["a__1"].tolist() == [1, 2, 6, {"mean": 3, "median": 2}[strategy]]
    assert filled["b__1"].isna().tolist() == [False, True, False, False]


def test_the_imputer_fills_words_with_the_most_frequent():
    words = pd.DataFrame({"c__stage": ["I", "II", "II", None], "c__age": [50.0, 60, 70, 80]})
    for dtype in ("object", "string", "category"):
        X = words.astype({"c__stage": dtype})
        filled = ModalityImputer().fit_transform(X)
        assert filled["c__stage"].tolist() == ["I", "II", "II", "II"]
        assert filled["c__age"].tolist() == [50, 60, 70, 80]


def test_the_imputer_takes_arrays_and_leaves_what_it_is_given(positions, gappy):
    X = gappy[0].to_numpy().copy()
    before = X.copy()
    filled = ModalityImputer(modalities=positions).fit_transform(X)
    np.testing.assert_array_equal(X, before)
    assert np.isnan(filled[:30, 60:110]).all()
    assert np.isnan(filled).sum() == 30 * 50


IMPUTERS = {
    "mean": lambda: SimpleImputer().set_output(transform="pandas"),
    "median": lambda: SimpleImputer(strategy="median").set_output(transform="pandas"),
    "zero": lambda: SimpleImputer(strategy="constant", fill_value=0).set_output(transform="pandas"),
}


@pytest.mark.parametrize("imputer", IMPUTERS.values(), ids=IMPUTERS)
@pytest.mark.parametrize("make", list(ESTIMATORS.values())[:6:3], ids=["selector", "classifier"])
def test_an_imputer_that_filled_an_absent_modality_is_told(make, imputer, cohort):
    X, y = cohort
    X = X.astype(float)
    X.iloc[:30, :60] = np.nan
    with pytest.warns(UserWarning, match=r"30 samples.*'exp' by an imputer.*ModalityImputer"):
        make_pipeline(imputer(), make()).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_pipeline(ModalityImputer(), make()).fit(X, y)
        drawn = np.random.default_rng(0).integers(120, size=120)
        make().fit(X.iloc[drawn], y.iloc[drawn])


def test_genes_of_one_amplicon_are_no_sign_of_an_imputer(cohort):
    X, y = cohort
    rng = np.random.default_rng(0)
    level = rng.normal(size=120).round(1)
    level[:100] += rng.normal(size=100) / 100
    segment = pd.DataFrame({f"cna__{gene}": level for gene in range(30)}, X.index)
    segment = segment.mask(rng.random(segment.shape) < 0.02, 0.5)
    X = pd.concat([X.filter(like="exp__"), segment], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MultiOmicsSelector(k=20).fit(X, y)
        MultiOmicsSelector(k=20).fit(X[:119], y[:119])


def test_unnamed_columns_side_by_side_are_not_taken_for_scattered(cohort):
    X, y = cohort
    values = X.to_numpy(dtype=float).copy()
    values[3, 40:59] = np.nan
    assert MultiOmicsSelector().fit(values, y).n_imputed_ == {"X": 19}
    values[3, 40:60] = np.nan
    with pytest.raises(ValueError, match="sample 3 lacks 20 columns side by side"):
        MultiOmicsSelector().fit(values, y)
    with pytest.raises(ValueError, match="sample 3 lacks 20 columns side by side"):
        MultiOmicsSelector().fit(sparse.csc_matrix(values), y)


def test_pipelines_and_comparisons_take_gaps_and_see_no_other_fold(gappy):
    X, y = gappy
    model = make_pipeline(MultiOmicsSelector(k=10), small())
    scores = cross_validate(model, X, y, cv=2, error_score="raise")
    assert np.isfinite(scores["test_score"]).all()
    models = make_baselines(
        k=5, models=["logistic regression"], tune=False, fusion=["early", "late"]
    )
    message = "logistic regression, early and 1 more, in 2 of 2 folds: UserWarning: Missing values"
    with pytest.warns(UserWarning, match=message):
        result = compare(models, X, y, cv=2, scoring=["accuracy"])
    assert result.scores.value.notna().all()


def test_displays_take_gaps(gappy):
    X, y = gappy
    path = CoefficientPathDisplay.from_estimator(MultiOmicsSelector(), X, y, modality="exp")
    ranking = MultiOmicsSelector().fit(X, y).rankings_["exp"]
    assert path.feature_names[:5] == ranking[:5].tolist()
    model = LateFusionClassifier(LogisticRegression(max_iter=500)).fit(X, y)
    display = ModalityAblationDisplay.from_estimator(model, X[40:], y[40:], n_repeats=2)
    assert list(display.scores) == ["exp", "cna", "mut"]

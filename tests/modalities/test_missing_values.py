"""Scattered missing values are filled in the fold; absent modalities stay absent."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import ElasticNet, LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import (
    CrossModalAttentionClassifier,
    ModalityEncoder,
    ModalityImputer,
    MultiOmicsSelector,
)
from xmodal_sklearn.baselines import (
    BlockSparsePLSDA,
    LateFusionClassifier,
    StackedFusionClassifier,
    make_baselines,
)
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.plotting import CoefficientPathDisplay, ModalityAblationDisplay

pytestmark = pytest.mark.filterwarnings("ignore:(Imputed missing|Missing) values")


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
    "block PLS": BlockSparsePLSDA,
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
def test_scattered_values_are_filled_counted_and_reported(make, gappy):
    X, y = gappy
    message = r"issing values .*\('exp': about 5%\); see n_imputed_"
    n_missing = int(X.iloc[:, :60].isna().to_numpy().sum())
    model = make()
    if isinstance(model, ModalityImputer):
        model.fit(X, y)
    else:
        with pytest.warns(UserWarning, match=message) as caught:
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


@pytest.mark.parametrize("make", list(ESTIMATORS.values())[3:], ids=list(ESTIMATORS)[3:])
def test_a_value_is_filled_with_what_training_samples_have(make, gappy):
    X, y = gappy
    X = X.dropna(axis=1)
    model = make().fit(X, y)
    gap, filled = X.copy(), X.copy()
    column = X.columns[0]
    center = X[column].median() if isinstance(model, ModalityImputer) else X[column].mean()
    gap.iloc[[3, 40], 0], filled.iloc[[3, 40], 0] = np.nan, center
    np.testing.assert_allclose(apply(model, gap), apply(model, filled), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("kind", ["table", "sparse columns", "array", "sparse matrix"])
def test_selected_columns_are_unchanged(kind, gappy, positions):
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
    assert selected.shape[1] == selector.get_support().sum()
    kept = X.iloc[:, selector.get_support(indices=True)]
    np.testing.assert_array_equal(selected, kept)
    if isinstance(given, pd.DataFrame):
        kept = given.iloc[:, selector.get_support(indices=True)]
        pd.testing.assert_frame_equal(selected, kept)
    elif sparse.issparse(given):
        assert all(isinstance(dtype, pd.SparseDtype) for dtype in selected.dtypes)
        assert sparse.issparse(MultiOmicsSelector(k=20).fit_transform(given[:, :60], y))


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


def test_rankings_with_gaps_are_cached(gappy, tmp_path):
    X, y = gappy
    plain = MultiOmicsSelector(k=5).fit(X, y)
    for _ in range(2):
        cached = MultiOmicsSelector(k=5, memory=tmp_path).fit(X, y)
        np.testing.assert_array_equal(cached.scores_, plain.scores_)
        assert cached.n_imputed_ == plain.n_imputed_
    assert len(list(tmp_path.rglob("*.ranking"))) == 3


def with_gaps(X, share_of_column=0.0, share_of_sample=0.0):
    X = X.copy()
    X.iloc[: round(share_of_column * 120), 2] = np.nan
    X.iloc[7, 110 : 110 + round(share_of_sample * 20)] = np.nan
    return X


@each
def test_rare_features_and_samples_with_many_gaps_are_counted_in_one_warning(make, cohort):
    X, y = cohort
    X, y = X.astype(float), y.to_numpy()
    with pytest.warns(UserWarning) as caught:
        model = make().fit(with_gaps(X, 0.99, 0.85), y)
    message = (
        r"1 training samples lack over 80% .* \('mut': 1\)\. "
        r"1 features have values in almost no training sample .* \('exp': 1\)\."
    )
    assert len(caught) == 1
    assert re.search(message, str(caught[0].message))
    assert np.isfinite(apply(model, X)).all(axis=None)


@pytest.mark.parametrize("make", list(ESTIMATORS.values())[:3], ids=list(ESTIMATORS)[:3])
@pytest.mark.parametrize("n_values", [0, 1, 2])
def test_a_feature_that_almost_no_sample_has_ranks_last(make, n_values, cohort):
    X, y = cohort
    X = X.astype(float)
    X.iloc[:, 2] = np.where(np.arange(120) < n_values, 1e6, np.nan)
    selector = make().fit(X, y)
    assert selector.rankings_["exp"][-1] == X.columns[2]
    assert selector.scores_[2] <= selector.scores_[:60].min()


@pytest.mark.parametrize("make", list(ESTIMATORS.values())[3:6], ids=list(ESTIMATORS)[3:6])
@pytest.mark.parametrize("n_values", [0, 2])
def test_a_feature_that_almost_no_sample_has_does_not_count(make, n_values, cohort):
    X, y = cohort
    X = X.astype(float)
    X.iloc[:, 2] = np.where(np.arange(120) < n_values, 5.0, np.nan)
    model = make().fit(X, y)
    other = X.copy()
    other.iloc[:, 2] = np.linspace(-1e6, 1e6, 120)
    np.testing.assert_array_equal(apply(model, X), apply(model, other))


@each
def test_a_modality_that_no_training_sample_has_does_not_count(make, cohort):
    X, y = cohort
    gaps = X.astype(float)
    gaps.iloc[:, 60:110] = np.nan
    with pytest.warns(UserWarning, match="No training sample has modality 'cna'"):
        model = make().fit(gaps, y)
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(apply(model, X), apply(model, gaps))


@each
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_beside_gaps_raises_with_its_name(make, value, gappy):
    X, y = gappy
    X.iloc[33, 61] = value
    where = rf"infinity: modality 'cna', column {X.columns[61]!r}, sample {X.index[33]!r} \(1 such"
    with pytest.raises(ValueError, match=where):
        make().fit(X, y)


def test_infinity_in_a_sparse_matrix_raises_with_its_name(cohort, positions):
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
    model = ModalityImputer("mean").fit(gappy)
    filled = model.transform(gappy)
    present = gappy.notna()
    pd.testing.assert_frame_equal(filled.where(present), gappy)
    assert filled.loc[absent, filled.columns.str.startswith("b")].isna().all(axis=None)
    filled_in = filled.where(~present).loc[:, "a__1":"a__4"]
    expected = (~present * gappy.mean()).where(~present).loc[:, "a__1":"a__4"]
    pd.testing.assert_frame_equal(filled_in, expected)
    assert sum(model.n_imputed_.values()) == (filled.notna() & ~present).to_numpy().sum()


@pytest.mark.parametrize("strategy", ["mean", "median"])
@pytest.mark.parametrize(
    "dtype", ["float64", "Float32", "Int64", "float[pyarrow]", "Sparse[float]"]
)
def test_the_imputer_accepts_any_numeric_dtype(strategy, dtype):
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    X = pd.DataFrame({"a__1": [1, 2, 6, None], "a__2": [1, 1, 2, 2], "b__1": [1, None, 3, 4]})
    filled = ModalityImputer(strategy).fit_transform(X.astype(dtype))
    assert filled["a__1"].tolist() == [1, 2, 6, {"mean": 3, "median": 2}[strategy]]
    assert filled["b__1"].isna().tolist() == [False, True, False, False]


def test_the_imputer_imputes_categories_with_the_most_frequent():
    words = pd.DataFrame({"c__stage": ["I", "II", "II", None], "c__age": [50.0, 60, 70, 80]})
    for dtype in ("object", "string", "category"):
        X = words.astype({"c__stage": dtype})
        filled = ModalityImputer().fit_transform(X)
        assert filled["c__stage"].tolist() == ["I", "II", "II", "II"]
        assert filled["c__age"].tolist() == [50, 60, 70, 80]


def test_the_imputer_accepts_arrays_and_does_not_change_them(positions, gappy):
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
def test_an_imputer_that_filled_an_absent_modality_warns(make, imputer, cohort):
    X, y = cohort
    X = X.astype(float)
    X.iloc[:30, :60] = np.nan
    with pytest.warns(UserWarning, match=r"'exp' looks imputed for 30 samples.*ModalityImputer"):
        make_pipeline(imputer(), make()).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_pipeline(ModalityImputer(), make()).fit(X, y)
        drawn = np.random.default_rng(0).integers(120, size=120)
        make().fit(X.iloc[drawn], y.iloc[drawn])


def test_genes_of_one_amplicon_do_not_look_imputed(cohort):
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


def test_a_sample_without_adjacent_unnamed_columns_is_reported(cohort):
    X, y = cohort
    values = X.to_numpy(dtype=float).copy()
    values[3, 40:59] = np.nan
    assert MultiOmicsSelector().fit(values, y).n_imputed_ == {"X": 19}
    values[3, 40:60] = np.nan
    with pytest.warns(UserWarning, match="Sample 3 lacks 20 adjacent columns"):
        MultiOmicsSelector().fit(values, y)
    with pytest.warns(UserWarning, match="Sample 3 lacks 20 adjacent columns"):
        MultiOmicsSelector().fit(sparse.csc_matrix(values), y)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 0.9), st.integers(6, 40), st.integers(1, 4))
@pytest.mark.filterwarnings("ignore")
def test_no_pattern_of_gaps_ends_a_run(seed, share, n_samples, k):
    rng = np.random.default_rng(seed)
    names = [f"exp__{j}" for j in range(5)] + [f"mut__{j}" for j in range(4)]
    X = pd.DataFrame(rng.normal(size=(n_samples, 9)), columns=names)
    X = X.assign(clin__stage=rng.choice(["I", "II", "III"], n_samples), clin__age=rng.random())
    X = X.mask(rng.random(X.shape) < share)
    y = np.arange(n_samples) % 3
    X = X[X.notna().any(axis=1)]
    y = y[X.index]
    train = rng.random(len(X)) < 0.7
    if len(np.unique(y[train])) < 2:
        return
    selector = MultiOmicsSelector(k=k, pairs=bool(seed % 2))
    late = LateFusionClassifier(LogisticRegression())
    models = {
        "late": make_pipeline(selector, late),
        "stacked": make_pipeline(selector, StackedFusionClassifier(LogisticRegression(), cv=2)),
        "early": make_pipeline(
            selector, ModalityEncoder(), ModalityImputer(), SimpleImputer(), LogisticRegression()
        ),
        "attention": make_pipeline(selector, small()),
        "unselected": late,
        "attention, unselected": small(),
    }
    for name, model in models.items():
        probabilities = clone(model).fit(X[train], y[train]).predict_proba(X)
        assert np.isfinite(probabilities).all(), name


@pytest.mark.filterwarnings("ignore:logistic regression")
def test_pipelines_and_comparisons_impute_inside_the_fold(gappy):
    X, y = gappy
    model = make_pipeline(MultiOmicsSelector(k=10), small())
    scores = cross_validate(model, X, y, cv=2, error_score="raise")
    assert np.isfinite(scores["test_score"]).all()
    models = make_baselines(
        k=5, models=["logistic regression"], tune=False, fusion=["early", "late"]
    )
    message = "logistic regression, .* in 2 of 2 folds: UserWarning: .*issing values"
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

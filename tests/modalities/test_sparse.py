"""Sparse tables give what dense ones give, without being made dense as a whole."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import ElasticNet
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.baselines import make_baselines
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.inspection import (
    attention_map,
    explain,
    modality_shapley,
    permutation_importance,
    selection_stability,
)
from xmodal_sklearn.selection import _coordinate_descent

FORMATS = {
    "csr": sparse.csr_array,
    "csc": sparse.csc_matrix,
    "coo": sparse.coo_array,
    "lil": sparse.lil_matrix,
}
forms = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
COSTS = ["fit_seconds", "predict_seconds", "peak_mb"]
MODALITIES = {"exp": slice(0, 60), "mut": slice(60, 130)}


def small(**parameters):
    return CrossModalAttentionClassifier(
        n_estimators=1, max_epochs=2, embed_dim=4, device="cpu", random_state=0, **parameters
    )


@pytest.fixture(params=[2**25, 2**14], ids=["dense at once", "in blocks"])
def block_size(request, monkeypatch):
    monkeypatch.setattr(_coordinate_descent, "BLOCK_BYTES", request.param)


@pytest.fixture
def values(cohort):
    """Most values are zero; ten patients lack the second modality, and some values are missing."""
    X = cohort[0].to_numpy(dtype="float32").copy()
    X[:, :60][X[:, :60] < np.quantile(X[:, :60], 0.7)] = 0
    X[:10, 60:] = np.nan
    X[40, [3, 70]] = np.nan
    return X


@pytest.mark.filterwarnings("ignore:(Imputed missing|Missing) values")
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "bool"])
@forms
def test_a_sparse_matrix_is_ranked_and_selected_like_a_dense_one(
    form, dtype, values, cohort, block_size
):
    y = cohort[1]
    X = values.astype(dtype) if dtype.startswith("float") else np.nan_to_num(values).astype(dtype)
    expected = MultiOmicsSelector(k=10, modalities=MODALITIES).fit(X, y)
    selector = MultiOmicsSelector(k=10, modalities=MODALITIES).fit(form(X), y)
    np.testing.assert_allclose(selector.scores_, expected.scores_, rtol=1e-3)
    assert selector.n_imputed_ == expected.n_imputed_
    for modality in MODALITIES:
        kept = [set(fitted.rankings_[modality][:5]) for fitted in (selector, expected)]
        assert kept[0] == kept[1]
    selected = selector.transform(form(X))
    assert isinstance(selected, pd.DataFrame)
    assert all(isinstance(kind, pd.SparseDtype) for kind in selected.dtypes)
    if selector.get_support().tolist() == expected.get_support().tolist():
        np.testing.assert_allclose(selected.sparse.to_dense(), expected.transform(X), rtol=1e-5)


@pytest.mark.filterwarnings("ignore:(Imputed missing|Missing) values")
def test_sparse_columns_are_ranked_like_dense_ones_in_blocks(values, cohort, block_size):
    y = cohort[1]
    X = pd.DataFrame(values, cohort[0].index).add_prefix("mut__")
    thin = X.astype(pd.SparseDtype("float32", 0))
    expected, selector = (MultiOmicsSelector(k=10).fit(table, y) for table in (X, thin))
    np.testing.assert_allclose(selector.scores_, expected.scores_, rtol=1e-3)
    assert selector.get_feature_names_out().tolist() == expected.get_feature_names_out().tolist()


@pytest.mark.filterwarnings("ignore:(Imputed missing|Missing) values")
@forms
def test_the_classifier_takes_sparse_matrices(form, values, cohort):
    y = cohort[1]
    expected = small(modalities=MODALITIES).fit(values, y).predict_proba(values)
    model = small(modalities=MODALITIES).fit(form(values), y)
    np.testing.assert_allclose(model.predict_proba(form(values)), expected, rtol=1e-5)
    table = pd.DataFrame(values[10:]).add_prefix("a__")
    thin = table.astype(pd.SparseDtype("float32", 0))
    np.testing.assert_allclose(
        small().fit(thin, y[10:].to_numpy()).predict_proba(thin),
        small().fit(table, y[10:].to_numpy()).predict_proba(table),
        rtol=1e-5,
    )


@pytest.mark.parametrize("options", [{"pairs": True}, {"estimator": ElasticNet(alpha=0.1)}])
def test_options_that_make_a_modality_dense_rank_alike(options, values, cohort):
    X, y = np.nan_to_num(values[10:]), cohort[1][10:]
    expected, selector = (
        MultiOmicsSelector(modalities=MODALITIES, **options).fit(table, y)
        for table in (X, sparse.csr_array(X))
    )
    np.testing.assert_allclose(selector.scores_, expected.scores_, rtol=1e-3)


def test_folds_of_a_sparse_matrix_are_fitted(values, cohort):
    X = sparse.csr_array(np.nan_to_num(values))
    model = make_pipeline(MultiOmicsSelector(k=10, modalities=MODALITIES), small())
    assert cross_val_score(model, X, cohort[1], cv=2, error_score="raise").shape == (2,)


def test_a_cache_distinguishes_sparse_tables(values, cohort, tmp_path):
    X, y = np.nan_to_num(values), cohort[1]
    other = X.copy()
    other[5, 5] += 1
    for table in (X, other):
        for _ in range(2):
            cached = MultiOmicsSelector(memory=tmp_path).fit(sparse.csr_array(table), y)
        plain = MultiOmicsSelector().fit(sparse.csr_array(table), y)
        np.testing.assert_array_equal(cached.scores_, plain.scores_)
    assert len(list(tmp_path.rglob("*.ranking"))) == 2


def test_duplicates_of_a_matrix_are_summed(cohort):
    y = cohort[1]
    X = sparse.random_array(
        (120, 30), density=0.2, random_state=np.random.default_rng(0), format="csc"
    )
    twice = sparse.csc_array(
        (np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), X.indptr * 2), shape=X.shape
    )
    expected, selector = (MultiOmicsSelector().fit(table, y) for table in (X, twice))
    np.testing.assert_allclose(selector.scores_, expected.scores_, rtol=1e-5)


def test_labels_of_other_samples_and_other_columns_raise(values, cohort):
    X, y = sparse.csr_array(np.nan_to_num(values)), cohort[1]
    with pytest.raises(ValueError, match="y has 119 values for 120 samples"):
        MultiOmicsSelector().fit(X, y[1:])
    with pytest.raises(ValueError, match="129 features"):
        MultiOmicsSelector().fit(X, y).transform(X[:, 1:])


def test_selection_needs_a_fraction_of_the_dense_table():
    n_samples, n_features = 300, 150_000
    X = sparse.random_array(
        (n_samples, n_features),
        density=0.002,
        random_state=np.random.default_rng(0),
        dtype="float32",
    ).tocsr()
    y = np.random.default_rng(0).integers(2, size=n_samples)
    MultiOmicsSelector(k=5).fit(X[:, :10], y)  # compiles
    tracemalloc.start()
    selector = MultiOmicsSelector(k=50).fit(X, y)
    selected = selector.transform(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.6 * 4 * n_samples * n_features
    assert (selected != X[:, selector.get_support(indices=True)]).nnz == 0


def test_a_sparse_matrix_is_compared_like_a_dense_one(cohort):
    X, y = cohort[0].to_numpy(float)[:, 60:], np.asarray(cohort[1])
    modalities = {"cna": slice(0, 50), "mut": slice(50, 70)}
    models = make_baselines(k=10, modalities=modalities, models=["logistic regression"], tune=False)
    given = {
        "cv": 2,
        "controls": "logistic regression, early",
        "batch": np.arange(len(y)) % 2,
        "random_state": 0,
    }
    forms = (X, sparse.csr_array(X), sparse.coo_matrix(X))
    results = [compare(models, table, y, **given) for table in forms]
    scores = [result.scores[~result.scores["metric"].isin(COSTS)] for result in results]
    assert "logistic regression, early, mut as noise" in set(scores[0]["estimator"])
    for actual in scores[1:]:
        pd.testing.assert_frame_equal(actual, scores[0])


def test_a_model_of_a_sparse_matrix_is_inspected(cohort):
    X, y = sparse.csr_array(cohort[0].to_numpy(float)), np.asarray(cohort[1])
    model = make_pipeline(MultiOmicsSelector(k=5, modalities=MODALITIES), small()).fit(X, y)
    dense = X.toarray()
    for ask in (
        lambda X: attention_map(model, X, source="mut"),
        lambda X: permutation_importance(model, X, y, random_state=0),
        lambda X: modality_shapley(model, X),
        lambda X: explain(model, X[:1], train=(X, y)).typicality,
    ):
        pd.testing.assert_frame_equal(ask(X), ask(dense))
    selector = MultiOmicsSelector(k=5, modalities=MODALITIES)
    from_sparse, from_dense = (
        selection_stability(selector, table, y, k=5, n_resamples=2, random_state=0)
        for table in (sparse.coo_matrix(X), dense)
    )
    pd.testing.assert_frame_equal(from_sparse.index, from_dense.index)

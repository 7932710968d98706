"""What MultiOmicsSelector keeps, and in which order."""

import os

import numpy as np
import pandas as pd
import pytest
from joblib import effective_n_jobs, parallel_config
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import ElasticNet, LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits

from xmodal_sklearn import MultiOmicsSelector


def by_modality(columns):
    return pd.Series(columns).str.split("__").str[0].value_counts().to_dict()


@pytest.mark.parametrize("k", [1, 7, 20, 55, 1000])
def test_exactly_k_features_of_each_modality_are_kept(cohort, k):
    X, y = cohort
    kept = MultiOmicsSelector(k=k).fit(X, y).get_feature_names_out()
    assert by_modality(kept) == {"exp": min(k, 60), "cna": min(k, 50), "mut": min(k, 20)}


def test_k_by_modality(cohort):
    X, y = cohort
    kept = MultiOmicsSelector(k={"exp": 3, "cna": "all", "mut": 5}).fit(X, y)
    assert by_modality(kept.get_feature_names_out()) == {"exp": 3, "cna": 50, "mut": 5}


def test_modalities_that_k_leaves_out_keep_all_features(cohort):
    X, y = cohort
    kept = MultiOmicsSelector(k={"exp": 3}).fit(X, y)
    assert by_modality(kept.get_feature_names_out()) == {"exp": 3, "cna": 50, "mut": 20}


def test_a_search_over_dicts_of_some_modalities(cohort):
    X, y = cohort
    model = make_pipeline(MultiOmicsSelector(), StandardScaler(), RidgeClassifier())
    grid = {"multiomicsselector__k": [{"exp": 2}, {"exp": 5, "cna": 3}, {"mut": "all"}]}
    search = GridSearchCV(model, grid, cv=2).fit(X, y)
    n_features = [
        clone(search.estimator).set_params(**params).fit(X, y)[-1].n_features_in_
        for params in search.cv_results_["params"]
    ]
    assert n_features == [2 + 50 + 20, 5 + 3 + 20, 60 + 50 + 20]
    assert search.best_params_["multiomicsselector__k"] in grid["multiomicsselector__k"]


def test_rankings_nest_and_do_not_depend_on_k(cohort):
    X, y = cohort
    few, many = (MultiOmicsSelector(k=k).fit(X, y) for k in (5, 40))
    for modality in few.rankings_:
        assert few.rankings_[modality].tolist() == many.rankings_[modality].tolist()
    assert set(few.get_feature_names_out()) < set(many.get_feature_names_out())


def test_rankings_follow_scores_and_cover_every_feature_once(cohort):
    X, y = cohort
    selector = MultiOmicsSelector().fit(X, y)
    scores = pd.Series(selector.scores_, index=selector.feature_names_in_)
    for modality, ranking in selector.rankings_.items():
        assert scores[ranking].is_monotonic_decreasing
        assert sorted(ranking) == sorted(c for c in X if c.startswith(f"{modality}__"))


def test_ranking_ignores_the_other_modalities(cohort):
    X, y = cohort
    together = MultiOmicsSelector().fit(X, y).rankings_["exp"]
    alone = MultiOmicsSelector().fit(X.filter(like="exp__"), y).rankings_["exp"]
    assert together.tolist() == alone.tolist()


def test_ranking_ignores_column_order(cohort):
    X, y = cohort
    shuffled = X.sample(frac=1, axis=1, random_state=1)
    expected = MultiOmicsSelector().fit(X, y).rankings_
    actual = MultiOmicsSelector().fit(shuffled, y).rankings_
    for modality in expected:
        assert actual[modality].tolist() == expected[modality].tolist()


def test_constant_columns_come_last(cohort):
    X, y = cohort
    X = X.assign(exp__A=1.0, exp__B=2.0)[["exp__A", "exp__B", *X.columns]]
    assert MultiOmicsSelector().fit(X, y).rankings_["exp"][-2:].tolist() == ["exp__A", "exp__B"]


def test_a_feature_that_determines_the_classes_ranks_first(cohort):
    X, y = cohort
    X = X.assign(cna__planted=pd.factorize(y)[0] == 0)
    assert MultiOmicsSelector().fit(X, y).rankings_["cna"][0] == "cna__planted"


def test_output_keeps_index_values_and_dtypes(cohort):
    X, y = cohort
    X = X.astype(dict.fromkeys(X.filter(like="mut__"), "int8"))
    selected = MultiOmicsSelector(k=10).fit_transform(X, y)
    pd.testing.assert_frame_equal(selected, X[selected.columns])


@pytest.mark.parametrize("absent", [0, 20])
@pytest.mark.parametrize("columns", ["mut__", "mut__GENE0001"])
def test_sparse_columns_are_selected_like_dense_ones_and_stay_sparse(cohort, columns, absent):
    X, y = cohort
    X = X.astype(dict.fromkeys(X.filter(like="mut__"), "float32" if absent else "int8"))
    X.iloc[:absent, 110:] = np.nan if absent else X.iloc[:absent, 110:]
    sparse_columns = {c: pd.SparseDtype(X[c].dtype, 0) for c in X.filter(like=columns)}
    thin = X.astype(sparse_columns)
    expected = MultiOmicsSelector(k=10).fit(X, y)
    selector = MultiOmicsSelector(k=10).fit(thin, y)
    np.testing.assert_array_equal(selector.scores_, expected.scores_)
    selected = selector.transform(thin)
    assert selected.dtypes.equals(thin.dtypes[selected.columns])
    np.testing.assert_array_equal(selected, expected.transform(X))
    model = make_pipeline(
        MultiOmicsSelector(k=10), SimpleImputer(), StandardScaler(), RidgeClassifier()
    )
    model.fit(thin, y)


def test_an_array_with_modalities_comes_out_as_a_named_table(cohort, positions):
    X, y = cohort
    selected = MultiOmicsSelector(k=10, modalities=positions).fit_transform(X.to_numpy(), y)
    assert by_modality(selected.columns) == {"exp": 10, "cna": 10, "mut": 10}
    assert selected.columns[0].startswith("exp__x")
    picked = [int(name.split("__x")[1]) for name in selected.columns]
    np.testing.assert_array_equal(selected.to_numpy(), X.to_numpy()[:, picked])


def test_an_unnamed_array_comes_out_as_an_array(cohort):
    X, y = cohort
    selector = MultiOmicsSelector(k=10).fit(X.to_numpy(), y)
    selected = selector.transform(X.to_numpy())
    assert isinstance(selected, np.ndarray)
    np.testing.assert_array_equal(selected, X.to_numpy()[:, selector.get_support()])
    assert selector.rankings_["X"].dtype.kind == "i"


def test_an_absent_modality_is_left_out_of_its_ranking_and_stays_absent(cohort):
    X, y = cohort
    gaps = X.astype(float)
    gaps.iloc[:30, :60] = np.nan
    selector = MultiOmicsSelector(k=10).fit(gaps, y)
    alone = MultiOmicsSelector(k=10).fit(X.iloc[30:, :60], y[30:])
    assert selector.rankings_["exp"].tolist() == alone.rankings_["exp"].tolist()
    selected = selector.transform(gaps)
    assert selected.filter(like="exp__").iloc[:30].isna().all(axis=None)
    restored = selector.inverse_transform(selected)
    assert restored.iloc[:30, :60].isna().all(axis=None)
    assert restored.iloc[30:].notna().all(axis=None)


def test_inverse_transform_restores_the_selected_columns(cohort):
    X, y = cohort
    selector = MultiOmicsSelector(k=10).fit(X, y)
    restored = selector.inverse_transform(selector.transform(X))
    kept = selector.get_support()
    assert restored.columns.tolist() == X.columns.tolist()
    np.testing.assert_array_equal(restored.loc[:, kept], X.loc[:, kept])
    assert (restored.loc[:, ~kept] == 0).all(axis=None)


@pytest.mark.parametrize(
    "estimator",
    [
        ElasticNet(alpha=0.1),
        LogisticRegression(l1_ratio=1.0, C=0.05, solver="saga", tol=1e-2),
        RandomForestClassifier(20, random_state=0),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_any_estimator_with_coefficients_or_importances_can_rank(cohort, estimator):
    X, y = cohort
    selector = MultiOmicsSelector(k=30, estimator=estimator).fit(X, y)
    assert by_modality(selector.get_feature_names_out()) == {"exp": 30, "cna": 30, "mut": 20}
    shuffled = X.sample(frac=1, axis=1, random_state=1)
    if isinstance(estimator, ElasticNet):
        again = MultiOmicsSelector(k=30, estimator=estimator).fit(shuffled, y)
        assert set(again.get_feature_names_out()) == set(selector.get_feature_names_out())


def test_features_an_estimator_leaves_at_zero_rank_by_their_correlation(cohort):
    X, y = cohort
    y = np.where(y == y.iloc[0], 0, 1)
    nothing = MultiOmicsSelector(k=10, estimator=ElasticNet(alpha=1e6)).fit(X, y)
    univariate = SelectKBest(k=10).fit(X.filter(like="exp__"), y)
    kept = nothing.get_feature_names_out()[:10]
    assert set(kept) == set(univariate.get_feature_names_out())


def test_an_estimator_without_coefficients_raises(cohort):
    X, y = cohort
    with pytest.raises(ValueError, match="neither coef_ nor feature_importances_"):
        MultiOmicsSelector(estimator=KNeighborsClassifier()).fit(X, y)


class Fixed(BaseEstimator):
    """Has the same coefficients whatever it is fitted to."""

    def __init__(self, coef=None):
        self.coef = coef

    def fit(self, X, y):
        self.coef_ = self.coef
        return self


@pytest.mark.parametrize(
    ("coef", "finite"), [(np.ones((60, 1)), 1), (np.ones(59), 59), (np.full(60, np.nan), 0)]
)
def test_coefficients_that_do_not_distinguish_features_raise(cohort, coef, finite):
    X, y = cohort
    with pytest.raises(ValueError, match=f"{finite} finite importances for the 60 features"):
        MultiOmicsSelector(estimator=Fixed(coef)).fit(X.filter(like="exp__"), y)


def test_sparse_coefficients_of_one_row_per_pair_of_classes_rank_by_their_norm(cohort):
    X, y = cohort
    X = X.filter(like="exp__")
    rows = np.random.default_rng(0).normal(size=(3, 60))
    selector = MultiOmicsSelector(k=5, estimator=Fixed(sparse.csr_matrix(rows))).fit(X, y)
    np.testing.assert_allclose(selector.scores_, np.sqrt((rows**2).sum(axis=0)))


def test_the_cache_changes_nothing_and_saves_the_ranking(cohort, tmp_path):
    X, y = cohort
    plain = MultiOmicsSelector(k=10).fit(X, y)
    MultiOmicsSelector(k=20, memory=str(tmp_path)).fit(X, y)
    entries = set(tmp_path.rglob("*.ranking"))
    cached = MultiOmicsSelector(k=10, memory=str(tmp_path)).fit(X, y)
    assert len(entries) == 3
    assert set(tmp_path.rglob("*.ranking")) == entries
    np.testing.assert_array_equal(cached.scores_, plain.scores_)
    assert cached.get_feature_names_out().tolist() == plain.get_feature_names_out().tolist()


def test_ranking_modalities_in_parallel_changes_nothing(cohort):
    X, y = cohort
    one = MultiOmicsSelector().fit(X, y)
    two = MultiOmicsSelector(n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(one.scores_, two.scores_)


def test_a_backend_of_processes_gets_no_copy_of_the_table(cohort):
    X, y = cohort
    with parallel_config(backend="loky", n_jobs=2):
        selector = MultiOmicsSelector(estimator=Local(), k=5).fit(X, y)
    assert selector.get_support().sum() == 15
    assert Local.process == os.getpid()


class Local(ElasticNet):
    """Ranks like the elastic net; keeps the process in which it was fitted."""

    process = None

    def fit(self, X, y):
        Local.process = os.getpid()
        return super().fit(X, y)


class ThreadCounter(ElasticNet):
    """Ranks like the elastic net; keeps the number of threads that its matrix products may use."""

    seen = ()

    def fit(self, X, y):
        libraries = threadpool_info()
        ThreadCounter.seen += (
            max(lib["num_threads"] for lib in libraries if lib["user_api"] == "blas"),
        )
        return super().fit(X, y)


@pytest.mark.parametrize(("n_jobs", "expected"), [(None, 4), (1, 4), (2, 2), (3, 1), (-1, None)])
def test_modalities_ranked_at_once_share_the_processors(cohort, n_jobs, expected):
    ThreadCounter.seen = ()
    with threadpool_limits(4, user_api="blas"):
        MultiOmicsSelector(estimator=ThreadCounter(alpha=0.1), n_jobs=n_jobs).fit(*cohort)
        after = max(lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas")
    expected = expected or max(4 // min(effective_n_jobs(-1), 3), 1)
    assert ThreadCounter.seen == (expected,) * 3
    assert after == 4


def test_a_half_written_cache_is_ranked_anew(cohort, tmp_path):
    X, y = cohort
    expected = MultiOmicsSelector(memory=str(tmp_path)).fit(X, y)
    entries = list(tmp_path.rglob("*.ranking"))
    assert len(entries) == 3
    for entry in entries:
        entry.write_bytes(entry.read_bytes()[:100])
    with pytest.warns(UserWarning, match="recomputing"):
        again = MultiOmicsSelector(memory=str(tmp_path)).fit(X, y)
    np.testing.assert_array_equal(again.scores_, expected.scores_)

"""The path is the elastic net's, and the ranking is the path's."""

import tracemalloc

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core import caching
from sklearn.linear_model import MultiTaskElasticNet

from xmodal_sklearn._compiled import compiled
from xmodal_sklearn.selection import _coordinate_descent
from xmodal_sklearn.selection._elastic_net import elastic_net_path, score_features
from xmodal_sklearn.selection._ranking import best_first

SHARES = np.array([0.9, 0.6, 0.3, 0.1, 0.03])


def problem(n, p, n_classes=3, correlation=0.0, seed=0):
    random = np.random.default_rng(seed)
    shared = random.normal(size=(n, 1))
    X = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * random.normal(size=(n, p))
    signal = X[:, : min(p, 5)].sum(axis=1) + random.normal(size=n)
    codes = np.digitize(signal, np.quantile(signal, np.arange(1, n_classes) / n_classes))
    return X * random.uniform(0.1, 10, size=p) + random.normal(size=p), np.eye(n_classes)[codes]


def standardize(X):
    scale = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(scale > 1e-12, scale, np.inf)


def dense(path, step, p):
    coefficients = np.zeros((p, path.coefficients[step].shape[1]))
    coefficients[path.features[step]] = path.coefficients[step]
    return coefficients


def oracle(X, Y, penalty, l1_ratio):
    model = MultiTaskElasticNet(alpha=penalty, l1_ratio=l1_ratio, tol=1e-12, max_iter=100_000)
    return model.fit(standardize(X), Y - Y.mean(axis=0)).coef_.T


def ranked(X, Y, **options):
    """Columns, best first, and the score of each column."""
    scores = score_features(X, Y, **options)
    return best_first(scores, np.arange(X.shape[1])), scores


def assert_equals_scikit_learn(X, Y, l1_ratio):
    path = elastic_net_path(X, Y, l1_ratio=l1_ratio, shares=SHARES, tol=1e-7)
    assert len(path.penalties) == len(SHARES)
    for step, penalty in enumerate(path.penalties):
        expected = oracle(X, Y, penalty, l1_ratio)
        actual = dense(path, step, X.shape[1])
        np.testing.assert_allclose(actual, expected, atol=1e-5)
        np.testing.assert_array_equal(actual.any(axis=1), np.abs(expected).max(axis=1) > 1e-7)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("l1_ratio", [0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(
    ("n", "p", "n_classes", "correlation"),
    [(40, 300, 3, 0.0), (300, 30, 5, 0.0), (60, 60, 2, 0.8), (50, 200, 11, 0.5), (30, 1, 2, 0)],
)
def test_path_equals_scikit_learn(n, p, n_classes, correlation, l1_ratio):
    assert_equals_scikit_learn(*problem(n, p, n_classes, correlation), l1_ratio)


def test_copies_and_constant_columns_equal_scikit_learn():
    X, Y = problem(50, 40)
    X[:, 7], X[:, 30], X[:, 12] = 3 * X[:, 0] - 1, -X[:, 0], 5.0
    assert_equals_scikit_learn(X, Y, l1_ratio=0.5)


@settings(max_examples=40)
@given(
    n=st.integers(10, 60),
    p=st.integers(1, 80),
    n_classes=st.integers(2, 6),
    l1_ratio=st.floats(0.05, 1),
    correlation=st.floats(0, 0.95),
    seed=st.integers(0, 1000),
)
def test_every_column_meets_the_optimality_conditions(n, p, n_classes, l1_ratio, correlation, seed):
    X, Y = problem(n, p, n_classes, correlation, seed)
    path = elastic_net_path(X, Y, l1_ratio=l1_ratio, shares=SHARES, tol=1e-7)
    Z, centered = standardize(X), Y - Y.mean(axis=0)
    for step, penalty in enumerate(path.penalties):
        coefficients = dense(path, step, p)
        gradient = Z.T @ (centered - Z @ coefficients) / n
        gradient -= penalty * (1 - l1_ratio) * coefficients
        length = np.linalg.norm(coefficients, axis=1)
        kept = length > 0
        threshold = penalty * l1_ratio
        assert (np.linalg.norm(gradient[~kept], axis=1) <= threshold * (1 + 1e-4)).all()
        np.testing.assert_allclose(
            gradient[kept],
            threshold * coefficients[kept] / length[kept, None],
            atol=1e-4 * threshold,
        )


@pytest.mark.parametrize("kind", ["fortran", "strided", "float32", "memory map", "read-only"])
def test_layout_and_precision_do_not_matter(kind, tmp_path):
    X, Y = problem(80, 150, correlation=0.3)
    expected = ranked(X, Y)[0]
    if kind == "fortran":
        X = np.asfortranarray(X)
    elif kind == "strided":
        X = np.repeat(X, 2, axis=1)[:, ::2]
    elif kind == "float32":
        X = X.astype(np.float32)
    elif kind == "memory map":
        np.save(tmp_path / "X.npy", X)
        X = np.load(tmp_path / "X.npy", mmap_mode="r")
    else:
        X.flags.writeable = False
    np.testing.assert_array_equal(ranked(X, Y)[0][:100], expected[:100])


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, bool])
def test_counts_and_flags_rank_as_floats_do(dtype):
    X, Y = problem(80, 60)
    flags = standardize(X) > 0.5
    expected = ranked(flags.astype(float), Y)
    actual = ranked(flags.astype(dtype), Y)
    np.testing.assert_array_equal(actual[0], expected[0])
    np.testing.assert_allclose(actual[1], expected[1])


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), n=st.integers(20, 80), p=st.integers(2, 60))
def test_ranking_ignores_the_order_scale_and_shift_of_columns(seed, n, p):
    X, Y = problem(n, p, seed=seed)
    random = np.random.default_rng(seed)
    order = random.permutation(p)
    scale = random.choice([-1, 1], size=p) * 2.0 ** random.integers(-5, 6, size=p)
    changed = X[:, order] * scale + random.integers(-3, 4, size=p)
    expected, scores = ranked(X, Y)
    actual, changed_scores = ranked(changed, Y)
    np.testing.assert_array_equal(order[actual], expected)
    np.testing.assert_allclose(changed_scores, scores[order], atol=1e-4)


def test_copies_share_their_score_whatever_their_scale_and_place():
    X, Y = problem(60, 100)
    X[:, 50], X[:, 80], X[:, 99] = -4 * X[:, 2] + 3, X[:, 2], X[:, 70]
    _, scores = ranked(X, Y)
    assert scores[2] == scores[50] == scores[80]
    assert scores[70] == scores[99]


def test_ranking_follows_the_path():
    X, Y = problem(60, 80, correlation=0.2)
    order, scores = ranked(X, Y)
    entry, length = np.full(80, np.inf), np.zeros(80)
    largest = np.linalg.norm(standardize(X).T @ (Y - Y.mean(axis=0)), axis=1).max() / 60 / 0.5
    for step, penalty in enumerate(largest * 0.9 ** np.arange(1, 45)):
        norms = np.linalg.norm(oracle(X, Y, penalty, 0.5), axis=1)
        new = (norms > 1e-9) & np.isinf(entry)
        entry[new], length[new] = step, norms[new]
    entered = order[scores[order] >= 1]
    assert len(entered) > 30
    assert entry[entered].tolist() == sorted(entry[entered].tolist())
    assert entry[entered].max() < np.delete(entry, entered).min()
    expected = np.lexsort((-length, entry))[: len(entered)]
    # Norms that differ by less than the solver's tolerance may swap.
    assert np.mean(entered == expected) > 0.9


def test_columns_that_never_enter_rank_by_their_correlation_with_the_residual():
    X, Y = problem(400, 60, seed=3)
    Y = Y[np.random.default_rng(0).permutation(400)]
    order, scores = ranked(X, Y, l1_ratio=1.0)
    never = scores < 1
    assert 0 <= never.sum() < 60
    assert (np.diff(scores[order]) <= 0).all()


def test_a_column_that_determines_the_classes_ranks_first():
    X, Y = problem(60, 500, n_classes=2)
    X[:, 333] = Y[:, 0] * 2 - 7
    assert ranked(X, Y)[0][0] == 333


def test_constant_columns_score_zero_and_come_last():
    X, Y = problem(40, 20)
    X[:, [3, 9]] = 0.1, 1e8
    order, scores = ranked(X.astype(np.float32), Y)
    assert set(order[-2:]) == {3, 9}
    assert scores[3] == scores[9] == 0


def test_a_table_of_constants_ranks_by_position():
    assert ranked(np.ones((10, 4)), np.eye(2)[[0, 1] * 5])[0].tolist() == [0, 1, 2, 3]


def test_numbers_too_large_to_be_squared_are_ranked():
    X, Y = problem(20, 5)
    expected = ranked(X, Y)
    X[:, 3] *= 1e300
    np.testing.assert_allclose(ranked(X, Y)[1], expected[1])


@pytest.mark.parametrize(("dtype", "large"), [("float32", 1e38), ("float64", 1e308)])
def test_numbers_too_large_to_be_summed_raise(dtype, large):
    X, Y = problem(20, 5)
    X = X.astype(dtype)
    X[:, 3] = np.sign(X[:, 3]) * large
    with pytest.raises(ValueError, match="Column 3 of a modality holds numbers too large"):
        ranked(X, Y)


@pytest.mark.parametrize("l1_ratio", [0, -1, 1.1])
def test_an_impossible_l1_ratio_raises(l1_ratio):
    with pytest.raises(ValueError, match="l1_ratio"):
        ranked(*problem(20, 5), l1_ratio=l1_ratio)


@pytest.mark.parametrize("dtype", [np.float32, np.int8])
def test_the_table_is_never_copied_whole(dtype):
    random = np.random.default_rng(0)
    X = random.integers(-100, 100, size=(500, 100_000)).astype(dtype)
    Y = np.eye(2)[random.integers(2, size=500)]
    ranked(X[:, :100], Y)
    tracemalloc.start()
    ranked(X, Y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.6 * 500 * 100_000 * 4


def test_columns_related_to_the_classes_by_rounding_only_score_zero():
    X = np.tile(np.random.default_rng(0).standard_normal((30, 40)), (2, 1))
    assert (score_features(X, np.repeat(np.eye(2), 30, axis=0)) == 0).all()


def test_a_solution_that_never_settles_ends(monkeypatch):
    calls = []
    monkeypatch.setattr(_coordinate_descent, "_descend", lambda *args: calls.append(args))
    X, Y = problem(30, 8)
    path = elastic_net_path(X, Y, l1_ratio=0.5, shares=SHARES)
    assert len(path.penalties) == len(SHARES)
    # At most once more for each column that joins.
    assert len(calls) <= _coordinate_descent.MAX_DESCENTS * (len(SHARES) + X.shape[1])


def test_the_solver_compiles_without_a_writable_folder(monkeypatch):
    def read_only(locator):
        raise OSError(30, "Read-only file system")

    def total(values):
        return values.sum()

    monkeypatch.setattr(caching._CacheLocator, "ensure_cache_path", read_only)
    with pytest.raises(RuntimeError, match="cannot cache"):
        numba.njit(cache=True)(total)
    assert compiled()(total)(np.ones(3)) == 3

"""What a classifier gets where it asks a selector to select by some of the samples only."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import KFold

from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.modalities._nested import nested_selection
from xmodal_sklearn.selection import _elastic_net
from xmodal_sklearn.selection._elastic_net import score_features

N_FOLDS = 5


def folds(n_samples, seed=0):
    return [
        rows for rows, _ in KFold(N_FOLDS, shuffle=True, random_state=seed).split(range(n_samples))
    ]


def take(X, rows):
    return X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]


def assert_selects_as_a_fit_to_the_rows(X, y, seed=0, **params):
    """Compare each fold with a selector that is fitted to its rows, which ranks them whole."""
    selector, y = MultiOmicsSelector(**params), np.asarray(y)
    selected = selector.fit_transform(X, y)
    nested = nested_selection(selected, y, "weigh the branches")
    for rows in folds(len(y), seed):
        expected = MultiOmicsSelector(**params).fit(take(X, rows), y[rows]).transform(X)
        pd.testing.assert_frame_equal(
            pd.DataFrame(nested(rows)[0]), pd.DataFrame(expected), check_dtype=False
        )


def with_gaps(X):
    gaps = X.astype(float)
    gaps.iloc[:30, :60], gaps.iloc[20:40, 110:] = np.nan, np.nan
    return gaps.mask(np.random.default_rng(0).random(X.shape) < 0.02)


def with_categories(X):
    """Return the columns of `mut` as two sexes, stages in order, and sites."""
    levels = {"mut__a": ["f", "m"], "mut__b": ["I", "II", "III"], "mut__c": list("uvwxyz")}
    random, categorical = np.random.default_rng(0), X.copy()
    for name, values in levels.items():
        drawn = random.choice(values, len(X))
        categorical[name] = pd.Categorical(drawn, ordered=name == "mut__b")
    return categorical


@pytest.mark.parametrize("k", [1, 19])
@pytest.mark.parametrize(
    "change",
    [lambda X: X, with_gaps, with_categories, lambda X: X.astype(pd.SparseDtype(float, 0))],
    ids=["plain", "gaps", "categories", "sparse"],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_selects_what_the_rows_alone_select(cohort, change, k):
    X, y = cohort
    assert_selects_as_a_fit_to_the_rows(change(X), y, k=k)


@pytest.mark.parametrize("seed", range(3))
def test_simulated_and_random_tables(seed):
    random = np.random.default_rng(seed)
    X, y = make_multiomics(100, {"exp": 300}, dtype="float32", return_X_y=True, random_state=seed)
    assert_selects_as_a_fit_to_the_rows(X, y, seed, k=int(random.integers(1, 200)))
    noise = random.normal(size=(60, 200))
    noise[:, 150:] = noise[:, :50]  # copies
    order = random.choice(["C", "F"])
    labels = random.integers(0, 3, size=60)
    assert_selects_as_a_fit_to_the_rows(np.asarray(noise, order=order), labels, seed, k=40)


@pytest.mark.parametrize("name", ["khan", "alon"])
def test_real_tables(data_dir, name):
    with np.load(data_dir / "wide" / f"{name}.npz") as data:
        assert_selects_as_a_fit_to_the_rows(data["x"].T, data["y"], k=100)


@pytest.mark.parametrize("params", [{"pairs": True}, {"estimator": RidgeClassifier()}], ids=str)
def test_other_ways_to_rank(cohort, params):
    X, y = cohort
    assert_selects_as_a_fit_to_the_rows(X, y, k={"exp": 12, "cna": 30}, **params)


@pytest.mark.parametrize("memory", [str, joblib.Memory], ids=["folder", "joblib"])
def test_a_repeated_search_over_k_ranks_nothing_anew(cohort, tmp_path, memory, monkeypatch):
    X, y = cohort
    cache = memory(tmp_path)

    def select_all(k):
        selected = MultiOmicsSelector(k, memory=cache).fit_transform(X, y)
        nested = nested_selection(selected, y, "weigh the branches")
        return [selected, *(nested(rows)[0] for rows in folds(len(y)))]

    first = select_all(5)
    monkeypatch.setattr(_elastic_net, "elastic_net_path", None)
    for table, expected in zip(select_all(5), first, strict=True):
        pd.testing.assert_frame_equal(table, expected)
    assert [table.shape[1] for table in select_all(10)] == [30] * (N_FOLDS + 1)


def test_only_as_much_is_ranked_as_is_selected(cohort, monkeypatch):
    X, y = cohort
    selected = MultiOmicsSelector({"exp": 5, "cna": 8}).fit_transform(X, y)
    most = []

    def path(*arguments, max_features, **options):
        most.append(max_features)
        return whole(*arguments, max_features=max_features, **options)

    whole = _elastic_net.elastic_net_path
    monkeypatch.setattr(_elastic_net, "elastic_net_path", path)
    nested_selection(selected, y, "weigh the branches")(folds(len(y))[0])
    assert most == [5, 8]  # all mutations are kept


@pytest.mark.parametrize("max_features", [1, 10, 40])
def test_a_short_path_has_the_best_scores_of_the_whole_one(max_features):
    random = np.random.default_rng(0)
    X, Y = random.normal(size=(80, 300)), np.eye(3)[random.integers(0, 3, size=80)]
    whole, short = score_features(X, Y), score_features(X, Y, max_features=max_features)
    best = np.argsort(-whole)[:max_features]
    np.testing.assert_array_equal(short[best], whole[best])
    assert np.delete(short, best).max() <= whole[best].min()

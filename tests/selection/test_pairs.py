"""With pairs=True, features that tell something only together are kept."""

import numpy as np
import pandas as pd
import pytest

from xmodal_sklearn import MultiOmicsSelector, concat_modalities, split_modalities
from xmodal_sklearn.datasets import make_multiomics

SIZES = {"exp": 120, "cna": 60, "mut": 40}


@pytest.fixture(scope="module", params=["switch", "dosage", "cis"])
def planted(request):
    return make_multiomics(800, SIZES, 2, weights=[1, 1], interaction=request.param, random_state=0)


def share_kept(selector, bunch):
    """The share of the columns of planted pairs that are selected."""
    kept = set(selector.fit(bunch.data, bunch.target).get_feature_names_out())
    return np.mean(
        [column in kept for column in np.unique(bunch.interactions[["primary", "other"]])]
    )


def test_the_columns_of_planted_pairs_are_kept(planted):
    assert share_kept(MultiOmicsSelector(k=20, pairs=True), planted) > 0.85
    assert share_kept(MultiOmicsSelector(k=20), planted) < 0.7


def test_rankings_nest_and_scores_order_them(planted):
    X, y = planted.data, planted.target
    small, large = (MultiOmicsSelector(k=k, pairs=True).fit(X, y) for k in (5, 30))
    assert set(small.get_feature_names_out()) < set(large.get_feature_names_out())
    for modality in large.modalities_:
        scores = pd.Series(large.scores_, large.feature_names_in_)[large.rankings_[modality]]
        assert scores.is_monotonic_decreasing, modality


def test_a_cache_and_its_absence_give_the_same(planted, tmp_path):
    X, y = planted.data, planted.target
    cached = [MultiOmicsSelector(k=9, pairs=True, memory=tmp_path).fit(X, y) for _ in range(2)]
    for selector in cached:
        np.testing.assert_array_equal(
            selector.scores_, MultiOmicsSelector(pairs=True).fit(X, y).scores_
        )


def test_features_outside_of_pairs_keep_their_order(planted):
    X, y = planted.data, planted.target
    plain, with_pairs = (MultiOmicsSelector(pairs=pairs).fit(X, y) for pairs in (False, True))
    for modality, ranking in plain.rankings_.items():
        same = with_pairs.scores_ == plain.scores_
        rest = set(plain.feature_names_in_[same])
        before, after = (
            [name for name in order if name in rest]
            for order in (ranking, with_pairs.rankings_[modality])
        )
        assert before == after
        assert set(with_pairs.rankings_[modality][: len(ranking) - len(before)]).isdisjoint(rest)


def test_one_modality_has_no_pairs(planted):
    X, y = planted.data.filter(like="exp__"), planted.target
    plain, with_pairs = (MultiOmicsSelector(pairs=pairs).fit(X, y) for pairs in (False, True))
    np.testing.assert_array_equal(plain.scores_, with_pairs.scores_)


def test_absent_modalities_are_left_out_of_their_pairs(planted):
    tables = split_modalities(planted.data)
    other = planted.interactions["other"].iloc[0].partition("__")[0]
    tables[other] = tables[other].iloc[200:]
    X = concat_modalities(tables, join="outer")
    selector = MultiOmicsSelector(k=20, pairs=True).fit(X, planted.target.loc[X.index])
    columns = np.unique(planted.interactions[["primary", "other"]])
    assert np.isin(columns, selector.get_feature_names_out()).mean() > 0.8


def test_each_interaction_has_a_feature_of_the_primary_modality():
    random = np.random.default_rng(0)
    names = [f"{modality}__{i}" for modality in "abc" for i in range(6)]
    X = pd.DataFrame(random.normal(size=(300, 18)), columns=names)
    y = X["a__0"] * X["c__0"] > 0
    for primary, expected in ((None, True), ("a", True), ("c", True), ("b", False)):
        selector = MultiOmicsSelector(k=1, pairs=True, primary=primary).fit(X, y)
        kept = set(selector.get_feature_names_out())
        assert ({"a__0", "c__0"} <= kept) == expected, primary


def test_an_unknown_primary_modality_is_named(cohort):
    with pytest.raises(ValueError, match=r"primary='exq' is not a modality of X.*'exp'"):
        MultiOmicsSelector(primary="exq").fit(*cohort)

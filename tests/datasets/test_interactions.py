"""Classes that depend on interactions between two modalities."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from xmodal_sklearn.datasets import make_multiomics

SIZES = {"exp": 60, "cna": 30, "mut": 25}
PAIRS = ["switch", "gate", "dosage", "cis"]


def make(kind, n_samples=1000, n_classes=2, **options):
    return make_multiomics(n_samples, SIZES, n_classes, interaction=kind, random_state=3, **options)


@pytest.fixture(scope="module", params=[*PAIRS, "additive"])
def cohort(request):
    return make(request.param, weights=[1, 1])


def test_the_probabilities_are_those_by_which_the_classes_were_drawn(cohort):
    proba, y = cohort.proba, cohort.target
    assert proba.index.equals(cohort.data.index)
    assert list(proba) == list(cohort.target_names)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    second = proba["class_1"]
    in_bins = pd.cut(second, np.linspace(0, 1, 6), include_lowest=True)
    observed = (y == "class_1").groupby(in_bins, observed=True).agg(["mean", "size"])
    expected = second.groupby(in_bins, observed=True).mean()
    error = np.sqrt(expected * (1 - expected) / observed["size"])
    assert (abs(observed["mean"] - expected) < 4 * error).all()
    entropy = -(proba * np.log(proba)).sum(axis=1).mean()
    assert log_loss(y, proba) == pytest.approx(entropy, abs=0.05)
    assert roc_auc_score(y == "class_1", second) > 0.8


@pytest.mark.parametrize("kind", PAIRS)
def test_no_feature_of_a_pair_is_as_informative_as_the_pair(kind):
    cohort = make(kind, weights=[1, 1])
    y = cohort.target == "class_1"

    def auc(values):
        return abs(roc_auc_score(y, values) - 0.5)

    ranks = cohort.data.rank() / len(y) - 0.5
    pairs = cohort.interactions
    together = sum(
        ranks[pair.primary] * ranks[pair.other] * np.sign(auc_sign(y, ranks, pair))
        for pair in pairs.itertuples()
    )
    alone = max(auc(ranks[column]) for column in {*pairs["primary"], *pairs["other"]})
    assert auc(together) > 0.2
    # A gate lets its module through as it is, so the module alone is informative.
    assert alone < (0.95 if kind == "gate" else 0.4) * auc(together)


def auc_sign(y, ranks, pair):
    return roc_auc_score(y, ranks[pair.primary] * ranks[pair.other]) - 0.5


def test_pairs_are_columns_of_expression_and_of_the_other_modality(cohort):
    pairs = cohort.interactions
    assert list(pairs) == ["kind", "class", "primary", "other"]
    assert set(pairs["primary"]) | set(pairs["other"]) <= set(cohort.feature_names)
    assert pairs["primary"].str.startswith("exp__").all()
    assert not pairs["other"].str.startswith("exp__").any()
    informative = {column for columns in cohort.informative.values() for column in columns}
    assert set(pairs["primary"]) | set(pairs["other"]) <= informative


def test_each_class_but_the_first_has_pairs_of_its_own():
    cohort = make("switch", n_classes=3, weights=[3, 2, 1])
    by_class = cohort.interactions.groupby("class")["primary"].agg(set)
    assert list(by_class.index) == ["class_1", "class_2"]
    assert not by_class["class_1"] & by_class["class_2"]
    shares = cohort.target.value_counts(normalize=True)
    np.testing.assert_allclose(shares[list(cohort.target_names)], [1 / 2, 1 / 3, 1 / 6], atol=0.04)


def test_without_strength_only_the_sizes_of_the_classes_are_left():
    cohort = make("dosage", weights=[2, 1], interaction_strength=0)
    np.testing.assert_allclose(cohort.proba, [[2 / 3, 1 / 3]] * 1000)


def test_in_cis_a_gene_interacts_with_its_own_copy_number():
    pairs = make("cis").interactions
    assert (pairs["primary"].str[5:] == pairs["other"].str[5:]).all()


def test_no_pairs_are_selected_without_an_interaction():
    plain = make_multiomics(100, SIZES, random_state=0)
    assert "interactions" not in plain
    assert "proba" not in plain


def test_modalities_may_be_missing_and_the_seed_decides():
    first, second = (make("gate", 200, missing={"mut": 0.3}) for _ in range(2))
    pd.testing.assert_frame_equal(first.data, second.data)
    pd.testing.assert_frame_equal(first.interactions, second.interactions)
    assert first.data.filter(like="mut__").isna().all(axis=1).sum() == 60


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"interaction": "sum"}, "interaction.*must be"),
        (
            {"interaction": "cis", "n_features": {"exp": 9, "mut": 9}},
            r"needs the modalities \['cna', 'exp'\]",
        ),
        ({"interaction": "switch", "n_features": {"exp": 5, "mut": 9}}, "6 columns.*5 left"),
        ({"interaction": "cis", "n_features": {"exp": 5, "cna": 9}}, "6 genes.*left"),
        ({"interaction": "gate", "interaction_strength": -1}, "interaction_strength"),
        ({"interaction": "gate", "n_samples": 3, "weights": [1e4, 1]}, "too few for 2 classes"),
    ],
)
def test_what_can_not_be_planted_raises(arguments, message):
    arguments = {"n_samples": 50, "n_classes": 2, "random_state": 0} | arguments
    with pytest.raises(ValueError, match=message):
        make_multiomics(**arguments)

"""The table of modalities and K."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.paper import (
    compare_modalities,
    is_metabric,
    modality_sets,
    paper_network,
    paper_settings,
)

SETS = {
    "EXP": ["exp"],
    "EXP+CNA": ["exp", "cna"],
    "EXP+MUT": ["exp", "mut"],
    "EXP+CNA+MUT": ["exp", "cna", "mut"],
}
FOLDS = StratifiedKFold(2, shuffle=True, random_state=0)


def classifier():
    return LogisticRegression(C=0.1, max_iter=200)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def table(cohort, store):
    return compare_modalities(*cohort, classifier(), ks=[5, 15], cv=FOLDS, store=store)


@pytest.mark.parametrize("k", [5, 15])
def test_every_model_predicts_what_its_plain_pipeline_does(cohort, table, k):
    X, y = cohort
    for (name, modalities), fold in product(SETS.items(), range(2)):
        train, test = list(FOLDS.split(X, y))[fold]
        columns = [column for m in modalities for column in X if column.startswith(f"{m}__")]
        plain = make_pipeline(MultiOmicsSelector(k), classifier())
        plain.fit(X.iloc[train][columns], y.iloc[train].to_numpy())
        rows = table.predictions.query(f"estimator == '{name}, K={k}' and fold == {fold}")
        shown = rows.set_index("sample").loc[test]
        probabilities = shown[[f"p: {label}" for label in plain.classes_]]
        expected = plain.predict_proba(X.iloc[test][columns])
        np.testing.assert_allclose(probabilities, expected, rtol=1e-12, err_msg=name)


def test_one_ranking_per_fold_and_modality_serves_all_models(table, store):
    assert len(list((store / "rankings").rglob("*.ranking"))) == 2 * 3


def test_the_larger_k_keeps_the_features_of_the_smaller_one_in_every_set(table):
    rows = table.selected.set_index(["estimator", "fold", "modality"])["feature"].sort_index()
    for name in SETS:
        small, large = (rows.xs(f"{name}, K={k}") for k in (5, 15))
        for key, features in small.groupby(level=[0, 1]):
            assert set(features) < set(large.loc[key])


def test_parallel_runs_and_the_order_of_k_change_nothing(cohort, table):
    X, y = cohort
    again = compare_modalities(X, y, classifier(), ks=[15, 5], cv=FOLDS, n_jobs=2)
    order = ["estimator", "fold", "sample"]
    pd.testing.assert_frame_equal(
        again.predictions.sort_values(order, ignore_index=True),
        table.predictions.sort_values(order, ignore_index=True),
    )


def test_other_models_are_compared_on_all_modalities(cohort):
    X, y = cohort
    plain = make_pipeline(MultiOmicsSelector(5), classifier())
    result = compare_modalities(X, y, classifier(), ks=[5], others={"plain": plain}, cv=FOLDS)
    scores = result.scores.query("metric == 'f1_macro'").set_index(["estimator", "fold"])["value"]
    pd.testing.assert_series_equal(scores["plain"], scores["EXP+CNA+MUT, K=5"])


def test_the_primary_modality_is_in_every_set():
    assert modality_sets(["mut", "exp"]) == [("mut",), ("mut", "exp")]
    assert modality_sets(["exp"]) == [("exp",)]
    assert list(paper_settings(["exp", "cna", "mut"], [1, 2]).values()) == [
        (name, k) for name in SETS for k in (1, 2)
    ]


def test_metabric_is_recognized_by_its_patient_names():
    assert is_metabric(["MB-0000", "MB-7299"])
    assert not is_metabric(["MB-0000", "TCGA-3C-AAAU"])


def test_the_network_of_the_paper_is_attention_over_feature_tokens(cohort):
    X, y = cohort
    model = paper_network(k=8, random_state=0, max_epochs=20).fit(X, y)
    assert model[0].get_support().sum() == 24
    classifier = model[-1]
    assert list(classifier.stacking_weights_) == ["attention"]
    assert (classifier.tokenizer, classifier.attention) == ("feature", "softmax")
    module = classifier.net_.module_
    assert module.n_members == 1
    assert {name.partition(".")[0] for name, _ in module.named_parameters()} == {
        "encoder",
        "classifier",
    }
    assert model.score(X, y) > 0.7
    assert paper_network(n_heads=2)[-1].n_heads == 2

"""Common mistakes of new users raise errors with a remedy."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from xmodal_sklearn import (
    CrossModalAttentionClassifier,
    MultiOmicsSelector,
    align_features,
    concat_modalities,
    split_modalities,
)
from xmodal_sklearn.baselines import make_baselines
from xmodal_sklearn.benchmark import compare

MISNAMED = {
    "model": (lambda X, y: make_baselines(models=["Random Forest"]), "random forest"),
    "fusion": (lambda X, y: make_baselines(fusion=["Late"]), "late"),
    "metric": (lambda X, y: compare({"a": LogisticRegression()}, X, y, scoring=["f1_makro"]), "f1"),
    "branches": (lambda X, y: CrossModalAttentionClassifier(branches=["MLP"]).fit(X, y), "mlp"),
    "primary": (lambda X, y: CrossModalAttentionClassifier(primary="EXP").fit(X, y), "exp"),
    "k": (lambda X, y: MultiOmicsSelector(k={"exp": 5, "CNA": 5, "mut": 5}).fit(X, y), "cna"),
}


@pytest.mark.parametrize(("call", "meant"), MISNAMED.values(), ids=MISNAMED)
def test_a_misspelled_name_gets_the_closest_suggestion(cohort, call, meant):
    with pytest.raises(ValueError, match=f"; did you mean '{meant}"):
        call(*cohort)


def test_a_name_that_resembles_no_other_gets_no_suggestion():
    with pytest.raises(ValueError, match=r"Unknown model 'zzz'\. Installed are"):
        make_baselines(models=["zzz"])


def test_results_suggest_the_closest_name(cohort):
    X, y = cohort
    result = compare({"logistic": LogisticRegression(max_iter=1000)}, X.iloc[:, :3], y, cv=2)
    with pytest.raises(ValueError, match="No estimator 'Logistic' was compared; did you mean 'log"):
        result.test("Logistic")
    with pytest.raises(ValueError, match="No metric 'f1 macro' was computed; did you mean 'f1_mac"):
        result.pairwise("f1 macro")


@pytest.mark.parametrize("number", [10.0, np.float64(10), np.float32(10)])
@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (MultiOmicsSelector, "k"),
        (CrossModalAttentionClassifier, "n_heads"),
        (CrossModalAttentionClassifier, "max_epochs"),
    ],
)
def test_a_float_in_place_of_an_int_raises_with_a_remedy(cohort, estimator, name, number):
    model = estimator(**{name: number})
    with pytest.raises(ValueError, match=f"'{name}' .* must be an int.*Pass 10.*IntDistribution"):
        model.fit(*cohort)


def test_a_float_in_k_by_modality_raises_with_a_remedy(cohort):
    with pytest.raises(ValueError, match=r"k of modality 'exp' .*IntDistribution"):
        MultiOmicsSelector(k={"exp": 10.0, "cna": 5, "mut": 5}).fit(*cohort)


def test_numpy_numbers_are_accepted(cohort):
    selector = MultiOmicsSelector(k=np.int64(10), l1_ratio=1.0).fit(*cohort)
    assert len(selector.get_feature_names_out()) == 30


@pytest.mark.parametrize("join", ["inner", "outer"])
def test_a_transposed_table_raises_in_concat(cohort, join):
    tables = split_modalities(cohort[0])
    tables["cna"] = tables["cna"].T
    with pytest.raises(ValueError, match=r"columns of modality 'cna' .*transposed"):
        concat_modalities(tables, join=join)


@pytest.mark.parametrize("as_array", [False, True], ids=["frame", "array"])
def test_a_transposed_table_raises_in_fit(cohort, as_array):
    X, y = cohort
    transposed = X.T.to_numpy() if as_array else X.T
    for fit in (MultiOmicsSelector(k=5).fit, CrossModalAttentionClassifier().fit):
        with pytest.raises(ValueError, match=r"120 values for 130 samples.*transposed"):
            fit(transposed, y.to_numpy() if as_array else y)
    with pytest.raises(ValueError, match="transposed"):
        compare({"a": LogisticRegression()}, transposed, y)


def test_a_transposed_table_raises_after_fit(cohort):
    X, y = cohort
    selector = MultiOmicsSelector(k=5).fit(X, y)
    for call in (selector.transform, lambda X: align_features(X, selector), split_modalities):
        with pytest.raises(ValueError, match=r"X (is|seems to be) transposed"):
            call(X.T)
    genes = X.T.set_axis([name.partition("__")[2] for name in X.columns], axis=0)
    with pytest.raises(ValueError, match="X is transposed"):
        align_features(genes, selector)


def test_tables_with_unrelated_names_are_not_called_transposed():
    exp = pd.DataFrame({"A": [1.0, 2.0]}, index=["p1", "p2"])
    with pytest.raises(ValueError, match="No sample is common"):
        concat_modalities({"exp": exp, "cna": exp.set_axis(["p3", "p4"])})

"""Maps of pairs: what they are, and that they find what is planted."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from torch.nn.attention import SDPBackend, sdpa_kernel

from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.classifier._cross_effects import cross_effects
from xmodal_sklearn.classifier._inspection import ClassifierView
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.inspection import attention_map, top_pairs


def network_input(classifier, X):
    """The samples as the network takes them."""
    return torch.from_numpy(ClassifierView(classifier, X).x)


def second_derivatives(classifier, sample):
    """Second derivatives of a single member's logits, by PyTorch's own Hessian."""
    module = classifier.net_.module_.eval()

    def logits(x):
        log_proba = module(x[None]).flatten()
        return log_proba - log_proba.mean()

    n_classes = len(classifier.classes_)
    return np.stack(
        [
            torch.autograd.functional.hessian(lambda x, c=c: logits(x)[c], sample).numpy()
            for c in range(n_classes)
        ]
    )


@pytest.mark.parametrize(
    ("tokenizer", "attention", "enrichment"),
    [
        ("patch", "linear", "product"),
        ("patch", "softmax", "sum"),
        ("feature", "linear", "sum"),
        ("feature", "softmax", "product"),
    ],
)
def test_effects_are_the_second_derivatives_of_the_stacked_logits(
    cohort, tokenizer, attention, enrichment
):
    X, y = cohort
    X = X[[*X.columns[:5], *X.columns[60:66], *X.columns[110:114]]]
    classifier = CrossModalAttentionClassifier(
        n_estimators=1,
        max_epochs=3,
        embed_dim=8,
        tokenizer=tokenizer,
        attention=attention,
        enrichment=enrichment,
        random_state=0,
    ).fit(X, y)
    module = classifier.net_.module_
    module.combiner.weights += torch.linspace(0.1, 0.5, module.combiner.weights.shape[1])
    # Few are kept by chance, so the branch of pairs is given some.
    module.pairs.columns[:, 0, :3] = torch.tensor([[0, 1, 1], [6, 7, 6]])
    module.pairs.weight[0, :3] = torch.arange(9.0).view(3, 3)
    sample = network_input(classifier, X)[0]
    # PyTorch's faster kernels have no second derivative to compare with.
    with sdpa_kernel(SDPBackend.MATH):
        expected = second_derivatives(classifier, sample)[:, :5, 5:11]
    effects = attention_map(classifier, X[:1], source="cna", by="class")
    result = np.stack([effects[label].to_numpy() for label in classifier.classes_])
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(result, expected, atol=1e-4 * np.abs(expected).max())
    overall = attention_map(classifier, X[:1], source="cna")
    np.testing.assert_allclose(overall, np.sqrt((expected**2).mean(axis=0)), rtol=1e-3, atol=1e-5)


def test_the_mean_along_random_directions_is_near_the_exact_one(cohort, monkeypatch):
    X, y = cohort
    classifier = CrossModalAttentionClassifier(n_estimators=2, max_epochs=20, random_state=0)
    classifier.fit(X, y)
    module = classifier.net_.module_
    module.combiner.weights[:] = 1
    x = network_input(classifier, X)
    exact = cross_effects(module, x, 1)
    monkeypatch.setattr("xmodal_sklearn.classifier._cross_effects.MIN_DIRECTIONS", 4 * len(x))
    estimated = cross_effects(module, x, 1)
    assert not np.array_equal(estimated, exact)
    assert np.corrcoef(estimated.ravel(), exact.ravel())[0, 1] > 0.9


@pytest.mark.parametrize(("kind", "branches"), [("switch", ["attention"]), ("cis", "all")])
def test_planted_pairs_come_first(kind, branches):
    cohort = make_multiomics(
        800, {"exp": 20, "cna": 20, "mut": 20}, 2, interaction=kind, random_state=1
    )
    classifier = CrossModalAttentionClassifier(n_estimators=2, branches=branches, random_state=0)
    classifier.fit(cohort.data, cohort.target)
    source = cohort.interactions["other"][0].partition("__")[0]
    pairs = top_pairs(attention_map(classifier, cohort.data, source=source), 4, X=cohort.data)
    planted = set(cohort.interactions[["primary", "other"]].itertuples(index=False, name=None))
    assert set(pairs[["primary", "source"]].itertuples(index=False, name=None)) <= planted
    assert pairs["same_gene"].all() == (kind == "cis")
    first = pairs.iloc[0]
    expected = cohort.data[first["primary"]].corr(cohort.data[first["source"]])
    assert first["correlation"] == pytest.approx(expected)


def test_maps_have_the_names_of_x_and_leave_out_samples_without_a_modality(fitted):
    model, X, _ = deepcopy(fitted)
    model[-1].net_.module_.combiner.weights[:] = 1
    effects = attention_map(model, X, source="cna")
    assert effects.shape == (15, 15)
    assert set(effects.index) <= set(X.filter(like="exp__"))
    assert set(effects.columns) <= set(X.filter(like="cna__"))
    pd.testing.assert_frame_equal(attention_map(model, X[20:], source="cna"), effects)
    by_sample = dict(attention_map(model, X[11:22], source="cna", by="sample"))
    assert list(by_sample) == list(X.index[11:22])
    assert not by_sample[X.index[11]].any(axis=None)
    assert not by_sample[X.index[12]].any(axis=None)
    alone = attention_map(model, X[20:21], source="cna")
    pd.testing.assert_frame_equal(by_sample[X.index[20]], alone)
    with pytest.raises(ValueError, match="No sample of X has both 'exp' and 'cna'"):
        attention_map(model, X[:12], source="cna")


def test_an_unknown_source_is_an_error(fitted):
    model, X, _ = fitted
    with pytest.raises(ValueError, match=r"source='met' is not a modality.*\['cna', 'mut'\]"):
        attention_map(model, X, source="met")
    with pytest.raises(ValueError, match="source='exp' is the primary modality"):
        attention_map(model, X, source="exp")
    with pytest.raises(ValueError, match=r"Pass source=.*\['cna', 'mut'\]"):
        attention_map(model, X)


def test_other_models_and_columns_are_errors(fitted, cohort):
    model, X, _ = fitted
    with pytest.raises(NotFittedError):
        attention_map(CrossModalAttentionClassifier(), X, source="cna")
    with pytest.raises(TypeError, match="ends in one, got LogisticRegression"):
        attention_map(LogisticRegression(), X, source="cna")
    with pytest.raises(ValueError, match="same order"):
        attention_map(model, X[X.columns[::-1]], source="cna")
    plain = CrossModalAttentionClassifier(
        branches=["mlp", "centroid"], n_estimators=1, max_epochs=1, random_state=0
    )
    with pytest.raises(ValueError, match="No branch of the model sees two modalities"):
        attention_map(plain.fit(*cohort), cohort[0], source="cna")


def test_one_modality_attends_to_itself(cohort):
    X, y = cohort
    X = X.filter(like="exp__").iloc[:, :8]
    classifier = CrossModalAttentionClassifier(n_estimators=1, max_epochs=3, random_state=0)
    classifier.fit(X, y)
    effects = attention_map(classifier, X[:1], by="class")
    sample = network_input(classifier, X)[0]
    module = classifier.net_.module_
    weights = module.combiner.weights[0]
    assert effects[classifier.classes_[0]].shape == (8, 8)
    # Its MLP beside it has second derivatives of its own, so only attention is left.
    weights[[branch.kind != "attention" for branch in module.branches]] = 0
    expected = second_derivatives(classifier, sample)[0]
    np.testing.assert_allclose(effects[classifier.classes_[0]], expected, atol=1e-5)


def test_a_map_of_zeros_gives_a_warning(cohort):
    X, y = cohort
    classifier = CrossModalAttentionClassifier(n_estimators=1, max_epochs=1, random_state=0)
    classifier.fit(X, y)
    classifier.net_.module_.combiner.weights[:] = 0
    with pytest.warns(UserWarning, match="map is zero"):
        effects = attention_map(classifier, X, source="mut")
    assert len(top_pairs(effects)) == 0


def test_correlations_need_the_features_of_the_map(cohort):
    X, _ = cohort
    effects = pd.DataFrame([[1.0]], ["exp__nowhere"], [X.columns[60]])
    with pytest.raises(ValueError, match="no column 'exp__nowhere'"):
        top_pairs(effects, X=X)

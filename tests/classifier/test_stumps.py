"""The branch of boosted stumps."""

import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from xmodal_sklearn.classifier import _stumps
from xmodal_sklearn.classifier._stumps import fit_stumps
from xmodal_sklearn.classifier.network import StumpsBranch


def targets(codes, n_members=1):
    return np.repeat(np.eye(codes.max() + 1)[codes][:, None], n_members, axis=1)


def branch_of(values, target, n_modalities=1, modalities=None, seed=0):
    """Return the branch of the stumps fitted to values, all in the first modality by default."""
    stumps = [torch.as_tensor(part) for part in fit_stumps(values, target, seed)]
    branch = StumpsBranch(target.shape[1], n_modalities, target.shape[2])
    places = torch.zeros(values.shape[1], dtype=torch.long) if modalities is None else modalities
    branch.set_stumps(*stumps, places[stumps[0]])
    return branch


def proba_of(branch, values):
    x = torch.as_tensor(values)
    present = [torch.ones(len(x), dtype=torch.bool)] * branch.offset.shape[1]
    return branch(x, present).softmax(dim=2).numpy()


def test_they_are_as_good_as_those_of_scikit_learn():
    X, y = make_classification(900, 30, n_informative=8, n_classes=3, random_state=0)
    # Classes by two thresholds, neither at the mean.
    y = (X[:, 0] > 0.5).astype(int) + (X[:, 1] > -0.8)
    y = np.where(np.random.default_rng(0).random(900) < 0.1, (y + 1) % 3, y)
    X = ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32)
    train, test, y_train, y_test = train_test_split(X, y, random_state=0)
    reference = HistGradientBoostingClassifier(
        max_leaf_nodes=2, max_iter=300, early_stopping=False, random_state=0
    ).fit(train, y_train)
    proba = proba_of(branch_of(train, targets(y_train)), test)[0]
    assert log_loss(y_test, proba) < log_loss(y_test, reference.predict_proba(test)) + 0.02


def test_a_threshold_is_found_where_it_is():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(400, 5)).astype(np.float32)
    branch = branch_of(values, targets((values[:, 3] > 1).astype(int)))
    strength = branch.weight.abs().sum(dim=(0, 2))
    assert branch.columns[strength.argmax()] == 3
    assert abs(branch.thresholds[strength.argmax()] - 1) < 0.15


def test_values_of_a_binary_feature_are_never_within_the_rise():
    flags = (np.arange(200) < 40).astype(np.float32)
    values = ((flags - flags.mean()) / flags.std())[:, None]
    branch = branch_of(values, targets(flags.astype(int)))
    assert set(branch.rise(torch.as_tensor(values)).unique().tolist()) == {0, 1}
    assert proba_of(branch, values)[0, flags == 1, 1].min() > 0.9


def test_a_stump_has_a_gradient_around_its_threshold():
    values = np.linspace(-2, 2, 300, dtype=np.float32)[:, None]
    branch = branch_of(values, targets((values[:, 0] > 0).astype(int)))
    x = torch.zeros(1, 1, requires_grad=True)
    branch(x, [torch.ones(1, dtype=torch.bool)])[0, 0, 1].backward()
    assert x.grad > 0


def test_a_member_ignores_the_samples_that_it_holds_out():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(120, 6)).astype(np.float32)
    codes = (values[:, 0] > 0).astype(int)
    target = targets(codes, n_members=2)
    target[:40, 1] = 0
    other = target.copy()
    other[:40, 0] = other[:40, 0, ::-1]
    first, second = (proba_of(branch_of(values, part), values) for part in (target, other))
    np.testing.assert_array_equal(first[1], second[1])
    assert not np.allclose(first[0], second[0])


def test_a_common_factor_of_the_weights_changes_nothing():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(120, 6)).astype(np.float32)
    target = targets((values[:, 0] > 0).astype(int)) * rng.uniform(0.5, 2, (120, 1, 1))
    expected = proba_of(branch_of(values, target), values)
    for factor in (1e-6, 1024):
        found = proba_of(branch_of(values, target * factor), values)
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_an_absent_modality_contributes_nothing():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 6)).astype(np.float32)
    codes = (values[:, 0] + values[:, 4] > 0).astype(int)
    values[:50, 3:] = np.nan
    modalities = torch.tensor([0, 0, 0, 1, 1, 1])
    branch = branch_of(values, targets(codes), n_modalities=2, modalities=modalities)
    x, absent = torch.as_tensor(values[:2]), torch.zeros(2, dtype=torch.bool)
    with_other = branch(x, [~absent, absent])
    alone = branch.bias + branch.offset[:, [0]]
    rise = branch.rise(x) * (branch.modalities == 0)
    expected = alone + torch.einsum("bs,msc->mbc", rise, branch.weight)
    torch.testing.assert_close(with_other, expected)


def test_classes_are_as_frequent_as_in_training_where_nothing_can_be_split():
    values = np.zeros((10, 3), dtype=np.float32)
    proba = proba_of(branch_of(values, targets(np.arange(10) // 7)), values)
    np.testing.assert_allclose(proba[0], np.tile([0.7, 0.3], (10, 1)), atol=1e-5)


def test_more_samples_than_fit_in_a_round_are_used(monkeypatch):
    monkeypatch.setattr(_stumps, "MAX_SAMPLES", 64)
    rng = np.random.default_rng(0)
    values = rng.normal(size=(500, 4)).astype(np.float32)
    codes = (values[:, 2] > 0.3).astype(int)
    proba = proba_of(branch_of(values, targets(codes)), values)[0]
    assert (proba.argmax(axis=1) == codes).mean() > 0.9


@pytest.mark.parametrize("n_distinct", [1, 2, 5, 16, 17, 40, 1000])
def test_thresholds_lie_between_values_at_about_their_quantiles(n_distinct):
    values = np.sort(np.random.default_rng(0).integers(n_distinct, size=2000)).astype(float)
    thresholds = _stumps._choose_thresholds(values)
    assert len(thresholds) == min(len(np.unique(values)), _stumps.N_BINS) - 1
    assert not np.isin(thresholds, values).any()
    counts = np.histogram(values, [-1, *thresholds, n_distinct])[0]
    assert counts.min() > 0
    assert counts.max() <= 2000 / min(n_distinct, _stumps.N_BINS) * 2


def test_stumps_do_not_depend_on_how_many_rounds_a_call_computes(monkeypatch):
    rng = np.random.default_rng(0)
    values = rng.standard_normal((60, 20))
    target = np.eye(3)[rng.integers(0, 3, 60)][:, None].repeat(2, axis=1)
    expected = fit_stumps(values, target, seed=0)
    monkeypatch.setattr(_stumps, "ROUNDS_PER_CALL", 300)
    for whole, part in zip(fit_stumps(values, target, seed=0), expected, strict=True):
        np.testing.assert_array_equal(whole, part)

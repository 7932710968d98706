"""Centroids equal scikit-learn's, for every member of the ensemble."""

import numpy as np
import torch
from sklearn.neighbors import NearestCentroid

from xmodal_sklearn.classifier.network._centroids import (
    SHRINKAGE,
    CentroidBranch,
    fit_centroids,
)

N_FEATURES = 31  # PyTorch's median of an even number is the lower one


def cohort(seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.arange(60) % 3)
    values = rng.normal(size=(60, N_FEATURES)) * rng.uniform(0.5, 2, N_FEATURES)
    values[:, :8] += rng.normal(size=(3, 8))[codes]
    return values, codes


def fitted_branch(values, target):
    branch = CentroidBranch(target.shape[1], values.shape[1], target.shape[2])
    state = fit_centroids(torch.as_tensor(values), torch.as_tensor(target))
    branch.load_state_dict(state)
    return branch.double()


def test_centroids_equal_scikit_learn():
    values, codes = cohort()
    branch = fitted_branch(values, np.eye(3)[codes][:, None])
    oracle = NearestCentroid(shrink_threshold=SHRINKAGE).fit(values, codes)
    deviation = oracle.within_class_std_dev_
    scale = deviation + np.median(deviation)
    shift = (oracle.centroids_ - values.mean(axis=0)) / scale**2
    np.testing.assert_allclose(branch.weight[0].numpy().T, shift, rtol=1e-5, atol=1e-6)
    assert (shift == 0).any()
    other = cohort(1)[0]
    distances = ((other[:, None] - oracle.centroids_) ** 2 / scale**2).sum(axis=2)
    logits = branch(torch.as_tensor(other))[0].numpy()
    np.testing.assert_allclose(
        logits - logits[:, :1], (distances[:, :1] - distances) / 2, rtol=1e-4, atol=1e-4
    )


def test_each_member_learns_only_from_samples_it_does_not_hold_out():
    values, codes = cohort()
    target = np.eye(3)[codes][:, None].repeat(2, axis=1)
    target[:20, 1] = 0
    branch, alone = fitted_branch(values, target), fitted_branch(values[20:], target[20:, :1])
    torch.testing.assert_close(branch.weight[1], alone.weight[0])
    torch.testing.assert_close(branch.bias[1], alone.bias[0])
    assert not torch.allclose(branch.weight[0], branch.weight[1])


def test_a_common_factor_of_the_weights_changes_nothing():
    values, codes = cohort()
    target = np.eye(3)[codes][:, None]
    torch.testing.assert_close(
        fitted_branch(values, 7 * target).weight, fitted_branch(values, target).weight
    )


def test_constant_features_and_absent_classes_have_no_weight():
    values, codes = cohort()
    values[:, 0] = 3
    target = np.eye(4)[codes][:, None]
    branch = fitted_branch(values, target)
    assert (branch.weight[0, 0] == 0).all()
    assert (branch.weight[0, :, 3] == 0).all()
    assert branch.weight.isfinite().all()
    nothing = fitted_branch(np.zeros((6, 2)), np.eye(2)[[0, 1] * 3][:, None])
    assert (nothing.weight == 0).all()

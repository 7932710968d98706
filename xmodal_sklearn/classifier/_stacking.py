"""The weights of the branches, learned from samples that were held out.

Every member of the ensemble is trained without a part of the samples, so what its branches say of
these is honest: a branch that knows the training samples by heart earns no weight by it (Wolpert
1992).

References
----------
D. H. Wolpert, "Stacked Generalization", Neural Networks 5, 1992,
doi:10.1016/S0893-6080(05)80023-1.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax
from skorch import NeuralNet
from torch import Tensor

from ._net import EVALUATION_BATCH
from .network import Branch, StackingCombiner

__all__ = [
    "assign_holdout_folds",
    "combiner_weights",
    "fit_combiner",
    "fit_stacking_weights",
    "out_of_fold_log_proba",
]

# So that no member is trained without more than a fifth of the samples.
MIN_HOLDOUT_FOLDS = 5
# In samples: what the penalty weighs. Chosen on simulated cohorts and on inner folds of TCGA-BRCA
# and METABRIC out of values from 2 to 256.
STACKING_PENALTY = 8
# It has all the weight until there is evidence for others; chosen likewise.
DEFAULT_BRANCH = Branch("centroid")


class StackingWeights(NamedTuple):
    """Weights of the branches by pattern of modalities.

    Attributes
    ----------
    patterns : ndarray of bool of shape (n_patterns, n_modalities)
        The patterns that the samples have, empty where all have the same.
    weights : ndarray of shape (1 + n_patterns, n_branches)
        The first row is of all samples, for patterns not among these.
    prior : ndarray of shape (1 + n_patterns, n_classes)
        Added to the weighted log-probabilities.
    """

    patterns: np.ndarray
    weights: np.ndarray
    prior: np.ndarray


def assign_holdout_folds(
    codes: np.ndarray, n_members: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Choose the member that holds each sample out, each a part of every class.

    Returns
    -------
    ndarray of int of shape (n_samples,)
        Numbers of `n_members` and above, where there are few members, mean none. A single member
        holds no sample out.
    """
    if n_members == 1:
        return np.ones(len(codes), dtype=int)
    n_folds = max(n_members, MIN_HOLDOUT_FOLDS)
    folds = np.empty(len(codes), dtype=int)
    for code in np.unique(codes):
        of_class = random_state.permutation(np.flatnonzero(codes == code))
        folds[of_class] = (np.arange(len(of_class)) + random_state.randint(n_folds)) % n_folds
    return folds


def fit_combiner(
    net: NeuralNet,
    x: Tensor,
    present: np.ndarray,
    target: np.ndarray,
    held_out_by: np.ndarray,
) -> StackingCombiner | None:
    """Fit the weights of a trained net's branches to the samples that its members held out.

    Parameters
    ----------
    net : NeuralNet
        The trained net.
    x : Tensor of shape (n_samples, n_features)
        Training samples.
    present : ndarray of bool of shape (n_samples, n_modalities)
        Which modalities each sample has.
    target : ndarray of shape (n_samples, n_classes)
        One-hot classes times the weights of the samples.
    held_out_by : ndarray of int of shape (n_samples,)
        Which member held each sample out, see :func:`assign_holdout_folds`.

    Returns
    -------
    StackingCombiner or None
        None where no sample that counts was held out.
    """
    module = net.module_
    held_out = np.flatnonzero(target.any(axis=1) & (held_out_by < module.n_members))
    if len(held_out) == 0:
        return None
    log_proba = out_of_fold_log_proba(net, x[held_out], held_out_by[held_out])
    start = _weights_without_evidence(module.branches)
    fitted = fit_stacking_weights(log_proba, present[held_out], target[held_out], start)
    patterns, weights, prior = map(torch.as_tensor, fitted)
    return StackingCombiner(patterns, weights.float(), prior.float()).to(net.device)


def _weights_without_evidence(branches: Sequence[Branch]) -> np.ndarray:
    if DEFAULT_BRANCH not in branches:
        return np.full(len(branches), 1 / len(branches))
    return np.array([float(branch == DEFAULT_BRANCH) for branch in branches])


def out_of_fold_log_proba(net: NeuralNet, x: Tensor, members: np.ndarray) -> np.ndarray:
    """Return what the branches of one member each say of each sample.

    Returns
    -------
    ndarray of shape (n_samples, n_branches, n_classes)
        Log-probabilities.
    """
    module = net.module_.eval()
    of_member = torch.as_tensor(members)
    batches = zip(x.split(EVALUATION_BATCH), of_member.split(EVALUATION_BATCH), strict=True)
    with torch.no_grad():
        log_proba = [
            module.branch_log_proba(batch.to(net.device)).cpu()[torch.arange(len(batch)), member]
            for batch, member in batches
        ]
    return torch.cat(log_proba).double().numpy()


def fit_stacking_weights(
    log_proba: np.ndarray, present: np.ndarray, target: np.ndarray, start: np.ndarray
) -> StackingWeights:
    """Fit the weights of the branches, and again for each pattern of modalities that samples have.

    Those of a pattern are pulled towards those of all samples, the more the fewer it has.

    Parameters
    ----------
    log_proba : ndarray of shape (n_samples, n_branches, n_classes)
        Log-probabilities of samples that were held out in training.
    present : ndarray of bool of shape (n_samples, n_modalities)
        Which modalities each sample has.
    target : ndarray of shape (n_samples, n_classes)
        One-hot classes times the weights of the samples.
    start : ndarray of shape (n_branches,)
        The weights without any evidence.
    """
    n_branches, n_classes = log_proba.shape[1:]
    common = _fit_weights(log_proba, target, np.r_[start, np.zeros(n_classes)])
    patterns = np.unique(present, axis=0)
    if len(patterns) == 1:
        patterns = patterns[:0]
    fitted = [common]
    for pattern in patterns:
        of_pattern = (present == pattern).all(axis=1)
        fitted.append(_fit_weights(log_proba[of_pattern], target[of_pattern], common))
    weights, prior = np.split(np.array(fitted), [n_branches], axis=1)
    return StackingWeights(patterns, weights, prior)


def _fit_weights(log_proba: np.ndarray, target: np.ndarray, start: np.ndarray) -> np.ndarray:
    r"""Return weights and prior by maximum likelihood, with a ridge penalty that pulls to `start`.

    Minimises over the weights :math:`w \ge 0` and the prior :math:`b` the weighted cross-entropy of
    :math:`\operatorname{softmax}(\sum_h w_h \log p_h + b)`.
    """
    n_samples, n_branches, n_classes = log_proba.shape
    share = target / target.sum()
    penalty = STACKING_PENALTY / n_samples

    def objective(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        weights, prior = np.split(parameters, [n_branches])
        logs = log_softmax(np.einsum("nhc,h->nc", log_proba, weights) + prior, axis=1)
        away = parameters - start
        excess = np.exp(logs) * share.sum(axis=1, keepdims=True) - share
        gradient = np.r_[np.einsum("nc,nhc->h", excess, log_proba), excess.sum(axis=0)]
        return -(share * logs).sum() + penalty / 2 * away @ away, gradient + penalty * away

    bounds = [(0, None)] * n_branches + [(None, None)] * n_classes
    return minimize(objective, start, jac=True, bounds=bounds, method="L-BFGS-B").x


def combiner_weights(
    combiner: StackingCombiner, branches: Sequence[Branch], modalities: Sequence[str]
) -> pd.DataFrame:
    """Return the weights of a combiner by name.

    Parameters
    ----------
    combiner : StackingCombiner
        The weights.
    branches : sequence of Branch
        The branches, in the order of the weights.
    modalities : sequence of str
        The modalities, in the order of the patterns and of the branches' numbers.

    Returns
    -------
    DataFrame of shape (n_patterns + 1, n_branches)
        A row per pattern, the names of its modalities joined by ``"+"``, and last
        ``"other"`` for all other patterns. Columns are kinds of branch, ``"linear"``
        for one that sees all modalities, ``"linear: exp"`` for one that sees one.
    """
    rows = [
        "+".join(name for name, present in zip(modalities, pattern, strict=True) if present)
        for pattern in combiner.patterns.tolist()
    ]
    other, *of_patterns = combiner.weights.tolist()
    if not rows:
        rows, of_patterns = ["+".join(modalities)], [other]
    columns = [
        branch.kind if branch.modality is None else f"{branch.kind}: {modalities[branch.modality]}"
        for branch in branches
    ]
    return pd.DataFrame(
        [*of_patterns, other],
        index=pd.Index([*rows, "other"], name="modalities"),
        columns=pd.Index(columns, name="branch"),
    )

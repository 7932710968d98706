"""The weights of the branches, learned from samples that members of the ensemble held out.

The predictions on these are out of fold, so an overfitted branch gets no weight.

References
----------
D. H. Wolpert, "Stacked Generalization", Neural Networks 5, 1992,
doi:10.1016/S0893-6080(05)80023-1.
"""

from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax
from skorch import NeuralNet
from torch import Tensor

from ._net import EVALUATION_BATCH
from .network import Branch, CrossModalNetwork

# No member is trained without more than a fifth of the samples.
MIN_HOLDOUT_FOLDS = 5
# In samples. Chosen from 2 to 256 on simulated cohorts and inner folds of TCGA-BRCA and METABRIC.
STACKING_PENALTY = 8
# Of this many modalities, all subsets are patterns; of more, those of training samples only.
MAX_SUBSETS = 4
# It has all the weight until there is evidence for others; chosen likewise.
DEFAULT_BRANCH = Branch("centroid")


class StackingWeights(NamedTuple):
    """Weights by pattern of modalities, with one row more, the first, for other patterns."""

    patterns: np.ndarray
    weights: np.ndarray
    prior: np.ndarray


def assign_holdout_folds(
    codes: np.ndarray, n_members: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Return the member that holds each sample out, stratified by class."""
    if n_members == 1:
        return np.ones(len(codes), dtype=int)
    n_folds = max(n_members, MIN_HOLDOUT_FOLDS)
    folds = np.empty(len(codes), dtype=int)
    for code in np.unique(codes):
        samples = random_state.permutation(np.flatnonzero(codes == code))
        folds[samples] = (np.arange(len(samples)) + random_state.randint(n_folds)) % n_folds
    return folds


def initial_stacking(branches: Sequence[Branch], class_weights: np.ndarray) -> np.ndarray:
    """Return the weights of the branches, then the prior of the classes, without any evidence."""
    weights = np.full(len(branches), 1 / len(branches))
    if DEFAULT_BRANCH in branches:
        weights = np.array([float(branch == DEFAULT_BRANCH) for branch in branches])
    # Branches are fitted to weighted classes, as if these were more frequent.
    prior = -np.log(np.where(class_weights > 0, class_weights, 1))
    return np.r_[weights, prior]


def out_of_fold_log_proba(net: NeuralNet, x: Tensor, members: np.ndarray) -> np.ndarray:
    """Return each sample's log-probabilities by one member, ``(samples, branches, classes)``."""
    module = net.module_.eval()
    parts = torch.as_tensor(members).split(EVALUATION_BATCH)
    with torch.no_grad():
        log_proba = [
            module.branch_log_proba(batch.to(net.device)).cpu()[torch.arange(len(batch)), member]
            for batch, member in zip(x.split(EVALUATION_BATCH), parts, strict=True)
        ]
    return torch.cat(log_proba).double().numpy()


def fit_stacking_weights(
    predict: Callable[[np.ndarray, np.ndarray], np.ndarray],
    present: np.ndarray,
    target: np.ndarray,
    start: np.ndarray,
) -> StackingWeights:
    """Fit weights and prior for all samples, and for each pattern of modalities.

    ``predict(rows, pattern)`` returns log-probabilities out of fold, ``(rows, branches, classes)``,
    as if the samples lacked the modalities that are not in the pattern.
    """
    complete = np.ones(present.shape[1], dtype=bool)
    common = _fit_weights(predict(np.arange(len(present)), complete), target, start)
    patterns = _list_patterns(present)
    fitted = [common]
    for pattern in patterns:
        parameters = common
        exact = (present == pattern).all(axis=1)
        # Samples with more modalities first, as if they had these only.
        for chosen in ((present >= pattern).all(axis=1) & ~exact, exact):
            if chosen.any() and not exact.all():
                rows = np.flatnonzero(chosen)
                parameters = _fit_weights(predict(rows, pattern), target[rows], parameters)
        fitted.append(parameters)
    weights, prior = np.split(np.array(fitted), [len(start) - target.shape[1]], axis=1)
    return StackingWeights(patterns, weights, prior)


def _list_patterns(present: np.ndarray) -> np.ndarray:
    """Return the patterns of modalities to learn weights for, the complete one first."""
    patterns = np.unique(present, axis=0)
    n_modalities = present.shape[1]
    if n_modalities <= MAX_SUBSETS:
        patterns = np.array(list(product((False, True), repeat=n_modalities))[1:])
    return patterns[np.argsort(-patterns.sum(axis=1), kind="stable")]


def _fit_weights(log_proba: np.ndarray, target: np.ndarray, start: np.ndarray) -> np.ndarray:
    r"""Return weights and prior by maximum likelihood, with a ridge penalty toward `start`."""
    n_samples, n_branches, n_classes = log_proba.shape
    share = target / target.sum()
    penalty = STACKING_PENALTY / n_samples

    def objective(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        weights, prior = np.split(parameters, [n_branches])
        logs = log_softmax(np.einsum("nhc,h->nc", log_proba, weights) + prior, axis=1)
        offset = parameters - start
        excess = np.exp(logs) * share.sum(axis=1, keepdims=True) - share
        gradient = np.r_[np.einsum("nc,nhc->h", excess, log_proba), excess.sum(axis=0)]
        return -(share * logs).sum() + penalty / 2 * offset @ offset, gradient + penalty * offset

    bounds = [(0, None)] * n_branches + [(None, None)] * n_classes
    return minimize(objective, start, jac=True, bounds=bounds, method="L-BFGS-B").x


def stacking_table(module: CrossModalNetwork, modalities: Sequence[str]) -> pd.DataFrame:
    """Return the stacking weights: a row per pattern, last ``"other"``, a column per branch."""
    combiner = module.combiner
    rows = [
        "+".join(name for name, present in zip(modalities, pattern, strict=True) if present)
        for pattern in combiner.patterns.tolist()
    ]
    other, *weights = combiner.weights.tolist()
    if not rows:
        rows, weights = ["+".join(modalities)], [other]
    columns = [
        branch.kind if branch.modality is None else f"{branch.kind}: {modalities[branch.modality]}"
        for branch in module.branches
    ]
    return pd.DataFrame(
        [*weights, other],
        index=pd.Index([*rows, "other"], name="modalities"),
        columns=pd.Index(columns, name="branch"),
    )

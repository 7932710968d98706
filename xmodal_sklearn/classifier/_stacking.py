"""How far each verdict of the network is trusted, learned from samples that were left out.

Every member of the ensemble is trained without a part of the samples, and its verdicts on them are
honest: a verdict that fits the training samples by heart is not trusted for it (Wolpert 1992).

References
----------
D. H. Wolpert, "Stacked Generalization", Neural Networks 5, 1992,
doi:10.1016/S0893-6080(05)80023-1.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

__all__ = ["assign_members", "fit_trust"]

# No member is trained without more than a fifth of the samples.
FEWEST_PARTS = 5
# What the penalty is worth, in samples.
RIDGE = 8


def assign_members(
    codes: np.ndarray, n_members: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Choose the member that leaves each sample out, each a part of every class.

    Returns
    -------
    ndarray of int of shape (n_samples,)
        Numbers of `n_members` and above, where there are few members, mean none. A single member
        leaves nobody out.
    """
    if n_members == 1:
        return np.ones(len(codes), dtype=int)
    n_parts = max(n_members, FEWEST_PARTS)
    parts = np.empty(len(codes), dtype=int)
    for code in np.unique(codes):
        of_class = random_state.permutation(np.flatnonzero(codes == code))
        parts[of_class] = (np.arange(len(of_class)) + random_state.randint(n_parts)) % n_parts
    return parts


def fit_trust(
    verdicts: np.ndarray, present: np.ndarray, target: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit the weights of the verdicts, and again for each pattern of modalities that samples have.

    Those of a pattern are pulled towards those of all samples, the more the fewer it has.

    Parameters
    ----------
    verdicts : ndarray of shape (n_samples, n_verdicts, n_classes)
        Log-probabilities of samples that were left out in training.
    present : ndarray of bool of shape (n_samples, n_modalities)
        Which modalities each sample has.
    target : ndarray of shape (n_samples, n_classes)
        One-hot classes times the weights of the samples.
    start : ndarray of shape (n_verdicts,)
        The trust without any evidence.

    Returns
    -------
    patterns : ndarray of bool of shape (n_patterns, n_modalities)
    trust : ndarray of shape (1 + n_patterns, n_verdicts)
        First that of all samples, for patterns not among these.
    prior : ndarray of shape (1 + n_patterns, n_classes)
    """
    n_verdicts, n_classes = verdicts.shape[1:]
    common = weigh(verdicts, target, np.r_[start, np.zeros(n_classes)])
    patterns = np.unique(present, axis=0)
    if len(patterns) == 1:
        patterns = patterns[:0]
    fitted = [common]
    for pattern in patterns:
        of_pattern = (present == pattern).all(axis=1)
        fitted.append(weigh(verdicts[of_pattern], target[of_pattern], common))
    trust, prior = np.split(np.array(fitted), [n_verdicts], axis=1)
    return patterns, trust, prior


def weigh(verdicts: np.ndarray, target: np.ndarray, start: np.ndarray) -> np.ndarray:
    r"""Return trust and prior by maximum likelihood, with a ridge penalty that pulls to `start`.

    Minimises over the trust :math:`w \ge 0` and the prior :math:`b` the weighted cross-entropy of
    :math:`\operatorname{softmax}(\sum_v w_v \log p_v + b)`.
    """
    n_samples, n_verdicts, n_classes = verdicts.shape
    share = target / target.sum()
    ridge = RIDGE / n_samples

    def objective(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        trust, prior = np.split(parameters, [n_verdicts])
        logs = log_softmax(np.einsum("nvc,v->nc", verdicts, trust) + prior, axis=1)
        away = parameters - start
        excess = np.exp(logs) * share.sum(axis=1, keepdims=True) - share
        gradient = np.r_[np.einsum("nc,nvc->v", excess, verdicts), excess.sum(axis=0)]
        return -(share * logs).sum() + ridge / 2 * away @ away, gradient + ridge * away

    bounds = [(0, None)] * n_verdicts + [(None, None)] * n_classes
    return minimize(objective, start, jac=True, bounds=bounds, method="L-BFGS-B").x

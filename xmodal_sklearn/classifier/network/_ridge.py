"""Ridge-penalised multinomial logistic regression of every member at once.

Members see the same samples but for those that each holds out, so one product of the table serves
them all, and one bound on the curvature [1]_ preconditions them all. With it, accelerated gradient
descent with restarts [2]_ takes a few dozen steps.

References
----------
.. [1] D. Böhning, "Multinomial logistic regression algorithm", Annals of the Institute of
   Statistical Mathematics 44, 1992, doi:10.1007/BF00048682.
.. [2] B. O'Donoghue, E. Candès, "Adaptive Restart for Accelerated Gradient Schemes", Foundations of
   Computational Mathematics 15, 2015, doi:10.1007/s10208-013-9150-3.
"""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["RIDGE_PENALTY", "fit_ridge"]

# Per feature, over the number of samples; the one of linear heads. Chosen as the defaults were, see
# docs/results.md.
RIDGE_PENALTY = 0.1
MAX_STEPS = 100
# On the largest change of a weight in a step.
TOLERANCE = 1e-3
# The intercept is the weight of a constant column of this size, and so is hardly penalised.
INTERCEPT = 10.0


def fit_ridge(values: Tensor, target: Tensor, penalty: float) -> dict[str, Tensor]:
    """Fit the weights of every member.

    Parameters
    ----------
    values : Tensor of shape (samples, features)
        Standardised.
    target : Tensor of shape (samples, members, classes)
        One-hot classes times weights, zero where a member holds a sample out.
    penalty : float
        On half of the squared weights, beside the mean cross-entropy.

    Returns
    -------
    dict of str to Tensor
        ``weight`` of shape (members, features, classes) and ``bias`` of shape (members, 1,
        classes).
    """
    _, n_members, n_classes = target.shape
    values = torch.cat([values, torch.full_like(values[:, :1], INTERCEPT)], dim=1)
    total = target.sum(dim=(0, 2), keepdim=True)
    target = target / total.clamp_min(torch.finfo(target.dtype).tiny)
    weights = target.sum(dim=2, keepdim=True)
    solve = _preconditioner(values, weights.amax(dim=(1, 2)), penalty)
    current = ahead = values.new_zeros(values.shape[1], n_members * n_classes)
    momentum = 1.0
    for _ in range(MAX_STEPS):
        proba = (values @ ahead).view_as(target).softmax(dim=2)
        excess = (proba * weights - target).flatten(1)
        gradient = torch.addmm(ahead, values.T, excess, beta=penalty)
        following = ahead - solve(gradient)
        change = following - current
        # Where the momentum points uphill, it starts anew, for each member on its own.
        downhill = (gradient * change).view(-1, n_members, n_classes).sum(dim=(0, 2)) <= 0
        momentum, before = (1 + (1 + 4 * momentum**2) ** 0.5) / 2, momentum
        go_on = (before - 1) / momentum * downhill.repeat_interleave(n_classes)
        current, ahead = following, following + go_on * change
        if change.abs().max() < TOLERANCE:
            break
    by_member = current.view(-1, n_members, n_classes).transpose(0, 1)
    return {"weight": by_member[:, :-1], "bias": INTERCEPT * by_member[:, -1:]}


def _preconditioner(values: Tensor, weights: Tensor, penalty: float) -> Callable[[Tensor], Tensor]:
    """Return the inverse of a bound on the Hessian, as a map of gradients."""
    scaled = values * (weights / 2).sqrt()[:, None]
    wide = scaled.shape[1] > scaled.shape[0]
    gram = scaled @ scaled.T if wide else scaled.T @ scaled
    gram.diagonal().add_(penalty)
    factor = torch.linalg.cholesky(gram)
    if not wide:
        return lambda gradient: torch.cholesky_solve(gradient, factor)
    return lambda gradient: (
        (gradient - scaled.T @ torch.cholesky_solve(scaled @ gradient, factor)) / penalty
    )

"""Ridge-penalized multinomial logistic regression of every member at once.

Members see the same samples except for those that each holds out, so one product with the table and
one bound on the curvature [1]_, as a preconditioner, serve all. Accelerated gradient descent with
restarts [2]_ then takes a few dozen steps.

References
----------
.. [1] D. Böhning, "Multinomial logistic regression algorithm", Annals of the Institute of
   Statistical Mathematics 44, 1992, doi:10.1007/BF00048682.
.. [2] B. O'Donoghue, E. Candès, "Adaptive Restart for Accelerated Gradient Schemes", Foundations of
   Computational Mathematics 15, 2015, doi:10.1007/s10208-013-9150-3.
"""

import torch
from torch import Tensor

# Per feature, divided by the number of samples. Chosen as the defaults were, see docs/results.md.
RIDGE_PENALTY = 0.1
MAX_STEPS = 100
# On the largest change of a logit in a step.
TOLERANCE = 0.1
# The intercept is the weight of a constant column of this size, so it is hardly penalized.
INTERCEPT = 10.0


def fit_ridge(values: Tensor, target: Tensor, penalty: float) -> dict[str, Tensor]:
    """Fit the weights of every member."""
    _, n_members, n_classes = target.shape
    values = torch.cat([values, torch.full_like(values[:, :1], INTERCEPT)], dim=1)
    total = target.sum(dim=(0, 2), keepdim=True)
    target = target / total.clamp_min(torch.finfo(target.dtype).tiny)
    weights = target.sum(dim=2, keepdim=True)
    wide = values.shape[1] > values.shape[0]
    # With more features than samples, the weights are sums over samples, whose coefficients are
    # solved for.
    table = values @ values.T if wide else values
    inverse = _preconditioner(table, weights.amax(dim=(1, 2)), penalty, wide)
    current = ahead = values.new_zeros(table.shape[1], n_members * n_classes)
    logits = ahead_logits = torch.zeros_like(target).flatten(1)
    momentum = 1.0
    for _ in range(MAX_STEPS):
        proba = ahead_logits.view_as(target).softmax(dim=2)
        excess = (proba * weights - target).flatten(1)
        gradient = penalty * ahead + (excess if wide else table.T @ excess)
        following = ahead - inverse @ gradient
        change = following - current
        current_logits, logits = logits, table @ following
        moved = logits - current_logits
        # Where the momentum points uphill, it starts over, for each member on its own.
        slope = gradient * (moved if wide else change)
        downhill = slope.view(-1, n_members, n_classes).sum(dim=(0, 2)) <= 0
        momentum, previous = (1 + (1 + 4 * momentum**2) ** 0.5) / 2, momentum
        keep = downhill.repeat_interleave(n_classes).to(values.dtype)
        pull = (previous - 1) / momentum * keep
        current, ahead = following, following + pull * change
        ahead_logits = logits + pull * moved
        if moved.abs().max() < TOLERANCE:
            break
    solved = values.T @ current if wide else current
    by_member = solved.view(-1, n_members, n_classes).transpose(0, 1)
    return {"weight": by_member[:, :-1], "bias": INTERCEPT * by_member[:, -1:]}


def _preconditioner(table: Tensor, weights: Tensor, penalty: float, wide: bool) -> Tensor:
    """Return the inverse of a bound on the Hessian, given values or, if wide, their products."""
    # Above zero, since some are divided by it.
    scale = (weights / 2).clamp_min(1e-6 * weights.max()).sqrt()[:, None]
    gram = scale * table * scale.T if wide else (scale * table).T @ (scale * table)
    gram.diagonal().add_(penalty)
    # It is well conditioned by the penalty, and a product takes half the time of a solution.
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
    return scale * inverse / scale.T if wide else inverse

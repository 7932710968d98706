"""Integrated gradients of a network's logits, from the means of all features to samples.

The gradient of stumps jumps, so its values at the nodes of a quadrature say little about those in
between. Each node therefore counts what stumps rise in its cell of the path, as a Riemann-Stieltjes
sum, times the gradient by the logits of the branch, which is continuous.
"""

from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .network import Branch, CrossModalNetwork, StumpsBranch

# Inputs, of all samples and steps, that are differentiated at a time.
GRADIENT_BATCH = 256
FIRST_STEPS, MAX_STEPS = 16, 256


def integrated_gradients(
    module: CrossModalNetwork, x: Tensor, tolerance: float
) -> tuple[Tensor, Tensor]:
    """Return attributions, ``(samples, classes, features)``, and how far their sums are off."""
    from captum.attr import IntegratedGradients

    start = torch.zeros_like(x).masked_fill(x.isnan(), torch.nan)
    with torch.no_grad():
        difference = centered_logits(module, x) - centered_logits(module, start)
    values = x.new_zeros(len(x), difference.shape[1], x.shape[1])
    gap = torch.full_like(difference, torch.inf)
    gradients = _Gradients(module)
    integrate = IntegratedGradients(gradients)
    integrate.gradient_func = gradients
    n_steps = FIRST_STEPS
    while n_steps <= MAX_STEPS and (gap > tolerance).any():
        again = (gap > tolerance).any(dim=1)
        gradients.divide_path(n_steps)
        # The second input, from zero to one, is how far along the path the first one is.
        ends = x[again, None], x.new_ones(int(again.sum()), 1, 1)
        starts = start[again, None], torch.zeros_like(ends[1])
        attributed, of_stumps = integrate.attribute(
            ends, starts, n_steps=n_steps, internal_batch_size=GRADIENT_BATCH
        )
        values[again] = (attributed.nan_to_num() + of_stumps).float()
        gap = (values.double().sum(dim=2) - difference).abs()
        n_steps *= 2
    return values, gap


def centered_logits(module: nn.Module, x: Tensor) -> Tensor:
    """Return the log-probability of each class, less the mean over the classes."""
    log_proba = module(x).squeeze(2).logsumexp(dim=1)
    return log_proba - log_proba.mean(dim=1, keepdim=True)


class _Gradients:
    """Gradients of all classes, by the inputs and, for stumps, along the path."""

    stops: Tensor

    def __init__(self, module: CrossModalNetwork):
        self.module: Any = module
        self.stumps: StumpsBranch | None = None
        if Branch("stumps") in module.branches:
            self.stumps = module.stumps
            # A copy, because other threads share the network.
            self.module = deepcopy(module)
            self.module.stumps = _GivenLogits()

    def divide_path(self, n_steps: int) -> None:
        """Divide the path into cells, as long as the weights of the nodes in them."""
        _, weights = np.polynomial.legendre.leggauss(n_steps)
        self.stops = torch.from_numpy(np.r_[0, weights.cumsum() / 2]).float()

    def __call__(self, *, inputs: tuple[Tensor, ...], **_: Any) -> tuple[Tensor, Tensor]:
        """Return gradients ``(batch, classes, features)`` by each of two inputs."""
        x, place = (values.detach().squeeze(1) for values in inputs)
        leaves = [x.requires_grad_()]
        if self.stumps is not None:
            with torch.no_grad():
                logits = self.stumps(x, self.module.present(x))
            self.module.stumps.logits = logits.requires_grad_()
            leaves.append(logits)
        totals = centered_logits(self.module, x).sum(dim=0)
        slopes = [torch.autograd.grad(total, leaves, retain_graph=True) for total in totals]
        by_x = torch.stack([slope[0] for slope in slopes], dim=1)
        along = torch.zeros_like(by_x)
        if self.stumps is not None:
            rise = self._mean_rise(self.stumps, x.detach() / place, place.squeeze(1))
            for index, (_by_x, by_logits) in enumerate(slopes):
                effects = torch.einsum("mbc,msc->bs", by_logits, self.stumps.weight) * rise
                along[:, index].index_add_(1, self.stumps.columns, effects)
        return by_x, along

    def _mean_rise(self, stumps: StumpsBranch, x: Tensor, place: Tensor) -> Tensor:
        """Return the rise of each stump in the cell of the path, by its length."""
        cell = torch.bucketize(place, self.stops)
        start, stop = (self.stops[index][:, None] for index in (cell - 1, cell))
        return (stumps.rise(x * stop) - stumps.rise(x * start)) / (stop - start)


class _GivenLogits(nn.Module):
    """The logits of stumps, computed before."""

    logits: Tensor

    def forward(self, *_: Any) -> Tensor:
        return self.logits

"""Layers in which every member of an ensemble has parameters of its own.

Tensors lie as ``(members, batch, units)``: one large product serves all members.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

# Bound of the initial biases of hidden units. The values of a sample then move the units little, so
# that the network is close to a linear map of them. Chosen from 1, 3 and 6 on inner folds of
# TCGA-BRCA and METABRIC; interactions of simulated cohorts are found better, too.
HIDDEN_BIAS = 6.0


class ResidualMLP(nn.Module):
    """Refine the hidden units by one residual block and classify them."""

    def __init__(
        self,
        n_members: int,
        hidden_dim: int,
        n_classes: int,
        dropout: "Dropout",
        generator: torch.Generator,
    ):
        super().__init__()
        self.expand = MemberLinear(n_members, hidden_dim, hidden_dim, generator)
        self.contract = MemberLinear(n_members, hidden_dim, hidden_dim, generator)
        self.classify = MemberLinear(n_members, hidden_dim, n_classes, generator)
        self.dropout = dropout

    def forward(self, hidden: Tensor) -> Tensor:
        """Map ``(members, batch, hidden)`` to ``(members, batch, classes)``."""
        refined = functional.gelu(self.expand(normalize(hidden)))
        hidden = hidden + self.contract(self.dropout(refined))
        return self.classify(self.dropout(normalize(hidden)))


class MemberLinear(nn.Module):
    """A linear layer for each member of the ensemble."""

    def __init__(
        self,
        n_members: int,
        n_inputs: int,
        n_outputs: int,
        generator: torch.Generator,
        bias_bound: float | None = None,
    ):
        super().__init__()
        bound = 1 / math.sqrt(n_inputs)
        self.weight = uniform((n_members, n_inputs, n_outputs), bound, generator)
        self.bias = uniform((n_members, 1, n_outputs), bias_bound or bound, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(members, batch, inputs)`` to ``(members, batch, outputs)``."""
        return torch.baddbmm(self.bias, x, self.weight)


class SolvedLinear(nn.Module):
    """A linear layer for each member, zero until it is solved for, of values common to all."""

    weight: Tensor
    bias: Tensor

    def __init__(self, n_members: int, n_inputs: int, n_outputs: int):
        super().__init__()
        self.register_buffer("weight", torch.zeros(n_members, n_inputs, n_outputs).float())
        self.register_buffer("bias", torch.zeros(n_members, 1, n_outputs).float())

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, inputs)`` to ``(members, batch, outputs)``."""
        return map_common(x, self.weight, self.bias)


class Dropout(nn.Module):
    """Dropout that draws from a generator of its own, not from PyTorch's global one."""

    # Factors at least, and positions at least.
    POOL_SIZE = 2**21

    def __init__(self, rate: float, generator: torch.Generator):
        super().__init__()
        self.rate = rate
        self.generator = generator
        self.pool = torch.empty(0, dtype=torch.float32)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: a seed in place of the generator, and no pool."""
        seed = self.generator.initial_seed()
        return {**super().__getstate__(), "generator": seed, "pool": torch.empty(0)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        generator = torch.Generator().manual_seed(state["generator"])
        super().__setstate__({**state, "generator": generator})

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        n_positions = len(self.pool) - x.numel()
        if n_positions < self.POOL_SIZE or self.pool.device != x.device:
            n_positions = self.POOL_SIZE
            self.pool = self._draw(n_positions + x.numel(), x.device)
        start = int(torch.randint(n_positions, (), generator=self.generator))
        return x * self.pool[start : start + x.numel()].view(x.shape)

    def _draw(self, n_factors: int, device: torch.device) -> Tensor:
        draws = torch.rand(n_factors, generator=self.generator, dtype=torch.float32)
        return ((draws >= self.rate).float() / (1 - self.rate)).to(device)


def map_common(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Map values common to all members, ``(batch, inputs)``, to ``(members, batch, outputs)``."""
    # One product with the weights side by side is faster than one each, as outputs are few.
    mapped = x @ weight.transpose(0, 1).flatten(1)
    return mapped.unflatten(1, (len(weight), -1)).transpose(0, 1) + bias


def normalize(x: Tensor) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:])


def uniform(shape: Sequence[int], bound: float, generator: torch.Generator) -> nn.Parameter:
    return nn.Parameter(
        torch.empty(*shape, dtype=torch.float32).uniform_(-bound, bound, generator=generator)
    )

"""Layers in which every member of an ensemble has parameters of its own.

Tensors lie as ``(members, batch, units)``: one large product serves all members.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Dropout", "MemberLinear", "ResidualMLP", "uniform"]


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
        refined = functional.gelu(self.expand(normalise(hidden)))
        hidden = hidden + self.contract(self.dropout(refined))
        return self.classify(self.dropout(normalise(hidden)))


class MemberLinear(nn.Module):
    """A linear layer for each member of the ensemble."""

    def __init__(self, n_members: int, n_inputs: int, n_outputs: int, generator: torch.Generator):
        super().__init__()
        bound = 1 / math.sqrt(n_inputs)
        self.weight = uniform((n_members, n_inputs, n_outputs), bound, generator)
        self.bias = uniform((n_members, 1, n_outputs), bound, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(members, batch, inputs)`` to ``(members, batch, outputs)``."""
        return torch.baddbmm(self.bias, x, self.weight)


class Dropout(nn.Module):
    """Dropout that draws from a generator of its own, not from PyTorch's global one."""

    def __init__(self, rate: float, generator: torch.Generator):
        super().__init__()
        self.n_kept = max(round(256 * (1 - rate)), 1)
        self.generator = generator

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: a generator of a GPU could not be loaded without one."""
        state = super().__getstate__()
        seed = self.generator.initial_seed()
        return {**state, "generator": torch.Generator().manual_seed(seed)}

    def forward(self, x: Tensor) -> Tensor:
        """Zero entries at random in training, and scale the others up."""
        if not self.training or self.n_kept == 256:
            return x
        if self.generator.device != x.device:
            self.generator = torch.Generator(x.device).manual_seed(self.generator.initial_seed())
        # One random byte an entry, eight at a time: many times faster than a Bernoulli draw each.
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device)
        random = words.random_(-(2**63), None, generator=self.generator).view(torch.uint8)
        kept = random[: x.numel()].view(x.shape) < self.n_kept
        return x * kept * (256 / self.n_kept)


def normalise(x: Tensor) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:])


def uniform(shape: Sequence[int], bound: float, generator: torch.Generator) -> nn.Parameter:
    return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound, generator=generator))

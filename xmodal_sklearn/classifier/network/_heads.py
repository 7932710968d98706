"""Ways of telling the class of a sample."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ._attention import N_PATCHES, CrossAttention, FeatureTokenizer, PatchTokenizer
from ._layers import MemberLinear

__all__ = ["BentVerdict", "Fusion", "LinearVerdict", "log_probabilities"]


class Fusion(nn.Module):
    """The tokens of the primary modality, enriched by attention over the others, as hidden units.

    A modality on its own attends to itself.
    """

    def __init__(
        self,
        widths: Sequence[int],
        n_members: int,
        tokenizer: str,
        embed_dim: int,
        n_heads: int,
        attention: str,
        hidden_dim: int,
        generator: torch.Generator,
    ):
        super().__init__()
        tokenize = FeatureTokenizer if tokenizer == "feature" else PatchTokenizer
        self.tokenizers = nn.ModuleList(
            tokenize(n_members, width, embed_dim, generator) for width in widths
        )
        self.attentions = nn.ModuleList(
            CrossAttention(n_members, embed_dim, n_heads, attention, generator)
            for _ in range(max(len(widths) - 1, 1))
        )
        n_tokens = widths[0] if tokenizer == "feature" else N_PATCHES
        self.project = MemberLinear(n_members, embed_dim * n_tokens, hidden_dim, generator)
        self.absent_primary = nn.Parameter(torch.zeros(n_members, 1, hidden_dim))

    def forward(self, values: Sequence[Tensor], present: Sequence[Tensor]) -> Tensor:
        """Map the values of every modality to ``(members, batch, hidden)``."""
        tokens = [tokenize(block) for tokenize, block in zip(self.tokenizers, values, strict=True)]
        primary = tokens[0]
        others = list(zip(tokens, present, strict=True))[1:] or [(primary, present[0])]
        enriched = primary.dense()
        for attend, (other, has_it) in zip(self.attentions, others, strict=True):
            enriched = attend(enriched, primary, other, has_it)
        absent = self.absent_primary * ~present[0][:, None]
        return self.project(enriched.flatten(2)) + absent


class LinearVerdict(nn.Module):
    """A linear map of values to classes, zero to begin with."""

    def __init__(self, n_members: int, n_features: int, n_classes: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_members, n_features, n_classes))
        self.bias = nn.Parameter(torch.zeros(n_members, 1, n_classes))

    def forward(self, values: Tensor) -> Tensor:
        """Map ``(batch, features)`` to log-probabilities ``(members, batch, classes)``."""
        values = values.expand(len(self.weight), -1, -1)
        return log_probabilities(torch.baddbmm(self.bias, values, self.weight))


class BentVerdict(LinearVerdict):
    """A sum over features of a map of each value, with one slope below its mean and another above.

    The values and their absolute ones, nearly uncorrelated, train faster than the two ramps that
    span the same maps.
    """

    # The mean of the absolute value of a standard normal variable.
    CENTRE = math.sqrt(2 / math.pi)

    def __init__(self, n_members: int, n_features: int, n_classes: int):
        super().__init__(n_members, 2 * n_features, n_classes)

    def forward(self, values: Tensor) -> Tensor:
        """Map ``(batch, features)`` to log-probabilities ``(members, batch, classes)``."""
        return super().forward(torch.cat([values, values.abs() - self.CENTRE], dim=-1))


def log_probabilities(logits: Tensor) -> Tensor:
    """Take logits, in mixed precision or not, to log-probabilities in single precision."""
    return logits.float().log_softmax(dim=-1)

"""The branches of the network: ways of classifying a sample, each by its name."""

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ._attention import N_PATCHES, CrossAttention, FeatureTokenizer, PatchTokenizer, Tokens
from ._layers import MemberLinear, map_common
from ._ridge import RIDGE_PENALTY, fit_ridge

__all__ = [
    "BRANCH_KINDS",
    "TRAINED_KINDS",
    "Branch",
    "CrossModalEncoder",
    "PiecewiseLinearBranch",
    "list_branches",
    "log_probabilities",
]


TRAINED_KINDS = ("attention", "mlp")
BRANCH_KINDS = (*TRAINED_KINDS, "piecewise", "pairs", "centroid")


class Branch(NamedTuple):
    """Name of a branch.

    Attributes
    ----------
    kind : {"attention", "mlp", "piecewise", "pairs", "centroid"}
        How it classifies.
    modality : int or None
        Number of the only modality that it sees; None if it sees all.
    """

    kind: str
    modality: int | None = None


def list_branches(n_modalities: int, kinds: Collection[str] = BRANCH_KINDS) -> list[Branch]:
    """List the branches of some kinds, in the order of a network's output."""

    def each(kind: str) -> list[Branch]:
        return [Branch(kind, modality) for modality in range(n_modalities)]

    branches = [Branch("attention"), *each("mlp"), *each("piecewise"), Branch("centroid")]
    if n_modalities > 1:
        branches += [*each("centroid"), Branch("pairs")]
    return [branch for branch in branches if branch.kind in kinds]


class CrossModalEncoder(nn.Module):
    """The tokens of the primary modality, enriched by attention over the others, as hidden units.

    A token is enriched by the product with what it finds, or by the sum as in a transformer. In a
    sum, what two modalities tell together is left to the layers that follow. A modality on its own
    attends to itself.
    """

    def __init__(
        self,
        widths: Sequence[int],
        n_members: int,
        tokenizer: str,
        embed_dim: int,
        n_heads: int,
        attention: str,
        enrichment: str,
        hidden_dim: int,
        generator: torch.Generator,
    ):
        super().__init__()
        self.multiply = enrichment == "product"
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
        tokens = [tokenize(each) for tokenize, each in zip(self.tokenizers, values, strict=True)]
        return self.enrich(tokens, present)

    def enrich(self, tokens: Sequence[Tokens], present: Sequence[Tensor]) -> Tensor:
        """Map the tokens of every modality to ``(members, batch, hidden)``."""
        primary = tokens[0]
        others = list(zip(tokens, present, strict=True))[1:] or [(primary, present[0])]
        found = torch.zeros(())
        for attend, (other, other_present) in zip(self.attentions, others, strict=True):
            found = found + attend(primary, other, other_present)
        enriched = primary.dense()
        enriched = torch.addcmul(enriched, enriched, found) if self.multiply else enriched + found
        absent = self.absent_primary * ~present[0][:, None]
        return self.project(enriched.flatten(2)) + absent


class PiecewiseLinearBranch(nn.Module):
    """A sum over features of a map with one slope below the feature's mean and another above.

    Penalised by ridge and solved for; zero until then. It is linear in the values and their
    absolute values, which are nearly uncorrelated, so the penalty weighs alike on slopes and bends.
    """

    weight: Tensor
    bias: Tensor

    # The mean absolute value of a standard normal variable.
    CENTRE = math.sqrt(2 / math.pi)

    def __init__(self, n_members: int, n_features: int, n_classes: int):
        super().__init__()
        self.register_buffer("weight", torch.zeros(n_members, 2 * n_features, n_classes))
        self.register_buffer("bias", torch.zeros(n_members, 1, n_classes))

    def forward(self, values: Tensor) -> Tensor:
        """Map ``(batch, features)`` to logits ``(members, batch, classes)``."""
        return map_common(self.bend(values), self.weight, self.bias)

    def learn(self, values: Tensor, target: Tensor) -> None:
        """Solve for the map, given targets as :class:`BranchLoss` takes them."""
        penalty = RIDGE_PENALTY * values.shape[1] / max(len(values), 1)
        self.load_state_dict(fit_ridge(self.bend(values), target, penalty))

    def bend(self, values: Tensor) -> Tensor:
        """Return what the map is linear in."""
        return torch.cat([values, values.abs() - self.CENTRE], dim=-1)


def log_probabilities(logits: Tensor) -> Tensor:
    """Turn logits, in mixed precision or not, into log-probabilities in single precision."""
    return logits.float().log_softmax(dim=-1)

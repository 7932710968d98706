"""The cross-modal attention network: tensors in, tensors out.

An ensemble trains as one network: every parameter has a leading axis of independent members.
Tokens lie along the last axis of activations, ``(members, batch, width, tokens)``, because a
modality has far more tokens than an embedding has entries and memory is read fastest along them.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["CrossModalNetwork", "WeightedCrossEntropy", "average_members"]


class CrossModalNetwork(nn.Module):
    """Enrich the tokens of the primary modality by attention over the others, then classify.

    Parameters
    ----------
    columns : sequence of sequence of int
        Input columns of each modality, the primary one first.
    n_classes, n_members, embed_dim, n_heads, hidden_dim : int
        Sizes; `n_heads` divides `embed_dim`.
    attention : {"softmax", "linear"}
        How tokens attend.
    dropout : float
        Rate at which input values and hidden units are dropped in training.
    seed : int
        Of the generator that draws the initial parameters and the dropout.
    """

    def __init__(
        self,
        *,
        columns: Sequence[Sequence[int]],
        n_classes: int,
        n_members: int,
        embed_dim: int,
        n_heads: int,
        attention: str,
        hidden_dim: int,
        dropout: float,
        seed: int,
    ):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        for index, positions in enumerate(columns):
            self.register_buffer(f"columns_{index}", torch.as_tensor(list(positions)))
        self.embeddings = nn.ModuleList(
            FeatureEmbedding(n_members, len(positions), embed_dim, generator)
            for positions in columns
        )
        # A modality on its own attends to itself.
        self.attentions = nn.ModuleList(
            CrossAttention(n_members, embed_dim, n_heads, attention, generator)
            for _ in range(max(len(columns) - 1, 1))
        )
        self.n_members = n_members
        self.dropout = Dropout(dropout, generator)
        self.project = MemberLinear(n_members, embed_dim * len(columns[0]), hidden_dim, generator)
        self.absent_primary = nn.Parameter(torch.zeros(n_members, 1, hidden_dim))
        self.classifier = ResidualMLP(n_members, hidden_dim, n_classes, self.dropout, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, features)``, NaN in absent modalities, to ``(batch, members, classes)``."""
        blocks = [x[:, getattr(self, f"columns_{i}")] for i in range(len(self.embeddings))]
        present = [~block[:, 0].isnan() for block in blocks]
        tokens = [
            embed(self.dropout(block.nan_to_num().expand(self.n_members, -1, -1)))
            for embed, block in zip(self.embeddings, blocks, strict=True)
        ]
        enriched = self.enrich(tokens, present)
        absent = self.absent_primary * ~present[0][:, None]
        return self.classifier(self.project(enriched.flatten(2)) + absent).transpose(0, 1)

    def enrich(self, tokens: Sequence["Tokens"], present: Sequence[Tensor]) -> Tensor:
        """Add to the tokens of the primary modality what they find in the other modalities."""
        primary = tokens[0]
        others = list(zip(tokens, present, strict=True))[1:] or [(primary, present[0])]
        enriched = primary.dense()
        for attend, (other, has_it) in zip(self.attentions, others, strict=True):
            enriched = attend(enriched, primary, other, has_it)
        return enriched


class Tokens(NamedTuple):
    """Feature tokens: the value times the feature's direction, plus the feature's identity.

    Kept in these parts because a linear map of a token is again such a token: projecting the
    parts costs nothing per sample.
    """

    values: Tensor  # (members, batch, tokens)
    direction: Tensor  # (members, width, tokens)
    identity: Tensor  # (members, width, tokens)

    def dense(self) -> Tensor:
        """Return the tokens as ``(members, batch, width, tokens)``."""
        return torch.addcmul(
            self.identity[:, None], self.values[:, :, None], self.direction[:, None]
        )


class FeatureEmbedding(nn.Module):
    """One token per feature, in an embedding space that all modalities share."""

    def __init__(self, n_members: int, n_features: int, width: int, generator: torch.Generator):
        super().__init__()
        shape = (n_members, width, n_features)
        self.direction = _uniform(shape, 1 / math.sqrt(width), generator)
        self.identity = _uniform(shape, 1 / math.sqrt(width), generator)

    def forward(self, values: Tensor) -> Tokens:
        """Map ``(members, batch, features)`` to as many tokens."""
        return Tokens(values, self.direction, self.identity)


class TokenLinear(nn.Module):
    """A linear map of tokens."""

    def __init__(self, n_members: int, width: int, generator: torch.Generator):
        super().__init__()
        bound = 1 / math.sqrt(width)
        self.weight = _uniform((n_members, width, width), bound, generator)
        self.bias = _uniform((n_members, width, 1), bound, generator)

    def forward(self, tokens: Tokens) -> Tokens:
        """Project every token."""
        return Tokens(
            tokens.values,
            self.weight @ tokens.direction,
            torch.baddbmm(self.bias, self.weight, tokens.identity),
        )


class CrossAttention(nn.Module):
    """Multi-head attention of one modality's tokens over another's."""

    def __init__(
        self, n_members: int, width: int, n_heads: int, kind: str, generator: torch.Generator
    ):
        super().__init__()
        self.n_heads = n_heads
        self.attend = {"softmax": softmax_attention, "linear": linear_attention}[kind]
        self.query = TokenLinear(n_members, width, generator)
        self.key = TokenLinear(n_members, width, generator)
        self.value = TokenLinear(n_members, width, generator)
        self.output = _uniform((n_members, width, width), 1 / math.sqrt(width), generator)

    def forward(self, enriched: Tensor, tokens: Tokens, other: Tokens, present: Tensor) -> Tensor:
        """Add what each token finds, ``(members, batch, width, tokens)``.

        Samples without the other modality find exactly nothing, whatever its tokens hold.
        """
        found, mix = self.attend(
            self.query(tokens), self.key(other), self.value(other), self.output, self.n_heads
        )
        mix = mix * present[:, None, None]
        batches = (x.flatten(0, 1) for x in (enriched, mix, found))
        return torch.baddbmm(*batches).view_as(enriched)


def softmax_attention(
    query: Tokens, key: Tokens, value: Tokens, output: Tensor, n_heads: int
) -> tuple[Tensor, Tensor]:
    """Attend by softmax, through PyTorch's fused kernels.

    Returns
    -------
    found : Tensor of shape (members, batch, width, tokens)
    mix : Tensor of shape (members, batch, width, width)
        The map from what was found to the embedding space.
    """

    def by_head(tokens: Tokens) -> Tensor:
        # The fused kernels want four axes, the width last.
        return tokens.dense().unflatten(2, (n_heads, -1)).flatten(0, 1).transpose(-1, -2)

    found = functional.scaled_dot_product_attention(by_head(query), by_head(key), by_head(value))
    found = found.transpose(-1, -2).flatten(1, 2).unflatten(0, query.values.shape[:2])
    return found, output[:, None]


def linear_attention(
    query: Tokens, key: Tokens, value: Tokens, output: Tensor, n_heads: int
) -> tuple[Tensor, Tensor]:
    """Attend at a cost linear in the number of tokens, as efficient attention (Shen et al. 2021).

    Each entry of a head's key is a softmax over the tokens, so the summaries of the values are
    weighted means; each query mixes these summaries by a softmax over its entries.

    Returns
    -------
    found : Tensor of shape (members, batch, width, tokens)
        The weights with which the tokens mix the summaries.
    mix : Tensor of shape (members, batch, width, width)
        The summaries, mapped to the embedding space.
    """

    def by_head(table: Tensor) -> Tensor:
        return table.unflatten(1, (n_heads, -1))

    # Keys lie as (members, heads, width, batch, tokens): one large product sums over the tokens
    # of all samples, and the values never need to be laid out per sample.
    values = key.values[:, None, None]
    keys = torch.addcmul(
        by_head(key.identity)[:, :, :, None], values, by_head(key.direction)[:, :, :, None]
    )
    weights = keys.softmax(dim=-1)
    summary = (weights * values).flatten(2, 3) @ by_head(value.direction).transpose(-1, -2)
    summary = summary + weights.flatten(2, 3) @ by_head(value.identity).transpose(-1, -2)
    # From (members, heads, key width * batch, value width) to (members, batch, width, width).
    summary = summary.unflatten(2, (-1, values.shape[-2])).permute(0, 3, 1, 4, 2)
    by_value = output.unflatten(2, (n_heads, -1)).transpose(1, 2)
    mix = (by_value[:, None] @ summary).transpose(2, 3).flatten(3)

    return query.dense().unflatten(2, (n_heads, -1)).softmax(dim=-2).flatten(2, 3), mix


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
        refined = functional.gelu(self.expand(_normalise(hidden)))
        hidden = hidden + self.contract(self.dropout(refined))
        return self.classify(self.dropout(_normalise(hidden)))


class MemberLinear(nn.Module):
    """A linear layer for each member of the ensemble."""

    def __init__(self, n_members: int, n_inputs: int, n_outputs: int, generator: torch.Generator):
        super().__init__()
        bound = 1 / math.sqrt(n_inputs)
        self.weight = _uniform((n_members, n_inputs, n_outputs), bound, generator)
        self.bias = _uniform((n_members, 1, n_outputs), bound, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(members, batch, inputs)`` to ``(members, batch, outputs)``."""
        return torch.baddbmm(self.bias, x, self.weight)


class Dropout(nn.Module):
    """Dropout that draws from a generator of its own, not from PyTorch's global one."""

    def __init__(self, rate: float, generator: torch.Generator):
        super().__init__()
        self.keep = 1 - rate
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """Zero entries at random in training, and scale the others up."""
        if not self.training or self.keep == 1:
            return x
        if self.generator.device != x.device:
            self.generator = torch.Generator(x.device).manual_seed(self.generator.initial_seed())
        kept = torch.empty_like(x, memory_format=torch.contiguous_format)
        return x * kept.bernoulli_(self.keep, generator=self.generator).div_(self.keep)


class WeightedCrossEntropy(nn.Module):
    """Cross-entropy of every member, averaged over members and weighted samples."""

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Score ``(batch, members, classes)`` against one-hot classes times sample weights."""
        log_probabilities = functional.log_softmax(logits.float(), dim=-1).mean(dim=1)
        return -(target * log_probabilities).sum() / target.sum()


def average_members(logits: Tensor) -> Tensor:
    """Average the class probabilities of the members, ``(batch, members, classes)``."""
    return logits.float().softmax(dim=-1).mean(dim=1)


def _normalise(x: Tensor) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:])


def _uniform(shape: Sequence[int], bound: float, generator: torch.Generator) -> nn.Parameter:
    return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound, generator=generator))

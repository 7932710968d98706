"""Tokens of a modality, attention of one modality's tokens over another's, and their encoder.

Tensors lie as ``(members, batch, width, tokens)``: the tokens come last, because a modality can
have far more of them than an embedding has entries, and memory is read fast along the last axis.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ._branches import PRIMARY
from ._layers import HIDDEN_BIAS, MemberLinear, uniform
from ._softmax import SoftmaxAttention

# Four and eight patches were no better on simulated cohorts with interactions.
N_PATCHES = 2


class FeatureTokens(NamedTuple):
    """Feature tokens: the value times the feature's direction, plus the feature's identity."""

    values: Tensor  # (members, batch, tokens)
    direction: Tensor  # (members, width, tokens)
    identity: Tensor  # (members, width, tokens)

    def dense(self) -> Tensor:
        return torch.addcmul(
            self.identity[:, None], self.values[:, :, None], self.direction[:, None]
        )

    def project(self, weight: Tensor, bias: Tensor) -> "FeatureTokens":
        identity = torch.baddbmm(bias, weight, self.identity)
        return FeatureTokens(self.values, weight @ self.direction, identity)


class PatchTokens(NamedTuple):
    """Patch tokens, laid out so that one product per member projects all of them."""

    tokens: Tensor  # (members, batch, tokens, width)

    def dense(self) -> Tensor:
        return self.tokens.transpose(2, 3)

    def project(self, weight: Tensor, bias: Tensor) -> "PatchTokens":
        projected = torch.baddbmm(
            bias.transpose(1, 2), self.tokens.flatten(1, 2), weight.transpose(1, 2)
        )
        return PatchTokens(projected.view_as(self.tokens))


# Both have `dense`, the tokens as (members, batch, width, tokens), and `project`, which maps every
# token by weight (members, width, width) and bias (members, width, 1).
Tokens = FeatureTokens | PatchTokens


class FeatureTokenizer(nn.Module):
    """One token per feature, in an embedding space that all modalities share."""

    def __init__(self, n_members: int, n_features: int, width: int, generator: torch.Generator):
        super().__init__()
        shape = (n_members, width, n_features)
        self.direction = uniform(shape, 1 / math.sqrt(width), generator)
        self.identity = uniform(shape, 1 / math.sqrt(width), generator)

    def forward(self, values: Tensor) -> FeatureTokens:
        """Embed ``(members, batch, features)``."""
        return FeatureTokens(values, self.direction, self.identity)


class PatchTokenizer(nn.Module):
    """A few tokens per modality, each a linear map of all its features."""

    def __init__(self, n_members: int, n_features: int, width: int, generator: torch.Generator):
        super().__init__()
        self.linear = MemberLinear(n_members, n_features, width * N_PATCHES, generator)

    def forward(self, values: Tensor) -> PatchTokens:
        """Embed ``(members, batch, features)``."""
        return PatchTokens(self.linear(values).unflatten(2, (N_PATCHES, -1)))


class TokenLinear(nn.Module):
    """A linear map of tokens."""

    def __init__(self, n_members: int, width: int, generator: torch.Generator):
        super().__init__()
        bound = 1 / math.sqrt(width)
        self.weight = uniform((n_members, width, width), bound, generator)
        self.bias = uniform((n_members, width, 1), bound, generator)

    def forward(self, tokens: Tokens) -> Tokens:
        return tokens.project(self.weight, self.bias)


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
        self.output = uniform((n_members, width, width), 1 / math.sqrt(width), generator)

    def forward(self, tokens: Tokens, other: Tokens, present: Tensor) -> Tensor:
        """Return what each token attends to, ``(members, batch, width, tokens)``."""
        query, key, value = self.query(tokens), self.key(other), self.value(other)
        return self.attend(query, key, value, self.output, present, self.n_heads)


class CrossModalEncoder(nn.Module):
    """Hidden units from the primary modality's tokens, enriched by attention over the others."""

    def __init__(
        self,
        widths: Sequence[int],
        n_members: int,
        *,
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
        tokenizer_class = FeatureTokenizer if tokenizer == "feature" else PatchTokenizer
        self.tokenizers = nn.ModuleList(
            tokenizer_class(n_members, width, embed_dim, generator) for width in widths
        )
        self.attentions = nn.ModuleList(
            CrossAttention(n_members, embed_dim, n_heads, attention, generator)
            for _ in range(max(len(widths) - 1, 1))
        )
        n_tokens = widths[PRIMARY] if tokenizer == "feature" else N_PATCHES
        self.project = MemberLinear(
            n_members, embed_dim * n_tokens, hidden_dim, generator, HIDDEN_BIAS
        )
        self.absent_primary = nn.Parameter(
            torch.zeros(n_members, 1, hidden_dim, dtype=torch.float32)
        )

    def forward(self, values: Sequence[Tensor], present: Sequence[Tensor]) -> Tensor:
        """Map the values of every modality to ``(members, batch, hidden)``."""
        tokens = [embed(table) for embed, table in zip(self.tokenizers, values, strict=True)]
        return self.encode(tokens, present)

    def encode(self, tokens: Sequence[Tokens], present: Sequence[Tensor]) -> Tensor:
        """Map the tokens of every modality to ``(members, batch, hidden)``."""
        (primary, primary_present), *others = zip(tokens, present, strict=True)
        attended = torch.zeros(())
        for attend, (other, other_present) in zip(
            self.attentions, others or [(primary, primary_present)], strict=True
        ):
            attended = attended + attend(primary, other, other_present)
        enriched = primary.dense()
        if self.multiply:
            enriched = torch.addcmul(enriched, enriched, attended)
        else:
            enriched = enriched + attended
        absent = self.absent_primary * ~primary_present[:, None]
        return self.project(enriched.flatten(2)) + absent


def softmax_attention(
    query: Tokens, key: Tokens, value: Tokens, output: Tensor, present: Tensor, n_heads: int
) -> Tensor:
    """Attend by softmax, as :meth:`CrossAttention.forward`."""
    if isinstance(query, PatchTokens) and isinstance(key, PatchTokens):
        attended = _attend_to_patches(query.tokens, key.tokens, value.dense().mT, n_heads)
    else:
        attended = _attend_to_features(query, key, value, n_heads)
    attended = (attended * present[:, None, None]).flatten(1, 2) @ output.mT
    return attended.view(len(output), len(present), -1, output.shape[-1]).mT


def _attend_to_patches(query: Tensor, key: Tensor, value: Tensor, n_heads: int) -> Tensor:
    """Attend to few tokens, ``(members, batch, tokens, width)``, faster than the fused kernels."""
    query, key, value = (x.unflatten(-1, (n_heads, -1)) for x in (query, key, value))
    scores = (query[:, :, :, None] * key[:, :, None]).sum(-1) / math.sqrt(query.shape[-1])
    weights = _softmax(scores, dim=3)
    return (weights[..., None] * value[:, :, None]).sum(3).flatten(3)


def _attend_to_features(query: Tokens, key: Tokens, value: Tokens, n_heads: int) -> Tensor:
    """Attend to many tokens, ``(members, batch, tokens, width)``."""
    tables = [table.dense().unflatten(2, (n_heads, -1)) for table in (query, key, value)]
    if tables[0].device.type == "cpu":
        attended = SoftmaxAttention.apply(*(table.flatten(0, 2) for table in tables))
        return attended.view_as(tables[0]).flatten(2, 3).mT
    # The fused kernels want four axes, the width last, and in memory too: else PyTorch falls back
    # to laying out the whole attention matrix.
    by_head = (table.flatten(0, 1).mT.contiguous() for table in tables)
    attended = functional.scaled_dot_product_attention(*by_head)
    return attended.unflatten(0, tables[0].shape[:2]).transpose(2, 3).flatten(3)


def linear_attention(
    query: Tokens, key: Tokens, value: Tokens, output: Tensor, present: Tensor, n_heads: int
) -> Tensor:
    """Attend at a cost linear in the number of tokens, as efficient attention (Shen et al. 2021).

    Each entry of a head's key is a softmax over the tokens, so the summaries of the values are
    weighted means; each query mixes these summaries by a softmax over its entries.
    """
    if isinstance(key, FeatureTokens) and isinstance(value, FeatureTokens):
        summary = _summarize_features(key, value, n_heads)
    else:
        summary = _summarize(key, value, n_heads)
    by_value = output.unflatten(2, (n_heads, -1)).transpose(1, 2)
    mix = (by_value[:, None] @ summary).transpose(2, 3).flatten(3) * present[:, None, None]
    weights = _softmax(query.dense().unflatten(2, (n_heads, -1)), dim=-2).flatten(2, 3)
    return mix @ weights


def _summarize(key: Tokens, value: Tokens, n_heads: int) -> Tensor:
    """Average the values by each entry of the keys: (members, batch, heads, value, key width)."""

    def by_head(tokens: Tokens) -> Tensor:
        return tokens.dense().unflatten(2, (n_heads, -1))

    return by_head(value) @ _softmax(by_head(key), dim=-1).transpose(-1, -2)


def _summarize_features(key: FeatureTokens, value: FeatureTokens, n_heads: int) -> Tensor:
    """Summarize without laying the values out per sample."""

    def by_head(table: Tensor) -> Tensor:
        return table.unflatten(1, (n_heads, -1))

    # Keys lie as (members, heads, width, batch, tokens): one large product sums over the tokens
    # of all samples.
    values = key.values[:, None, None]
    keys = torch.addcmul(
        by_head(key.identity)[:, :, :, None], values, by_head(key.direction)[:, :, :, None]
    )
    weights = keys.softmax(dim=-1)
    summary = (weights * values).flatten(2, 3) @ by_head(value.direction).transpose(-1, -2)
    summary = summary + weights.flatten(2, 3) @ by_head(value.identity).transpose(-1, -2)
    # From (members, heads, key width * batch, value width).
    return summary.unflatten(2, (-1, values.shape[-2])).permute(0, 3, 1, 4, 2)


def _softmax(x: Tensor, dim: int) -> Tensor:
    """Softmax over few entries, several times faster than PyTorch's kernel."""
    weights = (x - x.detach().amax(dim, keepdim=True)).exp()
    return weights / weights.sum(dim, keepdim=True)

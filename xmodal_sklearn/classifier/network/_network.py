"""The network of all heads; PyTorch only, nothing here knows scikit-learn."""

from collections.abc import Collection, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ._centroids import CentroidHead
from ._combiner import StackingCombiner
from ._heads import (
    HEAD_KINDS,
    TRAINED_KINDS,
    CrossModalFusion,
    Head,
    PiecewiseLinearHead,
    list_heads,
    log_probabilities,
)
from ._layers import Dropout, MemberLinear, ResidualMLP
from ._pairs import N_PAIRS, PairsHead

__all__ = ["CrossModalNetwork"]


class CrossModalNetwork(nn.Module):
    """Classify samples by cross-modal attention, and by plainer heads beside it.

    The attention head sees all modalities, and so does one centroid head. The head of pairs sees
    products of primary features with others. Each modality has an MLP, a piecewise linear and a
    centroid head of its own, so that what it tells alone is not lost in the fusion. Attention and
    MLPs are trained, the others solved for. The weights of the heads are set after training; until
    then, the trained ones weigh the same.

    Parameters
    ----------
    columns : sequence of sequence of int
        Input columns of each modality, the primary one first.
    n_classes, n_members, embed_dim, n_heads, hidden_dim : int
        Sizes; `n_heads` divides `embed_dim`.
    tokenizer : {"patch", "feature"}
        What a token stands for.
    attention : {"softmax", "linear"}
        How tokens attend.
    fusion : {"product", "sum"}
        How a token is enriched by what it finds.
    dropout : float
        Rate at which the input values of the MLPs, and all hidden units, are dropped in training.
    token_dropout : float
        Rate at which values are dropped before they are made tokens: the product of two values is
        seen only where both are kept.
    seed : int
        Of the generator that draws the initial parameters and the dropout.
    kinds : collection of str, default=HEAD_KINDS
        The kinds of heads to have; at least one must be trained.

    Attributes
    ----------
    heads : list of Head
        The heads, in the order of the output.
    """

    combiner: StackingCombiner

    def __init__(
        self,
        *,
        columns: Sequence[Sequence[int]],
        n_classes: int,
        n_members: int,
        tokenizer: str,
        embed_dim: int,
        n_heads: int,
        attention: str,
        fusion: str,
        hidden_dim: int,
        dropout: float,
        token_dropout: float,
        seed: int,
        kinds: Collection[str] = HEAD_KINDS,
    ):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        widths = [len(positions) for positions in columns]
        for modality, positions in enumerate(columns):
            self.register_buffer(f"columns_{modality}", torch.as_tensor(list(positions)))
        self.n_members = n_members
        self.n_modalities = len(columns)
        self.heads = list_heads(self.n_modalities, kinds)
        self.dropout = Dropout(dropout, generator)
        self.token_dropout = Dropout(token_dropout, generator)
        if "attention" in kinds:
            sizes = (n_members, tokenizer, embed_dim, n_heads, attention, fusion, hidden_dim)
            self.fusion = CrossModalFusion(widths, *sizes, generator)
        self.hidden = nn.ModuleList(
            MemberLinear(n_members, width, hidden_dim, generator)
            for width in widths
            if "mlp" in kinds
        )
        # One MLP for the fused hidden units and one for those of each modality, as if they were
        # further members: a few large products take less time than many small ones.
        self.trained_heads = [head for head in self.heads if head.kind in TRAINED_KINDS]
        n_mlps = n_members * len(self.trained_heads)
        self.classifier = ResidualMLP(n_mlps, hidden_dim, n_classes, self.dropout, generator)
        self.piecewise = nn.ModuleList(
            PiecewiseLinearHead(n_members, width, n_classes)
            for width in widths
            if "piecewise" in kinds
        )
        if Head("pairs") in self.heads:
            n_pairs = min(N_PAIRS, widths[0] * sum(widths[1:]))
            self.pairs = PairsHead(n_members, n_pairs, n_classes)
        self.centroids = nn.ModuleList(
            CentroidHead(n_members, width, n_classes) for width in widths if "centroid" in kinds
        )
        patterns = torch.zeros(0, len(columns), dtype=torch.bool)
        initial = [(head in self.trained_heads) / len(self.trained_heads) for head in self.heads]
        weights = torch.tensor([initial])
        self.combiner = StackingCombiner(patterns, weights, torch.zeros(1, n_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, features)``, NaN in absent modalities, to log-probabilities.

        Returns
        -------
        Tensor of shape (batch, members, heads, classes)
            In training of every head that is trained, zero for an absent modality; else of all
            heads combined, as if they were one.
        """
        log_proba = self.head_log_proba(x)
        if self.training:
            return log_proba
        return self.combiner(log_proba, torch.stack(self.present(x), dim=1))

    def head_log_proba(self, x: Tensor) -> Tensor:
        """Return the log-probabilities of every head, in training of those that are trained.

        Those of a head of which a modality is absent are zero.
        """
        present = self.present(x)
        inputs = [values.nan_to_num() for values in self.split(x)]
        by_head = self._trained_heads(inputs, present)
        if not self.training:
            by_head |= self._solved_heads(x, inputs, present)
        of_heads = [
            log_probabilities(by_head[head]) * _seen_by(head, present)[:, None]
            for head in self.heads
            if head in by_head
        ]
        return torch.stack(of_heads, dim=2).transpose(0, 1)

    def _trained_heads(
        self, inputs: Sequence[Tensor], present: Sequence[Tensor]
    ) -> dict[Head, Tensor]:
        every = [values.expand(self.n_members, -1, -1) for values in inputs]
        hidden = [
            self.fusion([self.token_dropout(values) for values in every], present)
            if head.modality is None
            else self.hidden[head.modality](self.dropout(every[head.modality]))
            for head in self.trained_heads
        ]
        logits = self.classifier(torch.cat(hidden))
        return dict(zip(self.trained_heads, logits.chunk(len(hidden)), strict=True))

    def _solved_heads(
        self, x: Tensor, inputs: Sequence[Tensor], present: Sequence[Tensor]
    ) -> dict[Head, Tensor]:
        by_head = {
            Head("piecewise", modality): layer(inputs[modality])
            for modality, layer in enumerate(self.piecewise)
        }
        if Head("pairs") in self.heads:
            by_head[Head("pairs")] = self.pairs(x)
        if self.centroids:
            scores = [
                layer(values) * there[:, None]
                for layer, values, there in zip(self.centroids, inputs, present, strict=True)
            ]
            by_head[Head("centroid")] = torch.stack(scores).sum(dim=0)
            by_head |= {Head("centroid", modality): each for modality, each in enumerate(scores)}
        return by_head

    def split(self, x: Tensor) -> list[Tensor]:
        """Return the values of each modality."""
        return [x[:, columns] for columns in self.columns()]

    def present(self, x: Tensor) -> list[Tensor]:
        """Tell which samples have each modality."""
        # By a list of one: a number would be read from a GPU to index by.
        return [~x[:, columns[:1]].isnan().squeeze(1) for columns in self.columns()]

    def columns(self) -> list[Tensor]:
        """Return the input columns of each modality."""
        return [getattr(self, f"columns_{modality}") for modality in range(self.n_modalities)]

    def solve(self, x: Tensor, target: Tensor, pairs: Sequence[Tensor]) -> None:
        """Learn the heads that are not trained.

        Parameters
        ----------
        x : Tensor of shape (samples, features)
            NaN in absent modalities.
        target : Tensor of shape (samples, members, classes)
            As :class:`MultiHeadLoss` takes it.
        pairs : sequence of Tensor of int of shape (pairs, 2)
            For each member the columns of pairs of features.
        """
        present = self.present(x)
        for modality, values in enumerate(self.split(x)):
            there = present[modality]
            for layers in filter(len, (self.piecewise, self.centroids)):
                layer = cast(PiecewiseLinearHead | CentroidHead, layers[modality])
                layer.learn(values[there], target[there])
        if Head("pairs") in self.heads:
            there = _seen_by(Head("pairs"), present)
            self.pairs.learn(x[there], target[there], pairs)


def _seen_by(head: Head, present: Sequence[Tensor]) -> Tensor:
    """Tell which samples have what a head sees."""
    if head.kind == "pairs":
        return present[0] & torch.stack(list(present[1:])).any(dim=0)
    return torch.ones_like(present[0]) if head.modality is None else present[head.modality]

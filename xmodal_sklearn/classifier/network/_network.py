"""The network of all heads; PyTorch only, nothing here knows scikit-learn."""

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor, nn

from ._centroids import CentroidHead, centroids_of_members
from ._combiner import StackingCombiner
from ._heads import (
    HEAD_KINDS,
    CrossModalFusion,
    Head,
    LinearHead,
    PiecewiseLinearHead,
    list_heads,
    log_probabilities,
)
from ._layers import Dropout, MemberLinear, ResidualMLP

__all__ = ["CrossModalNetwork"]

LINEAR_KINDS = {"linear": LinearHead, "piecewise": PiecewiseLinearHead}
# They weigh the same until samples that were held out tell more, and for good where no sample was.
INITIAL_HEADS = (Head("attention"), Head("linear"))


class CrossModalNetwork(nn.Module):
    """Classify samples by cross-modal attention, and by plainer heads beside it.

    The attention head sees all modalities, and so does one linear, one piecewise linear and one
    centroid head. Each modality has a linear, a piecewise linear, an MLP and a centroid head of its
    own, so that what it tells alone is not lost in the fusion. The weights of the heads are set
    after training; until then, the attention and the joint linear head weigh the same, or all heads
    if neither is there.

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
    dropout : float
        Rate at which input values and hidden units are dropped in training.
    head_penalty : mapping of (int or None) to float
        Ridge penalty per input column on the linear and piecewise linear heads of a modality, by
        its number, and on those of all modalities, None.
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
        hidden_dim: int,
        dropout: float,
        head_penalty: Mapping[int | None, float],
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
        self.head_penalty = head_penalty
        self.dropout = Dropout(dropout, generator)
        if "attention" in kinds:
            self.fusion = CrossModalFusion(
                widths, n_members, tokenizer, embed_dim, n_heads, attention, hidden_dim, generator
            )
        self.hidden = nn.ModuleList(
            MemberLinear(n_members, width, hidden_dim, generator)
            for width in widths
            if "mlp" in kinds
        )
        # One MLP for the fused hidden units and one for those of each modality, as if they were
        # further members: a few large products take less time than many small ones.
        self.deep_heads = [head for head in self.heads if head.kind in ("attention", "mlp")]
        if self.deep_heads:
            n_mlps = n_members * len(self.deep_heads)
            self.classifier = ResidualMLP(n_mlps, hidden_dim, n_classes, self.dropout, generator)
        self.linear_heads = nn.ModuleDict()
        for head in self.heads:
            if head.kind in LINEAR_KINDS:
                width = sum(widths) if head.modality is None else widths[head.modality]
                layer = LINEAR_KINDS[head.kind](n_members, width, n_classes)
                self.linear_heads[head.key] = layer
        self.centroids = nn.ModuleList(
            CentroidHead(n_members, width, n_classes) for width in widths if "centroid" in kinds
        )
        patterns = torch.zeros(0, len(columns), dtype=torch.bool)
        initial = [head for head in self.heads if head in INITIAL_HEADS] or self.heads
        weights = torch.tensor([[(head in initial) / len(initial) for head in self.heads]])
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
        """Return the log-probabilities of every head, in training without the centroids'.

        Those of a head whose modality is absent are zero.
        """
        present = self.present(x)
        inputs = [values.nan_to_num() for values in self.split(x)]
        by_head = self._mlp_heads(inputs, present) | self._linear_heads(inputs)
        if not self.training:
            by_head |= self._centroid_heads(inputs, present)
        for head in by_head:
            if head.modality is not None:
                by_head[head] = by_head[head] * present[head.modality][:, None]
        given = [by_head[head] for head in self.heads if head in by_head]
        return torch.stack(given, dim=2).transpose(0, 1)

    def _mlp_heads(self, inputs: Sequence[Tensor], present: Sequence[Tensor]) -> dict[Head, Tensor]:
        if not self.deep_heads:
            return {}
        dropped = [self.dropout(values.expand(self.n_members, -1, -1)) for values in inputs]
        hidden = [
            self.fusion(dropped, present)
            if head.modality is None
            else self.hidden[head.modality](dropped[head.modality])
            for head in self.deep_heads
        ]
        log_proba = log_probabilities(self.classifier(torch.cat(hidden)))
        return dict(zip(self.deep_heads, log_proba.chunk(len(hidden)), strict=True))

    def _linear_heads(self, inputs: Sequence[Tensor]) -> dict[Head, Tensor]:
        everything = torch.cat(list(inputs), dim=-1)
        return {
            head: self.linear_heads[head.key](
                everything if head.modality is None else inputs[head.modality]
            )
            for head in self.heads
            if head.kind in LINEAR_KINDS
        }

    def _centroid_heads(
        self, inputs: Sequence[Tensor], present: Sequence[Tensor]
    ) -> dict[Head, Tensor]:
        if not self.centroids:
            return {}
        scores = [
            layer(values) * values_present[:, None]
            for layer, values, values_present in zip(self.centroids, inputs, present, strict=True)
        ]
        log_proba = log_probabilities(torch.stack([sum(scores), *scores]))
        return dict(
            zip([head for head in self.heads if head.kind == "centroid"], log_proba, strict=True)
        )

    def split(self, x: Tensor) -> list[Tensor]:
        """Return the values of each modality."""
        return [x[:, columns] for columns in self.columns()]

    def present(self, x: Tensor) -> list[Tensor]:
        """Tell which samples have each modality."""
        return [~x[:, columns[0]].isnan() for columns in self.columns()]

    def columns(self) -> list[Tensor]:
        """Return the input columns of each modality."""
        return [getattr(self, f"columns_{modality}") for modality in range(self.n_modalities)]

    def learn_centroids(self, x: Tensor, target: Tensor) -> None:
        """Learn the centroids from samples and targets, as :class:`MultiHeadLoss` takes them."""
        values, present = self.split(x), self.present(x)
        for modality, layer in enumerate(self.centroids):
            there = present[modality]
            state = centroids_of_members(values[modality][there].cpu(), target[there].cpu())
            layer.load_state_dict(state)

    def penalty(self) -> Tensor:
        """Return the ridge penalty of the linear and piecewise heads, averaged over members."""
        widths = [len(columns) for columns in self.columns()]
        penalties = []
        for modality, penalty in self.head_penalty.items():
            squares = [
                self.linear_heads[head.key].get_parameter("weight").square().sum()
                for head in (Head(kind, modality) for kind in LINEAR_KINDS)
                if head.key in self.linear_heads
            ]
            if squares:
                width = sum(widths) if modality is None else widths[modality]
                penalties.append(penalty * width * torch.stack(squares).sum())
        return torch.stack(penalties).sum() / 2 / self.n_members if penalties else torch.zeros(())

    def parameter_groups(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Return the parameters of the linear and piecewise heads, and all others."""
        linear = list(self.linear_heads.parameters())
        known = set(map(id, linear))
        return linear, [parameter for parameter in self.parameters() if id(parameter) not in known]

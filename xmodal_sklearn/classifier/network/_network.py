"""The network of all branches; PyTorch only, nothing here knows scikit-learn."""

from collections.abc import Collection, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ._branches import (
    BRANCH_KINDS,
    TRAINED_KINDS,
    Branch,
    CrossModalEncoder,
    PiecewiseLinearBranch,
    list_branches,
    log_probabilities,
)
from ._centroids import CentroidBranch
from ._combiner import StackingCombiner
from ._layers import Dropout, MemberLinear, ResidualMLP
from ._pairs import N_PAIRS, PairsBranch

__all__ = ["CrossModalNetwork"]


class CrossModalNetwork(nn.Module):
    """Classify samples by cross-modal attention, and by plainer branches beside it.

    The attention branch and one centroid branch see all modalities. The branch of pairs sees
    products of primary features with others. Each modality has an MLP, a piecewise linear and a
    centroid branch of its own. Attention and MLPs are trained, the others are solved for. The
    weights of the branches are set after training; until then, the trained ones weigh the same.

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
    enrichment : {"product", "sum"}
        How a token is enriched by what it finds.
    dropout : float
        Rate at which the input values of the MLPs, and all hidden units, are dropped in training.
    token_dropout : float
        Rate at which values are dropped before they are made tokens: the product of two values is
        seen only where both are kept.
    seed : int
        Of the generator that draws the initial parameters and the dropout.
    kinds : collection of str, default=BRANCH_KINDS
        The kinds of branches to have; at least one must be trained.

    Attributes
    ----------
    branches : list of Branch
        The branches, in the order of the output.
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
        enrichment: str,
        hidden_dim: int,
        dropout: float,
        token_dropout: float,
        seed: int,
        kinds: Collection[str] = BRANCH_KINDS,
    ):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        widths = [len(positions) for positions in columns]
        for modality, positions in enumerate(columns):
            self.register_buffer(f"columns_{modality}", torch.as_tensor(list(positions)))
        self.n_members = n_members
        self.n_modalities = len(columns)
        self.branches = list_branches(self.n_modalities, kinds)
        self.dropout = Dropout(dropout, generator)
        self.token_dropout = Dropout(token_dropout, generator)
        if "attention" in kinds:
            sizes = (n_members, tokenizer, embed_dim, n_heads, attention, enrichment, hidden_dim)
            self.encoder = CrossModalEncoder(widths, *sizes, generator)
        self.hidden = nn.ModuleList(
            MemberLinear(n_members, width, hidden_dim, generator)
            for width in widths
            if "mlp" in kinds
        )
        # One MLP for the fused hidden units and one for those of each modality, as if they were
        # further members: a few large products take less time than many small ones.
        self.trained_branches = [branch for branch in self.branches if branch.kind in TRAINED_KINDS]
        n_mlps = n_members * len(self.trained_branches)
        self.classifier = ResidualMLP(n_mlps, hidden_dim, n_classes, self.dropout, generator)
        self.piecewise = nn.ModuleList(
            PiecewiseLinearBranch(n_members, width, n_classes)
            for width in widths
            if "piecewise" in kinds
        )
        if Branch("pairs") in self.branches:
            n_pairs = min(N_PAIRS, widths[0] * sum(widths[1:]))
            self.pairs = PairsBranch(n_members, n_pairs, n_classes)
        self.centroids = nn.ModuleList(
            CentroidBranch(n_members, width, n_classes) for width in widths if "centroid" in kinds
        )
        patterns = torch.zeros(0, len(columns), dtype=torch.bool)
        trained = torch.tensor([branch in self.trained_branches for branch in self.branches])
        weights = (trained / trained.sum())[None]
        self.combiner = StackingCombiner(patterns, weights, torch.zeros(1, n_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, features)``, NaN in absent modalities, to log-probabilities.

        Returns
        -------
        Tensor of shape (batch, members, branches, classes)
            In training of every branch that is trained, zero for an absent modality; else of all
            branches combined, as if they were one.
        """
        log_proba = self.branch_log_proba(x)
        if self.training:
            return log_proba
        return self.combiner(log_proba, torch.stack(self.present(x), dim=1))

    def branch_log_proba(self, x: Tensor) -> Tensor:
        """Return the log-probabilities of every branch, in training of those that are trained.

        Those of a branch of which a modality is absent are zero.
        """
        present = self.present(x)
        inputs = [values.nan_to_num() for values in self.split(x)]
        by_branch = self._trained_branches(inputs, present)
        if not self.training:
            by_branch |= self._solved_branches(x, inputs, present)
        log_proba = [
            log_probabilities(by_branch[branch]) * _seen_by(branch, present)[:, None]
            for branch in self.branches
            if branch in by_branch
        ]
        return torch.stack(log_proba, dim=2).transpose(0, 1)

    def _trained_branches(
        self, inputs: Sequence[Tensor], present: Sequence[Tensor]
    ) -> dict[Branch, Tensor]:
        every = [values.expand(self.n_members, -1, -1) for values in inputs]
        hidden = [
            self.encoder([self.token_dropout(values) for values in every], present)
            if branch.modality is None
            else self.hidden[branch.modality](self.dropout(every[branch.modality]))
            for branch in self.trained_branches
        ]
        logits = self.classifier(torch.cat(hidden))
        return dict(zip(self.trained_branches, logits.chunk(len(hidden)), strict=True))

    def _solved_branches(
        self, x: Tensor, inputs: Sequence[Tensor], present: Sequence[Tensor]
    ) -> dict[Branch, Tensor]:
        by_branch = {
            Branch("piecewise", modality): layer(inputs[modality])
            for modality, layer in enumerate(self.piecewise)
        }
        if Branch("pairs") in self.branches:
            by_branch[Branch("pairs")] = self.pairs(x)
        if self.centroids:
            scores = [
                layer(values) * there[:, None]
                for layer, values, there in zip(self.centroids, inputs, present, strict=True)
            ]
            by_branch[Branch("centroid")] = torch.stack(scores).sum(dim=0)
            by_branch |= {Branch("centroid", index): each for index, each in enumerate(scores)}
        return by_branch

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
        """Learn the branches that are not trained.

        Parameters
        ----------
        x : Tensor of shape (samples, features)
            NaN in absent modalities.
        target : Tensor of shape (samples, members, classes)
            As :class:`BranchLoss` takes it.
        pairs : sequence of Tensor of int of shape (pairs, 2)
            For each member the columns of pairs of features.
        """
        present = self.present(x)
        for modality, values in enumerate(self.split(x)):
            there = present[modality]
            for layers in filter(len, (self.piecewise, self.centroids)):
                layer = cast(PiecewiseLinearBranch | CentroidBranch, layers[modality])
                layer.learn(values[there], target[there])
        if Branch("pairs") in self.branches:
            there = _seen_by(Branch("pairs"), present)
            self.pairs.learn(x[there], target[there], pairs)


def _seen_by(branch: Branch, present: Sequence[Tensor]) -> Tensor:
    """Tell which samples have what a branch sees."""
    if branch.kind == "pairs":
        return present[0] & torch.stack(list(present[1:])).any(dim=0)
    return torch.ones_like(present[0]) if branch.modality is None else present[branch.modality]

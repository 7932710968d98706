"""The network of all branches."""

from collections.abc import Collection, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from ._attention import CrossModalEncoder
from ._branches import (
    BRANCH_KINDS,
    N_PAIRS,
    PRIMARY,
    TRAINED_KINDS,
    Branch,
    PairsBranch,
    PiecewiseLinearBranch,
    StumpsBranch,
    list_branches,
)
from ._centroids import CentroidBranch
from ._combiner import StackingCombiner
from ._layers import HIDDEN_BIAS, Dropout, MemberLinear, ResidualMLP


class CrossModalNetwork(nn.Module):
    """Classify samples by cross-modal attention, see CrossModalEncoder, and simpler branches."""

    combiner: StackingCombiner

    def __init__(
        self,
        *,
        columns: Sequence[Sequence[int]],
        n_classes: int,
        n_members: int,
        hidden_dim: int,
        dropout: float,
        token_dropout: float,
        seed: int,
        branches: Collection[str] = BRANCH_KINDS,
        **encoder: Any,
    ):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        widths = [len(positions) for positions in columns]
        for modality, positions in enumerate(columns):
            self.register_buffer(f"columns_{modality}", torch.as_tensor(list(positions)))
        self.n_members = n_members
        self.n_modalities = len(columns)
        self.branches = list_branches(self.n_modalities, branches)
        self.dropout = Dropout(dropout, generator)
        self.token_dropout = Dropout(token_dropout, generator)
        if "attention" in branches:
            self.encoder = CrossModalEncoder(
                widths, n_members, hidden_dim=hidden_dim, generator=generator, **encoder
            )
        self.hidden = nn.ModuleList(
            MemberLinear(n_members, width, hidden_dim, generator, HIDDEN_BIAS)
            for width in widths
            if "mlp" in branches
        )
        # One MLP for the hidden units of all trained branches, as if they were further members: a
        # few large products take less time than many small ones.
        self.trained_branches = [kept for kept in self.branches if kept.kind in TRAINED_KINDS]
        n_mlps = n_members * len(self.trained_branches)
        self.classifier = ResidualMLP(n_mlps, hidden_dim, n_classes, self.dropout, generator)
        self.piecewise = nn.ModuleList(
            PiecewiseLinearBranch(n_members, width, n_classes)
            for width in widths
            if "piecewise" in branches
        )
        if "stumps" in branches:
            self.stumps = StumpsBranch(n_members, len(columns), n_classes)
        if Branch("pairs") in self.branches:
            n_pairs = min(N_PAIRS, widths[PRIMARY] * (sum(widths) - widths[PRIMARY]))
            self.pairs = PairsBranch(n_members, n_pairs, n_classes)
        self.centroids = nn.ModuleList(
            CentroidBranch(n_members, width, n_classes)
            for width in widths
            if "centroid" in branches
        )
        trained = torch.tensor([branch.kind in TRAINED_KINDS for branch in self.branches]).float()
        self.set_stacking(
            torch.zeros(0, len(columns), dtype=torch.bool),
            (trained / max(len(self.trained_branches), 1))[None],
            torch.zeros(1, n_classes, dtype=torch.float32),
        )

    def set_stacking(self, patterns: Tensor, weights: Tensor, prior: Tensor) -> None:
        """Set how branches are combined, see :class:`StackingCombiner`."""
        self.combiner = StackingCombiner(patterns, weights, prior)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, features)``, NaN if absent, to ``(batch, members, branches, classes)``."""
        log_proba = self.branch_log_proba(x)
        if self.training:
            return log_proba
        return self.combiner(log_proba, torch.stack(self.present(x), dim=1))

    def branch_log_proba(self, x: Tensor) -> Tensor:
        """Return the log-probabilities of every branch, in training of the trained ones.

        Members that have other features each, ``(batch, members, features)``, have trained branches
        only.
        """
        present = self.present(x)
        inputs = [values.nan_to_num() for values in self.split(x)]
        logits = self._trained_logits(inputs, present)
        if not self.training:
            logits |= self._solved_logits(x, inputs, present)
        # Logits may come in mixed precision.
        log_proba = [
            logits[branch].float().log_softmax(dim=-1) * _visible(branch, present)[:, None]
            for branch in self.branches
            if branch in logits
        ]
        return torch.stack(log_proba, dim=2).transpose(0, 1)

    def _trained_logits(
        self, inputs: Sequence[Tensor], present: Sequence[Tensor]
    ) -> dict[Branch, Tensor]:
        if not self.trained_branches:
            return {}
        by_member = [
            values.expand(self.n_members, -1, -1) if values.dim() == 2 else values.transpose(0, 1)
            for values in inputs
        ]
        hidden = [
            self.encoder([self.token_dropout(values) for values in by_member], present)
            if branch.modality is None
            else self.hidden[branch.modality](self.dropout(by_member[branch.modality]))
            for branch in self.trained_branches
        ]
        logits = self.classifier(torch.cat(hidden))
        return dict(zip(self.trained_branches, logits.chunk(len(hidden)), strict=True))

    def _solved_logits(
        self, x: Tensor, inputs: Sequence[Tensor], present: Sequence[Tensor]
    ) -> dict[Branch, Tensor]:
        logits = {
            Branch("piecewise", modality): layer(inputs[modality])
            for modality, layer in enumerate(self.piecewise)
        }
        if Branch("stumps") in self.branches:
            logits[Branch("stumps")] = self.stumps(x, present)
        if Branch("pairs") in self.branches:
            logits[Branch("pairs")] = self.pairs(x)
        if self.centroids:
            scores = [
                layer(values) * available[:, None]
                for layer, values, available in zip(self.centroids, inputs, present, strict=True)
            ]
            logits[Branch("centroid")] = torch.stack(scores).sum(dim=0)
            logits |= {Branch("centroid", index): score for index, score in enumerate(scores)}
        return logits

    def split(self, x: Tensor) -> list[Tensor]:
        """Return the values of each modality."""
        return [x[..., columns] for columns in self.columns()]

    def present(self, x: Tensor) -> list[Tensor]:
        """Return which samples have each modality."""
        common = x if x.dim() == 2 else x[:, 0]
        # By a list of length one: a number would be read from a GPU to index by.
        return [~common[:, columns[:1]].isnan().squeeze(1) for columns in self.columns()]

    def columns(self) -> list[Tensor]:
        """Return the input columns of each modality."""
        return [getattr(self, f"columns_{modality}") for modality in range(self.n_modalities)]

    def set_stumps(
        self, columns: Tensor, thresholds: Tensor, below: Tensor, above: Tensor, bias: Tensor
    ) -> None:
        """Set the stumps, see :class:`StumpsBranch`."""
        # Columns of modalities that no training sample has are in none, and have no stumps.
        n_columns = max(int(positions.max()) for positions in self.columns()) + 1
        modalities = torch.zeros(n_columns, dtype=torch.long).to(columns)
        for modality, positions in enumerate(self.columns()):
            modalities[positions] = modality
        self.stumps.set_stumps(columns, thresholds, below, above, bias, modalities[columns])

    def solve(self, x: Tensor, target: Tensor, pairs: Sequence[Tensor]) -> None:
        """Solve for the branches that are not trained."""
        present = self.present(x)
        in_training = target.any(dim=2).any(dim=1)
        for modality, values in enumerate(self.split(x)):
            rows = present[modality] & in_training
            if not rows.any():
                continue
            for layers in filter(len, (self.piecewise, self.centroids)):
                layer = cast(PiecewiseLinearBranch | CentroidBranch, layers[modality])
                layer.solve(values[rows], target[rows])
        if Branch("pairs") in self.branches:
            rows = _visible(Branch("pairs"), present)
            self.pairs.solve(x[rows], target[rows], pairs)


def _visible(branch: Branch, present: Sequence[Tensor]) -> Tensor:
    """Return which samples have what a branch sees."""
    if branch.kind == "pairs":
        others = [available for index, available in enumerate(present) if index != PRIMARY]
        return present[PRIMARY] & torch.stack(others).any(dim=0)
    return torch.ones_like(present[0]) if branch.modality is None else present[branch.modality]

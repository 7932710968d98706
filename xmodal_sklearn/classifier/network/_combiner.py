"""The loss of the branches in training, and their weighted combination afterwards."""

import torch
from torch import Tensor, nn


class BranchLoss(nn.Module):
    """Sum over branches of the cross-entropy, averaged over members and weighted samples."""

    def forward(self, log_proba: Tensor, target: Tensor) -> Tensor:
        """Score ``(batch, members, branches, classes)`` against ``(batch, members, classes)``."""
        target = target[:, :, None]
        present = log_proba.detach().any(dim=-1, keepdim=True)
        weights = (target * present).sum(dim=(0, 1, 3))
        losses = -(target * log_proba).sum(dim=(0, 1, 3))
        return (losses / weights.clamp_min(torch.finfo(weights.dtype).tiny)).sum()


class StackingCombiner(nn.Module):
    """Weigh the branches, by weights that depend on which modalities a sample has."""

    patterns: Tensor
    weights: Tensor
    prior: Tensor

    def __init__(self, patterns: Tensor, weights: Tensor, prior: Tensor):
        super().__init__()
        # Not in the state: samples of a warm start may have other patterns.
        self.register_buffer("patterns", patterns, persistent=False)
        self.register_buffer("weights", weights, persistent=False)
        self.register_buffer("prior", prior, persistent=False)

    def forward(self, log_proba: Tensor, present: Tensor) -> Tensor:
        """Map ``(batch, members, branches, classes)`` to ``(batch, members, 1, classes)``."""
        row = self.rows(present)
        logits = (
            torch.einsum("bmhc,bh->bmc", log_proba, self.weights[row]) + self.prior[row][:, None]
        )
        return logits.log_softmax(dim=-1)[:, :, None]

    def rows(self, present: Tensor) -> Tensor:
        """Return the row of the weights that applies to each sample."""
        matches = (present[:, None] == self.patterns).all(dim=-1)
        unmatched = ~matches.any(dim=1, keepdim=True)
        return torch.cat([unmatched, matches], dim=1).int().argmax(dim=1)


def ensemble_proba(log_proba: Tensor) -> Tensor:
    """Average the class probabilities of the members, given ``(batch, members, 1, classes)``."""
    return log_proba.exp().mean(dim=(1, 2))

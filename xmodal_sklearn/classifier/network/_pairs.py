"""The branch of pairs: what two features of two modalities tell only together."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ._ridge import RIDGE_PENALTY, fit_ridge

__all__ = ["N_PAIRS", "PairsBranch"]

# At most; on simulated cohorts 16, 32 and 64 were alike, because it is the threshold that chooses.
N_PAIRS = 64


class PairsBranch(nn.Module):
    """A ridge-penalised linear map of products of features to classes, solved for.

    Each primary feature is multiplied by a weighted sum of the features that it is paired with, so
    it is a bilinear attention with one weight per class and pair, all but a few of them zero. Every
    member has pairs of its own; until they are known, and for pairs that a member has less than
    others, weights are zero.
    """

    columns: Tensor
    mean: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, n_members: int, n_pairs: int, n_classes: int):
        super().__init__()
        of_pairs = (n_members, 1, n_pairs)
        self.register_buffer("columns", torch.zeros(2, n_members, n_pairs, dtype=torch.long))
        self.register_buffer("mean", torch.zeros(of_pairs))
        self.register_buffer("scale", torch.ones(of_pairs))
        self.register_buffer("weight", torch.zeros(n_members, n_pairs, n_classes))
        self.register_buffer("bias", torch.zeros(n_members, 1, n_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, features)``, NaN in absent modalities, to logits by member."""
        # NaN may not enter the product: its gradient would reach the other factor.
        values, there = x.nan_to_num(), ~x.isnan()
        first, second = (values[:, columns].transpose(0, 1) for columns in self.columns)
        known = (there[:, self.columns[0]] & there[:, self.columns[1]]).transpose(0, 1)
        products = (first * second - self.mean) / self.scale * known
        return torch.baddbmm(self.bias, products, self.weight)

    def learn(self, x: Tensor, target: Tensor, pairs: Sequence[Tensor]) -> None:
        """Solve for the map of the pairs that each member has chosen.

        Parameters
        ----------
        x : Tensor of shape (samples, features)
            NaN in absent modalities.
        target : Tensor of shape (samples, members, classes)
            One-hot classes times weights, zero where a member holds a sample out.
        pairs : sequence of Tensor of int of shape (pairs, 2)
            Columns of x for each member.
        """
        self.weight.zero_()
        for member, (chosen, of_member) in enumerate(zip(pairs, target.unbind(1), strict=True)):
            n_chosen = len(chosen)
            seen = of_member.any(dim=1)
            if n_chosen == 0 or not seen.any():
                continue
            first, second = chosen.T
            of_pairs = x[seen][:, first] * x[seen][:, second]
            mean = of_pairs.nanmean(dim=0).nan_to_num()
            centred = (of_pairs - mean).nan_to_num()
            scale = centred.square().mean(dim=0).sqrt()
            scale = torch.where(scale > 0, scale, 1)
            penalty = RIDGE_PENALTY * n_chosen / len(centred)
            solved = fit_ridge(centred / scale, of_member[seen][:, None], penalty)
            self.columns[:, member, :n_chosen] = chosen.T
            self.mean[member, 0, :n_chosen] = mean
            self.scale[member, 0, :n_chosen] = scale
            self.weight[member, :n_chosen] = solved["weight"][0]
            self.bias[member] = solved["bias"][0]

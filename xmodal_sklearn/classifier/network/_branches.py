"""The branches of the network: their names, and two that are solved for by ridge regression."""

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ._layers import SolvedLinear
from ._ridge import RIDGE_PENALTY, fit_ridge

# The primary modality comes first wherever modalities are in a list.
PRIMARY = 0
TRAINED_KINDS = ("attention", "mlp")
BRANCH_KINDS = (*TRAINED_KINDS, "piecewise", "pairs", "centroid")
# At most; 16, 32 and 64 were alike on simulated cohorts, because the threshold does the choosing.
N_PAIRS = 64


class Branch(NamedTuple):
    """Name of a branch: one of BRANCH_KINDS, and the modality it sees, None for all."""

    kind: str
    modality: int | None = None


def list_branches(n_modalities: int, kinds: Collection[str] = BRANCH_KINDS) -> list[Branch]:
    """List the branches of some kinds, in the order of a network's output."""

    def by_modality(kind: str) -> list[Branch]:
        return [Branch(kind, modality) for modality in range(n_modalities)]

    branches = [Branch("attention"), *by_modality("mlp"), *by_modality("piecewise")]
    branches.append(Branch("centroid"))
    if n_modalities > 1:
        branches += [*by_modality("centroid"), Branch("pairs")]
    return [branch for branch in branches if branch.kind in kinds]


class PiecewiseLinearBranch(SolvedLinear):
    """A sum over features of a map with one slope below the feature's mean and another above."""

    # The mean absolute value of a standard normal variable.
    CENTER = math.sqrt(2 / math.pi)

    def __init__(self, n_members: int, n_features: int, n_classes: int):
        super().__init__(n_members, 2 * n_features, n_classes)

    def forward(self, values: Tensor) -> Tensor:
        """Map ``(batch, features)`` to logits ``(members, batch, classes)``."""
        return super().forward(self.bend(values))

    def solve(self, values: Tensor, target: Tensor) -> None:
        """Solve for the weights, given targets ``(batch, members, classes)``."""
        penalty = RIDGE_PENALTY * values.shape[1] / max(len(values), 1)
        self.load_state_dict(fit_ridge(self.bend(values), target, penalty))

    def bend(self, values: Tensor) -> Tensor:
        """Return ``(batch, 2 * features)``, in which the map is linear."""
        return torch.cat([values, values.abs() - self.CENTER], dim=-1)


class PairsBranch(SolvedLinear):
    """A ridge-penalized linear map of products of a primary feature and one of another modality."""

    columns: Tensor
    mean: Tensor
    scale: Tensor

    def __init__(self, n_members: int, n_pairs: int, n_classes: int):
        super().__init__(n_members, n_pairs, n_classes)
        self.register_buffer("columns", torch.zeros(2, n_members, n_pairs, dtype=torch.long))
        self.register_buffer("mean", torch.zeros(n_members, 1, n_pairs).float())
        self.register_buffer("scale", torch.ones(n_members, 1, n_pairs).float())

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, features)``, NaN if absent, to logits ``(members, batch, classes)``."""
        # NaN may not enter the product: its gradient would reach the other factor.
        values, measured = x.nan_to_num(), ~x.isnan()
        first, second = (values[:, columns].transpose(0, 1) for columns in self.columns)
        both = (measured[:, self.columns[0]] & measured[:, self.columns[1]]).transpose(0, 1)
        products = (first * second - self.mean) / self.scale * both
        return torch.baddbmm(self.bias, products, self.weight)

    def solve(self, x: Tensor, target: Tensor, pairs: Sequence[Tensor]) -> None:
        """Solve for the weights of the pairs of columns, ``(pairs, 2)``, of each member."""
        self.weight.zero_()
        for member, (chosen, member_target) in enumerate(zip(pairs, target.unbind(1), strict=True)):
            n_chosen = len(chosen)
            seen = member_target.any(dim=1)
            if n_chosen == 0 or not seen.any():
                continue
            first, second = chosen.T
            products = x[seen][:, first] * x[seen][:, second]
            mean = products.nanmean(dim=0).nan_to_num()
            centered = (products - mean).nan_to_num()
            scale = centered.square().mean(dim=0).sqrt()
            scale = torch.where(scale > 0, scale, 1)
            penalty = RIDGE_PENALTY * n_chosen / len(centered)
            solved = fit_ridge(centered / scale, member_target[seen][:, None], penalty)
            self.columns[:, member, :n_chosen] = chosen.T
            self.mean[member, 0, :n_chosen] = mean
            self.scale[member, 0, :n_chosen] = scale
            self.weight[member, :n_chosen] = solved["weight"][0]
            self.bias[member] = solved["bias"][0]

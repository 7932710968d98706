"""The branches of the network: their names, and three that are fitted before training."""

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ._layers import SolvedLinear, map_common
from ._ridge import RIDGE_PENALTY, fit_ridge

# The primary modality comes first wherever modalities are in a list.
PRIMARY = 0
TRAINED_KINDS = ("attention", "mlp")
BRANCH_KINDS = (*TRAINED_KINDS, "piecewise", "stumps", "pairs", "centroid")
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
    branches += [Branch("stumps"), Branch("centroid")]
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


class StumpsBranch(nn.Module):
    """A sum of stumps: a feature below a threshold adds a number to each logit, above it another.

    A stump rises over a short interval around its threshold, so that there is a gradient, by which
    its feature is explained.
    """

    # In standard deviations. Stumps that rise at once were no better in inner folds.
    RISE = 0.5

    columns: Tensor
    thresholds: Tensor
    modalities: Tensor
    weight: Tensor
    offset: Tensor
    bias: Tensor

    def __init__(self, n_members: int, n_modalities: int, n_classes: int):
        super().__init__()
        # Not in the state: each fit has as many stumps as it finds.
        for name in ("columns", "modalities"):
            self.register_buffer(name, torch.zeros(0, dtype=torch.long), persistent=False)
        self.register_buffer("thresholds", torch.zeros(0).float(), persistent=False)
        for name, size in {"weight": 0, "offset": n_modalities, "bias": 1}.items():
            zeros = torch.zeros(n_members, size, n_classes).float()
            self.register_buffer(name, zeros, persistent=False)

    def forward(self, x: Tensor, present: Sequence[Tensor]) -> Tensor:
        """Map ``(batch, features)``, NaN if absent, to logits ``(members, batch, classes)``."""
        available = torch.stack(list(present), dim=1).to(x.dtype)
        inputs = torch.cat([self.rise(x) * available[:, self.modalities], available], dim=1)
        # Many terms cancel, and in single precision the order of samples would change the rounding.
        dtype = torch.float32 if x.device.type == "mps" else torch.float64
        weight = torch.cat([self.weight, self.offset], dim=1).to(dtype)
        return map_common(inputs.to(dtype), weight, self.bias.to(dtype)).to(x.dtype)

    def rise(self, x: Tensor) -> Tensor:
        """Return how far each stump has risen, ``(batch, stumps)``, from 0 to 1."""
        distance = x[:, self.columns].nan_to_num() - self.thresholds
        return (distance / self.RISE + 0.5).clamp(0, 1)

    def set_stumps(
        self,
        columns: Tensor,
        thresholds: Tensor,
        below: Tensor,
        above: Tensor,
        bias: Tensor,
        modalities: Tensor,
    ) -> None:
        """Set stumps with logits ``(stumps, members, classes)`` below and above the thresholds."""
        self.columns, self.thresholds, self.modalities = columns, thresholds, modalities
        self.weight = (above - below).transpose(0, 1).contiguous()
        offset = torch.zeros(self.offset.shape[1], *below.shape[1:]).to(below)
        self.offset = offset.index_add_(0, modalities, below).transpose(0, 1).contiguous()
        self.bias = bias[:, None]

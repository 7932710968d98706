"""The head of nearest shrunken centroids, in closed form, for every member of an ensemble.

References
----------
R. Tibshirani, T. Hastie, B. Narasimhan, G. Chu, "Diagnosis of multiple cancer types by shrunken
centroids of gene expression", PNAS 99, 2002, doi:10.1073/pnas.082099299.
"""

import torch
from torch import Tensor, nn

from ._layers import map_common

__all__ = ["CentroidHead", "centroids_of_members"]

# In standard errors of a centroid. No measurement of other values is on record.
SHRINKAGE = 1.0


class CentroidHead(nn.Module):
    """Score samples by their distances to the shrunken centroids of the classes.

    It has no parameters to train: its state is set once, and until then all classes score zero.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, n_members: int, n_features: int, n_classes: int):
        super().__init__()
        self.register_buffer("weight", torch.zeros(n_members, n_features, n_classes))
        self.register_buffer("bias", torch.zeros(n_members, 1, n_classes))

    def forward(self, values: Tensor) -> Tensor:
        """Map ``(batch, features)`` to logits ``(members, batch, classes)``."""
        return map_common(values, self.weight, self.bias)

    def learn(self, values: Tensor, target: Tensor) -> None:
        """Learn the centroids, given targets as :class:`MultiHeadLoss` takes them."""
        # In double precision, which not every device has.
        self.load_state_dict(centroids_of_members(values.cpu(), target.cpu()))


def centroids_of_members(values: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Compute the centroids of every member.

    Parameters
    ----------
    values : Tensor of shape (samples, features)
        Of the samples that have the modality.
    target : Tensor of shape (samples, members, classes)
        One-hot classes times weights, zero where a sample is held out by a member.

    Returns
    -------
    dict of str to Tensor
        State of a :class:`CentroidHead`.
    """
    values, target = values.double(), target.double()
    weights, biases = zip(
        *(shrunken_centroids(values, of_member) for of_member in target.unbind(1)), strict=True
    )
    return {"weight": torch.stack(weights), "bias": torch.stack(biases)[:, None]}


def shrunken_centroids(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weight of each feature and the bias in the score of each class.

    A squared distance to a centroid is, but for what all classes share, linear in the sample.
    Without a sample of positive weight, every class scores zero.
    """
    tiny = torch.finfo(values.dtype).tiny
    counts = (weights > 0).sum(dim=0)
    n_samples = counts.sum()
    totals = weights.sum(dim=0)
    total = totals.sum().clamp_min(tiny)
    mean = weights.sum(dim=1) @ values / total
    values = values - mean
    centroids = weights.T @ values / totals.clamp_min(tiny)[:, None]
    within = weights.sum(dim=1) @ values.square() - totals @ centroids.square()
    freedom = (n_samples / (n_samples - len(counts)).clamp_min(1)) / total
    deviation = (within.clamp_min(0) * freedom).sqrt()
    scale = deviation + deviation.median()
    scale = torch.where(scale > 0, scale, 1)
    error = (1 / counts.clamp_min(1) - 1 / n_samples).sqrt()[:, None]
    shift = nn.functional.softshrink(centroids / (scale * error), SHRINKAGE) * error
    shift = torch.where(counts[:, None] > 0, shift.nan_to_num(), 0)
    weight = shift.T / scale[:, None]
    return weight, -mean @ weight - shift.square().sum(dim=1) / 2

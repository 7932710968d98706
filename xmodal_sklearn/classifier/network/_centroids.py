"""The branch of nearest shrunken centroids, in closed form for all members of an ensemble.

References
----------
R. Tibshirani, T. Hastie, B. Narasimhan, G. Chu, "Diagnosis of multiple cancer types by shrunken
centroids of gene expression", PNAS 99, 2002, doi:10.1073/pnas.082099299.
"""

import torch
from torch import Tensor, nn

from ._layers import SolvedLinear

# In standard errors of a centroid; other values were not tried.
SHRINKAGE = 1.0


class CentroidBranch(SolvedLinear):
    """Score samples by distance to the shrunken centroids; all classes score zero until solved."""

    def solve(self, values: Tensor, target: Tensor) -> None:
        """Compute the centroids, given targets ``(batch, members, classes)``."""
        # In double precision, which not every device has.
        self.load_state_dict(fit_centroids(values.cpu(), target.cpu()))


def fit_centroids(values: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Return the state of a :class:`CentroidBranch`."""
    values, target = values.double(), target.double()
    # Sums of all members are few products; a part of the samples for each would be many.
    by_class = target.flatten(1).T @ values
    squares = target.sum(dim=2).T @ values.square()
    sums = by_class.view(*target.shape[1:], -1)
    return shrunken_centroids(sums, squares, (target > 0).sum(dim=0), target.sum(dim=0))


def shrunken_centroids(
    sums: Tensor, squares: Tensor, counts: Tensor, totals: Tensor
) -> dict[str, Tensor]:
    """Return the weight of each feature and the bias in the score of each class."""
    tiny = torch.finfo(sums.dtype).tiny
    counts = counts.float()
    n_samples = counts.sum(dim=1, keepdim=True)
    total = totals.sum(dim=1, keepdim=True).clamp_min(tiny)
    mean = sums.sum(dim=1) / total
    centroids = sums / totals.clamp_min(tiny)[:, :, None]
    within = squares - (totals[:, :, None] * centroids.square()).sum(dim=1)
    freedom = (n_samples / (n_samples - counts.shape[1]).clamp_min(1)) / total
    deviation = (within.clamp_min(0) * freedom).sqrt()
    scale = deviation + deviation.median(dim=1, keepdim=True).values
    scale = torch.where(scale > 0, scale, 1)[:, None]
    error = (1 / counts.clamp_min(1) - 1 / n_samples).sqrt()[:, :, None]
    standardized = (centroids - mean[:, None]) / (scale * error)
    shift = nn.functional.softshrink(standardized, SHRINKAGE) * error
    shift = torch.where(counts[:, :, None] > 0, shift.nan_to_num(), 0)
    weight = (shift / scale).mT
    bias = -mean[:, None] @ weight - shift.square().sum(dim=2)[:, None] / 2
    return {"weight": weight, "bias": bias}

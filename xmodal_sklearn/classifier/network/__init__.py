"""The network: PyTorch only, tensors in and tensors out."""

from ._attention import PatchTokenizer
from ._branches import (
    BRANCH_KINDS,
    N_PAIRS,
    PRIMARY,
    TRAINED_KINDS,
    Branch,
    StumpsBranch,
    list_branches,
)
from ._combiner import BranchLoss, StackingCombiner, ensemble_proba
from ._network import CrossModalNetwork

__all__ = [
    "BRANCH_KINDS",
    "N_PAIRS",
    "PRIMARY",
    "TRAINED_KINDS",
    "Branch",
    "BranchLoss",
    "CrossModalNetwork",
    "PatchTokenizer",
    "StackingCombiner",
    "StumpsBranch",
    "ensemble_proba",
    "list_branches",
]

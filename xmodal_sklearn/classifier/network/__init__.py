"""The network: PyTorch only, tensors in and tensors out."""

from ._combiner import MultiHeadLoss, StackingCombiner, ensemble_proba
from ._heads import Head, list_heads
from ._network import CrossModalNetwork

__all__ = [
    "CrossModalNetwork",
    "Head",
    "MultiHeadLoss",
    "StackingCombiner",
    "ensemble_proba",
    "list_heads",
]

"""The network: PyTorch only, tensors in and tensors out."""

from ._attention import PatchTokenizer
from ._combiner import MultiHeadLoss, StackingCombiner, ensemble_proba
from ._heads import HEAD_KINDS, TRAINED_KINDS, Head, list_heads
from ._network import CrossModalNetwork
from ._pairs import N_PAIRS

__all__ = [
    "HEAD_KINDS",
    "N_PAIRS",
    "TRAINED_KINDS",
    "CrossModalNetwork",
    "Head",
    "MultiHeadLoss",
    "PatchTokenizer",
    "StackingCombiner",
    "ensemble_proba",
    "list_heads",
]

"""The classical models that the attention classifier is compared with."""

from ._block_pls import BlockSparsePLSDA
from ._fusion import LateFusionClassifier, StackedFusionClassifier
from ._make import make_baselines

__all__ = [
    "BlockSparsePLSDA",
    "LateFusionClassifier",
    "StackedFusionClassifier",
    "make_baselines",
]

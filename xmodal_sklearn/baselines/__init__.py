"""The classical models to believe the attention classifier beside."""

from ._fusion import LateFusionClassifier, StackedFusionClassifier
from ._make import make_baselines

__all__ = ["LateFusionClassifier", "StackedFusionClassifier", "make_baselines"]

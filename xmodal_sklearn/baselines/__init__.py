"""The classical models that the attention classifier is compared with."""

from ._fusion import LateFusionClassifier, StackedFusionClassifier
from ._make import make_baselines

__all__ = ["LateFusionClassifier", "StackedFusionClassifier", "make_baselines"]

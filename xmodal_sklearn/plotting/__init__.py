"""Displays like scikit-learn's: ``from_…`` computes, ``plot`` draws."""

from ..benchmark._metrics import metric_label
from ._coefficient_path import CoefficientPathDisplay
from ._comparison import ComparisonDisplay
from ._features import AttentionMapDisplay, FeatureImportanceDisplay
from ._k_score import KScoreDisplay
from ._modalities import ModalityAblationDisplay, ModalityImportanceDisplay
from ._shapes import AdditiveShapeDisplay

# fmt: off
__all__ = [
    "AdditiveShapeDisplay", "AttentionMapDisplay", "CoefficientPathDisplay", "ComparisonDisplay",
    "FeatureImportanceDisplay", "KScoreDisplay", "ModalityAblationDisplay",
    "ModalityImportanceDisplay", "metric_label",
]
# fmt: on

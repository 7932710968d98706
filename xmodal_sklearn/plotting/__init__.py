"""Displays like scikit-learn's: ``from_…`` computes, ``plot`` draws."""

from ..benchmark._metrics import metric_label
from ._attention_map import AttentionMapDisplay
from ._coefficient_path import CoefficientPathDisplay
from ._comparison import ComparisonDisplay
from ._feature_importance import FeatureImportanceDisplay
from ._k_score import KScoreDisplay
from ._modality_ablation import ModalityAblationDisplay
from ._modality_importance import ModalityImportanceDisplay

__all__ = [
    "AttentionMapDisplay",
    "CoefficientPathDisplay",
    "ComparisonDisplay",
    "FeatureImportanceDisplay",
    "KScoreDisplay",
    "ModalityAblationDisplay",
    "ModalityImportanceDisplay",
    "metric_label",
]

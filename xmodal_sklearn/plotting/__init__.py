"""Displays like scikit-learn's: ``from_…`` computes, ``plot`` draws."""

from ..benchmark._metrics import metric_label
from ._coefficient_path import CoefficientPathDisplay
from ._comparison import ComparisonDisplay
from ._k_score import KScoreDisplay
from ._modality_ablation import ModalityAblationDisplay

__all__ = [
    "CoefficientPathDisplay",
    "ComparisonDisplay",
    "KScoreDisplay",
    "ModalityAblationDisplay",
    "metric_label",
]

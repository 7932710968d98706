"""Displays in scikit-learn's manner: computing in ``from_…``, drawing in ``plot``."""

from ._coefficient_path import CoefficientPathDisplay
from ._common import metric_label
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

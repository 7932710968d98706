"""Classifying multi-omics samples by cross-modal attention."""

from ._estimator import CrossModalAttentionClassifier

__all__ = ["CrossModalAttentionClassifier"]

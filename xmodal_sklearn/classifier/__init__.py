"""Classifying multi-omics samples by cross-modal attention."""

from ._estimator import CrossModalAttentionClassifier

__all__ = ["CrossModalAttentionClassifier"]


# Without the packages inside, which are not public.
def __dir__() -> list[str]:
    return __all__

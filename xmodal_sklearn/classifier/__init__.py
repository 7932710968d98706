"""Classifying multi-omics samples by cross-modal attention."""

import sys

try:
    import skorch
except AttributeError:
    # Under `python -OO`, its classes have no docstring from which it could derive others.
    sys.modules["skorch.net"].NeuralNet.__doc__ = "\n" * 5 + "    criterion : class\n      Loss."
    import skorch  # noqa: F401

from ._estimator import CrossModalAttentionClassifier

__all__ = ["CrossModalAttentionClassifier"]


# Without the packages inside, which are not public.
def __dir__() -> list[str]:
    return __all__

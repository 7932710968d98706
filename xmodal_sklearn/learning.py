"""Learning curves: what more patients would gain."""

from .benchmark._learning_curves import learning_curves

__all__ = ["learning_curves"]

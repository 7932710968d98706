"""Prediction sets and abstention."""

from ._conformal import ConformalClassifier
from ._rejecting import RejectingClassifier

__all__ = ["ConformalClassifier", "RejectingClassifier"]

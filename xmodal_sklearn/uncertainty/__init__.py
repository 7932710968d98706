"""Predictions that say when they are not sure: sets of classes, or no class."""

from ._conformal import ConformalClassifier
from ._rejecting import RejectingClassifier

__all__ = ["ConformalClassifier", "RejectingClassifier"]

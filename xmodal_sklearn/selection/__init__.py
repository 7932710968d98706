"""Selecting the best K features of each modality."""

from ._selector import MultiOmicsSelector

__all__ = ["MultiOmicsSelector"]

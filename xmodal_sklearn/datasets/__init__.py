"""Simulated and real multi-omics cohorts."""

from ._simulated import make_multiomics

__all__ = ["make_multiomics"]

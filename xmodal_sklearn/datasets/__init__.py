"""Simulated and real multi-omics cohorts."""

from ._cbioportal import read_cbioportal
from ._simulated import make_multiomics

__all__ = ["make_multiomics", "read_cbioportal"]

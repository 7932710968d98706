"""Simulated and real multi-omics cohorts."""

from ._cbioportal import read_cbioportal
from ._fetch import fetch_cbioportal, fetch_metabric
from ._simulated import make_multiomics

__all__ = ["fetch_cbioportal", "fetch_metabric", "make_multiomics", "read_cbioportal"]

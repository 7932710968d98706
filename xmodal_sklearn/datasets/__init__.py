"""Simulated and real multi-omics cohorts."""

from ._cbioportal import read_cbioportal
from ._mudata import from_mudata, to_mudata
from ._simulated import make_multiomics

__all__ = ["from_mudata", "make_multiomics", "read_cbioportal", "to_mudata"]

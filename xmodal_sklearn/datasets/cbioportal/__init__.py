"""Studies in cBioPortal's file formats, from a folder or from its server."""

from ._fetch import fetch_cbioportal, fetch_metabric
from ._profiles import list_profiles
from ._reader import read_cbioportal

__all__ = ["fetch_cbioportal", "fetch_metabric", "list_profiles", "read_cbioportal"]

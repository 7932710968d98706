"""Simulated and real multi-omics cohorts."""

from ._mudata import from_mudata, to_mudata
from ._simulated import make_multiomics
from ._tables import read_tables
from .cbioportal import fetch_cbioportal, fetch_metabric, list_profiles, read_cbioportal

__all__ = [
    "fetch_cbioportal",
    "fetch_metabric",
    "from_mudata",
    "list_profiles",
    "make_multiomics",
    "read_cbioportal",
    "read_tables",
    "to_mudata",
]


# Without the packages inside, which are not public.
def __dir__() -> list[str]:
    return __all__

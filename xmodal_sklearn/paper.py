"""The paper's table: modalities added to expression, each with several K, on the same folds."""

from .benchmark._modality_study import (
    KS,
    REPORTED,
    SOURCE,
    compare_modalities,
    is_metabric,
    modality_sets,
    paper_settings,
)
from .benchmark._paper_network import paper_network

__all__ = [
    "KS",
    "REPORTED",
    "SOURCE",
    "compare_modalities",
    "is_metabric",
    "modality_sets",
    "paper_network",
    "paper_settings",
]

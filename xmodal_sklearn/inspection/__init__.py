"""Inspection: explains selections and fitted classifiers."""

from ._attention_map import attention_map, top_pairs
from ._attributions import Attributions, integrated_gradients, modality_shapley
from ._drift import drift
from ._explain import Explanation, explain
from ._importance import ModalityImportance, modality_importance, permutation_importance
from ._selection import (
    PAM50_GENES,
    SelectionStability,
    enrichment,
    selection_stability,
    stability_index,
)
from ._shapes import additive_shapes

# fmt: off
__all__ = [
    "PAM50_GENES", "Attributions", "Explanation", "ModalityImportance", "SelectionStability",
    "additive_shapes", "attention_map", "drift", "enrichment", "explain", "integrated_gradients",
    "modality_importance", "modality_shapley", "permutation_importance", "selection_stability",
    "stability_index", "top_pairs",
]
# fmt: on

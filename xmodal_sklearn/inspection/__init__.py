"""Questions to ask of a selection and of a fitted classifier: how stable, and what it looks at."""

from ._attention_map import attention_map, top_pairs
from ._attributions import Attributions, integrated_gradients
from ._drift import drift
from ._enrichment import PAM50_GENES, enrichment
from ._explain import Explanation, explain
from ._modality_importance import ModalityImportance, modality_importance
from ._permutation import permutation_importance
from ._shapley import modality_shapley
from ._stability import SelectionStability, selection_stability, stability_index

__all__ = [
    "PAM50_GENES",
    "Attributions",
    "Explanation",
    "ModalityImportance",
    "SelectionStability",
    "attention_map",
    "drift",
    "enrichment",
    "explain",
    "integrated_gradients",
    "modality_importance",
    "modality_shapley",
    "permutation_importance",
    "selection_stability",
    "stability_index",
    "top_pairs",
]

"""Questions to ask of a selection and of a fitted classifier: how stable, and what it looks at."""

from ._attention_map import attention_map, top_pairs
from ._stability import SelectionStability, selection_stability, stability_index

__all__ = [
    "SelectionStability",
    "attention_map",
    "selection_stability",
    "stability_index",
    "top_pairs",
]

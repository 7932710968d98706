"""Looking into what was selected."""

from ._stability import SelectionStability, selection_stability, stability_index

__all__ = ["SelectionStability", "selection_stability", "stability_index"]

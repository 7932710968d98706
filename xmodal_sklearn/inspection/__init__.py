"""Questions to ask of a selection: how stable it is."""

from ._stability import SelectionStability, selection_stability, stability_index

__all__ = ["SelectionStability", "selection_stability", "stability_index"]

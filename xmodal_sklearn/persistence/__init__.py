"""Fitted models as files that run no code when they are loaded."""

from ._model_file import load_model, read_manifest, save_model

__all__ = ["load_model", "read_manifest", "save_model"]

"""Fitted models as files that run no code when they are loaded."""

from ._model_file import load_model, read_manifest, save_model
from ._training import describe_training

__all__ = ["describe_training", "load_model", "read_manifest", "save_model"]

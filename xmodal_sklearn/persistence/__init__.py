"""Saving fitted models as files that run no code when they are loaded."""

from ._description import describe_training
from ._model_file import load_model, read_manifest, save_model

__all__ = ["describe_training", "load_model", "read_manifest", "save_model"]

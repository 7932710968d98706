"""One X of several modalities: which columns belong to which, aligned on the samples."""

from ._concat import concat_modalities, split_modalities

__all__ = ["concat_modalities", "split_modalities"]

"""One X of several modalities: which columns belong to which, aligned on the samples."""

from ._align_features import align_features
from ._concat import concat_modalities, split_modalities
from ._preprocessing import ModalityEncoder, ModalityImputer

__all__ = [
    "ModalityEncoder",
    "ModalityImputer",
    "align_features",
    "concat_modalities",
    "split_modalities",
]

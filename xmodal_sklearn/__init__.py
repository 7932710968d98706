"""Cross-modal attention for multi-omics classification, as scikit-learn estimators."""

from typing import TYPE_CHECKING, Any

from . import datasets
from ._version import __version__
from .modalities import align_features, concat_modalities, split_modalities
from .selection import MultiOmicsSelector

if TYPE_CHECKING:
    from .classifier import CrossModalAttentionClassifier

__all__ = [
    "CrossModalAttentionClassifier",
    "MultiOmicsSelector",
    "__version__",
    "align_features",
    "concat_modalities",
    "datasets",
    "split_modalities",
]


def __getattr__(name: str) -> Any:
    # PyTorch takes seconds to import, which only those who train should wait for.
    if name == "CrossModalAttentionClassifier":
        from .classifier import CrossModalAttentionClassifier

        return CrossModalAttentionClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

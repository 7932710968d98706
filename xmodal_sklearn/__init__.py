"""Cross-modal attention for multi-omics classification, as scikit-learn estimators."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import datasets
    from .classifier import CrossModalAttentionClassifier
    from .modalities import (
        ModalityImputer,
        align_features,
        concat_modalities,
        split_modalities,
    )
    from .selection import MultiOmicsSelector

__all__ = [
    "CrossModalAttentionClassifier",
    "ModalityImputer",
    "MultiOmicsSelector",
    "__version__",
    "align_features",
    "concat_modalities",
    "datasets",
    "split_modalities",
]

# scikit-learn takes a second to import and PyTorch two: only who uses a name waits for its package.
_PACKAGES = {
    "CrossModalAttentionClassifier": "classifier",
    "ModalityImputer": "modalities",
    "MultiOmicsSelector": "selection",
    "align_features": "modalities",
    "concat_modalities": "modalities",
    "split_modalities": "modalities",
}


def __getattr__(name: str) -> Any:
    if name == "datasets":
        return import_module(".datasets", __name__)
    if name in _PACKAGES:
        return getattr(import_module(f".{_PACKAGES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Cross-modal attention for multi-omics classification, as scikit-learn estimators."""

from importlib import import_module
from typing import TYPE_CHECKING

from ._version import __version__

if TYPE_CHECKING:
    from . import (
        baselines,
        benchmark,
        classifier,
        cli,
        datasets,
        inspection,
        learning,
        modalities,
        paper,
        persistence,
        plotting,
        report,
        selection,
        uncertainty,
    )
    from .classifier import CrossModalAttentionClassifier
    from .modalities import (
        ModalityEncoder,
        ModalityImputer,
        align_features,
        concat_modalities,
        split_modalities,
    )
    from .selection import MultiOmicsSelector

# fmt: off
__all__ = [
    "CrossModalAttentionClassifier", "ModalityEncoder", "ModalityImputer", "MultiOmicsSelector",
    "__version__", "align_features", "baselines", "benchmark", "classifier", "cli",
    "concat_modalities", "datasets", "inspection", "learning", "modalities", "paper", "persistence",
    "plotting", "report", "selection", "split_modalities", "uncertainty",
]
# fmt: on

# scikit-learn takes a second to import and PyTorch two: only who uses a name waits for its package.
_PACKAGES = {
    "CrossModalAttentionClassifier": "classifier",
    "ModalityEncoder": "modalities",
    "ModalityImputer": "modalities",
    "MultiOmicsSelector": "selection",
    "align_features": "modalities",
    "concat_modalities": "modalities",
    "split_modalities": "modalities",
}

# A type checker would take any name for one that this function finds.
if not TYPE_CHECKING:

    def __getattr__(name):
        if name in _PACKAGES:
            return getattr(import_module(f".{_PACKAGES[name]}", __name__), name)
        if name in __all__:
            return import_module(f".{name}", __name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

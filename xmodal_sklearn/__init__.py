"""Cross-modal attention for multi-omics classification, as scikit-learn estimators."""

from ._version import __version__

__all__ = ["__version__"]

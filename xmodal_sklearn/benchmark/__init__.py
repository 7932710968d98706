"""Comparing estimators on the same folds."""

from ._compare import compare
from ._comparison import Comparison
from ._dataset_ranks import DatasetRanks, rank_datasets
from ._metrics import METRICS

__all__ = ["METRICS", "Comparison", "DatasetRanks", "compare", "rank_datasets"]

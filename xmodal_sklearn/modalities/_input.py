"""Reading X: the modality of each column, its categories, absent modalities and gaps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler

from ._columns import (
    Columns,
    Modalities,
    as_slice,
    column_labels,
    column_names,
    has_named_modalities,
    resolve_modalities,
    sample_labels,
)
from ._encoding import CategoryEncoder
from ._missing import Missing, check_finite, column_means, fill_gaps, find_missing
from ._training_summary import TrainingSummary, summarize
from ._validation import validate_table

__all__ = ["ModalityInput", "NeededSamples"]


@dataclass(frozen=True)
class NeededSamples:
    """Samples as the columns that a fitted estimator needs, encoded."""

    values: np.ndarray
    names: np.ndarray
    columns: Modalities
    index: Any


class ModalityInput:
    """How an estimator reads X: fitted to the training samples, and kept by it as ``input_``."""

    def __init__(self, table: Any, modalities: dict[str, Columns] | None = None):
        names = column_names(table)
        self.modalities = resolve_modalities(table, modalities)
        self.is_named = has_named_modalities(table, modalities)
        self.feature_names = None if names is None else np.array(names, dtype=object)
        self.n_features = table.shape[1]
        self.encoder = CategoryEncoder(table, self.modalities)
        self.needed = np.arange(table.shape[1])
        self.is_rare = np.zeros(0, dtype=bool)
        self.means: Any = None
        self.scaler: Any = None
        self.summary: TrainingSummary | None = None

    @property
    def needed_modalities(self) -> Modalities:
        """Positions of each modality's needed columns."""
        return {
            name: np.intersect1d(positions, self.needed)
            for name, positions in self.modalities.items()
        }

    @property
    def needed_means(self) -> np.ndarray | None:
        """Training means of the needed columns, NaN for categorical ones; None if not kept."""
        return None if self.means is None else self.encoder.numeric_only(self.needed, self.means)

    def read(self, table: Any) -> tuple[dict[str, np.ndarray], Missing]:
        """Return the numbers of each modality in a validated table, and what is missing in them."""
        blocks = self.encoder.blocks(table)
        return blocks, find_missing(table, blocks, self.encoder.origins)

    def read_matrix(self, table: Any, dtype: Any) -> tuple[np.ndarray, Missing]:
        """Return the numbers of a validated table, (n_samples, n_encoded), and what is missing."""
        values = self.encoder.encode(table, np.arange(self.n_features), dtype=dtype)
        return values, find_missing(table, self.split(values), self.encoder.origins)

    def split(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Return the encoded columns of each modality, views where they are adjacent."""
        return {name: values[:, as_slice(at)] for name, at in self.encoder.columns.items()}

    @property
    def measured_modalities(self) -> list[str]:
        """The modalities that training samples have."""
        return [
            name
            for name, columns in self.encoder.columns.items()
            if not np.isnan(self.means[columns]).all()
        ]

    def standardize(self, values: np.ndarray, missing: Missing) -> np.ndarray:
        """Standardize values as training samples, in single precision."""
        standardized = self.scaler.transform(values).astype(np.float32, copy=False)
        for modality, columns in self.encoder.columns.items():
            gaps, rare = missing.gaps[modality], self.is_rare[columns]
            if gaps.total or rare.any():
                zeros = np.zeros(len(columns), dtype=np.float32)
                block = fill_gaps(standardized[:, columns], gaps.present, zeros)
                block[np.ix_(gaps.present, rare)] = 0
                standardized[:, columns] = block
        measured = np.isin(list(self.modalities), self.measured_modalities)
        standardized[~missing.present[:, measured].any(axis=1)] = 0
        return standardized

    def learn_means(self, blocks: dict[str, Any], missing: Missing) -> None:
        """Keep the means of training samples, and which features are rare in them."""
        self.means = np.empty(sum(block.shape[1] for block in blocks.values()))
        for modality, columns in self.encoder.columns.items():
            self.means[columns] = column_means(blocks[modality])
        self.learn_rare(missing)

    def learn_rare(self, missing: Missing) -> None:
        """Keep which encoded columns belong to features that almost no training sample has."""
        is_rare = np.empty(self.n_features, dtype=bool)
        for modality, positions in self.modalities.items():
            is_rare[positions] = missing.gaps[modality].is_rare
        self.is_rare = self.encoder.repeat_encoded(np.arange(self.n_features), is_rare)

    def fill(self, blocks: dict[str, np.ndarray], missing: Missing) -> dict[str, np.ndarray]:
        """Return blocks with gaps filled by training means, and rare features constant."""
        filled = {}
        for modality, columns in self.encoder.columns.items():
            block, gaps = blocks[modality], missing.gaps[modality]
            rare = self.is_rare[columns]
            if gaps.total or rare.any():
                means = np.nan_to_num(self.means[columns])
                block = fill_gaps(block, gaps.present, means)
                block[:, rare] = np.where(gaps.present[:, None], means[rare], np.nan)
            filled[modality] = block
        return filled

    def learn_summary(
        self, values: np.ndarray, weights: np.ndarray | None = None, *, keep_scale: bool = False
    ) -> None:
        """Keep mean, scale and summary of training samples, (n_samples, n_encoded), NaN in gaps."""
        # Arrays, whatever scikit-learn's global transform_output says. A weight of two must count
        # as two samples, which a common factor does not change.
        if not keep_scale:
            relative = None if weights is None else weights / weights.mean()
            self.scaler = StandardScaler().set_output(transform="default")
            with np.errstate(invalid="ignore"):  # of columns without any value
                self.scaler.fit(values, sample_weight=relative)
        columns = self.encoder.columns_of(self.needed)
        self.means = self.scaler.mean_
        self.summary = summarize(values, columns, self.scaler, weights)

    def locate(self, table: Any) -> np.ndarray:
        """Return where the columns of training are in a validated table, -1 for missing ones."""
        if table.shape[1] == self.n_features:
            return np.arange(self.n_features)
        return table.columns.get_indexer(self.feature_names)

    def read_needed(self, estimator: BaseEstimator, X: Any) -> NeededSamples:
        """Return the needed columns of samples encoded, in double precision."""
        table, _ = validate_table(
            estimator, X, reset=False, needed=self.needed, accept_sparse="csc"
        )
        places = self.locate(table)[self.needed]
        values = self.encoder.encode(table, self.needed, places, warn_unseen=False).astype(float)
        labels = np.array(column_labels(table), dtype=object)[places]
        names = self.encoder.names(self.needed, labels)
        columns = self.encoder.columns_of(self.needed)
        for modality, encoded in columns.items():
            check_finite(values[:, encoded], modality, names[encoded], sample_labels(table))
        return NeededSamples(values, names, columns, sample_labels(table))

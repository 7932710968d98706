"""Reading X: the modality of each column, its categories, absent modalities and gaps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler

from ._columns import (
    Columns,
    Modalities,
    column_labels,
    column_names,
    has_named_modalities,
    resolve_modalities,
    sample_labels,
)
from ._encoding import ModalityEncoder
from ._missing import check_finite, column_means
from ._training_summary import TrainingSummary, summarize
from ._validation import validate_table

__all__ = ["ModalityInput", "NeededSamples"]


@dataclass(frozen=True)
class NeededSamples:
    """Samples as the columns that a fitted estimator needs, encoded.

    Attributes
    ----------
    values : ndarray of float of shape (n_samples, n_encoded)
        NaN where missing.
    names : ndarray of str of shape (n_encoded,)
        Of categories ``feature=category``.
    columns : dict of str to ndarray of int
        The encoded columns of each modality.
    index : Index or range of length n_samples
        Names of the samples, or their positions.
    """

    values: np.ndarray
    names: np.ndarray
    columns: Modalities
    index: Any


class ModalityInput:
    """How an estimator reads X: fitted to the training samples, and kept by it as ``input_``.

    Parameters
    ----------
    table : DataFrame, ndarray or sparse matrix of shape (n_samples, n_features)
        Training samples, as :func:`validate_table` returns them.
    modalities : dict of str to columns, default=None
        As the user gave them; None reads them from the column names.

    Attributes
    ----------
    modalities : dict of str to ndarray of int
        Column positions of each modality.
    is_named : bool
        Whether the modalities are known by name, from columns or from the user.
    feature_names : ndarray of str of shape (n_features,) or None
        Column names of the training samples, if they had names.
    n_features : int
        Number of columns.
    encoder : ModalityEncoder
        Turns categorical columns into numbers.
    needed : ndarray of int
        Positions of the columns that the estimator needs: the selected ones, or all.
    means : ndarray of float64 of shape (n_encoded,) or None
        Training means of the encoded needed columns, NaN where no sample had a value.
    scaler : StandardScaler or None
        Fitted to the encoded needed columns.
    summary : TrainingSummary or None
        Of the encoded needed columns; None where the estimator keeps none.
    """

    def __init__(self, table: Any, modalities: dict[str, Columns] | None = None):
        names = column_names(table)
        self.modalities = resolve_modalities(table, modalities)
        self.is_named = has_named_modalities(table, modalities)
        self.feature_names = None if names is None else np.array(names, dtype=object)
        self.n_features = table.shape[1]
        self.encoder = ModalityEncoder(table, self.modalities)
        self.needed = np.arange(table.shape[1])
        self.means: np.ndarray | None = None
        self.scaler: StandardScaler | None = None
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

    def learn_means(self, blocks: dict[str, Any]) -> None:
        """Keep the means of training samples, given as the encoded columns of each modality."""
        self.means = np.empty(sum(block.shape[1] for block in blocks.values()))
        for modality, columns in self.encoder.columns.items():
            self.means[columns] = column_means(blocks[modality])

    def learn_summary(self, values: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Keep mean, scale and summary of training samples, (n_samples, n_encoded), NaN in gaps."""
        # Arrays, whatever scikit-learn's global transform_output says. A weight of two must count
        # as two samples, which a common factor does not change.
        relative = None if weights is None else weights / weights.mean()
        self.scaler = StandardScaler().set_output(transform="default")
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
        """Return the needed columns of samples encoded, in double precision.

        Parameters
        ----------
        estimator : estimator
            That keeps this input; errors name it.
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
            Samples. A DataFrame may lack columns that are not needed.

        Returns
        -------
        NeededSamples
            The samples.

        Raises
        ------
        ValueError
            If a needed column is missing or a value is infinite.
        """
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

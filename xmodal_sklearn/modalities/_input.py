"""Reading X: the modality of each column, its categories, absent modalities and gaps."""

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_X_y
from sklearn.utils.validation import validate_data

from .._alignment import check_order, plain_labels
from ._columns import (
    UNNAMED,
    Columns,
    Modalities,
    as_slice,
    check_not_transposed,
    column_labels,
    column_names,
    describe_missing,
    flatten_columns,
    has_named_modalities,
    resolve_modalities,
    sample_labels,
)
from ._encoding import CategoryEncoder, find_categorical
from ._missing import Missing, check_finite, column_means, fill_gaps, find_missing
from ._scaling import column_moments, standardize_columns
from ._training_summary import TrainingSummary, summarize


@dataclass(frozen=True)
class NeededSamples:
    """Samples as the columns that a fitted estimator needs, encoded."""

    values: np.ndarray
    names: np.ndarray
    columns: Modalities


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
        self.scales: Any = None
        self.summary: TrainingSummary | None = None

    @property
    def needed_means(self) -> np.ndarray | None:
        """Training means of the needed columns, NaN for categorical ones; None if not kept."""
        return None if self.means is None else self.encoder.numeric_only(self.needed, self.means)

    def read(self, table: Any) -> tuple[dict[str, np.ndarray], Missing]:
        """Return the numbers of each modality in a validated table, and what is missing in them."""
        blocks = self.encoder.blocks(table)
        return blocks, find_missing(table, blocks, self.encoder.origins)

    def read_matrix(self, table: Any) -> tuple[np.ndarray, Missing]:
        """Return the numbers of a validated table, (n_samples, n_encoded), and what is missing."""
        values = self.encoder.encode(table, np.arange(self.n_features))
        return values, find_missing(table, self.split(values), self.encoder.origins)

    def split(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Return the encoded columns of each modality, views where they are adjacent."""
        return {name: values[:, as_slice(at)] for name, at in self.encoder.columns.items()}

    @property
    def measured_modalities(self) -> list[str]:
        """The modalities that training samples have."""
        columns = self.encoder.columns
        return [name for name, at in columns.items() if not np.isnan(self.means[at]).all()]

    def standardize(
        self, values: np.ndarray, missing: Missing, dtype: Any = np.float32
    ) -> np.ndarray:
        """Standardize values as training samples."""
        standardized = standardize_columns(values, self.means, self.scales, dtype)
        for modality, columns in self.encoder.columns.items():
            gaps, rare = missing.gaps[modality], self.is_rare[columns]
            if gaps.total or rare.any():
                zeros = np.zeros(len(columns), dtype=dtype)
                block = fill_gaps(standardized[:, columns], gaps.present, zeros)
                block[np.ix_(gaps.present, rare)] = 0
                standardized[:, columns] = block
        measured = np.isin(list(self.modalities), self.measured_modalities)
        standardized[~missing.present[:, measured].any(axis=1)] = 0
        return standardized

    def read_standardized(self, estimator: BaseEstimator, X: Any) -> np.ndarray:
        """Return samples standardized as training samples, (n_samples, n_encoded)."""
        table, _ = validate_table(estimator, X, reset=False, accept_sparse="csc")
        return self.standardize(*self.read_matrix(table))

    def learn_means(self, blocks: dict[str, Any], missing: Missing) -> None:
        """Keep the means of training samples, and which features are rare in them."""
        self.means = np.empty(sum(block.shape[1] for block in blocks.values()))
        for modality, columns in self.encoder.columns.items():
            self.means[columns] = column_means(blocks[modality])
        self.learn_rare(missing)

    def learn_rare(self, missing: Missing) -> None:
        """Keep which encoded columns belong to features that almost no training sample has."""
        self.is_rare = self.rare_columns(missing)

    def rare_columns(self, missing: Missing) -> np.ndarray:
        """Return which encoded columns belong to features that almost no sample has."""
        is_rare = np.empty(self.n_features, dtype=bool)
        for modality, positions in self.modalities.items():
            is_rare[positions] = missing.gaps[modality].is_rare
        return self.encoder.repeat_encoded(np.arange(self.n_features), is_rare)

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
        if not keep_scale:
            self.learn_scale(values, weights)
        columns = self.encoder.columns_of(self.needed)
        self.summary = summarize(values, columns, self.means, self.scales, weights)

    def learn_scale(self, values: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Keep mean and scale of training samples, (n_samples, n_encoded), NaN in gaps."""
        self.means, self.scales = column_moments(values, weights)

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
        return NeededSamples(values, names, columns)


def validate_table(
    estimator: BaseEstimator,
    X: Any,
    y: Any = "no_validation",
    *,
    reset: bool = True,
    needed: np.ndarray | None = None,
    **checks: Any,
) -> tuple[Any, Any]:
    """Validate X, and y where given, as scikit-learn does, but allow NaN and infinity."""
    X = flatten_columns(as_pandas(X))
    if not isinstance(y, str):
        check_order(y, X, "y")
        _check_no_missing_class(X, y)
        y = plain_labels(y)
    checks["ensure_all_finite"] = False
    if not isinstance(X, pd.DataFrame):
        _check_no_times(X)
        validated = validate_data(estimator, X, y, reset=reset, **checks)
        # scikit-learn returns a pair only where there is a y.
        table, y = validated if isinstance(validated, tuple) else (validated, y)
        if sparse.issparse(table) and not table.has_canonical_format:
            table = table.copy()
            table.sum_duplicates()  # so that each value is stored once
        return table, y
    # Iterating over pandas' own strings takes several times as long where Arrow holds them.
    X = X.set_axis(pd.Index(X.columns.tolist(), dtype=object), axis=1)
    if reset:
        find_categorical(X)  # checks that columns are numeric or categorical
    _check_names(estimator, X, reset, needed)
    stand_in = np.broadcast_to(np.float32(0), X.shape)
    if isinstance(y, str):
        check_array(stand_in, estimator=estimator, input_name="X", **checks)
        return X, y
    return X, check_X_y(stand_in, y, estimator=estimator, **checks)[1]


def dense_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with sparse columns made dense; the same table where none is sparse."""
    dtypes = table.dtypes.unique()
    if not any(isinstance(dtype, pd.SparseDtype) for dtype in dtypes):
        return table
    if len(dtypes) == 1:
        # In one array, because `astype` makes one for each of thousands of columns.
        values = table.to_numpy(dtype=dtypes[0].subtype)
        return pd.DataFrame(values, table.index, table.columns, copy=False)
    dense = {dtype: getattr(dtype, "subtype", dtype) for dtype in dtypes}
    return table.astype(table.dtypes.map(dense).to_dict())


def as_pandas(X: Any) -> Any:
    """Convert a data frame of another library to pandas; return anything else as it is."""
    if isinstance(X, Mapping) and not hasattr(X, "columns") and not sparse.issparse(X):
        raise ValueError(
            f"X must be one table, got a {type(X).__name__} of {list(X)[:5]}. Combine tables with "
            "concat_modalities."
        )
    if isinstance(X, str | PathLike):
        raise ValueError(f"X must be a table, got the text {str(X)!r}. Read the file first.")
    if isinstance(X, np.ma.MaskedArray):
        hidden = np.ma.getmaskarray(X)
        return np.where(hidden, np.float32(np.nan), X.data) if hidden.any() else X.data
    if isinstance(X, pd.DataFrame) or not hasattr(X, "columns"):
        return X
    if hasattr(X, "column_names"):  # an Arrow table, whose `columns` are no names
        return X.to_pandas()
    return pd.DataFrame(np.asarray(X), columns=list(X.columns))


def as_table(X: Any) -> Any:
    """Return X as a DataFrame with flat column names or as a dense array, without an estimator."""
    X = flatten_columns(as_pandas(X))
    if isinstance(X, pd.DataFrame):
        return X
    if sparse.issparse(X):
        X = X.toarray()
    return check_array(X, dtype=None, ensure_all_finite=False)


def _check_no_times(X: Any) -> None:
    dtype = getattr(X, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind in "mM":
        raise ValueError(
            f"Times are not supported: X has dtype {dtype}. Convert it to numbers, such as days "
            "since diagnosis."
        )


def _check_no_missing_class(X: Any, y: Any) -> None:
    missing = np.asarray(pd.isna(np.asarray(y, dtype=object)))
    if missing.ndim == 1 and missing.any() and len(missing) == len(sample_labels(X)):
        raise ValueError(
            f"Input y contains NaN: the class of sample {sample_labels(X)[missing.argmax()]!r} is "
            f"missing ({missing.sum()} such samples). Remove such samples."
        )


def _check_names(estimator: Any, X: pd.DataFrame, reset: bool, needed: np.ndarray | None) -> None:
    """Keep or compare the column names as scikit-learn does, in a fraction of its time."""
    names, seen = column_names(X), getattr(estimator, "feature_names_in_", None)
    if names is not None and reset:
        estimator.feature_names_in_ = np.array(names, dtype=object)
        estimator.n_features_in_ = len(names)
        return
    header = pd.DataFrame(columns=X.columns, dtype=float)
    if names is None or seen is None:
        # No names in fit or now: scikit-learn warns or raises as the case demands.
        validate_data(estimator, header, reset=reset, skip_check_array=True)
        return
    present = pd.Index(seen).isin(names)
    complete = present.all() if needed is None else present[needed].all()
    if complete and names == seen[present].tolist():
        return
    try:
        validate_data(estimator, header, reset=reset, skip_check_array=True)
    except ValueError as error:
        check_not_transposed(X, seen)
        modalities = getattr(estimator, "modalities_", {UNNAMED: np.arange(len(seen))})
        if needed is not None:
            modalities = {name: np.intersect1d(at, needed) for name, at in modalities.items()}
        missing = describe_missing(seen, modalities, present) or "none that is needed"
        raise ValueError(
            f"{str(error).rstrip()}\nMissing by modality: {missing}. Surplus: "
            f"{len(set(names) - set(seen))}. Use align_features to match a table to the columns of "
            "a fitted model."
        ) from None

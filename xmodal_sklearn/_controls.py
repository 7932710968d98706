"""Negative controls, and what may make a comparison look better than it is."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency
from scipy.stats.contingency import association
from sklearn.utils import check_array

from . import _modalities as blocks

__all__ = ["association_warnings", "modalities_of", "replace_by_noise"]

ALPHA = 0.001


def modalities_of(estimator: Any, X: Any) -> blocks.Modalities:
    """Return the column positions of each modality, as the estimator is told or X says."""
    told = [
        value
        for name, value in estimator.get_params().items()
        # A pipeline may have a step of this name.
        if name.split("__")[-1] == "modalities" and isinstance(value, Mapping)
    ]
    return blocks.resolve_modalities(_table(X), told[0] if told else None)


def replace_by_noise(X: Any, positions: np.ndarray, seed: int) -> Any:
    """Shuffle each of the given columns on its own, among the samples that have the modality.

    What is left is noise with the moments of the column, and with its dtype.

    Parameters
    ----------
    X : DataFrame or array of shape (n_samples, n_features)
    positions : ndarray of int
        Columns of one modality.
    seed : int

    Returns
    -------
    DataFrame or ndarray of shape (n_samples, n_features)
        A copy of X.
    """
    table = _table(X)
    (block,) = blocks.modality_blocks(table, {"": positions}).values()
    noise = block.copy()
    present = ~pd.isna(block).all(axis=1)
    noise[present] = np.random.default_rng(seed).permuted(block[present], axis=0)
    if not isinstance(table, pd.DataFrame):
        table = table.copy()
        table[:, positions] = noise
        return table
    columns = np.arange(table.shape[1])
    others = np.setdiff1d(columns, positions)
    joined = pd.concat(
        [table.iloc[:, others], pd.DataFrame(noise, table.index, table.columns[positions])], axis=1
    )
    return joined.iloc[:, np.argsort(np.concatenate([others, positions]))]


def association_warnings(
    batch: np.ndarray, y: np.ndarray, folds_by_repeat: list[np.ndarray] | None
) -> list[str]:
    """Tell whether a batch predicts the classes, or the fold in which a sample is tested.

    Parameters
    ----------
    batch : array-like of shape (n_samples,)
        Label of the batch of each sample.
    y : ndarray of shape (n_samples,)
        Class labels.
    folds_by_repeat : list of ndarray of shape (n_samples,), or None
        In which fold each sample is tested, -1 for none. None leaves that out.

    Returns
    -------
    list of str
        Empty where chi-squared tests find nothing.
    """
    found = []
    strength = _strongest_association(batch, [y])
    if strength is not None:
        found.append(
            f"The batch predicts the classes ({strength}), so a model can score by recognising "
            "the batch. Correct for the batch inside the pipeline, or keep batches together by "
            "groups=."
        )
    strength = _strongest_association(batch, folds_by_repeat or [])
    if strength is not None:
        found.append(
            f"The batch predicts the folds ({strength}): some folds are tested on batches that "
            "they are hardly trained on, others are not. Shuffle the folds, or keep batches "
            "together by groups=."
        )
    return found


def _strongest_association(batch: np.ndarray, others: list[np.ndarray]) -> str | None:
    strongest, shown = ALPHA, None
    for other in others:
        table = pd.crosstab(pd.factorize(batch, use_na_sentinel=False)[0], other).to_numpy()
        p = chi2_contingency(table, correction=False).pvalue
        if p < strongest:
            strongest = p
            shown = f"Cramér's V {association(table, method='cramer'):.2f}, p {p:.1g}"
    return shown


def _table(X: Any) -> Any:
    X = blocks._flatten_columns(blocks._as_pandas(X))
    if isinstance(X, pd.DataFrame):
        return X
    return check_array(X, dtype=None, ensure_all_finite=False)

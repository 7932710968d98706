"""Features that tell something only together with one of another modality."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from .._screening import screen_pairs
from ._ranking import cached, one_hot, standardize

__all__ = ["promote_interactions"]


def promote_interactions(
    scores: Sequence[np.ndarray],
    blocks: Mapping[str, Any],
    present: np.ndarray,
    codes: np.ndarray,
    memory: Any = None,
) -> list[np.ndarray]:
    """Raise the scores of features that are in a pair above those of all others.

    Parameters
    ----------
    scores : sequence of ndarray of float of shape (n_features_of_modality,)
        By modality; larger is better.
    blocks : mapping of str to ndarray or sparse matrix of shape (n_samples, n_features_of_modality)
        The values of each modality, NaN where it is absent and in gaps.
    present : ndarray of bool of shape (n_samples, n_modalities)
        Which sample has which modality.
    codes : ndarray of int of shape (n_samples,)
        Numbers of the classes.
    memory : str, path or object with the joblib.Memory interface, default=None
        Where to cache the pairs.

    Returns
    -------
    list of ndarray
        The scores by modality.
    """
    standardised = [standardize(block.astype(np.float32)) for block in blocks.values()]
    for block, there in zip(standardised, present.T, strict=True):
        block[np.isnan(block) & there[:, None]] = 0  # the mean
    values = np.hstack(standardised)
    stops = np.cumsum([block.shape[1] for block in blocks.values()])
    columns: Any = np.split(np.arange(values.shape[1]), stops[:-1])
    target = one_hot(codes).astype(np.float32)
    key = ["pairs", values, columns, target]
    (pairs,) = cached(memory, partial(screen_pairs, values, columns, target), key)
    bonus = np.zeros(values.shape[1])
    # From the worst to the best, which a feature of several pairs is to count by.
    for rank, pair in enumerate(pairs[::-1], start=1):
        bonus[pair] = rank
    return [
        np.where(bonus[of] > 0, score.max() + bonus[of], score)
        for score, of in zip(scores, columns, strict=True)
    ]

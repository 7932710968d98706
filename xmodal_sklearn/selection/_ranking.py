"""Ranking the features of one modality, by the elastic net or another estimator."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import xxhash
from scipy import sparse
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_memory

from .._store import Store, source_hash
from .._version import __version__
from ..modalities._missing import column_means, fill_gaps, find_gaps

__all__ = ["best_first", "cached", "one_hot", "ranker", "select_present", "standardize"]

DIGEST_BYTES = 2**24
# All code that decides what a ranking is.
SOURCES = ("_screening.py", "modalities/*.py", "selection/*.py")


def best_first(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the order of decreasing scores, equal scores by label."""
    order = np.argsort(-scores)
    equal = np.diff(scores[order]) == 0
    tied = np.append(equal, False) | np.append(False, equal)
    # Only labels of equal scores are compared, and by Python, which is faster with strings.
    by_label = np.array(sorted(order[tied].tolist(), key=labels.tolist().__getitem__), dtype=int)
    order[tied] = by_label[np.argsort(-scores[by_label], kind="stable")]
    return order


def standardize(block: Any) -> np.ndarray:
    """Return standardised columns as an array, whatever scikit-learn's transform_output says."""
    dense = block.toarray() if sparse.issparse(block) else block
    return StandardScaler().set_output(transform="default").fit_transform(dense)


def cached(memory: Any, function: Callable[..., Any], key: Sequence[Any]) -> Any:
    """Call a function of nothing that returns arrays, or look up what it returned.

    Parameters
    ----------
    memory : str, path, object with the joblib.Memory interface or None
        A folder keeps arrays, which run no code; joblib's own memory keeps what it likes.
    function : callable
        Computes the arrays.
    key : sequence
        What they depend on.

    Returns
    -------
    sequence of ndarray
        The arrays.
    """
    if memory is None:
        return function()
    if isinstance(memory, str | os.PathLike):
        store = Store(memory, ".ranking")
        return store.look_up(store.name([*key, __version__, source_hash(*SOURCES)]), function)
    return check_memory(memory).cache(_call, ignore=["function"])(function, [*key, __version__])


def _call(function: Callable[..., Any], key: Sequence[Any]) -> Any:
    return function()


def ranker(memory: Any) -> Callable[..., tuple[np.ndarray, int, np.ndarray]]:
    """Return :func:`_rank_modality`, looked up in `memory` where there is one."""
    if memory is None:
        return _rank_modality

    def look_up(block: Any, codes: np.ndarray, where: tuple, **options: Any) -> Any:
        # joblib would hash the block itself, which takes a good part of the time of ranking it.
        key = ["ranking", _digest(block), codes, options]
        rank = partial(_rank_modality, block, codes, where, **options)
        present, n_gaps, scores = cached(memory, rank, key)
        return present, int(n_gaps), scores

    return look_up


def _rank_modality(
    block: Any,
    codes: np.ndarray,
    where: tuple[Any, str, np.ndarray],
    *,
    estimator: Any,
    l1_ratio: float,
    max_missing: float,
) -> tuple[np.ndarray, int, np.ndarray]:
    """Tell which samples have a modality, count its gaps, and score its columns, better higher.

    Cached as a whole, because checking the values takes as long as recognising them; `where`, the
    table, the modality and its columns, gives names to errors.
    """
    present, n_gaps = find_gaps(*where, block, max_missing=max_missing)
    block, codes = select_present(where[1], block, codes, present, gaps=n_gaps > 0)
    if estimator is not None:
        return present, n_gaps, _score_by_estimator(block, codes, estimator)
    # Imported here because numba takes half a second that other users need not wait for.
    from ._elastic_net import score_features

    return present, n_gaps, score_features(block, one_hot(codes), l1_ratio=l1_ratio)


def select_present(
    modality: str, block: Any, codes: np.ndarray, present: np.ndarray, *, gaps: bool = False
) -> tuple[Any, np.ndarray]:
    """Return the block of a modality and the class codes, of the samples that have it.

    Gaps are filled by the mean of their column.
    """
    if len(np.unique(codes[present])) < 2:
        raise ValueError(
            f"Can't rank the features of modality {modality!r}: the {present.sum()} training "
            "samples that have it are of one class only. Give samples of at least two classes."
        )
    if not present.all():
        block, codes = block[present], codes[present]
    if gaps:
        block = fill_gaps(block, np.ones(len(codes), dtype=bool), column_means(block))
    return block, codes


def one_hot(codes: np.ndarray) -> np.ndarray:
    return np.eye(codes.max() + 1)[codes]


def _score_by_estimator(block: Any, codes: np.ndarray, estimator: Any) -> np.ndarray:
    standardised = standardize(block)
    importances = _importances(clone(estimator).fit(standardised, codes))
    if importances.shape != (block.shape[1],) or not np.isfinite(importances).all():
        raise ValueError(
            f"estimator={estimator!r} gives {np.isfinite(importances).sum()} finite numbers for "
            f"the {block.shape[1]} features of a modality, so it can't rank them. Give another "
            "one, or None for the built-in elastic net."
        )
    classes = one_hot(codes)
    correlation = np.linalg.norm(standardised.T @ (classes - classes.mean(axis=0)), axis=1)
    correlation /= max(correlation.max(), np.finfo(float).tiny)
    return np.where(importances > 0, importances, correlation - 1)


def _importances(fitted: Any) -> np.ndarray:
    if hasattr(fitted, "coef_"):
        coefficients = fitted.coef_
        if hasattr(coefficients, "toarray"):
            coefficients = coefficients.toarray()
        return np.linalg.norm(np.atleast_2d(coefficients), axis=0)
    if hasattr(fitted, "feature_importances_"):
        return np.asarray(fitted.feature_importances_, dtype=float)
    raise ValueError(
        f"estimator={fitted!r} has neither coef_ nor feature_importances_ once fitted, so it "
        "can't rank features. Give one that has, or None for the built-in elastic net."
    )


def _digest(block: Any) -> str:
    """Hash values, shape and dtype at the speed at which memory is read."""
    if sparse.issparse(block):
        digest = xxhash.xxh3_128(repr((block.shape, block.dtype.str)).encode())
        for part in (block.indptr, block.indices, block.data):
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()
    rows = block.T if block.flags.f_contiguous else block
    layout = block.shape, block.dtype.str, block.flags.f_contiguous
    digest = xxhash.xxh3_128(repr(layout).encode())
    # Only as many rows at a time, because rows that are not contiguous are copied.
    step = max(DIGEST_BYTES // rows[0].nbytes, 1)
    for row in range(0, len(rows), step):
        digest.update(np.ascontiguousarray(rows[row : row + step]).data)
    return digest.hexdigest()

"""Repeated samples, as weights: what makes repeating a sample the same as weighing it."""

import numpy as np
import xxhash

__all__ = ["merge_copies"]


def merge_copies(
    values: np.ndarray, codes: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Merge samples with the same values and class into one of their summed weight.

    Else copies of a sample that a member holds out would be trained on, and count as evidence of
    their own. Samples of whole numbers alone, such as mutations, may well be different samples and
    stay apart. Where weights differ, samples are put in an order that does not depend on theirs.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_features)
        As measured.
    codes : ndarray of int of shape (n_samples,)
        Numbers of the classes.
    weights : ndarray of shape (n_samples,)
        Weights above 0.

    Returns
    -------
    positions : ndarray of int
        The samples that are left, in order.
    weights : ndarray
        Their summed weights.
    """
    keys = [
        (code, xxhash.xxh3_128_digest(row.tobytes()))
        for code, row in zip(codes.tolist(), values, strict=True)
    ]
    first: dict[tuple[int, bytes], int] = {}
    copy_of = np.array([first.setdefault(key, number) for number, key in enumerate(keys)])
    copies = np.flatnonzero(copy_of != np.arange(len(codes)))
    whole = (np.nan_to_num(values[copies]) % 1 == 0).all(axis=1)
    copy_of[copies[whole]] = copies[whole]
    summed = np.bincount(copy_of, weights, minlength=len(codes))
    kept = np.flatnonzero(summed)
    if (summed[kept] != summed[kept[0]]).any():
        kept = np.array(sorted(kept.tolist(), key=lambda number: (keys[number], summed[number])))
    return kept, summed[kept]

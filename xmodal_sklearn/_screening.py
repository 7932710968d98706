"""Screen pairs of features whose product is associated with the class.

References
----------
J. Fan, J. Lv, "Sure independence screening for ultrahigh dimensional feature space", Journal of the
Royal Statistical Society B 70, 2008, doi:10.1111/j.1467-9868.2008.00674.x.

D. L. Donoho, I. M. Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika 81, 1994,
doi:10.1093/biomet/81.3.425: the universal threshold.
"""

from collections.abc import Iterator, Sequence

import numpy as np

# Bounds the memory that a block of products takes, in numbers.
BLOCK_SIZE = 2**24


def screen_pairs(
    values: np.ndarray,
    columns: Sequence[Sequence[int]],
    target: np.ndarray,
    held_out_by: np.ndarray | None = None,
    n_members: int = 1,
    n_pairs: int | None = None,
) -> list[np.ndarray]:
    """Return the pairs whose product correlates with a class by more than chance, best first."""
    primary, *others = (np.asarray(positions) for positions in columns)
    n_tests = len(primary) * sum(map(len, others)) * target.shape[1]
    chosen: list[list[np.ndarray]] = [[] for _ in range(n_members)]
    for other in others:
        present = ~np.isnan(values[:, [primary[0], other[0]]]).any(axis=1)
        members = np.full(present.sum(), n_members) if held_out_by is None else held_out_by[present]
        first_table, second_table = values[np.ix_(present, primary)], values[np.ix_(present, other)]
        scores = _scores(first_table, second_table, target[present], members, n_members)
        for member, start, score, n_seen in scores:
            first, second = np.nonzero(score > np.sqrt(2 * np.log(n_tests) / n_seen))
            strength = score[first, second] * np.sqrt(n_seen)
            chosen[member].append(
                np.column_stack([strength, primary[start + first], other[second]])
            )
    tables = (np.concatenate([np.empty((0, 3)), *parts]) for parts in chosen)
    return [
        table[np.argsort(-table[:, 0], kind="stable"), 1:].astype(int)[:n_pairs] for table in tables
    ]


def _scores(
    first: np.ndarray, second: np.ndarray, target: np.ndarray, members: np.ndarray, n_members: int
) -> Iterator[tuple[int, int, np.ndarray, int]]:
    """Yield, by member and by block of columns, the largest correlation of products with a class.

    Moments are additive, so those of the samples that a member sees are those of all less those
    that it holds out, which takes no longer for many members.
    """
    groups = [members == member for member in range(n_members)]
    groups.append((members < 0) | (members >= n_members))
    target = target.astype(first.dtype)
    n_classes = target.shape[1]
    width = max(1, BLOCK_SIZE // ((n_members + 1) * (n_classes + 1) * second.shape[1]))
    for start in range(0, first.shape[1], width):
        block = first[:, start : start + width]
        moments = np.stack([_moments(block[rows], second[rows], target[rows]) for rows in groups])
        total = moments.sum(axis=0)
        for member, rows in enumerate(groups[:-1]):
            seen = target[~rows]
            if (seen.sum(axis=0) > 0).sum() > 1:
                score = _largest_correlation(total - moments[member], seen.sum(axis=0))
                yield member, start, score, int(seen.any(axis=1).sum())


def _moments(first: np.ndarray, second: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the sums of all products by class, and last those of their squares."""
    by_class = [(first * weights[:, None]).T @ second for weights in target.T]
    squares = (first**2 * target.sum(axis=1)[:, None]).T @ second**2
    return np.stack([*by_class, squares])


def _largest_correlation(moments: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Return the largest absolute correlation of each product with the indicator of a class."""
    *by_class, squares = moments / totals.sum()
    mean = sum(by_class)
    deviation = np.sqrt(np.maximum(squares - mean**2, 0))
    best = np.zeros_like(mean)
    for class_mean, share in zip(by_class, totals / totals.sum(), strict=True):
        covariance = np.abs(class_mean - share * mean)
        scale = deviation * np.sqrt(share * (1 - share))
        # Rounding leaves a product that is constant a little deviation.
        varies = scale > 1e-3 * np.sqrt(share * (1 - share) * np.maximum(squares, 1e-12))
        best = np.maximum(best, np.divide(covariance, scale, out=np.zeros_like(mean), where=varies))
    return best

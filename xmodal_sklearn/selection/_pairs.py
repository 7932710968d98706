"""Ranking interactions of features of two modalities first."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from .._screening import screen_pairs
from ..modalities._missing import Missing
from ._ranking import cached, one_hot, standardize


def promote_interactions(
    scores: Mapping[str, np.ndarray],
    blocks: Mapping[str, Any],
    missing: Missing,
    codes: np.ndarray,
    *,
    is_rare: Mapping[str, np.ndarray],
    primary: str,
    memory: Any = None,
) -> dict[str, np.ndarray]:
    """Raise the scores of features of an interaction above those of all others."""
    measured = {name for name, gaps in missing.gaps.items() if gaps.present.any()}
    # The order of the modalities decides on that of interactions that are equally strong.
    names = [primary, *(name for name in blocks if name != primary)]
    if primary not in measured or len(measured) < 2:
        return dict(scores)
    standardized = []
    for name in names:
        block = standardize(blocks[name], np.float32)
        block[np.isnan(block) & missing.gaps[name].present[:, None]] = 0  # the mean
        block[:, is_rare[name]] *= 0
        standardized.append(block)
    values = np.hstack(standardized)
    stops = np.cumsum([block.shape[1] for block in standardized])
    columns: Any = np.split(np.arange(values.shape[1]), stops[:-1])
    target = one_hot(codes).astype(np.float32)
    screened = [part for name, part in zip(names, columns, strict=True) if name in measured]
    key = ["pairs", values, columns, target]
    (pairs,) = cached(memory, partial(screen_pairs, values, screened, target), key)
    bonus = np.zeros(values.shape[1])
    # From the worst to the best, which counts for a feature of several pairs.
    for rank, pair in enumerate(pairs[::-1], start=1):
        bonus[pair] = rank
    promoted = dict(scores)
    for name, part in zip(names, columns, strict=True):
        score = scores[name]
        promoted[name] = np.where(bonus[part] > 0, score.max() + bonus[part], score)
    return promoted

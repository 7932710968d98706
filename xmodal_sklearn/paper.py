"""The paper's table: modalities added to expression, each with several K, on the same folds."""

import re
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from joblib import Memory, Parallel, delayed
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from . import _modalities as blocks
from ._progress import track
from .selection import MultiOmicsSelector

__all__ = ["REPORTED", "make_paper_models", "modality_sets", "rank_folds"]

KS = (300, 500, 1000, 1500)
SOURCE = "doi:10.23950/jcmk/18568"
# What the paper reports of METABRIC, as far as it is known here.
REPORTED = {
    ("EXP+CNA", 1000): {
        "f1_macro": 0.859,
        "f1_weighted": 0.868,
        "accuracy": 0.866,
        "roc_auc_ovr": 0.969,
    }
}


def modality_sets(modalities: Sequence[str]) -> list[tuple[str, ...]]:
    """List the sets of modalities that the table compares.

    Parameters
    ----------
    modalities : sequence of str
        All modalities, the primary one first.

    Returns
    -------
    list of tuple of str
        The primary modality, it with each other one, and all.

    Examples
    --------
    >>> from xmodal_sklearn.paper import modality_sets
    >>> modality_sets(["exp", "cna", "mut"])
    [('exp',), ('exp', 'cna'), ('exp', 'mut'), ('exp', 'cna', 'mut')]
    """
    primary, *others = modalities
    sets = [(primary,), *((primary, other) for other in others), tuple(modalities)]
    return list(dict.fromkeys(sets))


def make_paper_models(
    modalities: Sequence[str],
    classifier: Any,
    *,
    ks: Iterable[int] = KS,
    memory: Any = None,
) -> dict[str, Pipeline]:
    """Make a pipeline for each set of modalities and each K.

    Parameters
    ----------
    modalities : sequence of str
        All modalities, the primary one first.
    classifier : classifier
        Cloned into every pipeline.
    ks : iterable of int, default=(300, 500, 1000, 1500)
        Features to keep per modality.
    memory : str or object with the joblib.Memory interface, default=None
        Where to cache the rankings, so that one per fold and modality serves all pipelines; see
        :func:`rank_folds`.

    Returns
    -------
    dict of str to Pipeline
        Named like ``"EXP+CNA, K=1000"``; each keeps the columns of its modalities, selects K
        features of each, and classifies.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from xmodal_sklearn.paper import make_paper_models
    >>> list(make_paper_models(["exp", "mut"], DummyClassifier(), ks=[50, 100]))
    ['EXP, K=50', 'EXP, K=100', 'EXP+MUT, K=50', 'EXP+MUT, K=100']
    """
    return {
        model_name(subset, k): Pipeline(
            [
                ("modalities", FunctionTransformer(_keep, kw_args={"modalities": subset})),
                ("selector", MultiOmicsSelector(k, memory=memory)),
                ("classifier", clone(classifier)),
            ]
        )
        for subset, k in product(modality_sets(modalities), ks)
    }


def model_name(modalities: Sequence[str], k: int) -> str:
    """Name the model of some modalities and a K."""
    return f"{'+'.join(modalities).upper()}, K={k}"


def rank_folds(
    X: pd.DataFrame,
    y: Any,
    splits: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    memory: Any,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> None:
    """Rank every modality in the training samples of every fold, for all pipelines at once.

    Pipelines that run in parallel would each rank what none has finished yet.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_features)
        Samples, columns named ``modality__feature``.
    y : array-like of shape (n_samples,)
        Class labels.
    splits : sequence of (train, test)
        The outer folds.
    memory : str or object with the joblib.Memory interface
        The cache that the pipelines have too.
    n_jobs : int, default=None
        Rankings in parallel. None means 1, -1 all processors.
    verbose : int, default=0
        A value above 0 shows a progress bar.
    """
    y = np.asarray(y)
    tasks = [
        (train, modality)
        for train, _ in splits
        for modality in blocks.resolve_modalities(X, None)
    ]
    done = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
        delayed(_rank)(X, y, train, modality, memory) for train, modality in tasks
    )
    for _ in track(done, len(tasks), "Ranking", disable=not verbose):
        pass


def is_metabric(samples: Iterable[Any]) -> bool:
    """Tell whether all samples are named like METABRIC's patients, MB-0000."""
    return all(re.fullmatch(r"MB-\d{4}", str(sample)) for sample in samples)


def _rank(X: pd.DataFrame, y: np.ndarray, train: np.ndarray, modality: str, memory: Any) -> None:
    MultiOmicsSelector(memory=memory).fit(_keep(X, (modality,)).iloc[train], y[train])


def _keep(X: pd.DataFrame, modalities: Sequence[str]) -> pd.DataFrame:
    """Return the columns of some modalities, in the order in which these are given."""
    positions = blocks.resolve_modalities(X, None)
    chosen = np.concatenate([positions[modality] for modality in modalities])
    adjacent = len(chosen) == chosen[-1] - chosen[0] + 1 and (np.diff(chosen) == 1).all()
    # A slice is a view; picking columns by position would copy a genome.
    return X.iloc[:, slice(chosen[0], chosen[-1] + 1) if adjacent else chosen]

"""The paper's table: modalities added to expression, each with several K, on the same folds."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from itertools import product
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from ._progress import progress_bar
from ._typing import Folds
from .baselines._make import paper_network
from .benchmark._compare import check_labels, compare
from .benchmark._comparison import Comparison
from .benchmark._splits import outer_folds
from .modalities._columns import as_slice, resolve_modalities
from .selection import MultiOmicsSelector

# fmt: off
__all__ = [
    "KS", "REPORTED", "SOURCE", "compare_modalities", "is_metabric", "modality_sets",
    "paper_network", "paper_settings",
]
# fmt: on


def __dir__() -> list[str]:
    return __all__


# The paper's numbers of features per modality, and where the paper is.
KS = (300, 500, 1000, 1500)
SOURCE = "doi:10.23950/jcmk/18568"
# The paper's scores on METABRIC, as far as its abstract has them.
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
        The primary modality alone, with each other one, and with all.

    Examples
    --------
    >>> from xmodal_sklearn.paper import modality_sets
    >>> modality_sets(["exp", "cna", "mut"])
    [('exp',), ('exp', 'cna'), ('exp', 'mut'), ('exp', 'cna', 'mut')]
    """
    primary, *others = modalities
    sets = [(primary,), *((primary, other) for other in others), tuple(modalities)]
    return list(dict.fromkeys(sets))


def paper_settings(modalities: Sequence[str], ks: Iterable[int]) -> dict[str, tuple[str, int]]:
    """List the models that the table compares.

    Parameters
    ----------
    modalities : sequence of str
        All modalities, the primary one first.
    ks : iterable of int
        Features to keep per modality.

    Returns
    -------
    dict of str to (str, int)
        The modalities and the K of each model, which is named like ``"EXP+CNA, K=1000"``.

    Examples
    --------
    >>> from xmodal_sklearn.paper import paper_settings
    >>> paper_settings(["exp", "cna"], [300])
    {'EXP, K=300': ('EXP', 300), 'EXP+CNA, K=300': ('EXP+CNA', 300)}
    """
    return {
        f"{label}, K={k}": (label, k)
        for label, k in product(map(_label, modality_sets(modalities)), ks)
    }


def compare_modalities(
    X: pd.DataFrame,
    y: Any,
    classifier: BaseEstimator,
    *,
    ks: Sequence[int] = KS,
    others: Mapping[str, Any] | None = None,
    cv: Folds = 5,
    store: str | PathLike[str] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Comparison:
    """Cross-validate a classifier on each set of modalities with each K.

    Every model is a pipeline that keeps the columns of its modalities, selects K features of each
    by :class:`~xmodal_sklearn.MultiOmicsSelector`, and classifies. Features are ranked on the
    training samples of each fold, once per fold and modality, as a ranking depends neither on K nor
    on the other modalities.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_features)
        Samples, columns named ``modality__feature``; the first modality is the primary one, which
        is in every set.
    y : array-like of shape (n_samples,)
        Class labels.
    classifier : classifier
        Cloned into every model.
    ks : sequence of int, default=(300, 500, 1000, 1500)
        Features to keep per modality.
    others : dict of str to estimator, default=None
        Further models on all modalities, which select features themselves, such as
        :func:`~xmodal_sklearn.paper.paper_network`. None means none.
    cv : int, splitter or iterable of splits, default=5
        The outer folds, the same for all models.
    store : str or path-like, default=None
        Folder of rankings and finished folds, from which a later call resumes; None stores none.
    n_jobs : int, default=None
        Number of rankings, then of fits, in parallel. None means 1, -1 all processors.
    verbose : int, default=0
        A value above 0 shows progress bars, or lines if the error stream is not a terminal.

    Returns
    -------
    Comparison
        Its estimators are named as in :func:`paper_settings`, and as in `others`.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.paper import compare_modalities
    >>> X, y = make_multiomics(n_samples=100, return_X_y=True, random_state=0)
    >>> result = compare_modalities(X, y, GaussianNB(), ks=[10], cv=2)
    >>> len(result.summary())
    4
    """
    y = check_labels(X, y)
    splits = outer_folds(cv, X, y, None)
    modalities = list(resolve_modalities(X, None))
    with ExitStack() as stack:
        folder = Path(store or stack.enter_context(TemporaryDirectory()))
        memory = str((folder / "rankings").absolute())
        # Each modality once per fold, before parallel fits each do the same. On this machine even
        # if a cluster fits the models, as sending the data would take longer.
        tasks = [(train, modality) for train, _ in splits for modality in modalities]
        with parallel_config("loky"):
            rankings = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
                delayed(_rank)(X, y, train, modality, memory) for train, modality in tasks
            )
            list(progress_bar(rankings, "Ranking", len(tasks), disable=not verbose))
        models = {
            f"{_label(subset)}, K={k}": Pipeline(
                [
                    ("columns", FunctionTransformer(_keep, kw_args={"modalities": subset})),
                    ("selector", MultiOmicsSelector(k, memory=memory)),
                    ("classifier", clone(classifier)),
                ]
            )
            for subset, k in product(modality_sets(modalities), ks)
        }
        return compare(
            models | dict(others or {}),
            X,
            y,
            cv=splits,
            store=folder / "folds",
            n_jobs=n_jobs,
            verbose=verbose,
        )


def is_metabric(samples: Iterable[Any]) -> bool:
    """Return whether all samples are named like METABRIC's patients.

    Parameters
    ----------
    samples : iterable
        Names of the samples.

    Returns
    -------
    bool
        True if each is ``MB-`` and four digits.

    Examples
    --------
    >>> from xmodal_sklearn.paper import is_metabric
    >>> is_metabric(["MB-0000", "MB-7299"])
    True
    """
    return all(re.fullmatch(r"MB-\d{4}", str(sample)) for sample in samples)


def _rank(X: pd.DataFrame, y: np.ndarray, train: np.ndarray, modality: str, memory: Any) -> None:
    MultiOmicsSelector(memory=memory).fit(_keep(X, (modality,)).iloc[train], y[train])


def _label(modalities: Sequence[str]) -> str:
    return "+".join(modalities).upper()


def _keep(X: pd.DataFrame, modalities: Sequence[str]) -> pd.DataFrame:
    """Return the columns of some modalities, in the order in which the modalities are given."""
    positions = resolve_modalities(X, None)
    chosen = np.concatenate([positions[modality] for modality in modalities])
    return X.iloc[:, as_slice(chosen)]

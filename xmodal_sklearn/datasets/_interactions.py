"""Classes that are decided by features of two modalities together."""

from collections.abc import Mapping
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import softmax

__all__ = ["INTERACTIONS", "Interactions", "draw_classes_from", "plant_interactions"]

# By kind, the modality that expression interacts with.
INTERACTIONS = {"switch": "mut", "gate": "mut", "dosage": "cna", "cis": "cna", "additive": "cna"}
# Standard deviation of the log odds between two classes at interaction_strength=1. The best
# possible ROC AUC of two equal classes is then 0.95 (switch, additive) to 0.86 (gate).
LOG_ODDS = 4.0
# Genes whose mean is a module's activity or a segment's copy number, and genes that a "cis" class
# rests on.
MODULE_SIZE, SEGMENT_SIZE, N_CIS = 6, 3, 6
# Of a mutation that takes part. One that switches is as frequent as those of TP53 and PIK3CA in
# breast tumours; one that gates is more so, or most tumours would tell nothing.
FREQUENCY = {"switch": 0.4, "gate": 0.6}
# Shares of tumours in which a segment that takes part is lost, unchanged and gained, as frequent as
# the arms of chromosomes 1, 8 and 16 in breast tumours.
CALLS = (0.3, 0.4, 0.3)


class Interactions(NamedTuple):
    """What decides the classes.

    Attributes
    ----------
    pairs : DataFrame with the columns "kind", "class", "primary" and "other"
        The pairs of columns that decide each class; none if the kind is additive.
    informative : dict of str to list of str
        The columns of each modality that decide a class.
    scores : ndarray of shape (n_samples, n_classes)
        Log odds of the classes, but for their sizes; zero for the first class.
    """

    pairs: pd.DataFrame
    informative: dict[str, list[str]]
    scores: np.ndarray


class _Planted(NamedTuple):
    """What decides one class: genes of expression and of the other modality, and their score."""

    primary: list[str]
    other: list[str]
    pairs: list[tuple[str, str]]
    score: np.ndarray


def plant_interactions(
    tables: Mapping[str, pd.DataFrame],
    kind: str,
    strength: float,
    names: np.ndarray,
    rng: np.random.Generator,
) -> Interactions:
    r"""Choose the pairs that decide the classes, and compute what they say of each sample.

    With :math:`a` the activity of an expression module and :math:`s` the copy number of a segment,
    both standardised, and :math:`m` a mutation, 0 or 1, the score of a class is proportional to
    :math:`a (1 - 2 m)` ("switch"), :math:`a m` ("gate"), :math:`a s` ("dosage"), :math:`\sum_g x_g
    s_g` over genes :math:`g` with expression :math:`x_g` and copy number :math:`s_g` ("cis"), or
    :math:`a + s` ("additive").

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The modalities. Mutations and copy numbers that take part are drawn anew, in place.
    kind : str
        One of :data:`INTERACTIONS`.
    strength : float
        Scale of the scores.
    names : ndarray of str
        Names of the classes.
    rng : Generator
        Chooses the features.
    """
    exp, other = tables["exp"], tables[INTERACTIONS[kind]]
    free = {"exp": list(exp.columns), "other": list(other.columns)}
    planted = {}
    for name in names[1:]:
        if kind == "cis":
            planted[name] = _plant_cis(exp, other, free, rng)
        else:
            planted[name] = _plant_module(exp, other, free, kind, rng)
    pairs = pd.DataFrame(
        [
            (kind, name, f"exp__{first}", f"{INTERACTIONS[kind]}__{second}")
            for name, one in planted.items()
            for first, second in one.pairs
        ],
        columns=["kind", "class", "primary", "other"],
    )
    informative: dict[str, list[str]] = {modality: [] for modality in tables} | {
        "exp": [f"exp__{gene}" for one in planted.values() for gene in one.primary],
        INTERACTIONS[kind]: [
            f"{INTERACTIONS[kind]}__{gene}" for one in planted.values() for gene in one.other
        ],
    }
    scores = [LOG_ODDS * strength * one.score / one.score.std() for one in planted.values()]
    return Interactions(pairs, informative, np.column_stack([np.zeros(len(exp)), *scores]))


def _plant_module(
    exp: pd.DataFrame,
    other: pd.DataFrame,
    free: dict[str, list[str]],
    kind: str,
    rng: np.random.Generator,
) -> _Planted:
    """Let a class depend on a module's activity and on a mutation or a segment's copy number."""
    module = _take_group(exp, free["exp"], MODULE_SIZE, rng)
    activity = _mean_standardised(exp[module])
    if INTERACTIONS[kind] == "mut":
        partners = _take_group(other, free["other"], 1, rng)
        mutated = rng.random(len(other)) < FREQUENCY[kind]
        other[partners[0]] = mutated.astype(other[partners[0]].dtype)
        score = activity * ((1 - 2 * mutated) if kind == "switch" else mutated)
    else:
        partners = _take_group(other, free["other"], SEGMENT_SIZE, rng)
        _draw_segment(other, partners, rng)
        copy_number = _mean_standardised(other[partners])
        score = activity + copy_number if kind == "additive" else activity * copy_number
    pairs = [] if kind == "additive" else list(product(module, partners))
    return _Planted(module, partners, pairs, score)


def _plant_cis(
    exp: pd.DataFrame, other: pd.DataFrame, free: dict[str, list[str]], rng: np.random.Generator
) -> _Planted:
    """Let a class depend on what genes' expression tells at their own copy number."""
    both = sorted(set(free["exp"]) & set(free["other"]))
    _check_enough(len(both), N_CIS, "genes with both expression and copy number")
    genes = sorted(rng.permutation(both)[:N_CIS].tolist())
    for names in free.values():
        names[:] = [name for name in names if name not in genes]
    for gene in genes:
        _draw_segment(other, [gene], rng)
    score = (_standardise(exp[genes]) * _standardise(other[genes])).sum(axis=1)
    return _Planted(genes, genes, [(gene, gene) for gene in genes], score.to_numpy())


def _draw_segment(table: pd.DataFrame, genes: list[str], rng: np.random.Generator) -> None:
    """Give genes one copy number that many tumours have changed, in place."""
    calls = rng.choice([-1.0, 0.0, 1.0], size=(len(table), 1), p=CALLS)
    # Diluted by normal cells, and measured with some noise, as the rest of the genome.
    values = calls * rng.uniform(0.4, 1, size=calls.shape)
    values = values + rng.normal(0, 0.03, size=(len(table), len(genes)))
    table[genes] = np.round(values, 4).astype(table.dtypes[genes[0]])


def _take_group(
    table: pd.DataFrame, free: list[str], size: int, rng: np.random.Generator
) -> list[str]:
    """Take a random column and those most correlated with it out of the free ones."""
    _check_enough(len(free), size, "columns that decide no other class")
    first = free[rng.integers(len(free))]
    likeness = table[free].corrwith(table[first]).abs().fillna(0) if size > 1 else None
    group = [first] if likeness is None else likeness.nlargest(size).index.tolist()
    free[:] = [name for name in free if name not in group]
    return group


def _check_enough(n_there: int, n_needed: int, what: str) -> None:
    if n_there < n_needed:
        raise ValueError(
            f"interaction needs {n_needed} {what} for each class but the first, there are "
            f"{n_there} left. Raise n_features or lower n_classes."
        )


def _mean_standardised(table: pd.DataFrame) -> np.ndarray:
    """Return the mean of columns, standardised and turned the way of the first."""
    values = _standardise(table).to_numpy()
    signs = np.sign(values.T @ values[:, 0])
    mean = values @ signs
    return mean / mean.std()


def _standardise(table: pd.DataFrame) -> pd.DataFrame:
    table = table.astype(float)
    return (table - table.mean()) / table.std(ddof=0)


def draw_classes_from(
    scores: np.ndarray, shares: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a class per sample by its probabilities, whose means are the shares.

    Returns
    -------
    classes : ndarray of int of shape (n_samples,)
        The classes, each of at least one sample.
    proba : ndarray of shape (n_samples, n_classes)
        The probabilities.
    """
    offset = np.log(shares)
    for _ in range(200):
        proba = softmax(scores + offset, axis=1)
        offset += np.log(shares / proba.mean(axis=0))
    for _ in range(1000):
        classes = (proba.cumsum(axis=1) > rng.random((len(scores), 1))).argmax(axis=1)
        if len(np.unique(classes)) == len(shares):
            return classes, proba
    raise ValueError(
        f"{len(scores)} samples are too few for {len(shares)} classes of such different sizes. "
        "Raise n_samples, or give more equal weights."
    )

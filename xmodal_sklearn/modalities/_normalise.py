"""Bringing the values of another cohort to the location and scale of training samples."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .._suggestions import did_you_mean
from ._columns import Modalities, needed_columns
from ._missing import check_finite, column_means
from ._training_summary import MANY_VALUES, TrainingSummary

__all__ = ["MIN_SAMPLES", "normalise", "parse_normalize"]

TRAINING, WITHIN = "training", "within"
# A mean of 20 samples is off by 0.22 standard deviations, and the deviation by a sixth.
MIN_SAMPLES = 20


def parse_normalize(normalize: str | Mapping[str, str], modalities: Modalities) -> list[str]:
    """Return the modalities to standardise by themselves.

    Parameters
    ----------
    normalize : "training", "within" or mapping of modality to one of these
        As the user gave it.
    modalities : dict of str to ndarray of int
        Those of the model.

    Returns
    -------
    list of str
        Their names.

    Raises
    ------
    ValueError
        For another word, and for a modality that the model does not know.
    """
    if not isinstance(normalize, Mapping):
        normalize = dict.fromkeys(modalities, normalize)
    for name, how in normalize.items():
        if name not in modalities:
            raise ValueError(
                f"normalize names modality {name!r}; the model knows {list(modalities)}"
                f"{did_you_mean(name, modalities)}"
            )
        if how not in (TRAINING, WITHIN):
            raise ValueError(
                f"normalize must be {TRAINING!r} or {WITHIN!r}, or one of these by modality, got "
                f"{how!r}."
            )
    return [name for name in modalities if normalize.get(name) == WITHIN]


def normalise(
    table: pd.DataFrame,
    model: Any,
    wanted: Modalities,
    notes: list[tuple[str, str, int]],
) -> pd.DataFrame:
    """Give features the mean and deviation that they had in training.

    Parameters
    ----------
    table : DataFrame of shape (n_samples, n_features)
        Samples, columns named as in fit.
    model : MultiOmicsSelector or CrossModalAttentionClassifier
        Fitted.
    wanted : dict of str to ndarray of int
        The needed columns of each modality to standardise, as numbered in fit.
    notes : list
        Takes how many features of a modality are constant in these samples.

    Returns
    -------
    DataFrame of shape (n_samples, n_features)
        A copy with new values.

    Raises
    ------
    ValueError
        If the model keeps no summary of its training samples; if a modality has no features of
        numbers, too few samples, or an infinite value.
    """
    changed = []
    for modality, positions in wanted.items():
        names = model.feature_names_in_[positions]
        there = table[names.tolist()]
        if there.isna().all(axis=None):
            continue
        mean, deviation, number = _in_training(model, modality, positions)
        values = _encoder(model).encode(
            table, positions[number], table.columns.get_indexer(names[number]), dtype=float
        )
        check_finite(values, modality, names[number], table.index)
        _check_few(values, modality, names[number])
        own_mean, own_deviation, constant = _moments(values)
        # What does not vary here can't be scaled, and becomes the mean in training.
        own_deviation[constant] = np.inf
        values = (values - own_mean) / own_deviation * deviation[number] + mean[number]
        changed.append(pd.DataFrame(values, table.index, names[number].tolist()))
        if constant.any():
            what = "columns with one value only, which become their mean in training"
            notes.append((modality, what, int(constant.sum())))
    if not changed:
        return table
    new = pd.concat(changed, axis=1)
    return pd.concat([table.drop(columns=new.columns), new], axis=1)[table.columns.tolist()]


def _in_training(
    model: Any, modality: str, positions: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean and deviation of columns in training, and which hold numbers to standardise."""
    summary: TrainingSummary | None = getattr(
        getattr(model, "input_", None), "summary", getattr(model, "_summary", None)
    )
    if summary is None:
        raise ValueError(
            f'normalize="within" needs what a model keeps of its training samples, and this '
            f"{type(model).__name__} keeps nothing: an earlier version fitted it, or it is of "
            "another package. Fit it again, or begin the pipeline with MultiOmicsSelector."
        )
    encoder = _encoder(model)
    columns = np.searchsorted(encoder.repeat_encoded(needed_columns(model)), positions)
    n_values = summary.n_values[columns]
    number = (n_values != 2) & ~np.isin(positions, list(encoder.categories))
    if not (n_values[number] == MANY_VALUES).any():
        raise ValueError(
            f"The features of modality {modality!r} are words, or had two values at most in "
            "training, such as mutations, so they have no scale to be brought to. Name only "
            'modalities of measured numbers, such as normalize={"exp": "within"} (--normalize '
            "exp=within)."
        )
    deviation = np.where(n_values > 1, summary.scale[columns], 0)
    return summary.mean[columns], deviation, number


def _encoder(model: Any) -> Any:
    return model.input_.encoder if hasattr(model, "input_") else model._encoder


def _check_few(values: np.ndarray, modality: str, names: np.ndarray) -> None:
    n_known = (~np.isnan(values)).sum(axis=0)
    few = (n_known > 0) & (n_known < MIN_SAMPLES)
    if few.any():
        first = few.argmax()
        raise ValueError(
            f'normalize="within" needs {MIN_SAMPLES} samples with a value of each feature, but '
            f"modality {modality!r} has {n_known[first]} with one of {names[first]!r} "
            f"({few.sum()} such features). Give it more samples at once, or say "
            f"normalize={{{modality!r}: {TRAINING!r}}} (--normalize {modality}={TRAINING})."
        )


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean and deviation of columns, and which have one value only."""
    mean = column_means(values)
    deviation = np.sqrt(column_means(np.square(values - mean)))
    return mean, deviation, np.fmin.reduce(values) == np.fmax.reduce(values)

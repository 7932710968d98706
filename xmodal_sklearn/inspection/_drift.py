"""How far new samples are from the training samples of a model."""

from shlex import quote
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import betabinom, false_discovery_control, norm
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._fitted_model import members_of, parts_of, steps_of
from .._text import visible
from .._warnings import warn
from ..modalities._columns import Modalities
from ..modalities._training_summary import LEVELS, RANGE, TrainingSummary, shares

# Warn above these shares, unless so many samples are outside by chance.
MAX_SHARE = 0.1
MIN_P = 0.001
# Half an effect size of Cohen's (h): at the median, a difference of 15% of the samples.
MIN_EFFECT = 0.15
FALSE_DISCOVERIES = 0.01
N_NAMED = 3
# In standard deviations: what single precision loses.
ROUNDING = 1e-5


def drift(model: BaseEstimator, X: Any) -> pd.DataFrame:
    r"""Measure how far samples are from the training samples of a model, by modality.

    Needs no class labels: check a new cohort before its predictions are used.

    Parameters
    ----------
    model : MultiOmicsSelector, CrossModalAttentionClassifier, or a model that contains one
        The fitted model; of an ensemble, the first member that contains one counts.
    X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
        Samples with the columns seen in fit; see :func:`~xmodal_sklearn.align_features`.

    Returns
    -------
    DataFrame of shape (n_modalities, 5)
        The number of ``"samples"`` that have the modality; the share of them that is ``"outside"``
        the range of distances of the training samples, of which about 2 % are; the number of
        ``"features"`` compared; the share of these that ``"moved"``; and ``"most moved"``, a list
        of at most three of them. Shares are NaN if there is nothing to compare.

    Raises
    ------
    ValueError
        If a value is infinite, or X has other columns than in fit.
    TypeError
        If no part of the model has a summary of the training samples.

    Warns
    -----
    UserWarning
        If more than a tenth of the features of a modality moved, or more than a tenth of the
        samples are outside, more than by chance (p < 0.001, beta-binomial).

    See Also
    --------
    align_features : Matches a cohort to the columns, and the scale, of the training samples.

    Notes
    -----
    The first such estimator of the model keeps a summary of the training samples, but no sample:
    the mean, standard deviation and seven quantiles of each feature that it needs, and the range of
    distances of each modality. Only these features are compared.

    The distance of a sample is the root mean square of its features, standardized by the training
    samples; the range is from the 1 % to the 99 % quantile of the training samples, each
    standardized by the others. Samples with too little variation are outside, too.

    A feature has moved if the share of samples below (or at most as large as) one of its quantiles
    differs from that in training: with :math:`\varphi = \arcsin \sqrt{\text{share}}`, if
    :math:`|\varphi - \varphi'| \ge 0.15` and the difference is significant, by a normal
    approximation with Bonferroni's correction over quantiles and that of Benjamini and Hochberg
    over the features of the modality, at 1 %. A shift by 0.4 standard deviations or an increase of
    a mutation's frequency from 0.03 to 0.11 is such an effect. Features also move if the class
    frequencies differ.

    Each category counts as a feature. Missing values are ignored, and so are features whose values
    all equal the training mean, such as those imputed by :func:`~xmodal_sklearn.align_features`.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from xmodal_sklearn import MultiOmicsSelector
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.inspection import drift
    >>> X, y = make_multiomics(300, {"exp": 40, "mut": 10}, return_X_y=True, random_state=0)
    >>> model = make_pipeline(MultiOmicsSelector(k=20), LogisticRegression(max_iter=2000))
    >>> model = model.fit(X[:200], y[:200])
    >>> drift(model, X[200:])["moved"].to_dict()
    {'exp': 0.0, 'mut': 0.0}
    """
    check_is_fitted(model)
    step, X = _summarized_step(model, X)
    summary, samples = step.input_.summary, step.input_.read_needed(step, X)
    values = samples.values  # noqa: PD011
    unlike_mean = np.abs(values - summary.mean) > ROUNDING * summary.scale
    values[:, ~unlike_mean.any(axis=0) & (summary.n_values > 1)] = np.nan
    effects, compared = _effects(summary, values, samples.columns)
    rows = {}
    by_modality = summary.distances(values, samples.columns)
    for name, columns in samples.columns.items():
        measured = by_modality[name][~np.isnan(by_modality[name])]
        low, high, _ = summary.ranges[name]
        most = columns[np.argsort(-effects[columns], kind="stable")[:N_NAMED]]
        rows[name] = {
            "samples": len(measured),
            "outside": _mean((measured < low) | (measured > high)),
            "features": int(compared[columns].sum()),
            "moved": _mean(effects[columns][compared[columns]] > 0),
            "most moved": samples.names[most[effects[most] > 0]].tolist(),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("modality")
    _warn_if_shifted(table, summary, samples.columns)
    return table


def _summarized_step(model: Any, X: Any) -> tuple[Any, Any]:
    """Return the first step of a model that keeps a summary, and samples as it takes them."""
    steps = steps_of(model)
    for step in steps:
        if _keeps_summary(step):
            return step, X
        # Members that read modalities on their own do not see X.
        for member in [] if hasattr(step, "modalities_") else members_of(step):
            if any(_keeps_summary(part) for part in parts_of(member)):
                return _summarized_step(member, X)
        if hasattr(step, "transform"):
            X = step.transform(X)
    raise TypeError(
        "drift needs a MultiOmicsSelector or a CrossModalAttentionClassifier, or a model that "
        f"contains one, got {', '.join(type(step).__name__ for step in steps)}."
    )


def _keeps_summary(step: Any) -> bool:
    return getattr(getattr(step, "input_", None), "summary", None) is not None


def _effects(
    summary: TrainingSummary, values: np.ndarray, columns: Modalities
) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much each column moved, zero where it has not, and which were compared."""
    now = np.stack(shares(values, summary.knots, np.ones(len(values))))
    then = np.stack([summary.below, summary.at_most])
    effects = np.abs(np.arcsin(np.sqrt(now)) - np.arcsin(np.sqrt(then))).max(axis=(0, 1))
    n_present = (~np.isnan(values)).sum(axis=0)
    compared = (n_present > 0) & (summary.n_known > 0)
    # The angle of a share among n samples has a variance of about 1 / 4n.
    deviation = np.sqrt(1 / np.maximum(summary.n_known, 1) + 1 / np.maximum(n_present, 1)) / 2
    p = np.minimum(2 * norm.sf(effects / deviation) * 2 * len(LEVELS), 1)
    moved = np.zeros(len(p), dtype=bool)
    for positions in columns.values():
        tested = positions[compared[positions]]
        if len(tested):
            moved[tested] = false_discovery_control(p[tested]) <= FALSE_DISCOVERIES
    return np.where(moved & (effects >= MIN_EFFECT), effects, 0), compared


def _mean(flags: np.ndarray) -> float:
    return float(flags.mean()) if len(flags) else np.nan


def _warn_if_shifted(table: pd.DataFrame, summary: TrainingSummary, columns: Modalities) -> None:
    n_outside = (table["outside"].fillna(0) * table["samples"]).round()
    n_training = np.array([n for *_, n in summary.ranges.values()])
    # Of the gaps between sorted training distances, those beyond the range: exact for samples from
    # the same population as those of training, however few these were.
    beyond = 2 * (RANGE[0] * (n_training - 1) + 1)
    chance = betabinom.sf(n_outside - 1, table["samples"], beyond, n_training + 1 - beyond)
    shifted = (table["moved"] > MAX_SHARE) | ((table["outside"] > MAX_SHARE) & (chance < MIN_P))
    if not shifted.any():
        return
    sentences = [
        f"{name!r} ({row['outside']:.0%} of {row['samples']} samples are outside the range of "
        f"distances, {row['moved']:.0%} of {row['features']} features moved)"
        for name, row in table[shifted].iterrows()
    ]
    advice = _rescaling_advice(table.index[shifted], summary, columns)
    warn(
        f"The new samples differ from the training data: {', '.join(sentences)}; reported "
        "performance may not transfer. Check units and preprocessing, and score the model on "
        f"samples with known class labels.{advice}"
    )


def _rescaling_advice(names: pd.Index, summary: TrainingSummary, columns: Modalities) -> str:
    """Return how modalities of measured values can be brought to the training samples."""
    able = [name for name in names if summary.has_measured(columns[name])]
    if not able:
        return ""
    options = " ".join(f"--normalize {visible(quote(f'{name}=within'))}" for name in able)
    return (
        " If the classes are about as frequent as in training, align_features with normalize="
        f"{dict.fromkeys(able, 'within')} ({options}) removes differences between platforms."
    )

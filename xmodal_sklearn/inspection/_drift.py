"""How far the samples of another cohort lie from those that a model was fitted to."""

from shlex import quote
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import betabinom, false_discovery_control, norm
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._text import visible
from .._warnings import warn
from ..modalities._columns import Modalities, column_labels, needed_columns, sample_labels
from ..modalities._missing import check_finite
from ..modalities._training_summary import (
    LEVELS,
    MANY_VALUES,
    RANGE,
    TrainingSummary,
    distances,
    shares,
)
from ..modalities._validation import validate_table
from ..uncertainty._wrapper import ClassifierWrapper

__all__ = ["drift"]

# Shares past which a warning is given.
MAX_SHARE = 0.1
# Probability, under chance alone, of so many samples outside.
SURE = 0.001
# Half an effect size of Cohen's (h): at the median, a difference of 15% of the samples.
MIN_EFFECT = 0.15
FALSE_DISCOVERIES = 0.01
N_NAMED = 3
# In standard deviations: what single precision loses.
ROUNDING = 1e-5


def drift(model: Any, X: Any) -> pd.DataFrame:
    r"""Measure how far samples lie from those that a model was fitted to, by modality.

    Needs no classes: it tells of a new cohort, before its predictions are believed, whether its
    values are such as the model knows.

    Parameters
    ----------
    model : MultiOmicsSelector, CrossModalAttentionClassifier, or Pipeline or search with one
        Fitted.
    X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
        Samples with the columns seen in fit, as the model takes them; see
        :func:`~xmodal_sklearn.align_features`.

    Returns
    -------
    DataFrame of shape (n_modalities, 5)
        ``"samples"`` that have the modality; the share of them ``"outside"`` the range of distances
        of training samples, of which about 2% are; ``"features"`` compared; the share of these that
        ``"moved"``; and ``"most moved"``, a list of at most three of them. Shares are NaN where
        there is nothing to compare.

    Raises
    ------
    ValueError
        If the model holds no summary of its training samples, because an earlier version fitted it;
        if a value is infinite; if X has other columns than those seen in
        fit.
    TypeError
        If the model has neither a selector nor a classifier of this package.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.

    Warns
    -----
    UserWarning
        If more than a tenth of the features of a modality moved, or more than a tenth of the
        samples are outside and not by chance (p < 0.001, beta-binomial). One warning names all such
        modalities.

    See Also
    --------
    align_features : Brings a cohort to the columns of a model, and to its values
        (``normalize="within"``).

    Notes
    -----
    Compared are the features that the first of these estimators needs: the selected ones, or all of
    a classifier without selection. They are compared with what this keeps of its training samples:
    by feature mean, deviation and seven quantiles, by modality the range of distances; no sample.

    The distance of a sample is the root of the mean of its squared features, standardised by the
    training samples; the range goes from their 1% to their 99% quantile, each training sample
    standardised by the others. Samples whose values are too much alike are outside, too.

    A feature has moved if another share of samples is below one of its quantiles, or at most as
    large, than in training: with :math:`\varphi = \arcsin \sqrt{\text{share}}`, if
    :math:`|\varphi - \varphi'| \ge 0.15` and this is no chance, by a normal approximation with
    Bonferroni's correction over quantiles and that of Benjamini and Hochberg over the features of
    the modality, at 1%. A shift by 0.4 standard deviations has such an effect, and so has a
    mutation's share of 0.11 where it was 0.03. A cohort with another mix of classes has moved
    features as well.

    A column of words counts as one feature for each category. Missing values are left out, and so
    are features whose values all are the training mean, which stands for those not measured.

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
    samples = _bring_to_summary(model, X)
    summary, values = samples.summary, samples.numbers
    effects, compared = _effects(summary, values, samples.columns)
    rows = {}
    for name, of_samples in distances(values, samples.columns, summary.mean, summary.scale).items():
        known = of_samples[~np.isnan(of_samples)]
        low, high, _ = summary.ranges[name]
        columns = samples.columns[name]
        most = columns[np.argsort(-effects[columns], kind="stable")[:N_NAMED]]
        rows[name] = {
            "samples": len(known),
            "outside": _mean((known < low) | (known > high)),
            "features": int(compared[columns].sum()),
            "moved": _mean(effects[columns][compared[columns]] > 0),
            "most moved": samples.names[most[effects[most] > 0]].tolist(),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("modality")
    _warn_of_far(table, samples)
    return table


class _Samples(NamedTuple):
    """Samples as a summary of training samples has them.

    Attributes
    ----------
    summary : TrainingSummary
        The summary.
    numbers : ndarray of float of shape (n_samples, n_columns)
        Their values; NaN where missing.
    names : ndarray of str of shape (n_columns,)
        The names of the columns.
    columns : dict of str to ndarray of int
        The columns of each modality.
    """

    summary: TrainingSummary
    numbers: np.ndarray
    names: np.ndarray
    columns: Modalities


def _bring_to_summary(model: Any, X: Any) -> _Samples:
    step, table = _summarised_step(model, X)
    needed = needed_columns(step)
    table, _ = validate_table(step, table, reset=False, needed=needed, accept_sparse="csc")
    places = needed
    if table.shape[1] < step.n_features_in_:
        # Some columns are missing that were not selected.
        places = table.columns.get_indexer(step.feature_names_in_)[needed]
    encoder = step.input_.encoder if hasattr(step, "input_") else step._encoder
    values = encoder.encode(table, needed, places, warn_unseen=False).astype(float)
    columns = encoder.columns_of(needed)
    labels = np.array(column_labels(table), dtype=object)[places]
    names = encoder.names(needed, labels)
    for name, of_modality in columns.items():
        check_finite(values[:, of_modality], name, names[of_modality], sample_labels(table))
    summary = step.input_.summary if hasattr(step, "input_") else step._summary
    unlike_mean = np.abs(values - summary.mean) > ROUNDING * summary.scale
    values[:, ~unlike_mean.any(axis=0) & (summary.n_values > 1)] = np.nan
    return _Samples(summary, values, names, columns)


def _summarised_step(model: Any, X: Any) -> tuple[Any, Any]:
    """Return the first part of a model that keeps a summary, and samples as it takes them."""
    check_is_fitted(model)
    while isinstance(model, ClassifierWrapper | FrozenEstimator) or hasattr(
        model, "best_estimator_"
    ):
        if isinstance(model, FrozenEstimator):
            model = model.estimator
        else:
            model = getattr(model, "best_estimator_", None) or model.estimator_
    steps = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
    for step in steps:
        if hasattr(type(step), "_summary") or hasattr(getattr(step, "input_", None), "summary"):
            if not hasattr(step, "input_") and step._summary is None:
                raise ValueError(
                    f"This {type(step).__name__} holds no summary of its training samples: an "
                    "earlier version fitted it. Fit it again."
                )
            return step, X
        if step is not None and step != "passthrough" and hasattr(step, "transform"):
            X = step.transform(X)
    raise TypeError(
        "drift needs a MultiOmicsSelector or a CrossModalAttentionClassifier, or a Pipeline with "
        f"one, got {', '.join(type(step).__name__ for step in steps)}."
    )


def _effects(
    summary: TrainingSummary, values: np.ndarray, columns: Modalities
) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much each column moved, zero where it has not, and which were compared."""
    now = np.stack(shares(values, summary.knots, np.ones(len(values))))
    then = np.stack([summary.below, summary.at_most])
    effects = np.abs(np.arcsin(np.sqrt(now)) - np.arcsin(np.sqrt(then))).max(axis=(0, 1))
    n_known = (~np.isnan(values)).sum(axis=0)
    compared = n_known > 0
    # The angle of a share among n samples has a variance of about 1 / 4n.
    deviation = np.sqrt(1 / summary.n_known + 1 / np.maximum(n_known, 1)) / 2
    p = np.minimum(2 * norm.sf(effects / deviation) * 2 * len(LEVELS), 1)
    moved = np.zeros(len(p), dtype=bool)
    for of_modality in columns.values():
        tested = of_modality[compared[of_modality]]
        if len(tested):
            moved[tested] = false_discovery_control(p[tested]) <= FALSE_DISCOVERIES
    return np.where(moved & (effects >= MIN_EFFECT), effects, 0), compared


def _mean(flags: np.ndarray) -> float:
    return float(flags.mean()) if len(flags) else np.nan


def _warn_of_far(table: pd.DataFrame, samples: _Samples) -> None:
    n_outside = (table["outside"].fillna(0) * table["samples"]).round()
    n_training = np.array([n for *_, n in samples.summary.ranges.values()])
    # Of the gaps between sorted distances in training, those beyond the range: exact for samples
    # that come as those of training came, however few these were.
    beyond = 2 * (RANGE[0] * (n_training - 1) + 1)
    chance = betabinom.sf(n_outside - 1, table["samples"], beyond, n_training + 1 - beyond)
    far = (table["moved"] > MAX_SHARE) | ((table["outside"] > MAX_SHARE) & (chance < SURE))
    if not far.any():
        return
    said = [
        f"{name!r} ({row['outside']:.0%} of {row['samples']} samples are outside the range of "
        f"distances, {row['moved']:.0%} of {row['features']} features moved)"
        for name, row in table[far].iterrows()
    ]
    warn(
        f"Values differ from those that the model was fitted to: {', '.join(said)}. Its scores may "
        "not hold here. Check units and how the values were prepared, and score the model on "
        f"samples of known class.{_remedy(table.index[far], samples)}"
    )


def _remedy(names: pd.Index, samples: _Samples) -> str:
    """Say how modalities of numbers can be brought to the training samples."""
    n_values = samples.summary.n_values
    able = [name for name in names if (n_values[samples.columns[name]] == MANY_VALUES).any()]
    if not able:
        return ""
    options = " ".join(f"--normalize {visible(quote(f'{name}=within'))}" for name in able)
    return (
        " If classes are about as frequent as in training, align_features with normalize="
        f"{dict.fromkeys(able, 'within')} ({options}) takes out what differs between platforms."
    )

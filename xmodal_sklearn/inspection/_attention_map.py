"""Which features of two modalities a classifier looks at together."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import Integral, Interval, StrOptions, validate_params

from .._warnings import warn
from ..modalities._validation import as_table
from ._fitted import Fitted, gene, open_model, watched

__all__ = ["attention_map", "top_pairs"]


@validate_params(
    {"by": [StrOptions({"class", "sample"}), None]}, prefer_skip_nested_validation=True
)
def attention_map(
    model: Any, X: Any, *, source: str | None = None, by: str | None = None
) -> pd.DataFrame | dict[Any, pd.DataFrame] | Iterator[tuple[Any, pd.DataFrame]]:
    r"""Measure how much each pair of a primary feature and a source feature moves the logits.

    Softmax weights say where attention looks, not whether anything comes of it, and with patch
    tokens they name no gene. Here the effect of a pair is what its two features do to a class's
    logit only together, through every head that sees two modalities, attention and pairs, times
    the weight that stacking gives to the head.

    Parameters
    ----------
    model : CrossModalAttentionClassifier, or Pipeline or search that ends in one
        Fitted; any tokenizer, attention and fusion.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples to average over, with the columns seen in fit. Those that lack the primary modality
        or the source are left out of the mean.
    source : str, default=None
        The modality that is attended to. None takes the only one beside the primary modality, or
        this itself if it is alone.
    by : {"class", "sample"} or None, default=None
        Whether to return one map, one for the logit of each class, or one for each sample.

    Returns
    -------
    DataFrame of shape (n_primary, n_source), or dict or iterator of these
        With ``by=None`` the root mean square over the classes of their maps, zero or positive.
        With ``by="class"`` a dict from class to its map: positive where high values of both
        features together, or low values of both, speak for the class. With ``by="sample"`` an
        iterator over pairs of sample and the map that this function gives for it alone, of zeros
        if it lacks a modality. Rows are primary features, columns source features, by their first
        names; features that a selector left out have no row or column.

    Raises
    ------
    ValueError
        If `source` is no modality, is the primary one, or is not given where there are several; if
        the model has neither an attention head nor one of pairs; if no sample has both modalities;
        if X has other columns than those seen in fit.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    TypeError
        If it is another model.

    Warns
    -----
    UserWarning
        If stacking gave no weight to these heads, so that the map is zero: what the modalities
        tell together played no part.

    See Also
    --------
    top_pairs : The largest entries, with their correlation.
    integrated_gradients : Attributions that do not rest on pairs.

    Notes
    -----
    With :math:`z_c` the stacked logit of class :math:`c` in a member of the ensemble, less its mean
    over the classes, and standardised values :math:`x_i` and :math:`s_j`, the map of a class is the
    mean over samples and members of :math:`\partial^2 z_c / \partial x_i \partial s_j`. Whatever a
    head adds up over modalities drops out of it. It sees all heads of the attention, its softmax,
    and what the MLP makes of the tokens. An effect that is positive in some samples and negative
    in others cancels out; look at ``by="sample"``.

    A modality on its own attends to itself, and its map holds the second derivatives of the
    attention head.

    Tokens are linear in the features, so a map is a product of thin matrices, and no more than a
    map for each class is held at a time, :math:`4 C K_1 K_2` bytes, 20 MB for five classes and
    1,000 × 1,000 features, and as much again while they are added up. With many samples,
    derivatives are taken along random directions, the same in every call, at least 65,536 over all
    samples and members; the mean over them is unbiased, with an error of about 3% of the size of a
    single sample's effects. Patch tokens take seconds. Feature tokens cost more: for more than some
    hundred, give few samples.

    Examples
    --------
    >>> from xmodal_sklearn import CrossModalAttentionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.inspection import attention_map, top_pairs
    >>> cohort = make_multiomics(
    ...     400, {"exp": 30, "cna": 30}, 2, interaction="cis", random_state=0
    ... )
    >>> model = CrossModalAttentionClassifier(n_estimators=2, random_state=0)
    >>> effects = attention_map(model.fit(cohort.data, cohort.target), cohort.data)
    >>> effects.shape
    (30, 30)
    >>> bool(top_pairs(effects, 3)["same_gene"].all())
    True
    """
    fitted = open_model(model, X)
    source = _check_source(fitted, source)
    if by == "sample":
        return _by_sample(fitted, source)
    rows = _rows_with(fitted, source)
    if not len(rows):
        raise ValueError(
            f"No sample of X has both {fitted.opened.modalities[0]!r} and {source!r}, so there are "
            "no pairs to look at. Give samples with both."
        )
    progress = partial(watched, what="Attention map")
    effects = fitted.opened.cross_effects(rows, source, progress)
    if not effects.any():
        warn(
            "The attention map is zero: on the patients held out in training, heads that see two "
            "modalities told nothing that others do not, so stacking gave them no weight (see "
            "stacking_weights_)."
        )
    if by == "class":
        return {
            label: _frame(fitted, source, effect)
            for label, effect in zip(fitted.classifier.classes_.tolist(), effects, strict=True)
        }
    return _frame(fitted, source, _strength(effects))


@validate_params(
    {"n": [Interval(Integral, 1, None, closed="left")]}, prefer_skip_nested_validation=True
)
def top_pairs(attention: pd.DataFrame, n: int = 20, *, X: Any = None) -> pd.DataFrame:
    """List the pairs of features with the largest effects.

    Parameters
    ----------
    attention : DataFrame of shape (n_primary, n_source)
        A map, see :func:`attention_map`.
    n : int, default=20
        How many to list, fewer if others are zero.
    X : DataFrame of shape (n_samples, n_features), default=None
        The samples whose correlations to give. None gives none.

    Returns
    -------
    DataFrame with the columns "primary", "source", "effect", "same_gene" and "correlation"
        Largest size of the effect first. ``same_gene`` tells whether the two are of one gene (in
        cis); ``correlation`` is that of their values, over the samples that have both.

    Raises
    ------
    TypeError
        If `attention` is no DataFrame.
    ValueError
        If X lacks a feature of the map.

    See Also
    --------
    attention_map : Makes the map.

    Notes
    -----
    Chance is the share of such pairs among all: with 489 genes of expression and 614 of copy
    number that have 400 in common, 400 of 300,246.

    Examples
    --------
    >>> import pandas as pd
    >>> from xmodal_sklearn.inspection import top_pairs
    >>> effects = pd.DataFrame(
    ...     [[0.1, 0.0], [-0.7, 0.2]], ["exp__A", "exp__B"], ["cna__B", "cna__C"]
    ... )
    >>> top_pairs(effects, 2)[["primary", "source", "effect", "same_gene"]].values.tolist()
    [['exp__B', 'cna__B', -0.7, True], ['exp__B', 'cna__C', 0.2, False]]
    """
    if not isinstance(attention, pd.DataFrame):
        raise TypeError(
            f"top_pairs takes one map, a DataFrame, got {type(attention).__name__}. Of several "
            "maps, by class or by sample, give one."
        )
    values = attention.to_numpy()
    size = np.abs(values).ravel()
    n = min(n, int((size > 0).sum()))
    # Ties in the order of the map.
    best = np.argsort(-size, kind="stable")[:n]
    rows, columns = np.unravel_index(best, values.shape)
    pairs = pd.DataFrame(
        {
            "primary": attention.index[rows],
            "source": attention.columns[columns],
            "effect": values[rows, columns],
        }
    )
    pairs["same_gene"] = [
        gene(first) == gene(second)
        for first, second in zip(pairs["primary"], pairs["source"], strict=True)
    ]
    if X is not None:
        pairs["correlation"] = _correlations(pairs, as_table(X))
    return pairs


def _correlations(pairs: pd.DataFrame, X: Any) -> list[float]:
    known = set(X.columns) if isinstance(X, pd.DataFrame) else set()
    for feature in pd.concat([pairs["primary"], pairs["source"]]):
        if feature not in known:
            raise ValueError(
                f"X has no column {feature!r}, which the map names. Give the DataFrame that the "
                "map was made of."
            )
    return [
        X[first].astype(float).corr(X[second].astype(float))
        for first, second in zip(pairs["primary"], pairs["source"], strict=True)
    ]


def _check_source(fitted: Fitted, source: str | None) -> str:
    if not fitted.opened.has_cross_modal_branch:
        raise ValueError(
            "The model has no branch that sees two modalities together: its branches are "
            f"{list(fitted.classifier.stacking_weights_)}. Fit it with branches='all', or with "
            "'attention' or 'pairs' among them."
        )
    primary, *others = fitted.opened.modalities
    if source is None and len(others) > 1:
        raise ValueError(f"Name the source that {primary!r} attends to, one of {others}.")
    possible = others or [primary]
    source = possible[0] if source is None else source
    if source not in possible:
        reason = "is the primary modality" if source == primary else "is no modality of the model"
        raise ValueError(f"source={source!r} {reason}. Name one of {possible}.")
    return source


def _rows_with(fitted: Fitted, source: str) -> np.ndarray:
    number = fitted.opened.modalities.index(source)
    return np.flatnonzero(fitted.opened.present[:, [0, number]].all(axis=1))


def _by_sample(fitted: Fitted, source: str) -> Iterator[tuple[Any, pd.DataFrame]]:
    with_both = set(_rows_with(fitted, source))
    shape = tuple(len(fitted.input_columns(name)) for name in (fitted.opened.modalities[0], source))
    for row, sample in enumerate(fitted.samples):
        effects = (
            _strength(fitted.opened.cross_effects(np.array([row]), source))
            if row in with_both
            else np.zeros(shape)
        )
        yield sample, _frame(fitted, source, effects)


def _strength(effects: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("cij,cij->ij", effects, effects) / len(effects))


def _frame(fitted: Fitted, source: str, effects: np.ndarray) -> pd.DataFrame:
    primary = fitted.opened.modalities[0]
    names = [
        pd.Index(fitted.inputs[fitted.input_columns(modality)], name=modality)
        for modality in (primary, source)
    ]
    return pd.DataFrame(effects, *names)

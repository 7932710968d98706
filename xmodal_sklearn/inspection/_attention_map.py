"""Interactions between features of two modalities in a fitted classifier."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import StrOptions

from .._typing import at_least, check_arguments
from .._warnings import warn
from ..modalities._input import as_table
from ._view import ModelView, gene_name, view_model, with_progress


@check_arguments(by=[StrOptions({"class", "sample"}), None])
def attention_map(
    model: BaseEstimator, X: Any, *, source: str | None = None, by: str | None = None
) -> pd.DataFrame | dict[Any, pd.DataFrame] | Iterator[tuple[Any, pd.DataFrame]]:
    r"""Measure how each pair of a primary feature and a source feature interacts in the logits.

    An interaction is the part of a class's logit to which two features contribute only jointly,
    through the branches ``"attention"`` and ``"pairs"``, times their stacking weights. Softmax
    weights do not show it: they belong to tokens, and may not change the prediction.

    Parameters
    ----------
    model : CrossModalAttentionClassifier, or a pipeline, search or wrapper that ends in one
        The fitted model; any tokenizer, attention and enrichment.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples with the columns seen in fit. The mean is over those that have both modalities.
    source : str, default=None
        The modality that is attended to. None takes the only one besides the primary modality, or
        the primary modality itself if it is the only one.
    by : {"class", "sample"} or None, default=None
        Whether to return one map, one for the logit of each class, or one for each sample.

    Returns
    -------
    DataFrame of shape (n_primary, n_source), or dict or iterator of these
        With ``by=None`` the root mean square over the classes. With ``by="class"`` a dict from
        class to its map: positive where high values of both features, or low values of both, favor
        the class. With ``by="sample"`` an iterator over pairs of sample and the root mean square
        for it, zero if it lacks a modality. Rows are the selected primary features, columns those
        of the source, named as in X where the steps before the classifier keep the names.

    Raises
    ------
    ValueError
        If `source` is not another modality, or is required; if the model has neither of these
        branches; if no sample has both modalities; if X has other columns than in fit.

    Warns
    -----
    UserWarning
        If the map is zero, because no cross-modal branch has a stacking weight.

    See Also
    --------
    top_pairs : The largest entries, with their correlation.
    integrated_gradients : Attributions of single features.

    Notes
    -----
    With :math:`z_c` the stacked logit of class :math:`c` in a member of the ensemble, minus its
    mean over the classes, and standardized values :math:`x_i` and :math:`s_j`, the map of a class
    is the mean over samples and members of :math:`\partial^2 z_c / \partial x_i \partial s_j`.
    An interaction that is positive in some samples and negative in others cancels out; use
    ``by="sample"`` to see it.

    Maps take :math:`8 C K_1 K_2` bytes, 40 MB for five classes and 1,000 × 1,000 features. With
    many samples, derivatives are taken along at least 65,536 random directions, the same in every
    call; their mean is unbiased, with an error of about 3 % of a single sample's interactions.
    Patch tokens take seconds. With more than a few hundred feature tokens, pass few samples.

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
    view = view_model(model, X)
    primary, source = view.modalities[0], _check_source(view, source)
    axes = [
        pd.Index(view.inputs[view.input_columns(name)], name=name) for name in (primary, source)
    ]
    has_both: Any = view.network.present[:, [0, view.modalities.index(source)]].all(axis=1)
    if by == "sample":
        return _maps_by_sample(view, source, has_both, axes)
    rows = np.flatnonzero(has_both)
    if not len(rows):
        raise ValueError(
            f"No sample of X has both {primary!r} and {source!r}. Pass samples with both "
            "modalities."
        )
    progress = partial(with_progress, what="Attention map")
    effects = view.network.cross_effects(rows, source, progress)
    if not effects.any():
        warn(
            "The attention map is zero: the cross-modal branches did not improve held-out "
            "predictions, so their stacking weight is zero (see stacking_weights_)."
        )
    if by == "class":
        maps = [pd.DataFrame(effect, *axes) for effect in effects]
        return dict(zip(view.classes.tolist(), maps, strict=True))
    return pd.DataFrame(_root_mean_square(effects), *axes)


@check_arguments(n=[at_least(1)])
def top_pairs(attention: pd.DataFrame, n: int = 20, *, X: Any = None) -> pd.DataFrame:
    """List the pairs of features with the largest interactions.

    Parameters
    ----------
    attention : DataFrame of shape (n_primary, n_source)
        A map, see :func:`attention_map`.
    n : int, default=20
        Number of pairs to list; fewer if the other interactions are zero.
    X : DataFrame of shape (n_samples, n_features), default=None
        Samples for the column ``"correlation"``. None omits it.

    Returns
    -------
    DataFrame with the columns "primary", "source", "effect", "same_gene" and "correlation"
        The largest absolute effect first. ``same_gene`` is whether both features belong to the same
        gene (in cis); ``correlation`` is that of their values, over the samples that have both.

    Raises
    ------
    ValueError
        If X lacks a feature of the map.

    Notes
    -----
    By chance, the share of pairs in cis is that among all pairs: 400 of 300,246 with 489 genes of
    expression and 614 of copy number that have 400 in common.

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
            f"top_pairs takes one map, a DataFrame, got {type(attention).__name__}. Pass one of "
            "several maps by class or by sample."
        )
    values = attention.to_numpy()
    size = np.abs(values).ravel()
    # Ties in the order of the map.
    best = np.argsort(-size, kind="stable")[: min(n, (size > 0).sum())]
    rows, columns = np.unravel_index(best, values.shape)
    pairs = pd.DataFrame({"primary": attention.index[rows], "source": attention.columns[columns]})
    pairs["effect"] = values[rows, columns]
    pairs["same_gene"] = pairs["primary"].map(gene_name) == pairs["source"].map(gene_name)
    if X is not None:
        pairs["correlation"] = _correlations(pairs, as_table(X))
    return pairs


def _correlations(pairs: pd.DataFrame, X: Any) -> list[float]:
    columns = getattr(X, "columns", [])
    for feature in pd.concat([pairs["primary"], pairs["source"]]):
        if feature not in columns:
            raise ValueError(
                f"X has no column {feature!r}, which is in the map. Pass the DataFrame that the "
                "map was computed from."
            )
    return [
        X[primary].astype(float).corr(X[source].astype(float))
        for primary, source in zip(pairs["primary"], pairs["source"], strict=True)
    ]


def _check_source(view: ModelView, source: str | None) -> str:
    if not view.network.has_cross_modal_branch:
        raise ValueError(
            "No branch of the model sees two modalities; its branches are "
            f"{list(view.classifier.stacking_weights_)}. Fit it with branches='all', or with "
            "'attention' or 'pairs' among them."
        )
    primary, *others = view.modalities
    if source is None and len(others) > 1:
        raise ValueError(f"Pass source=, the modality that {primary!r} attends to: {others}.")
    allowed = others or [primary]
    source = allowed[0] if source is None else source
    if source not in allowed:
        problem = "the primary modality" if source == primary else "not a modality of the model"
        raise ValueError(f"source={source!r} is {problem}. Choose one of {allowed}.")
    return source


def _maps_by_sample(
    view: ModelView, source: str, has_both: np.ndarray, axes: list[pd.Index]
) -> Iterator[tuple[Any, pd.DataFrame]]:
    for row, sample in enumerate(view.samples):
        effects = np.zeros((1, *map(len, axes)))
        if has_both[row]:
            effects = view.network.cross_effects(np.array([row]), source)
        yield sample, pd.DataFrame(_root_mean_square(effects), *axes)


def _root_mean_square(effects: np.ndarray) -> np.ndarray:
    """Average maps of shape (n_classes, n_primary, n_source) over the classes."""
    return np.sqrt(np.einsum("cij,cij->ij", effects, effects) / len(effects))

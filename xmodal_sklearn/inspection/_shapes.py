"""The contribution of each feature in the additive branch of a fitted classifier."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .._typing import at_least, check_arguments
from ..modalities._input import ModalityInput
from ._importance import branch_weights
from ._view import ModelView, view_model

ADDITIVE_BRANCH = "stumps"


class Curve(NamedTuple):
    """The contributions of an input column, and their average over samples."""

    column: int
    bends: np.ndarray  # in standard deviations
    logits: np.ndarray  # (n_bends, n_classes)
    center: np.ndarray  # (n_classes,)
    importance: float


@check_arguments(n_features=[at_least(1)])
def additive_shapes(model: Any, X: Any, *, n_features: int = 12) -> pd.DataFrame:
    r"""Return the shapes of the most important features in the additive branch of a classifier.

    The branch ``"stumps"`` adds up a function of each feature. A shape is such a function times the
    stacking weight of the branch: what the feature adds to the logit of each class, whatever the
    values of the others.

    Parameters
    ----------
    model : CrossModalAttentionClassifier, or a pipeline, search or wrapper that ends in one
        The fitted model.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples with the columns seen in fit, over which contributions are centered and averaged,
        such as the training samples.
    n_features : int, default=12
        Number of features, the most important first; fewer if others have no shape.

    Returns
    -------
    DataFrame with the columns "feature", "modality", "class", "value", "contribution", "importance"
        For each feature and class a curve, with the values in ascending order. ``"feature"`` is
        named as in X where the steps before the classifier keep the names, ``"value"`` is in the
        units in which the classifier gets the feature. A curve is linear between its values and
        constant outside. ``"importance"`` is the mean absolute contribution over the samples that
        have the modality, and over the classes.

    Raises
    ------
    ValueError
        If the model has no branch ``"stumps"``, or one with a stacking weight of zero; if no
        feature with a shape varies among the samples; if X has other columns than in fit.

    See Also
    --------
    xmodal_sklearn.plotting.AdditiveShapeDisplay : Draw the shapes.
    integrated_gradients : Attributions through all branches.

    Notes
    -----
    A logit is the log-probability of a class, minus its mean over the classes, so that the
    difference between two classes is a contribution to their log-odds. Contributions are averages
    over the members of the ensemble, times the mean stacking weight of the branch over the samples.
    They are centered: their mean over the samples that have the modality is zero. An absent
    modality contributes nothing.

    Where X has fewer values of a feature than its curve has bends, such as a mutation or a copy
    number, these values are listed instead. Each category is a feature of the values 0 and 1.

    Shapes explain one branch. ``stacking_weights_`` has the weights of the others.

    Examples
    --------
    >>> from xmodal_sklearn import CrossModalAttentionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.inspection import additive_shapes
    >>> X, y = make_multiomics(200, {"exp": 40, "mut": 10}, 2, return_X_y=True, random_state=0)
    >>> model = CrossModalAttentionClassifier(
    ...     branches=["mlp", "stumps"], n_estimators=2, max_epochs=5, random_state=0
    ... )
    >>> shapes = additive_shapes(model.fit(X, y), X, n_features=3)
    >>> list(shapes)
    ['feature', 'modality', 'class', 'value', 'contribution', 'importance']
    >>> shapes["feature"].nunique()
    3
    """
    view = view_model(model, X)
    weight = _check_weight(view)
    curves = sorted(_curves(view), key=lambda curve: -curve.importance)
    if not curves:
        raise ValueError(
            "No feature that the branch 'stumps' uses varies among the samples of X. Pass more "
            "samples, such as those of training."
        )
    model_input, positions = view.classifier.input_, np.arange(len(view.features))
    table = model_input.encoder.encode(view.table, positions, dtype=float, warn_unseen=False)
    modality = {j: name for name in view.modalities for j in view.input_columns(name).tolist()}
    rows = []
    for curve in curves[:n_features]:
        values, logits = _tabulate(curve, table[:, curve.column], model_input)
        for label, contributions in zip(view.classes, weight * logits.T, strict=True):
            part = {
                "feature": view.inputs[curve.column],
                "modality": modality[curve.column],
                "class": label,
                "value": values,
                "contribution": contributions,
                "importance": weight * curve.importance,
            }
            rows.append(pd.DataFrame(part))
    return pd.concat(rows, ignore_index=True)


def _check_weight(view: ModelView) -> float:
    """Return the mean stacking weight of the branch over the samples."""
    weights = branch_weights(view)
    if ADDITIVE_BRANCH not in weights:
        raise ValueError(
            f"The model has no branch {ADDITIVE_BRANCH!r}; its branches are {list(weights.index)}. "
            f"Fit it with branches='all', or with {ADDITIVE_BRANCH!r} among them."
        )
    weight = float(weights[ADDITIVE_BRANCH])
    if weight == 0:
        raise ValueError(
            f"The branch {ADDITIVE_BRANCH!r} has a stacking weight of zero for these samples (see "
            "stacking_weights_), so that the model does not use its shapes. Use "
            "integrated_gradients, which explains all branches."
        )
    return weight


def _curves(view: ModelView) -> Iterator[Curve]:
    """Go through the curves of all columns that vary among the samples."""
    for column, (bends, logits) in view.network.stump_curves().items():
        x = view.network.x[:, column]
        effects = _interpolate(x[~np.isnan(x)], bends, logits)
        if len(effects) and np.ptp(effects, axis=0).any():
            center = effects.mean(axis=0)
            yield Curve(column, bends, logits, center, float(np.abs(effects - center).mean()))


def _tabulate(
    curve: Curve, values: np.ndarray, model_input: ModalityInput
) -> tuple[np.ndarray, np.ndarray]:
    """Return values in the units of X, and the centered contributions there."""
    mean, scale = model_input.means[curve.column], model_input.scales[curve.column]
    values = np.unique(values[~np.isnan(values)])
    bends = mean + scale * curve.bends
    inner = bends[(bends > values[0]) & (bends < values[-1])]
    if len(inner) + 2 <= len(values):
        values = np.r_[values[0], inner, values[-1]]
    return values, _interpolate((values - mean) / scale, curve.bends, curve.logits) - curve.center


def _interpolate(x: np.ndarray, bends: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Return contributions, (n_values, n_classes), at standardized values."""
    return np.column_stack([np.interp(x, bends, by_class) for by_class in logits.T])

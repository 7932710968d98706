"""What a score loses where the values of a feature, or of a table, are another sample's."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from .._alignment import check_order
from ..modalities._exchange import permuted
from ._fitted import open_model, watched

__all__ = ["permutation_importance"]


@validate_params(
    {
        "by": [StrOptions({"feature", "modality"}), Mapping],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def permutation_importance(
    model: Any,
    X: Any,
    y: Any,
    *,
    by: str | Mapping = "modality",
    scoring: Any = None,
    n_repeats: int = 5,
    random_state: Any = None,
) -> pd.DataFrame:
    """Measure what a score loses where groups of columns are another sample's.

    As :func:`sklearn.inspection.permutation_importance`, but for groups of columns too, all of a
    group's at once, and with absent modalities: only samples that have a modality exchange values.

    Parameters
    ----------
    model : CrossModalAttentionClassifier, or Pipeline or search that ends in one
        Fitted.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples that the model was not fitted to.
    y : array-like of shape (n_samples,)
        Their classes.
    by : "feature", "modality" or dict of str to list of str, default="modality"
        The groups; a dict names the features of each.
    scoring : str or callable, default=None
        The score; None is the accuracy.
    n_repeats : int, default=5
        Number of permutations.
    random_state : int, RandomState instance or None, default=None
        Determines the permutations.

    Returns
    -------
    DataFrame with the columns "mean" and "std"
        A row per group, the loss over the repeats. Features that a selector left out are not
        listed: without them nothing changes.

    Raises
    ------
    ValueError
        If a group names a feature that the classifier does not take; if `y` has not the samples of
        X in their order; if X has other columns than those seen in fit.

    See Also
    --------
    modality_shapley : Shares credit among tables that tell the same.

    Examples
    --------
    >>> from xmodal_sklearn import CrossModalAttentionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.inspection import permutation_importance
    >>> X, y = make_multiomics(200, {"exp": 40, "mut": 10}, 2, return_X_y=True, random_state=0)
    >>> model = CrossModalAttentionClassifier(n_estimators=2, max_epochs=5, random_state=0)
    >>> model = model.fit(X[:100], y[:100])
    >>> loss = permutation_importance(model, X[100:], y[100:], random_state=0)
    >>> loss.index.to_list()
    ['exp', 'mut']
    """
    check_order(y, X, "y")
    fitted = open_model(model, X)
    y = np.asarray(y)
    groups = _groups(fitted, by)
    presence = dict(zip(fitted.opened.modalities, fitted.opened.present.T, strict=True))
    scorer = check_scoring(fitted.classifier, scoring=scoring)
    random_state = check_random_state(random_state)
    score = scorer(fitted.classifier, fitted.table, y)
    losses = {}
    for name, blocks in watched(groups.items(), "Permuting", len(groups)):
        losses[name] = [
            score - scorer(fitted.classifier, _exchange(fitted, blocks, presence, random_state), y)
            for _ in range(n_repeats)
        ]
    table = pd.DataFrame.from_dict(losses, orient="index")
    index = table.index.rename(by if isinstance(by, str) else "group")
    return pd.DataFrame({"mean": table.mean(axis=1), "std": table.std(axis=1, ddof=0)}).set_axis(
        index
    )


def _groups(fitted: Any, by: str | Mapping) -> dict[str, dict[str, np.ndarray]]:
    """Return for each group the positions of its columns in each modality."""
    of_modality = fitted.classifier.modalities_
    if by == "modality":
        return {name: {name: positions} for name, positions in of_modality.items()}
    number = {feature: position for position, feature in enumerate(fitted.features)}
    if by == "feature":
        by = {feature: [feature] for feature in fitted.features}
    assert isinstance(by, Mapping)
    groups = {}
    for group, features in by.items():
        unknown = [feature for feature in features if feature not in number]
        if unknown or not len(features):
            raise ValueError(
                f"Group {group!r} names {unknown[0]!r}, which is no feature of the classifier."
                if unknown
                else f"Group {group!r} names no feature."
            )
        chosen = np.array([number[feature] for feature in features])
        blocks = {name: np.intersect1d(chosen, of) for name, of in of_modality.items()}
        groups[group] = {name: columns for name, columns in blocks.items() if len(columns)}
    return groups


def _exchange(
    fitted: Any,
    blocks: Mapping[str, np.ndarray],
    presence: Mapping[str, np.ndarray],
    random_state: Any,
) -> Any:
    table = fitted.table
    for modality, columns in blocks.items():
        table = permuted(table, columns, presence[modality], random_state)
    return table

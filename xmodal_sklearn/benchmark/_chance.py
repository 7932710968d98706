"""Which estimators of a comparison predict no better than chance."""

import numpy as np
import pandas as pd

from ._comparison import FOLD, Comparison
from ._metrics import CLASS_RECALL
from ._statistics import corrected_t_test

__all__ = ["at_chance"]

# Level of the one-sided test, and the gain that a single fold must show.
ALPHA = 0.05
MIN_GAIN = 0.05


def at_chance(comparison: Comparison) -> frozenset[str]:
    """Find the estimators that cannot be told from guessing, such as a dummy.

    Parameters
    ----------
    comparison : Comparison
        The comparison.

    Returns
    -------
    frozenset of str
        Estimators of which neither the mean recall over the classes nor, where it was measured,
        the ROC AUC is above that of guessing by the corrected t-test; empty where that is so of
        all.
    """
    scores = comparison.scores
    recalls = scores[scores["metric"] == CLASS_RECALL]
    by_fold = recalls.groupby(["estimator", *FOLD])["value"]
    # A fold that lacks a class has no recall of it, and fewer classes to guess from.
    gains = [by_fold.mean() - 1 / by_fold.count()]
    areas = scores[scores["metric"].isin(["roc_auc_ovr", "roc_auc_ovo"])]
    gains += [
        rows.set_index(["estimator", *FOLD])["value"] - 0.5 for _, rows in areas.groupby("metric")
    ]
    ratio = comparison._test_to_train()
    above = {
        name
        for gain in gains
        for name, values in gain.groupby(level="estimator")
        if _is_above_zero(values, ratio)
    }
    names = set(scores["estimator"])
    return frozenset(names - above) if above else frozenset()


def _is_above_zero(gains: pd.Series, ratio: float) -> bool:
    known = gains.dropna().to_numpy()
    if len(known) < 2:
        return bool((known > MIN_GAIN).any())
    test = corrected_t_test(known, ratio)
    # Rounding must not make a difference out of equal scores.
    return test.difference > np.sqrt(np.finfo(float).eps) and test.p < 2 * ALPHA

"""A batch that predicts classes or folds, which makes a comparison look better than it is."""

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency
from scipy.stats.contingency import association

__all__ = ["association_warnings"]

# Level of significance below which an association is reported.
ALPHA = 0.001


def association_warnings(
    batch: np.ndarray, y: np.ndarray, folds_by_repeat: list[np.ndarray] | None
) -> list[str]:
    """Warn of a batch that predicts the classes, or the fold in which a sample is tested.

    Parameters
    ----------
    batch : array-like of shape (n_samples,)
        The batch of each sample.
    y : ndarray of shape (n_samples,)
        Class labels.
    folds_by_repeat : list of ndarray of shape (n_samples,), or None
        The fold in which each sample is tested, -1 for none. None leaves the folds out.

    Returns
    -------
    list of str
        The warnings; empty where chi-squared tests find no association.
    """
    found = []
    strength = _strongest_association(batch, [y])
    if strength is not None:
        found.append(
            f"The batch predicts the classes ({strength}), so a model can score by recognising "
            "the batch. Correct for the batch inside the pipeline, or keep batches together by "
            "groups=."
        )
    strength = _strongest_association(batch, folds_by_repeat or [])
    if strength is not None:
        found.append(
            f"The batch predicts the folds ({strength}): some folds test batches that they hardly "
            "train on, others do not. Shuffle the folds, or keep batches together by groups=."
        )
    return found


def _strongest_association(batch: np.ndarray, others: list[np.ndarray]) -> str | None:
    strongest, shown = ALPHA, None
    for other in others:
        table = pd.crosstab(pd.factorize(batch, use_na_sentinel=False)[0], other).to_numpy()
        p = chi2_contingency(table, correction=False).pvalue
        if p < strongest:
            strongest = p
            shown = f"Cramér's V {association(table, method='cramer'):.2f}, p {p:.1g}"
    return shown

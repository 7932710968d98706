"""What every dataset of this package returns."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ..modalities._columns import resolve_modalities

__all__ = ["Report", "make_study"]

# What was left out or merged: where, what, how often.
Report: TypeAlias = list[tuple[str, str, int]]


def make_study(
    data: pd.DataFrame,
    target: pd.Series,
    *,
    DESCR: str,
    report: Iterable[tuple[str, str, int]] = (),
    **further: Any,
) -> Bunch:
    """Put samples and classes into the Bunch that every dataset returns.

    Parameters
    ----------
    data : DataFrame of shape (n_samples, n_features)
        Columns named ``modality__feature``, sample names as index.
    target : Series of shape (n_samples,)
        Classes, indexed like `data`.
    DESCR : str
        What this is.
    report : iterable of (str, str, int), default=()
        Where something was left out or merged, what, and how often; entries with a count of 0
        are dropped.
    **further : dict
        Further attributes of the Bunch.

    Returns
    -------
    Bunch
        With the attributes ``data``, ``target``, ``target_names``, ``feature_names``,
        ``modalities``, ``report`` (a DataFrame with the columns "where", "what" and "count"),
        ``DESCR`` and those in `further`.
    """
    return Bunch(
        data=data,
        target=target,
        target_names=np.unique(target.to_numpy()),
        feature_names=list(data.columns),
        modalities=resolve_modalities(data, None),
        report=pd.DataFrame(
            [entry for entry in report if entry[2]], columns=["where", "what", "count"]
        ),
        DESCR=DESCR,
        **further,
    )

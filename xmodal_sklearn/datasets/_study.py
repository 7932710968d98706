"""The Bunch that every dataset returns, and the report of what was left out."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ..modalities._columns import resolve_modalities


class Report:
    """What was left out, merged or reinterpreted: where, what, and how often."""

    def __init__(self, rows: Iterable[tuple[str, str, int]] = ()) -> None:
        self.rows = list(rows)

    def add(self, where: str, what: str, count: Any = 1) -> None:
        """Add a count, or the number of true values of a mask; nothing is added for zero."""
        if total := int(np.sum(count)):
            self.rows.append((where, what, total))

    def add_values(self, where: str, what: str, values: pd.Series) -> None:
        """Add how often each value occurs; `what` has a field for the value."""
        for value, count in values.value_counts(sort=False).items():
            self.add(where, what.format(value), count)


def make_target(classes: Any, index: pd.Index, name: Any) -> pd.Series:
    """Return classes by sample; strings as objects, as scikit-learn needs them everywhere."""
    classes = np.asarray(classes)
    dtype = object if classes.dtype.kind in "OU" else classes.dtype
    return pd.Series(classes, index, name=name, dtype=dtype)


def make_study(
    data: pd.DataFrame,
    target: pd.Series | None,
    *,
    DESCR: str,
    report: Report | None = None,
    **further: Any,
) -> Bunch:
    """Return the Bunch of samples (rows of `data`), their classes, and further attributes."""
    return Bunch(
        data=data,
        target=target,
        target_names=None if target is None else np.unique(target.to_numpy()),
        feature_names=list(data.columns),
        modalities=resolve_modalities(data, None),
        report=pd.DataFrame(report.rows if report else [], columns=["where", "what", "count"]),
        DESCR=DESCR,
        **further,
    )

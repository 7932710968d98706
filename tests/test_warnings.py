"""A warning names the user's line, however deep inside the library it comes from."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import (
    CrossModalAttentionClassifier,
    MultiOmicsSelector,
    concat_modalities,
)
from xmodal_sklearn.baselines import LateFusionClassifier
from xmodal_sklearn.datasets import make_multiomics


@pytest.fixture
def gaps():
    X, y = make_multiomics(60, {"exp": 12, "mut": 6}, return_X_y=True, random_state=0)
    X.iloc[3, 2] = np.nan
    return X, y


def network():
    return CrossModalAttentionClassifier(n_estimators=2, max_epochs=2, random_state=0)


MODELS = {
    "selector": lambda: MultiOmicsSelector(k=3),
    "classifier": network,
    "fusion": lambda: LateFusionClassifier(LogisticRegression(max_iter=2000)),
    "pipeline": lambda: make_pipeline(MultiOmicsSelector(k=3, n_jobs=2), network()),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_warnings_of_fits_name_the_line_that_calls_fit(make, gaps):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make().fit(*gaps)
    assert caught
    assert {warning.filename for warning in caught} == {__file__}


def test_warnings_of_tables_name_the_line_that_joins_them():
    tables = {
        "exp": pd.DataFrame({"ESR1": [1.0, 2.0]}, index=["P1", "P2"]),
        "cna": pd.DataFrame({"ERBB2": [1.0, 2.0]}, index=["Q1", "Q2"]),
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        concat_modalities(tables, join="outer")
    assert caught
    assert {warning.filename for warning in caught} == {__file__}

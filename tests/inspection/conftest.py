"""Fitted models that the tests of inspection look into."""

import pytest
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector


@pytest.fixture(scope="session")
def fitted(cohort):
    """A pipeline with selection in front, fitted to all tables, some of which patients lack."""
    X, y = cohort
    X = X.copy()
    X.iloc[:12, X.columns.str.startswith("cna")] = float("nan")
    X.iloc[12:20, X.columns.str.startswith("exp")] = float("nan")
    classifier = CrossModalAttentionClassifier(n_estimators=2, max_epochs=20, random_state=0)
    return make_pipeline(MultiOmicsSelector(k=15), classifier).fit(X, y), X, y

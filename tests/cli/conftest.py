"""Commands write reports whose figures are empty; tests/report draws them."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _without_figures(empty_figure):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("xmodal_sklearn.report._figures.Figure", empty_figure)
        yield

"""Commands write reports whose figures are empty; tests/report draws them."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _without_figures(without_figures):
    pass

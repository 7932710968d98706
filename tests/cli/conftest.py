"""Commands write reports without most figures; tests/report draws them."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _without_figures(empty_figure):
    with pytest.MonkeyPatch.context() as patched:
        for section in ("_sections.fold_section", "_models.model_section"):
            patched.setattr(f"xmodal_sklearn.report.{section}", lambda overview: None)
        patched.setattr("xmodal_sklearn.report._figures.Figure", empty_figure)
        yield

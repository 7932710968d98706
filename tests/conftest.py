"""Fixtures that several test modules share."""

import os
from pathlib import Path

import hypothesis
import pytest

from xmodal_sklearn.datasets import make_multiomics

# How fast a machine is decides no test.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

DATA = Path(os.environ.get("XMODAL_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def data_dir():
    if not DATA.is_dir():
        pytest.skip(f"no real data at {DATA}; set XMODAL_DATA to the folder that holds it")
    return DATA


@pytest.fixture(scope="session")
def cohort():
    """Three modalities of 120 patients, as a DataFrame with named columns, and their subtypes."""
    return make_multiomics(
        n_samples=120,
        n_features={"exp": 60, "cna": 50, "mut": 20},
        n_classes=3,
        class_sep=2.0,
        return_X_y=True,
        random_state=0,
    )


@pytest.fixture(scope="session")
def positions():
    """Column positions of the modalities of `cohort`."""
    return {"exp": slice(0, 60), "cna": slice(60, 110), "mut": slice(110, 130)}

"""Fixtures that several test modules share."""

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("XMODAL_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def data_dir():
    if not DATA.is_dir():
        pytest.skip(f"no real data at {DATA}; set XMODAL_DATA to the folder that holds it")
    return DATA

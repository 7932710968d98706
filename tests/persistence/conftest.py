"""A small fitted model, its file, and a way to write what save_model never would."""

import hashlib
import io
import zipfile

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.persistence import save_model

NAMES = ("manifest.json", "arrays.safetensors", "structure.skops")


@pytest.fixture(scope="session")
def cohort():
    X, y = make_multiomics(90, {"exp": 30, "mut": 8}, return_X_y=True, random_state=0)
    return X, y.to_numpy()


@pytest.fixture(scope="session")
def attention(cohort):
    classifier = CrossModalAttentionClassifier(n_estimators=2, max_epochs=3, random_state=0)
    return make_pipeline(MultiOmicsSelector(6), classifier).fit(*cohort)


@pytest.fixture(scope="session")
def linear(cohort):
    return make_pipeline(MultiOmicsSelector(3), LogisticRegression(max_iter=2000)).fit(*cohort)


@pytest.fixture
def saved(linear, tmp_path):
    return save_model(linear, tmp_path / "model.xmodal")


@pytest.fixture
def saved_attention(attention, tmp_path):
    return save_model(attention, tmp_path / "attention.xmodal")


@pytest.fixture
def parts_of():
    """A function that reads the parts of a model's file."""

    def read(path):
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in NAMES}

    return read


@pytest.fixture
def write():
    """A function that writes the file of a model with right checksums, whatever is in it."""

    def to_file(path, parts, compression=zipfile.ZIP_STORED):
        lines = [f"{hashlib.sha256(part).hexdigest()}  {name}\n" for name, part in parts.items()]
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, part in {**parts, "checksums.txt": "".join(lines).encode()}.items():
                archive.writestr(name, part)
        return path

    return to_file


@pytest.fixture
def zipped():
    """A function that makes a zip archive in memory."""

    def to_bytes(files, compression=zipfile.ZIP_STORED):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", compression) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return buffer.getvalue()

    return to_bytes

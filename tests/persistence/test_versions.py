"""Models of other versions: an old file, a newer format, other libraries."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xmodal_sklearn.persistence import load_model, read_manifest

FILES = Path(__file__).parent / "files"


@pytest.mark.filterwarnings("ignore:.*was saved with:UserWarning")
@pytest.mark.parametrize("path", sorted(FILES.glob("*.xmodal")), ids=lambda path: path.name)
def test_a_file_of_each_format_loads_for_ever(path):
    expected = json.loads(path.with_suffix(".json").read_text())
    model = load_model(path)
    X = pd.DataFrame(expected["samples"], columns=expected["columns"], dtype=float)
    # Another processor adds up floats in another order.
    np.testing.assert_allclose(model.predict_proba(X), expected["probabilities"], atol=1e-5)
    assert model.predict(X).tolist() == expected["predicted"]
    assert read_manifest(path)["classes"] == model.classes_.tolist()


def test_a_file_of_every_format_is_kept(saved):
    kept = {read_manifest(path)["format_version"] for path in FILES.glob("*.xmodal")}
    assert kept == set(range(2, read_manifest(saved)["format_version"] + 1))


def change_manifest(path, parts, write, **changes):
    manifest = {**json.loads(parts["manifest.json"]), **changes}
    return write(path, {**parts, "manifest.json": json.dumps(manifest).encode()})


def test_a_newer_format_raises_with_the_version_needed(saved, parts_of, write):
    change_manifest(saved, parts_of(saved), write, format_version=3, needs="7.1")
    for read in (load_model, read_manifest):
        with pytest.raises(ValueError, match=r"has format 3, .*xmodal-sklearn>=7\.1"):
            read(saved)


def test_the_format_before_the_first_version_raises_with_what_to_do(saved, parts_of, write):
    change_manifest(saved, parts_of(saved), write, format_version=1)
    for read in (load_model, read_manifest):
        with pytest.raises(ValueError, match=r"has format 1, .*Fit the model again and save it"):
            read(saved)


def test_other_versions_that_predict_the_same_are_silent(saved_attention, parts_of, write):
    parts = parts_of(saved_attention)
    versions = {**json.loads(parts["manifest.json"])["versions"], "torch": "2.1", "numpy": "1.0"}
    load_model(change_manifest(saved_attention, parts, write, versions=versions))


def test_other_versions_that_predict_otherwise_give_a_warning(saved_attention, parts_of, write):
    parts = parts_of(saved_attention)
    manifest = json.loads(parts["manifest.json"])
    versions = {**manifest["versions"], "torch": "2.1"}
    predictions = np.roll(manifest["reference_predictions"], 1, axis=1).tolist()
    changes = {"versions": versions, "reference_predictions": predictions}
    change_manifest(saved_attention, parts, write, **changes)
    with pytest.warns(
        UserWarning, match=r"torch 2\.1 \(here .*\), and it predicts differently here"
    ):
        load_model(saved_attention)
    changes["reference_predictions"] = None
    change_manifest(saved_attention, parts, write, **changes)
    with pytest.warns(UserWarning, match="can't be compared"):
        load_model(saved_attention)


def test_a_model_of_another_version_that_predicts_the_same_gives_no_warning(
    saved, parts_of, write, zipped, linear, cohort
):
    parts = parts_of(saved)
    with zipfile.ZipFile(io.BytesIO(parts["structure.skops"])) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    version = json.loads(parts["manifest.json"])["versions"]["scikit-learn"].encode()
    assert version in files["schema.json"]
    files["schema.json"] = files["schema.json"].replace(version, b"1.0.0")
    manifest = parts["manifest.json"].replace(version, b"1.0.0")
    write(saved, {**parts, "structure.skops": zipped(files), "manifest.json": manifest})
    loaded = load_model(saved)
    np.testing.assert_array_equal(loaded.predict_proba(cohort[0]), linear.predict_proba(cohort[0]))

"""No file makes load_model run code, take memory without bounds, or fail without naming it."""

import copy
import io
import json
import os
import pickle
import re
import subprocess
import sys
import tracemalloc
import zipfile
from functools import partial

import joblib
import numpy as np
import pytest
import skops.io
from safetensors.numpy import load, save
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from xmodal_sklearn.persistence import load_model, read_manifest, save_model


@pytest.fixture
def marker(tmp_path):
    """A file that hostile code would make."""
    path = tmp_path / "code was run"
    yield path
    assert not path.exists()


class Payload:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch '{self.marker}'",)


def check_error(path, *words):
    with pytest.raises((ValueError, OSError), match=str(path)) as caught:
        load_model(path)
    for word in words:
        assert word in str(caught.value)


def test_pickles_are_not_loaded(tmp_path, marker):
    (tmp_path / "pickled").write_bytes(pickle.dumps(Payload(marker)))
    joblib.dump(Payload(marker), tmp_path / "dumped")
    for name in ("pickled", "dumped"):
        check_error(tmp_path / name, "save_model did not write it")
    joblib.dump(Payload(marker), tmp_path / "compressed", compress=3)
    check_error(tmp_path / "compressed")


def json_node(value):
    return {
        "__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "__id__": 99,
        "content": json.dumps(value), "is_json": True,
    }  # fmt: skip


def node(loader, module, name, content=None, **more):
    return {
        "__class__": name, "__module__": module, "__loader__": loader, "__id__": hash(name),
        "content": content, **more,
    }  # fmt: skip


def hostile_structures(command):
    arguments = node("TupleNode", "builtins", "tuple", [json_node(command)])
    nothing = node("TupleNode", "builtins", "tuple", [])
    system = node("FunctionNode", "os", "system")
    partial = node(
        "PartialNode", "functools", "partial",
        {"func": system, "args": arguments, "kwds": node("DictNode", "builtins", "dict", {}),
         "namespace": nothing},
    )  # fmt: skip
    return {
        "a function": system,
        "a partial": partial,
        "a constructor": node("ConstructorFromReduceNode", "subprocess", "Popen", arguments),
        "an object": node("ObjectNode", "subprocess", "Popen", nothing),
        "a type": node("TypeNode", "os", "system"),
        "a method": node(
            "MethodNode", "builtins", "str",
            {"obj": json_node(command), "func": "format"},
        ),
        "an operator": node("OperatorFuncNode", "operator", "methodcaller", attrs=arguments),
        "a dict of another class": node("DictNode", "os", "_Environ", {}),
        "a list of another class": node("ListNode", "subprocess", "Popen", [json_node(command)]),
        "a trusted name in the wrong place": node(
            "ConstructorFromReduceNode", "sklearn.pipeline", "Pipeline", arguments
        ),
        "a tree of another class": node(
            "TreeNode", "os", "system", nothing, __reduce__={"args": arguments}
        ),
        "a loss of another class": node(
            "LossNode", "os", "system", nothing, __reduce__={"args": arguments}
        ),
        "an unknown loader": node("NoSuchNode", "os", "system"),
        "a function under an old protocol": {
            **node("FunctionNode", "os", "system", {"module_path": "os", "function": "system"}),
            "protocol": 0,
        },
        "no object": [],
        "text": json_node("not a model"),
    }  # fmt: skip


@pytest.mark.parametrize("kind", hostile_structures(""))
def test_hostile_structures_raise(kind, saved, parts_of, write, zipped, marker):
    structure = hostile_structures(f"touch '{marker}'")[kind]
    if isinstance(structure, dict):
        structure = {"protocol": 2, "_skops_version": "0.16.0", **structure}
    parts = parts_of(saved)
    parts["structure.skops"] = zipped({"schema.json": json.dumps(structure)})
    check_error(write(saved, parts))


def test_what_skops_would_write_of_hostile_objects_raises(saved, parts_of, write, marker):
    parts = parts_of(saved)
    for function in (os.system, os.path.join, np.sqrt, subprocess.run):
        parts["structure.skops"] = skops.io.dumps(FunctionTransformer(function))
        check_error(write(saved, parts), "none of which a saved model may hold")


def test_a_file_that_is_not_a_model_archive_raises(tmp_path, zipped):
    contents = {
        "empty": b"",
        "random": np.random.default_rng(0).bytes(3000),
        "text": b"exp__A,exp__B\n1,2\n",
        "skops": skops.io.dumps(SVC()),
        "other archive": zipped({"manifest.json": "{}", "../../evil": "x"}),
    }
    for name, content in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        check_error(path)
    with pytest.raises(ValueError, match="is a folder"):
        load_model(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.xmodal"):
        load_model(tmp_path / "nowhere.xmodal")


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "evil.pkl", "MANIFEST.JSON"])
def test_members_of_other_names_raise(name, saved, parts_of, write):
    check_error(
        write(saved, {**parts_of(saved), name: b"x"}), "evil" if "evil" in name else "MANIFEST"
    )


def test_compressed_members_raise(saved, parts_of, write, zipped):
    parts = parts_of(saved)
    bomb = {**parts, "arrays.safetensors": bytes(10**7)}
    check_error(write(saved, bomb, zipfile.ZIP_DEFLATED), "compressed")
    parts["structure.skops"] = zipped({"schema.json": b" " * 10**7}, zipfile.ZIP_DEFLATED)
    check_error(write(saved, parts), "compressed")


def test_parts_of_two_models_are_not_mixed(saved, saved_attention, parts_of, write):
    first, second = parts_of(saved), parts_of(saved_attention)
    for name in first:
        with zipfile.ZipFile(saved) as archive:
            checksums = archive.read("checksums.txt")
        mixed = saved.with_name("mixed")
        with zipfile.ZipFile(mixed, "w") as archive:
            for other, part in {**first, name: second[name]}.items():
                archive.writestr(other, part)
            archive.writestr("checksums.txt", checksums)
        check_error(mixed, name, "checksum")


def test_a_truncated_file_raises_at_every_hundredth_byte(cohort, tmp_path):
    saved = save_model(NearestCentroid().fit(cohort[0].iloc[:, :3], cohort[1]), tmp_path / "small")
    data = saved.read_bytes()
    for size in range(0, len(data), 100):
        saved.write_bytes(data[:size])
        check_error(saved)


def test_changed_bytes_are_detected_or_change_nothing(saved, linear, cohort):
    data, rng = saved.read_bytes(), np.random.default_rng(0)
    expected = linear.predict_proba(cohort[0])
    n_detected = 0
    for place in rng.integers(len(data), size=100):
        changed = bytearray(data)
        changed[place] ^= 1 << rng.integers(8)
        saved.write_bytes(changed)
        try:
            model = load_model(saved)
        except (ValueError, OSError) as error:
            assert str(saved) in str(error)
            n_detected += 1
        else:
            np.testing.assert_array_equal(model.predict_proba(cohort[0]), expected)
    assert n_detected > 95


def test_random_manifests_raise(saved, parts_of, write):
    parts = parts_of(saved)
    manifests = [b"", b"[]", b"{}", b"nonsense", b"\xff\xfe", b"[" * 100_000, b'{"format": 1}']
    for manifest in manifests:
        path = write(saved, {**parts, "manifest.json": manifest})
        for read in (load_model, read_manifest):
            with pytest.raises(ValueError, match=str(path)):
                read(path)


WRONG = [
    {"classes": 3}, {"columns": [1, 2]}, {"features": {"exp": [None]}}, {"held_out": "ab"},
    {"modalities": {"exp": "30"}}, {"modalities": []}, {"n_columns": 1.5}, {"versions": None},
    {"versions": {"torch": 2}}, {"takes_absent": {"exp": "yes"}}, {"training": [1]},
    {"reference_predictions": [["a"]]}, {"reference_predictions": [[10**400]]},
    {"model": None}, {"format_version": True},
    {"format_version": 99, "needs": "1'; rm -rf ~; '"}, {"format_version": 99, "needs": None},
]  # fmt: skip


@pytest.mark.parametrize("changes", WRONG, ids=str)
def test_manifests_of_other_content_raise(changes, saved, parts_of, write):
    parts = parts_of(saved)
    manifest = json.dumps(json.loads(parts["manifest.json"]) | changes).encode()
    path = write(saved, {**parts, "manifest.json": manifest})
    for read in (load_model, read_manifest):
        with pytest.raises(ValueError, match=str(path)) as caught:
            read(path)
        assert "rm -rf" not in str(caught.value)


def test_no_control_character_of_a_file_is_in_a_message(saved, parts_of, write, recwarn):
    parts, clear = parts_of(saved), "\x1b[2J\u202e\n"
    manifest = json.loads(parts["manifest.json"])
    for changes in (
        {"format_version": clear},
        {"versions": {"torch": clear, clear: "1"}, "reference_predictions": None},
    ):
        changed = json.dumps(manifest | changes).encode()
        path = write(saved, {**parts, "manifest.json": changed})
        try:
            load_model(path)
        except ValueError as error:
            messages = [str(error)]
        else:
            messages = [str(warning.message) for warning in recwarn]
        assert messages
        assert all(message.isprintable() for message in messages)
    structure = node("ObjectNode", "os", clear)
    parts["structure.skops"] = zipped_schema(structure)
    with pytest.raises(ValueError, match="none of which") as caught:
        load_model(write(saved, parts))
    assert str(caught.value).isprintable()


def zipped_schema(schema):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    return buffer.getvalue()


def test_arrays_that_are_missing_or_of_other_sizes_raise(saved_attention, parts_of, write):
    parts = parts_of(saved_attention)
    arrays = load(parts["arrays.safetensors"])
    largest = max(arrays, key=lambda name: arrays[name].nbytes)
    wrong = arrays[largest][..., :-1].copy()
    for changed in ({}, {**arrays, largest: wrong}, {**arrays, largest: wrong.astype(np.int64)}):
        check_error(write(saved_attention, {**parts, "arrays.safetensors": save(changed)}))
    check_error(write(saved_attention, {**parts, "arrays.safetensors": b"\xff" * 100}))


@pytest.mark.parametrize("name", ["stumps.columns", "stumps.modalities", "pairs.columns"])
@pytest.mark.parametrize("index", [-1, 10**6])
def test_indices_beyond_the_columns_of_a_network_raise(name, index, attention, tmp_path):
    broken = copy.deepcopy(attention)
    tensor = dict(broken[1].net_.module_.named_buffers())[name]
    tensor.view(-1)[0] = index
    check_error(save_model(broken, tmp_path / "model"), "refers to columns that do not exist")


@pytest.mark.parametrize("name", ["columns", "modalities", "thresholds", "weight"])
def test_stumps_of_unequal_length_raise(name, attention, tmp_path):
    broken = copy.deepcopy(attention)
    stumps = broken[1].net_.module_.stumps
    tensor = getattr(stumps, name)
    setattr(stumps, name, tensor[:, :-1] if name == "weight" else tensor[:-1])
    check_error(save_model(broken, tmp_path / "model"), "of the network has type", "stumps.")


def change_schema(parts, change):
    with zipfile.ZipFile(io.BytesIO(parts["structure.skops"])) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["schema.json"] = change(files["schema.json"])
    return files


def test_a_network_larger_than_its_arrays_raises(saved_attention, parts_of, write, zipped):
    parts = parts_of(saved_attention)
    pattern = rb'("hidden_dim":\{[^}]*"content":")64"'
    huge = partial(re.sub, pattern, rb'\g<1>64000000"')
    parts["structure.skops"] = zipped(change_schema(parts, huge))
    check_error(write(saved_attention, parts), "its settings need")


def test_an_array_that_claims_to_be_huge_raises(cohort, tmp_path, parts_of, write, zipped):
    path = save_model(HistGradientBoostingClassifier(max_iter=1).fit(*cohort), tmp_path / "model")
    parts = parts_of(path)
    files = change_schema(parts, lambda schema: schema)
    huge = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        huge, {"descr": "<f8", "fortran_order": False, "shape": (10**11,)}
    )
    name = next(name for name in files if name.endswith(".npy"))
    parts["structure.skops"] = zipped({**files, name: huge.getvalue()})
    check_error(write(path, parts), "does not have the size that it claims")


@pytest.mark.parametrize("feature", [10**6, -5])
@pytest.mark.parametrize("field", ["feature", "left_child"])
def test_trees_that_lead_nowhere_raise(field, feature, cohort, tmp_path, monkeypatch):
    forest = RandomForestClassifier(2, random_state=0).fit(*cohort)
    tree = forest.estimators_[1].tree_
    state = tree.__getstate__()
    state["nodes"][field][0] = feature
    tree.__setstate__(state)
    check_error(save_broken(forest, tmp_path, monkeypatch), "a tree in it")


def test_boosted_trees_that_lead_nowhere_raise(cohort, tmp_path, monkeypatch):
    model = HistGradientBoostingClassifier(max_iter=1, min_samples_leaf=2).fit(*cohort)
    model._predictors[0][0].nodes["feature_idx"][0] = 10**6
    check_error(save_broken(model, tmp_path, monkeypatch), "a tree in it")
    model._predictors[0][0].nodes["feature_idx"][0] = 0
    model._predictors[0][0].nodes["left"][0] = 0
    check_error(save_broken(model, tmp_path, monkeypatch), "a tree in it")


def test_machines_whose_arrays_do_not_fit_raise(cohort, tmp_path, monkeypatch):
    model = SVC().fit(*cohort)
    model._dual_coef_ = model._dual_coef_[:, :3]
    check_error(save_broken(model, tmp_path, monkeypatch), "support vector machine")


def save_broken(model, tmp_path, monkeypatch):
    # Predicting by it while it is saved would crash.
    monkeypatch.setattr("xmodal_sklearn.persistence._description.predict_noise", lambda model: None)
    return save_model(model, tmp_path / "model")


def test_hostile_files_take_no_more_memory_than_the_model(saved, parts_of, write, zipped):
    """In a process of its own, whose peak is that of one load."""
    parts = parts_of(saved)
    hostile = {
        "overlap": {**parts, "arrays.safetensors": bytes(2 * 10**7)},
        "deep": {**parts, "manifest.json": b"[" * 10**6},
        "wide": {**parts, "structure.skops": zipped({"schema.json": b"[" + b"[]," * 10**6})},
        "wide manifest": {**parts, "manifest.json": b"[" + b"[]," * 10**6 + b"[]]"},
        "many texts": {**parts, "manifest.json": b"[" + b'"ab",' * 10**6 + b'"ab"]'},
        "many names": {**parts, "manifest.json": b"[" + b'"abcdefgh",' * 10**6 + b'"ab"]'},
        "wide letters": {**parts, "manifest.json": '["{}😀"]'.format("a" * 10**7).encode()},
    }
    code = (
        "import resource, sys\n"
        "from xmodal_sklearn.persistence import load_model\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "load_model(sys.argv[1])\n"
        "before = peak()\n"
        "for path in sys.argv[2:]:\n"
        "    try: load_model(path)\n"
        "    except ValueError: print('refused')\n"
        "print(peak() - before)\n"
    )
    paths = [write(saved.with_name(name), changed) for name, changed in hostile.items()]
    arguments = [sys.executable, "-c", code, saved, *paths]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    *outcomes, extra = done.stdout.split()
    assert outcomes == ["refused"] * len(hostile)
    assert int(extra) < 2 * max(path.stat().st_size for path in paths) + 2**24


def test_small_objects_of_a_hostile_file_take_little_memory_each(saved, parts_of, write, zipped):
    parts, n = parts_of(saved), 10_000
    with zipfile.ZipFile(io.BytesIO(parts["structure.skops"])) as archive:
        schema = json.loads(archive.read("schema.json"))
    node = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": []}
    schema = {name: schema[name] for name in ("protocol", "_skops_version")} | node
    schema["content"] = [node] * n
    parts["structure.skops"] = zipped({"schema.json": json.dumps(schema)})
    path = write(saved.with_name("many"), parts)
    tracemalloc.start()
    try:
        check_error(path, "it holds a list, not a model")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1500 * n + 3 * path.stat().st_size

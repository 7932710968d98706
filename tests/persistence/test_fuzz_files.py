"""Model files with changed contents and right checksums load, or raise one error that names them.

``pytest -m slow tests/persistence/test_fuzz_files.py`` tries 2,000 of them.
"""

import copy
import io
import json
import warnings
import zipfile

import numpy as np
import pytest
from safetensors.numpy import load, save

from tests.fuzzing import N_INPUTS, fuzz
from xmodal_sklearn.persistence import load_model, read_manifest

VALUES = [
    None, True, -1, 0, 10**6, 2**70, 1.5, "", "\x1b[2J\u202e\n", "../x", "exp", [], {}, [None],
    [[]], {"": {}}, "0", "nan", [1, 2, 3], "float64", "builtins", "numpy", "ObjectNode", "ListNode",
]  # fmt: skip
CHANGES = [
    lambda array: array[..., :-1],
    lambda array: array[:0],
    lambda array: array.astype(np.float64),
    lambda array: array.astype(np.int8),
    lambda array: np.full(array.shape, -1).astype(array.dtype),
    lambda array: np.full(array.shape, 99).astype(array.dtype),
    lambda array: array.ravel(),
    lambda array: array[None],
]


def places(value):
    """All containers in a value of JSON, each with one of its keys."""
    keys = value if isinstance(value, dict) else range(len(value)) if type(value) is list else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


def change_json(rng, text):
    value = json.loads(text)
    for _ in range(rng.randint(1, 3)):
        container, key = rng.choice(list(places(value)))
        other, other_key = rng.choice(list(places(value)))
        if rng.random() < 0.2:
            del container[key]
        else:
            new = rng.choice(VALUES) if rng.random() < 0.7 else other[other_key]
            container[key] = copy.deepcopy(new)
    return json.dumps(value).encode()


def change_arrays(rng, data):
    arrays = load(data)
    name = rng.choice(sorted(arrays))
    if rng.random() < 0.2:
        del arrays[name]
    elif rng.random() < 0.3:
        arrays[name] = arrays[rng.choice(sorted(arrays))]
    else:
        array = arrays[name]
        changed = rng.choice(CHANGES)(array if array.ndim else array[None])
        arrays[name] = np.ascontiguousarray(changed)
    return save(arrays)


def change_structure(rng, data, zipped):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return zipped({**files, "schema.json": change_json(rng, files["schema.json"])})


@pytest.mark.parametrize("n_inputs", [N_INPUTS, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["saved", "saved_attention"])
def test_changed_files_load_or_raise_one_error(name, n_inputs, request, parts_of, write, zipped):
    path = request.getfixturevalue(name)
    parts = parts_of(path)

    def check(seed, rng):
        kind = rng.choice(sorted(parts))
        changed = {
            "manifest.json": lambda data: change_json(rng, data),
            "arrays.safetensors": lambda data: change_arrays(rng, data),
            "structure.skops": lambda data: change_structure(rng, data, zipped),
        }[kind](parts[kind])
        write(path, {**parts, kind: changed})
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for read in (load_model, read_manifest):
                try:
                    read(path)
                except (ValueError, OSError) as error:
                    assert str(path) in str(error)
                    assert str(error).isprintable(), repr(str(error))
                    outcome = f"{kind} refused"
                else:
                    outcome = f"{kind} read"
        messages = [str(w.message) for w in caught if "was saved with" in str(w.message)]
        assert all(message.isprintable() for message in messages), messages
        return outcome

    fuzz(check, n_inputs)

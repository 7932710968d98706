"""Extract arrays, texts, tables and networks from a fitted model, and restore them.

What is left, the structure, refers to the arrays by name.
"""

import json
from collections.abc import Callable
from functools import partial
from inspect import Parameter, signature
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics._scorer import _PassthroughScorer
from sklearn.neighbors import BallTree, KDTree, KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.utils import Bunch

from ..classifier._net import DeviceNet, net_from_arrays, net_to_arrays
from ..modalities._input import ModalityInput
from ._container import JsonReader
from ._trusted import walk_parts

# What safetensors can hold, of what scikit-learn uses.
STORABLE = frozenset("?bBhHiIlLqQefd")
# An array of texts takes as much for each as for the longest; how many times what all of them take.
MAX_PADDING = 100
# Lists and dicts of so many values are saved as JSON, as skops would take far more space for them.
MIN_JSON_VALUES = 8
# How classes restore their attributes; those that do it in another way need their arrays then.
PLAIN_SETSTATE = (None, BaseEstimator.__setstate__)
# State of the training, or what compiled code would read unchecked.
NOT_SAVED: dict[type, tuple[str, ...]] = {
    HistGradientBoostingClassifier: ("_feature_subsample_rng",),
    KNeighborsClassifier: ("_tree",),
    MLPClassifier: ("_optimizer",),
}
SEARCH_TREES = {"kd_tree": KDTree, "ball_tree": BallTree}

Arrays = dict[str, np.ndarray]


class ArrayReference:
    """What stands in the structure of a model for an extracted value."""

    def __init__(self, kind: str, content: Any):
        self.kind = kind
        self.content = content


def extract_arrays(model: Any) -> tuple[Any, Arrays]:
    """Return a copy of a model with references for arrays, and the arrays, contiguous, by name."""
    arrays: Arrays = {}
    return _replace(model, partial(_store, arrays), {}), arrays


def restore_arrays(structure: Any, arrays: Arrays, reader: JsonReader) -> Any:
    """Return the model of a structure of :func:`extract_arrays`; arrays are not copied."""
    return _replace(structure, partial(_restore, arrays, reader), {})


def rebuild_attributes(model: Any) -> None:
    """Set the attributes of a loaded model that are not saved but needed to predict."""
    for value, _ in walk_parts(model):
        if isinstance(value, BaseEstimator):
            _add_new_parameters(value)
        if hasattr(value, "stacking_weights_") and not hasattr(value, "class_weights_"):
            # Earlier versions weighted the probabilities, and predicted the most probable class.
            value.class_weights_ = np.ones(len(value.classes_))
        if isinstance(value, KNeighborsClassifier) and hasattr(value, "_fit_X"):
            search_tree = SEARCH_TREES.get(value._fit_method)
            options = {"metric": value.effective_metric_, **value.effective_metric_params_}
            value._tree = search_tree and search_tree(value._fit_X, value.leaf_size, **options)
        elif isinstance(value, ModalityInput) and not hasattr(value, "scales"):
            # Of a file whose model keeps scikit-learn's scaler.
            value.scales = getattr(vars(value)["scaler"], "scale_", None)


def _add_new_parameters(estimator: BaseEstimator) -> None:
    """Set parameters that an estimator did not have when it was saved to their defaults."""
    for name, parameter in signature(type(estimator).__init__).parameters.items():
        if parameter.default is not Parameter.empty and not hasattr(estimator, name):
            setattr(estimator, name, parameter.default)


def _replace(value: Any, leaf: Callable[[Any], Any], done: dict[int, tuple[Any, Any]]) -> Any:
    """Return a value with `leaf` applied to what it holds, copied only where that changes it."""
    if isinstance(value, str | int | float | None | type | ModuleType):
        return value
    if id(value) in done:
        return done[id(value)][1]
    new = leaf(value)
    # The value is kept, or its id could be given to another.
    done[id(value)] = value, new
    if new is not value:
        return new
    again = partial(_replace, leaf=leaf, done=done)
    if type(value) in (dict, Bunch):
        new = type(value)()
        new.update({key: again(item) for key, item in value.items()})
    elif type(value) in (list, tuple):
        new = type(value)(again(item) for item in value)
    elif isinstance(value, np.ndarray) and value.dtype == object:
        new = np.empty(value.shape, dtype=object)
        new[...] = np.array([*map(again, value.flat), None], dtype=object)[:-1].reshape(value.shape)
    elif _has_plain_attributes(value):
        try:
            new = object.__new__(type(value))
        except TypeError:  # a class of compiled code
            return value
        # Before its attributes, which may refer to it.
        done[id(value)] = value, new
        skipped = NOT_SAVED.get(type(value), ())
        vars(new).update({k: again(item) for k, item in vars(value).items() if k not in skipped})
    done[id(value)] = value, new
    return new


def _has_plain_attributes(value: Any) -> bool:
    setstate = getattr(type(value), "__setstate__", None)
    is_plain = type(getattr(value, "__dict__", None)) is dict and setstate in PLAIN_SETSTATE
    # A search that scores by the method of its estimator keeps this estimator once more.
    return is_plain and (not callable(value) or isinstance(value, _PassthroughScorer))


def _store(arrays: Arrays, value: Any) -> Any:
    if isinstance(value, DeviceNet):
        settings, tensors = net_to_arrays(value)
        names = {name: _add(arrays, tensor) for name, tensor in tensors.items()}
        content = {"settings": settings, "device": value.device, "arrays": names}
        return ArrayReference("net", content)
    if isinstance(value, pd.DataFrame):
        columns = [_store(arrays, column.array.to_numpy()) for _, column in value.items()]
        axes = [_store(arrays, axis) for axis in (value.columns, value.index)]
        return ArrayReference("table", {"columns": columns, "axes": axes})
    if isinstance(value, pd.Series):
        values, index = _store(arrays, value.array.to_numpy()), _store(arrays, value.index)
        return ArrayReference("series", {"name": value.name, "values": values, "index": index})
    if isinstance(value, pd.Index) and value.nlevels == 1:
        values = _store(arrays, value.to_numpy())
        return ArrayReference("index", {"name": value.name, "values": values})
    if type(value) in (list, dict) and len(value) >= MIN_JSON_VALUES and _is_json(value):
        return ArrayReference("json", _add_text(arrays, json.dumps(value)))
    return _store_array(arrays, value) if type(value) is np.ndarray else value


def _store_array(arrays: Arrays, value: np.ndarray) -> Any:
    if value.dtype.char in STORABLE:
        # The order in memory decides about the last bits of a product.
        order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
        name = _add(arrays, value.T if order == "F" else value)
        return ArrayReference("array", {"name": name, "order": order})
    is_text = value.dtype == object and value.size and all(type(v) is str for v in value.flat)
    if value.dtype.kind == "U" or is_text:
        text = json.dumps(value.ravel().tolist())
        if value.nbytes <= MAX_PADDING * len(text):
            content = {"dtype": value.dtype.str, "shape": list(value.shape)}
            return ArrayReference("text", {"name": _add_text(arrays, text), **content})
    return value


def _is_json(value: Any) -> bool:
    """Return whether JSON restores a value as it is."""
    if type(value) is list:
        return all(map(_is_json, value))
    if type(value) is dict:
        return all(type(key) is str for key in value) and all(map(_is_json, value.values()))
    return type(value) in (str, int, float, bool, type(None))


def _add(arrays: Arrays, array: np.ndarray) -> str:
    name = str(len(arrays))
    arrays[name] = np.ascontiguousarray(array).reshape(array.shape)
    return name


def _add_text(arrays: Arrays, text: str) -> str:
    return _add(arrays, np.frombuffer(text.encode("ascii"), dtype=np.uint8))


def _restore(arrays: Arrays, reader: JsonReader, value: Any) -> Any:
    if not isinstance(value, ArrayReference):
        return value
    restore, content = partial(_restore, arrays, reader), value.content
    match value.kind:
        case "array":
            array = arrays[content["name"]]
            return array.T if content["order"] == "F" else array
        case "json":
            return reader.parse(arrays[content].tobytes())
        case "text":
            text = arrays[content["name"]]
            return _as_text_array(reader.parse(text.tobytes()), len(text), **content)
        case "index":
            return pd.Index(restore(content["values"]), name=content["name"])
        case "series":
            values, index = restore(content["values"]), restore(content["index"])
            return pd.Series(values, index, name=content["name"])
        case "table":
            columns = map(restore, content["columns"])
            header, index = map(restore, content["axes"])
            return pd.DataFrame(dict(enumerate(columns)), index=index).set_axis(header, axis=1)
        case "net":
            tensors = {name: arrays[key] for name, key in content["arrays"].items()}
            return net_from_arrays(content["settings"], tensors, content["device"])
    raise ValueError(f"it holds a reference of an unknown kind, {value.kind!r}")


def _as_text_array(texts: Any, n_bytes: int, dtype: str, shape: list[int], **_: Any) -> np.ndarray:
    if not isinstance(texts, list) or not all(type(text) is str for text in texts):
        raise ValueError("a list of texts in it holds something else")
    if np.dtype(dtype) == object:
        array = np.empty(len(texts), dtype=object)
        array[:] = texts
    else:
        width = max(np.dtype(dtype).itemsize // 4, *map(len, texts), 1)
        if 4 * width * len(texts) > MAX_PADDING * n_bytes:
            raise ValueError("an array of texts in it is far larger than its texts")
        array = np.array(texts, dtype=f"U{width}")
    return array.reshape(shape)

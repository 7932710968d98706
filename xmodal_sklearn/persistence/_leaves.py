"""Take what is large, or no business of skops, out of a fitted model, and put it back.

Arrays, texts, tables and networks become arrays under a number; what is left, the structure, refers
to them. It is copied only where something in it is replaced, so the model stays as it is.
"""

import json
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from ..classifier._net import DeviceNet
from ..classifier._saved_net import net_from_arrays, net_to_arrays
from ._needed import needed_attributes

__all__ = ["Stored", "put_back", "take_out"]

# What safetensors can hold, of what scikit-learn uses.
STORABLE = frozenset("?bBhHiIlLqQefd")
# An array of texts takes as much for each as for the longest; how many times what all of them take.
MAX_PADDING = 100
# Values in a list or dict from which on skops would take much more for them than they are.
MANY = 8
# How classes take their attributes when loaded; others do more, and need their arrays then.
PLAIN = (None, BaseEstimator.__setstate__)

Arrays = dict[str, np.ndarray]


class Stored:
    """Stands in the structure of a model for what was taken out of it.

    Parameters
    ----------
    kind : {"array", "index", "json", "net", "series", "table", "text"}
        What it was.
    content : object
        Names of arrays and other plain values, which tell what it was.
    """

    def __init__(self, kind: str, content: Any):
        self.kind = kind
        self.content = content


def take_out(model: Any) -> tuple[Any, Arrays]:
    """Take the arrays out of a model.

    Parameters
    ----------
    model : estimator
        A fitted model.

    Returns
    -------
    structure : estimator
        A copy with :class:`Stored` in place of what was taken out.
    arrays : dict of str to ndarray
        What was taken out, contiguous.
    """
    arrays: Arrays = {}
    return _replace(model, partial(_store, arrays), {}), arrays


def put_back(structure: Any, arrays: Arrays) -> Any:
    """Put arrays back in the places that they were taken out of.

    Parameters
    ----------
    structure : estimator
        What :func:`take_out` returned.
    arrays : dict of str to ndarray
        The arrays, which are not copied.

    Returns
    -------
    estimator
        The model.
    """
    return _replace(structure, partial(_restore, arrays), {})


def _replace(value: Any, leaf: Callable[[Any], Any], known: dict[int, tuple[Any, Any]]) -> Any:
    """Return a value in whose containers and attributes `leaf` has replaced what it knows."""
    if isinstance(value, str | int | float | None | type | ModuleType):
        return value
    if id(value) in known:
        return known[id(value)][1]
    new = leaf(value)
    # The value is kept, or another could be given its id.
    known[id(value)] = value, new
    if new is not value:
        return new
    again = partial(_replace, leaf=leaf, known=known)
    if type(value) is dict:
        new = {key: again(one) for key, one in value.items()}
    elif type(value) in (list, tuple):
        new = type(value)(again(one) for one in value)
    elif isinstance(value, np.ndarray) and value.dtype == object:
        new = np.empty(value.shape, dtype=object)
        new[...] = np.array([*map(again, value.flat), None], dtype=object)[:-1].reshape(value.shape)
    elif _is_plain(value):
        return _replace_attributes(value, again, known)
    known[id(value)] = value, new
    return new


def _is_plain(value: Any) -> bool:
    """Tell whether a value is its attributes, and not made from them in a way of its own."""
    own = getattr(type(value), "__setstate__", None)
    return type(getattr(value, "__dict__", None)) is dict and own in PLAIN and not callable(value)


def _replace_attributes(value: Any, again: Callable, known: dict[int, tuple[Any, Any]]) -> Any:
    try:
        new = object.__new__(type(value))
    except TypeError:  # not one of Python's own kind of classes
        return value
    # Before its attributes, one of which may refer to it.
    known[id(value)] = value, new
    vars(new).update({name: again(one) for name, one in needed_attributes(value).items()})
    return new


def _store(arrays: Arrays, value: Any) -> Any:
    if isinstance(value, DeviceNet):
        settings, tensors = net_to_arrays(value)
        names = {name: _add(arrays, tensor) for name, tensor in tensors.items()}
        return Stored("net", {"settings": settings, "device": value.device, "arrays": names})
    if isinstance(value, pd.DataFrame):
        columns = [_store(arrays, column.array.to_numpy()) for _, column in value.items()]
        axes = [_store(arrays, axis) for axis in (value.columns, value.index)]
        return Stored("table", {"columns": columns, "axes": axes})
    if isinstance(value, pd.Series):
        values = _store(arrays, value.array.to_numpy())
        content = {"name": value.name, "values": values, "index": _store(arrays, value.index)}
        return Stored("series", content)
    if isinstance(value, pd.Index) and value.nlevels == 1:
        return Stored("index", {"name": value.name, "values": _store(arrays, value.to_numpy())})
    if type(value) in (list, dict) and len(value) >= MANY and _is_json(value):
        text = json.dumps(value).encode("ascii")
        return Stored("json", _add(arrays, np.frombuffer(text, dtype=np.uint8)))
    if type(value) is not np.ndarray:
        return value
    if value.dtype.char in STORABLE:
        # The order in memory decides about the last bits of a product.
        order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
        name = _add(arrays, value.T if order == "F" else value)
        return Stored("array", {"name": name, "order": order})
    if value.dtype.kind == "U" or (value.dtype == object and _all_text(value)):
        text = json.dumps(value.ravel().tolist(), ensure_ascii=True).encode("ascii")
        if value.nbytes > MAX_PADDING * len(text):
            return value
        name = _add(arrays, np.frombuffer(text, dtype=np.uint8))
        return Stored("text", {"name": name, "dtype": value.dtype.str, "shape": list(value.shape)})
    return value


def _is_json(value: Any) -> bool:
    """Tell whether JSON gives a value back as it was."""
    if type(value) is list:
        return all(map(_is_json, value))
    if type(value) is dict:
        return all(type(key) is str for key in value) and all(map(_is_json, value.values()))
    return type(value) in (str, int, float, bool, type(None))


def _all_text(values: np.ndarray) -> bool:
    return values.size > 0 and all(type(one) is str for one in values.flat)


def _add(arrays: Arrays, array: np.ndarray) -> str:
    name = str(len(arrays))
    arrays[name] = np.ascontiguousarray(array).reshape(array.shape)
    return name


def _restore(arrays: Arrays, value: Any) -> Any:
    if not isinstance(value, Stored):
        return value
    content = value.content
    if value.kind == "array":
        array = arrays[content["name"]]
        return array.T if content["order"] == "F" else array
    if value.kind == "json":
        return json.loads(arrays[content].tobytes())
    if value.kind == "text":
        return _restore_text(arrays[content["name"]], content["dtype"], content["shape"])
    if value.kind == "index":
        return pd.Index(_restore(arrays, content["values"]), name=content["name"])
    if value.kind == "series":
        values, index = (_restore(arrays, content[part]) for part in ("values", "index"))
        return pd.Series(values, index, name=content["name"])
    if value.kind == "table":
        columns = [_restore(arrays, one) for one in content["columns"]]
        header, index = (_restore(arrays, axis) for axis in content["axes"])
        table = pd.DataFrame(dict(enumerate(columns)), index=index)
        return table.set_axis(header, axis=1)
    if value.kind == "net":
        tensors = {name: arrays[number] for name, number in content["arrays"].items()}
        return net_from_arrays(content["settings"], tensors, content["device"])
    raise ValueError(f"it holds something of an unknown kind, {value.kind!r}")


def _restore_text(text: np.ndarray, dtype: str, shape: list[int]) -> np.ndarray:
    words = json.loads(text.tobytes())
    if not isinstance(words, list) or not all(type(word) is str for word in words):
        raise ValueError("a list of texts holds something else")
    if np.dtype(dtype) == object:
        array = np.empty(len(words), dtype=object)
        array[:] = words
    else:
        width = max(np.dtype(dtype).itemsize // 4, *map(len, words), 1)
        if 4 * width * len(words) > MAX_PADDING * len(text):
            raise ValueError("an array of texts is far larger than its texts")
        array = np.array(words, dtype=f"U{width}")
    return array.reshape(shape)

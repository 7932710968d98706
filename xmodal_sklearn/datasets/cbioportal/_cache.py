"""Keep the tables that were parsed from an archive for the next call."""

import hashlib
import inspect
import json
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ... import _text
from ..._files import atomic_write
from ..._version import __version__
from .. import _labels, _names
from .._study import make_study
from . import (
    _clinical,
    _gene_panels,
    _genes,
    _molecular,
    _mutations,
    _profiles,
    _reader,
    _text_files,
)
from ._archive import recorded

__all__ = ["cache_path", "load_study", "save_study"]

# All modules that parse: a change in any of them makes new tables.
READER = (
    _reader,
    _clinical,
    _gene_panels,
    _genes,
    _molecular,
    _mutations,
    _profiles,
    _text_files,
)


def cache_path(archive: Path, options: dict[str, Any]) -> Path:
    """Return where the tables of an archive are kept.

    Parameters
    ----------
    archive : Path
        The archive, whose checksum is recorded.
    options : dict of str to object
        Arguments of :func:`read_cbioportal`, which JSON can hold.

    Returns
    -------
    Path
        Beside the archive; the name depends on its contents, the options and the reader's code.
    """
    # The version alone would not do, because it stays the same while the reader is developed.
    key = [
        recorded(archive),
        __version__,
        [inspect.getsource(m) for m in (*READER, _labels, _names, _text)],
        options,
    ]
    # The order of the modalities is that of the columns.
    key.append(list(options.get("modalities", ())))
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return archive.with_name(f"{archive.name.removesuffix('.tar.gz')}-{digest[:16]}.npz")


def save_study(study: Bunch, path: Path) -> None:
    """Write a study as arrays, one of values for each run of columns of one dtype."""
    runs = groupby(range(study.data.shape[1]), key=study.data.dtypes.tolist().__getitem__)
    arrays: dict[str, Any] = {
        f"block{number}": study.data.iloc[:, list(run)].to_numpy()
        for number, (_, run) in enumerate(runs)
    }
    texts = {
        "columns": study.feature_names,
        "patients": study.data.index,
        "target": study.target,
        "names": [study.data.index.name, study.target.name],
        "modalities": list(study.profiles),
        "profiles": list(study.profiles.values()),
        "where": study.report["where"],
        "what": study.report["what"],
        "DESCR": study.DESCR,
    }
    arrays |= {name: np.array(text, dtype=str) for name, text in texts.items()}
    with atomic_write(path) as scratch, scratch.open("wb") as file:
        np.savez(file, count=study.report["count"].to_numpy(dtype=int), **arrays)


def load_study(path: Path) -> Bunch | None:
    """Read what `save_study` wrote; return None where that is missing or damaged."""
    try:
        # Opened here, as np.load leaves a damaged file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            runs = [arrays[name] for name in arrays if name.startswith("block")]
            lists = {name: arrays[name].tolist() for name in arrays if name[:5] != "block"}
    # A damaged file raises whatever its bytes lead to, in zipfile, zlib or NumPy.
    except Exception:
        return None
    index_name, target_name = lists["names"]
    index = pd.Index(lists["patients"], name=index_name)
    ends = np.cumsum([values.shape[1] for values in runs])
    data = pd.concat(
        [
            pd.DataFrame(values, index, lists["columns"][end - values.shape[1] : end], copy=False)
            for values, end in zip(runs, ends, strict=True)
        ],
        axis=1,
    )
    target = np.array(lists["target"], dtype=object)
    return make_study(
        data,
        pd.Series(target, index, name=target_name, dtype=object),
        DESCR=lists["DESCR"],
        report=zip(lists["where"], lists["what"], lists["count"], strict=True),
        profiles=dict(zip(lists["modalities"], lists["profiles"], strict=True)),
    )

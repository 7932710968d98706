"""Keep the tables that were parsed from an archive for the next call."""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ..._store import Store, source_hash
from ..._version import __version__
from .._study import Report, make_study, make_target
from ._archive import recorded

# All modules that parse a study: a change in any of them makes new tables.
SOURCES = ("datasets/**/*.py", "_text.py")


def cached_study(archive: Path, options: dict[str, Any], read: Callable[[], Bunch]) -> Bunch:
    """Return the study of an archive for arguments of read_cbioportal, read only once."""
    store = Store(archive.parent, ".study", load=_load_study, dump=_dump_study)
    # The order of the modalities is that of the columns.
    order = list(options["modalities"])
    key = [recorded(archive), __version__, source_hash(*SOURCES), options, order]
    return store.look_up(store.name(key, archive.name.removesuffix(".tar.gz")), read)


def _dump_study(study: Bunch, file: BinaryIO) -> None:
    """Write a study as arrays, one of values for each run of columns of one dtype."""
    runs = groupby(range(study.data.shape[1]), key=study.data.dtypes.tolist().__getitem__)
    arrays: dict[str, Any] = {
        f"block{i}": study.data.iloc[:, list(run)].to_numpy() for i, (_, run) in enumerate(runs)
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
    np.savez(file, count=study.report["count"].to_numpy(dtype=int), **arrays)


def _load_study(file: BinaryIO) -> Bunch:
    with np.load(file, allow_pickle=False) as arrays:
        blocks = [arrays[name] for name in arrays if name.startswith("block")]
        lists = {name: arrays[name].tolist() for name in arrays if not name.startswith("block")}
    index_name, target_name = lists["names"]
    index = pd.Index(lists["patients"], name=index_name)
    ends = np.cumsum([values.shape[1] for values in blocks])
    data = pd.concat(
        [
            pd.DataFrame(values, index, lists["columns"][end - values.shape[1] : end], copy=False)
            for values, end in zip(blocks, ends, strict=True)
        ],
        axis=1,
    )
    return make_study(
        data,
        make_target(lists["target"], index, target_name),
        DESCR=lists["DESCR"],
        report=Report(zip(lists["where"], lists["what"], lists["count"], strict=True)),
        profiles=dict(zip(lists["modalities"], lists["profiles"], strict=True)),
    )

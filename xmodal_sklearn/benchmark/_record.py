"""Descriptions of the data, the models and the machine of a comparison."""

import os
import platform
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xxhash
from sklearn.base import BaseEstimator

from ..modalities._columns import Modalities, column_labels
from ..modalities._input import as_table
from ..selection import MultiOmicsSelector
from ._fold import block_values, parts

# Bytes hashed at a time, because values that are not contiguous are copied.
CHUNK_BYTES = 2**24
# Longer parameters, such as arrays, are truncated.
MAX_CHARACTERS = 300


def describe_data(X: Any, y: np.ndarray, batch: Any, modalities: Modalities) -> dict[str, Any]:
    """Return hash, class sizes, missing values, batches and sample names of the data, for JSON."""
    table = as_table(X)
    blocks = {name: block_values(table, positions) for name, positions in modalities.items()}
    labels = pd.Series([str(label) for label in y.tolist()], dtype=object)
    description: dict[str, Any] = {
        "hash": _hash(table, blocks, labels),
        "class_sizes": _count(labels),
        "missing": {modality: _missing(block) for modality, block in blocks.items()},
    }
    if batch is not None:
        names = np.array(["unknown" if pd.isna(name) else str(name) for name in batch])
        description["batches"] = {str(name): _count(part) for name, part in labels.groupby(names)}
    if isinstance(table, pd.DataFrame) and not isinstance(table.index, pd.RangeIndex):
        description["sample_names"] = [str(name) for name in table.index]
    return description


def describe_folds(cv: Any, seed: int, *, grouped: bool) -> str:
    """Return the splitter as scikit-learn prints it, or a description, for `cv` of a comparison."""
    together = ", groups kept together" if grouped else ""
    if cv is None:
        return f"stratified, shuffled with seed {seed}{together}"
    if isinstance(cv, int | np.integer):
        return f"stratified, in the order of the samples{together}"
    return _text(cv) + together if hasattr(cv, "split") else f"given as positions{together}"


def describe_machine() -> dict[str, Any]:
    """Return the date in UTC and the hardware, as far as the system reports it."""
    processors = _search(r"model name\s*:\s*(.+)", Path("/proc").glob("cpuinfo"))
    cards = _search(
        r"Model:\s*(.+)", sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    )
    hardware: dict[str, Any] = {
        "system": platform.platform(terse=True),
        "processor": processors[0] if processors else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        hardware["memory"] = f"{memory / 2**30:.0f} GiB"
    if cards:
        hardware["graphics"] = ", ".join(cards)
    return {"date": datetime.now(UTC).isoformat(timespec="seconds"), "hardware": hardware}


def _hash(table: Any, blocks: Mapping[str, np.ndarray], labels: pd.Series) -> str:
    """Hash names, values and classes, independent of the order of values in memory."""
    samples = list(table.index) if isinstance(table, pd.DataFrame) else []
    digest = xxhash.xxh3_128(repr([samples, column_labels(table), list(labels)]).encode())
    for modality, block in blocks.items():
        digest.update(repr([modality, block.shape, block.dtype.str]).encode())
        step = max(CHUNK_BYTES // max(block[:1].nbytes, 1), 1)
        for row in range(0, len(block), step):
            rows = block[row : row + step]
            # The bytes of objects are only their addresses in memory.
            digest.update(repr(rows.tolist()).encode() if rows.dtype == object else rows.tobytes())
    return digest.hexdigest()


def _count(labels: pd.Series) -> dict[str, int]:
    return labels.value_counts().sort_index().to_dict()


def _missing(block: np.ndarray) -> dict[str, Any]:
    missing = pd.isna(block)
    absent = missing.all(axis=1)
    among_others = missing[~absent]
    return {
        "samples": int(absent.sum()),
        "share": float(among_others.mean()) if among_others.size else 0.0,
    }


def describe_model(estimator: Any) -> dict[str, Any]:
    """Return the text of an estimator, ``k``, seeds and all parameters, as text."""
    parameters = estimator.get_params()
    selectors = [part for part in parts(estimator) if isinstance(part, MultiOmicsSelector)]
    # scikit-learn's own text is truncated.
    is_truncated = type(estimator).__repr__ is BaseEstimator.__repr__
    return {
        "text": BaseEstimator.__repr__(estimator, 2**31) if is_truncated else repr(estimator),
        "k": sorted({str(selector.k) for selector in selectors}),
        "seeds": {
            name: _text(value)
            for name, value in parameters.items()
            if name.rpartition("__")[2] == "random_state"
        },
        "parameters": {
            name: _text(value)
            for name, value in parameters.items()
            if not hasattr(value, "get_params") and name.rpartition("__")[2] != "steps"
        },
    }


def _text(value: Any) -> str:
    # A function's address in memory differs between runs.
    text = re.sub(r" at 0x[0-9a-f]+", "", repr(value))
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"


def _search(pattern: str, paths: Iterable[Path]) -> list[str]:
    """Return what a pattern's group matches first in each of some files."""
    texts = (path.read_text(encoding="utf-8") for path in paths)
    return [match[1] for text in texts if (match := re.search(pattern, text))]

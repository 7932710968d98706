"""Files that the commands write, and read back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from .._files import atomic_write
from ..benchmark._comparison import probability_column
from ..selection import MultiOmicsSelector

__all__ = ["load_model", "save_model", "tabulate_predictions", "tabulate_rankings", "write_csv"]


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table without its index."""
    _write_file(path, lambda scratch: table.to_csv(scratch, index=False))


def save_model(model: Pipeline, path: Path) -> None:
    """Save a fitted pipeline by joblib."""
    _write_file(path, lambda scratch: joblib.dump(model, scratch, compress=3))


def load_model(path: Path) -> Pipeline:
    """Load what ``xmodal fit`` saved; loading runs code that a hostile file may hold."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        model = joblib.load(path)
    except Exception as error:
        raise ValueError(
            f"Can't load {path}, which xmodal fit should have saved: {error!r}"
        ) from error
    if not isinstance(model, Pipeline) or not isinstance(model[0], MultiOmicsSelector):
        raise ValueError(f"{path} holds a {type(model).__name__}, not what xmodal fit saves.")
    return model


def tabulate_rankings(selector: MultiOmicsSelector, k: int | None) -> pd.DataFrame:
    """Return modality, rank, feature and score of the best `k` features, or of all."""
    position = {name: index for index, name in enumerate(selector.feature_names_in_)}
    tables = []
    for modality, names in selector.rankings_.items():
        best = names[:k]
        tables.append(
            pd.DataFrame(
                {
                    "modality": modality,
                    "rank": np.arange(1, len(best) + 1),
                    "feature": best,
                    "score": selector.scores_[[position[name] for name in best]],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def tabulate_predictions(
    samples: pd.Index, classes: np.ndarray, probabilities: np.ndarray
) -> pd.DataFrame:
    """Return the predicted class and the probability ``p: CLASS`` of each sample."""
    columns: dict[str, Any] = {
        "sample": samples,
        "predicted": classes[probabilities.argmax(axis=1)],
    }
    columns |= {
        probability_column(label): p for label, p in zip(classes, probabilities.T, strict=True)
    }
    return pd.DataFrame(columns)


def _write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file so that it is there whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as scratch:
            write(scratch)
    except OSError as error:
        raise OSError(f"Can't write {path}: {error.strerror or error}") from error

"""Files that the commands write, and read back."""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from .. import persistence
from .._files import atomic_write
from ..benchmark._comparison import probability_column
from ..selection import MultiOmicsSelector
from ..uncertainty import ConformalClassifier
from ..uncertainty._rejecting import reject

__all__ = [
    "check_new_model",
    "load_model",
    "pipeline_of",
    "predict_sets",
    "save_model",
    "tabulate_predictions",
    "tabulate_rankings",
    "write_csv",
]

PICKLES = (".joblib", ".pkl")


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table without its index."""
    _write_file(
        path, lambda scratch: table.to_csv(scratch, index=False, quoting=csv.QUOTE_NONNUMERIC)
    )


def is_pickle(path: Path) -> bool:
    """Tell whether the name of a file asks for joblib."""
    return path.suffix.lower() in PICKLES


def check_new_model(path: Path) -> None:
    """Refuse before fitting a file that could not be written after it."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; --out must name a file.")


def save_model(model: Any, path: Path, training: Mapping[str, Any] | None = None) -> None:
    """Save a fitted pipeline, by joblib where the name of the file ends in .joblib or .pkl."""

    def write(scratch: Path) -> object:
        if is_pickle(path):
            return joblib.dump(model, scratch, compress=3)
        return persistence.save_model(model, scratch, training=training)

    _write_file(path, write)


def load_model(path: Path, *, allow_pickle: bool = False) -> Any:
    """Load what ``xmodal fit`` saved.

    Parameters
    ----------
    path : Path
        The file.
    allow_pickle : bool, default=False
        Load files of joblib and pickle, too, which may run any code.

    Returns
    -------
    Pipeline or ConformalClassifier
        Selection and classifier, and what calibrates them.

    Raises
    ------
    ValueError
        If the file holds something else, or is of joblib and these are not allowed.
    """
    if not path.is_file() or _begins_as_zip(path):
        model = persistence.load_model(path)
    elif not allow_pickle:
        raise ValueError(
            f"{path} is not the file of a model that runs no code. It may be one of joblib or "
            "pickle; loading such a file runs whatever code is in it. If you trust who made it, "
            "add --allow-pickle; or fit the model again and save it under a name that does not "
            f"end in {' or '.join(PICKLES)}."
        )
    else:
        model = _load_pickle(path)
    pipeline = pipeline_of(model)
    if not isinstance(pipeline, Pipeline) or not isinstance(pipeline[0], MultiOmicsSelector):
        raise ValueError(f"{path} holds a {type(pipeline).__name__}, not what xmodal fit saves.")
    return model


def pipeline_of(model: Any) -> Any:
    """Return the selection and the classifier of a model, which may be calibrated."""
    return model.estimator_ if isinstance(model, ConformalClassifier) else model


def predict_sets(model: Any, probabilities: np.ndarray, coverage: float) -> np.ndarray:
    """Return whether each class is in the set of each sample."""
    if not isinstance(model, ConformalClassifier):
        raise ValueError(
            "--coverage needs a model for which samples were held out. Fit it again: xmodal fit "
            "--calibrate 0.33."
        )
    return model.sets_of(probabilities, coverage)


def _load_pickle(path: Path) -> Any:
    try:
        return joblib.load(path)
    except Exception as error:
        raise ValueError(
            f"Can't load {path}, which xmodal fit should have saved: {error!r}"
        ) from error


def _begins_as_zip(path: Path) -> bool:
    # Not whether it is an archive: the end of one that was cut off is missing.
    with path.open("rb") as file:
        return file.read(2) == b"PK"


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
    samples: pd.Index,
    classes: np.ndarray,
    probabilities: np.ndarray,
    min_proba: float = 0.0,
    sets: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return the predicted class and the probability ``p: CLASS`` of each sample.

    With sets also whether each class is in the sample's, ``in set: CLASS``, as 1 or 0.
    """
    columns: dict[str, Any] = {
        "sample": samples,
        "predicted": reject(classes, probabilities, min_proba),
    }
    columns |= {
        probability_column(label): p for label, p in zip(classes, probabilities.T, strict=True)
    }
    if sets is not None:
        columns |= {
            f"in set: {label}": held.astype(int)
            for label, held in zip(classes, sets.T, strict=True)
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

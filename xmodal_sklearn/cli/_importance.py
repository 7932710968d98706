"""The importance of tables and features that ``bench --inspect`` measures, beside its results."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.utils import Bunch

from ..benchmark._result_folder import IMPORTANCE, result_file
from ..inspection import ModalityImportance, modality_importance
from ._models import outer_folds
from ._session import error_console

__all__ = ["load_importance", "measure_importance", "save_importance"]

PARTS = ("folds", "heads", "features")


def measure_importance(
    model: Any, cohort: Bunch, folds: int, seed: int, jobs: int
) -> ModalityImportance:
    """Fit a model in each fold again, and look at it on the samples held out."""
    error_console.print("Looking into attention, fitted in each fold again …")
    return modality_importance(
        model,
        cohort.data,
        cohort.target,
        cv=outer_folds(folds, 1, seed, cohort),
        random_state=seed,
        n_jobs=jobs,
    )


def save_importance(importance: ModalityImportance, folder: Path, run: str) -> None:
    """Write it into a folder of results, under the number of their run."""
    parts = {part: _spread(getattr(importance, part)) for part in PARTS}
    text = json.dumps({"run": run, "scores": importance.scores.tolist(), **parts})
    (folder / IMPORTANCE).write_text(text, encoding="utf-8")


def load_importance(folder: Path, run: str | None) -> ModalityImportance | None:
    """Read it from a folder of results; None if that run measured none.

    Raises
    ------
    ValueError
        If the file is damaged, or of another run.
    """
    path = result_file(folder, IMPORTANCE)
    if not path.is_file():
        return None
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        of_run = held["run"]
        folds, heads, features = (_gather(held[part]) for part in PARTS)
        scores = pd.Series(held["scores"], folds.index, name="score", dtype=float)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is damaged: {error!r}. Remove it, or run the command that made it again."
        ) from error
    if of_run != run:
        raise ValueError(
            f"{path} is of run {of_run}, comparison.json of run {run}. Remove it, or run the "
            "command that made the results again."
        )
    return ModalityImportance(folds, heads, scores, features)


def _spread(table: pd.DataFrame) -> dict[str, Any]:
    axes = {
        name: {"names": list(axis.names), "labels": axis.to_list()}
        for name, axis in (("index", table.index), ("columns", table.columns))
    }
    return axes | {"data": table.to_numpy(dtype=float).tolist()}


def _gather(held: dict[str, Any]) -> pd.DataFrame:
    index, columns = (
        pd.MultiIndex.from_tuples(map(tuple, held[axis]["labels"]), names=held[axis]["names"])
        if len(held[axis]["names"]) > 1
        else pd.Index(held[axis]["labels"], name=held[axis]["names"][0])
        for axis in ("index", "columns")
    )
    return pd.DataFrame(held["data"], index, columns, dtype=float)

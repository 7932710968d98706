"""What every peer does around its model: read a fold, measure CPU time, write probabilities.

It runs in the environments of the peers, and so needs nothing but numpy and pandas.
"""

import argparse
import json
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = ["Fold", "run"]


@dataclass
class Fold:
    """Tables of training and test samples by modality, and the classes of the training samples."""

    train: dict[str, pd.DataFrame]
    test: dict[str, pd.DataFrame]
    y: np.ndarray  # 0, 1, ...

    @property
    def n_classes(self) -> int:
        return int(self.y.max()) + 1


def run(predict: Callable[[Fold], np.ndarray], docstring: str | None) -> None:
    """Write the probabilities that `predict` returns for the test samples, and its CPU seconds."""
    parser = argparse.ArgumentParser(
        description=docstring, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cohort", type=Path, help="folder with a table per modality and folds.json")
    parser.add_argument("fold", type=int, help="its number, from 0")
    parser.add_argument("output", type=Path, help="the file to write")
    arguments = parser.parse_args()
    fold = read_fold(arguments.cohort, arguments.fold)
    start = processor_seconds()
    probabilities = np.asarray(predict(fold), dtype=float)
    np.savez(
        arguments.output,
        probabilities=probabilities / probabilities.sum(axis=1, keepdims=True),
        seconds=processor_seconds() - start,
    )


def read_fold(cohort: Path, number: int) -> Fold:
    """Read a fold; the file of folds has the classes of its training samples only."""
    fold = json.loads((cohort / "folds.json").read_text())[number]
    tables = {file.stem: pd.read_csv(file, index_col=0) for file in sorted(cohort.glob("*.csv"))}
    return Fold(
        {modality: table.iloc[fold["train"]] for modality, table in tables.items()},
        {modality: table.iloc[fold["test"]] for modality, table in tables.items()},
        np.array(fold["classes"]),
    )


def processor_seconds() -> float:
    """Return the CPU seconds of this process and of those that it has started."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)

"""The models of the commands: made, inspected, saved and loaded."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import Bunch

from .. import persistence
from .._fitted_model import steps_of
from ..baselines import make_baselines
from ..benchmark import Comparison, compare
from ..benchmark._result_folder import IMPORTANCE, result_file
from ..benchmark._splits import repeated_folds
from ..classifier import CrossModalAttentionClassifier
from ..classifier._trainer import check_settings
from ..inspection import ModalityImportance, modality_importance
from ..paper import paper_network
from ..selection import MultiOmicsSelector
from ..uncertainty import ConformalClassifier
from ._options import Network, split_names
from ._session import error_console
from ._tables import write_file

PICKLES = (".joblib", ".pkl")
IMPORTANCE_TABLES = ("folds", "branches", "features")
PAPER = "paper"  # among --models, the paper's network
PAPER_NETWORK = "the paper's network"


def classical_pipelines(
    k: int, models: str, fusion: str, seed: int, device: str, memory: str
) -> dict[str, Any]:
    """Return the models that ``--models`` names, each with every ``--fusion``."""
    names = None if models == "all" else split_names(models)
    papers = {}
    if names and PAPER in names:
        names = [name for name in names if name != PAPER]
        papers[PAPER_NETWORK] = paper_network(k, memory=memory, random_state=seed, device=device)
    return papers | make_baselines(
        k=k, models=names, fusion=split_names(fusion), random_state=seed, memory=memory
    )


def attention_classifier(seed: int, network: Network) -> CrossModalAttentionClassifier:
    """Return the classifier; its options are checked now, not after a long selection."""
    branches = network.branches if network.branches == "all" else split_names(network.branches)
    parameters = {**asdict(network), "branches": branches, "random_state": seed}
    classifier = CrossModalAttentionClassifier(**parameters)
    check_settings(classifier)
    return classifier


def attention_pipeline(
    k: int, seed: int, network: Network, *, memory: str | None = None, jobs: int | None = None
) -> Pipeline:
    """Return a pipeline of the selection and the attention classifier."""
    return make_pipeline(
        MultiOmicsSelector(k, memory=memory, n_jobs=jobs), attention_classifier(seed, network)
    )


def calibrated(model: Pipeline, share: float, seed: int) -> ConformalClassifier:
    """Return a model that holds out a share of the samples, for ``predict --coverage``."""
    if not 0 < share < 1:
        raise ValueError(f"--calibrate must be greater than 0 and less than 1, got {share:g}.")
    return ConformalClassifier(model, calibration_share=share, random_state=seed)


def cross_validate(model: Pipeline, cohort: Bunch, folds: int, seed: int, jobs: int) -> Comparison:
    """Score a model on folds of a cohort."""
    return compare(
        {"model": model},
        cohort.data,
        cohort.target,
        cv=repeated_folds(folds, 1, seed, grouped=False),
        n_jobs=jobs,
        random_state=seed,
        verbose=1,
    )


def save_model(model: Any, path: Path, training: Mapping[str, Any] | None = None) -> None:
    """Save a fitted pipeline, by joblib if the name of the file ends in .joblib or .pkl."""
    if path.suffix.lower() in PICKLES:
        write_file(path, lambda scratch: joblib.dump(model, scratch, compress=3))
    else:
        write_file(path, lambda scratch: persistence.save_model(model, scratch, training=training))


def load_model(path: Path, *, allow_pickle: bool = False) -> Any:
    """Load what ``xmodal fit`` saved; files of joblib and pickle only if they are allowed."""
    if not path.is_file() or _begins_as_zip(path):
        model = persistence.load_model(path)
    elif not allow_pickle:
        raise ValueError(
            f"{path} is not a model file that can be loaded without running code. It may be a "
            "joblib or pickle file, which runs any code in it. If you trust its author, add "
            "--allow-pickle; or fit the model again and save it under a name that does not end "
            f"in {' or '.join(PICKLES)}."
        )
    else:
        try:
            model = joblib.load(path)
        except Exception as error:
            raise ValueError(
                f"Can't load {path}, which xmodal fit should have saved: {error!r}"
            ) from error
    selector, *after = steps_of(model)
    if not after or not isinstance(selector, MultiOmicsSelector):
        raise ValueError(f"{path} holds a {type(selector).__name__}, not what xmodal fit saves.")
    return model


def _begins_as_zip(path: Path) -> bool:
    # Not whether it is an archive: a truncated one lacks its end.
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def predict_sets(model: Any, probabilities: np.ndarray, coverage: float) -> np.ndarray:
    """Return whether each class is in the set of each sample, (n_samples, n_classes)."""
    if not isinstance(model, ConformalClassifier):
        raise ValueError(
            "--coverage needs a model for which samples were held out. Fit it again: xmodal fit "
            "--calibrate 0.33."
        )
    return model.sets_from_proba(probabilities, coverage)


def measure_importance(
    model: Any, cohort: Bunch, folds: int, seed: int, jobs: int
) -> ModalityImportance:
    """Measure the importance of modalities to a model that is fitted again in each fold."""
    error_console.print("Measuring the importance of modalities and features …")
    X, y, groups = cohort.data, cohort.target, cohort.groups
    splits = list(repeated_folds(folds, 1, seed, grouped=groups is not None).split(X, y, groups))
    return modality_importance(model, X, y, cv=splits, random_state=seed, n_jobs=jobs)


def save_importance(importance: ModalityImportance, folder: Path, run: str) -> None:
    """Write it into the folder of results of a run."""
    parts = {part: getattr(importance, part).to_dict("tight") for part in IMPORTANCE_TABLES}
    text = json.dumps({"run": run, "scores": importance.scores.tolist(), **parts})
    (folder / IMPORTANCE).write_text(text, encoding="utf-8")


def load_importance(folder: Path, run: str | None) -> ModalityImportance | None:
    """Read it from the folder of results of a run; None if the run has none."""
    path = result_file(folder, IMPORTANCE)
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        other_run = content["run"]
        tables = {
            part: pd.DataFrame.from_dict(content[part], orient="tight", dtype=float)
            for part in IMPORTANCE_TABLES
        }
        scores = pd.Series(content["scores"], tables["folds"].index, name="score", dtype=float)
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(
            f"{path} is damaged: {error!r}. Remove it, or run the command that wrote it again."
        ) from error
    if other_run != run:
        raise ValueError(
            f"{path} belongs to run {other_run}, but comparison.json to run {run}. Remove it, or "
            "run the command that wrote the results again."
        )
    return ModalityImportance(**tables, scores=scores)

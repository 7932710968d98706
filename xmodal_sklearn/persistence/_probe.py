"""What a saved model predicts for made-up samples, to tell whether other versions change it."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._warnings import warn

__all__ = ["probe", "takes_absent", "warn_of_other_versions"]

N_SAMPLES = 8
# Far above what another order of adding up floats changes.
TOLERANCE = 1e-4


def probe(model: Any) -> list[list[float]] | None:
    """Return what a model predicts for samples of noise, which are nobody's.

    Parameters
    ----------
    model : estimator
        A fitted model.

    Returns
    -------
    list of list of float, or None
        Probabilities by sample; None where the model gives none for noise.
    """
    if not hasattr(model, "predict_proba") or not hasattr(model, "n_features_in_"):
        return None
    return _try(model, _noise(model))


def takes_absent(model: Any, modalities: Mapping[str, Any]) -> dict[str, bool]:
    """Tell which modalities samples may lack, by predicting noise that lacks them.

    Parameters
    ----------
    model : estimator
        A fitted model.
    modalities : mapping of str to array of int
        The columns of each modality.

    Returns
    -------
    dict of str to bool
        By modality; empty where the model has only one, or predicts nothing for noise.
    """
    if len(modalities) < 2 or probe(model) is None:
        return {}
    found = {}
    for name, columns in modalities.items():
        X = _noise(model)
        values = X.iloc if isinstance(X, pd.DataFrame) else X
        values[:, columns] = np.nan
        found[name] = _try(model, X) is not None
    return found


def warn_of_other_versions(
    model: Any, manifest: Mapping[str, Any], versions: Mapping[str, str], path: Path
) -> None:
    """Warn if a model was saved with other versions and predicts otherwise, or can't be compared.

    Parameters
    ----------
    model : estimator
        The model, as it was loaded.
    manifest : mapping
        What its file says.
    versions : mapping of str to str
        Versions of libraries here.
    path : Path
        Its file.
    """
    saved = manifest.get("versions") or {}
    other = [
        f"{name} {saved[name]} (here {versions.get(name, 'none')})"
        for name in saved
        if saved[name] != versions.get(name)
    ]
    if not other:
        return
    expected, found = manifest.get("probe"), probe(model)
    if expected is not None and found is not None and np.shape(expected) == np.shape(found):
        difference = np.abs(np.subtract(expected, found)).max()
        if difference <= TOLERANCE:
            return
        told = f"predicts otherwise here: a probability differs by {difference:.2g}"
    else:
        told = "can't be compared with what it predicted there"
    warn(
        f"{path} was saved with {', '.join(other)}, and {told}. Install those versions, or fit the "
        "model again."
    )


def _try(model: Any, X: Any) -> list[list[float]] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            probabilities = np.asarray(model.predict_proba(X), dtype=float)
    # Whatever a model says of values that it was not made for.
    except Exception:
        return None
    return probabilities.tolist() if np.isfinite(probabilities).all() else None


def _noise(model: Any) -> Any:
    # Of RandomState, whose numbers no version of NumPy changes.
    values = np.random.RandomState(0).standard_normal((N_SAMPLES, model.n_features_in_))
    names = getattr(model, "feature_names_in_", None)
    return values if names is None else pd.DataFrame(values, columns=names)

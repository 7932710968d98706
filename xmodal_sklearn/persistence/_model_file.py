"""Save a fitted model as one file that runs no code when it is loaded."""

import platform
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils.validation import check_is_fitted

from .._version import __version__
from ._bounds import check_bounds
from ._container import read_parts, write_parts
from ._leaves import put_back, take_out
from ._needed import make_again
from ._probe import probe, takes_absent, warn_of_other_versions
from ._trusted import structure_from_bytes, structure_to_bytes

__all__ = ["load_model", "read_manifest", "save_model"]

ARRAYS, STRUCTURE = "arrays.safetensors", "structure.skops"
LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy", "skops", "skorch", "torch")


def save_model(model: Any, path: Any, *, training: Mapping[str, Any] | None = None) -> Path:
    """Save a fitted model as one file that runs no code when it is loaded.

    Parameters
    ----------
    model : estimator
        A fitted estimator of this package, or a pipeline, search or calibration of it and of
        scikit-learn's usual classifiers, selectors and scalers.
    path : str or Path
        The file to write, ``model.xmodal`` for example; it is there whole or not at all.
    training : dict, default=None
        What :func:`describe_training` returned: what the model was fitted to and how well it does,
        for its card.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ValueError
        If the model holds what such a file can't: functions, callbacks, estimators of other
        packages.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.

    See Also
    --------
    load_model : Loads it.

    Notes
    -----
    The file is a zip archive, stored without compression: ``manifest.json`` says in plain words
    what the model is, ``arrays.safetensors`` holds its numbers, ``structure.skops`` the rest, and
    ``checksums.txt`` the SHA-256 of each. What only training needs is not kept: after loading,
    ``partial_fit`` begins with a new optimiser.

    Support vector machines and nearest neighbours consist of training samples, and so do their
    files; those of all other models hold none.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from xmodal_sklearn import MultiOmicsSelector
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.persistence import load_model, save_model
    >>> X, y = make_multiomics(100, {"exp": 40, "mut": 10}, return_X_y=True, random_state=0)
    >>> model = make_pipeline(MultiOmicsSelector(10), LogisticRegression(max_iter=1000)).fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     loaded = load_model(save_model(model, f"{folder}/model.xmodal"))
    >>> bool((loaded.predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    from safetensors.numpy import save

    check_is_fitted(model)
    path = Path(path)
    structure, arrays = take_out(model)
    try:
        data = structure_to_bytes(structure)
    except ValueError as error:
        raise ValueError(
            f"Can't save this {type(model).__name__} in {path}: {error}. Leave that out of the "
            "model, or use joblib.dump, whose files run code when they are loaded."
        ) from error
    manifest = {
        "needs": __version__,
        "versions": _versions(),
        **_describe(model),
        "training": training,
        "probe": probe(model),
    }
    write_parts(path, manifest, {ARRAYS: save(arrays), STRUCTURE: data})
    return path


def load_model(path: Any) -> Any:
    """Load a model that :func:`save_model` wrote; no code that the file may hold is run.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    estimator
        It predicts bit for bit as the one saved, with the same versions of libraries, on the same
        kind of device. A model fitted on a GPU is loaded without one, too.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, changed, no model, of a newer format, or hostile: holding types that
        no model consists of, compressed parts, or indices that lead out of its arrays.

    Warns
    -----
    UserWarning
        If the model was saved with other versions of libraries and predicts otherwise here.

    See Also
    --------
    save_model : Writes the file; its example loads it, too.
    read_manifest : Reads only what the file says of the model.

    Notes
    -----
    The checksums find damage, not fraud: who can replace a file can replace its checksums. What
    loading promises is that a hostile file does no more than predict wrongly.

    Examples
    --------
    >>> from xmodal_sklearn.persistence import load_model
    >>> load_model("nothing.xmodal")
    Traceback (most recent call last):
    FileNotFoundError: There is no file nothing.xmodal.
    """
    from safetensors.numpy import load

    path = Path(path)
    with _naming(path):
        manifest, parts = read_parts(path)
        arrays = load(parts.pop(ARRAYS))
        with warnings.catch_warnings():
            # Whether other versions matter is told below, by what the model predicts.
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            model = put_back(structure_from_bytes(parts.pop(STRUCTURE)), arrays)
        if not isinstance(model, BaseEstimator):
            raise ValueError(f"it holds a {type(model).__name__}, not a model")
        check_bounds(model)
        make_again(model)
    warn_of_other_versions(model, manifest, _versions(), path)
    return model


def read_manifest(path: Any) -> dict[str, Any]:
    """Read what the file of a model says of it, without loading the model.

    Parameters
    ----------
    path : str or Path
        The file that :func:`save_model` wrote.

    Returns
    -------
    dict
        Versions of the format and of libraries, ``model``, ``classes``, ``columns``,
        ``modalities`` (number of columns by name), ``features`` (those selected, by modality, best
        first), ``takes_absent`` (whether samples may lack a modality), ``held_out`` (by class, for
        prediction sets) and ``training``, see :func:`describe_training`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, no model, or of a newer format.

    See Also
    --------
    load_model : Loads the model.

    Examples
    --------
    >>> from xmodal_sklearn.persistence import read_manifest
    >>> read_manifest("nothing.xmodal")
    Traceback (most recent call last):
    FileNotFoundError: There is no file nothing.xmodal.
    """
    path = Path(path)
    with _naming(path):
        return read_parts(path, names=())[0]


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Make every error of the block one that names the file."""
    if path.is_dir():
        raise ValueError(f"Can't load {path}: it is a folder, not the file of a model.")
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        yield
    except OSError as error:
        raise OSError(f"Can't read {path}: {error.strerror or error}") from error
    # A damaged file raises whatever its bytes lead to, in zipfile, skops, safetensors or pandas.
    except Exception as error:
        raise ValueError(f"Can't load {path}: {error}. Nothing of it was run.") from error


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "xmodal-sklearn": __version__}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def _describe(model: Any) -> dict[str, Any]:
    """Say what any fitted model tells of itself."""
    names = getattr(model, "feature_names_in_", None)
    classes = getattr(model, "classes_", None)
    modalities = getattr(_part_with(model, "modalities_"), "modalities_", {})
    held_out = getattr(model, "calibration_probabilities_", None)
    return {
        "model": repr(model),
        "n_columns": getattr(model, "n_features_in_", None),
        "columns": None if names is None else np.asarray(names).tolist(),
        "classes": None if classes is None else np.asarray(classes).tolist(),
        "modalities": {name: len(columns) for name, columns in modalities.items()},
        "features": _features(model),
        "takes_absent": takes_absent(model, modalities),
        "held_out": held_out and [len(one) for one in held_out],
    }


def _features(model: Any) -> dict[str, list[str]] | None:
    """Return the features that the selection of a model keeps, best first."""
    selector = _part_with(model, "rankings_")
    if selector is None:
        return None
    kept = selector.get_support()
    return {
        name: [str(one) for one in best[: kept[selector.modalities_[name]].sum()]]
        for name, best in selector.rankings_.items()
    }


def _part_with(model: Any, attribute: str) -> Any:
    """Return the first part of a model that has an attribute, None where none has."""
    while model is not None:
        if hasattr(model, attribute):
            return model
        if hasattr(model, "steps"):
            model = model.steps[0][1]
        else:
            model = next(
                (getattr(model, name) for name in ("best_estimator_", "estimator_", "estimator")
                 if getattr(model, name, None) is not None),
                None,
            )  # fmt: skip
    return None

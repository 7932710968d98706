"""Saving a fitted model as one file, and loading it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._text import visible
from .._version import __version__, installed_versions
from .._warnings import recorded_warnings
from ._arrays import extract_arrays, rebuild_attributes, restore_arrays
from ._container import ARRAYS, STRUCTURE, JsonReader, read_parts, write_parts
from ._description import describe_model, warn_if_versions_matter
from ._trusted import check_bounds, structure_from_bytes, structure_to_bytes

LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy", "skops", "skorch", "torch")


def save_model(
    model: BaseEstimator, path: str | Path, *, training: Mapping[str, Any] | None = None
) -> Path:
    """Save a fitted model as one file that runs no code when it is loaded.

    Parameters
    ----------
    model : estimator
        A fitted estimator of this package, or a pipeline, search or calibration of it and of
        scikit-learn's usual classifiers, selectors and scalers.
    path : str or Path
        File to write, for example ``model.xmodal``. It is written whole or not at all.
    training : dict, default=None
        The result of :func:`describe_training`, for the model's card.

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
    load_model : Loads the model.

    Notes
    -----
    The file is a zip archive, stored without compression: ``manifest.json`` describes
    the model, ``arrays.safetensors`` holds its numbers, ``structure.skops`` the rest, and
    ``checksums.txt`` the SHA-256 of each. What only training needs is not kept.

    Support vector machines and nearest neighbors consist of training samples, and so do their
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
    structure, arrays = extract_arrays(model)
    try:
        data = structure_to_bytes(structure)
    except ValueError as error:
        raise ValueError(
            f"Can't save this {type(model).__name__} in {path}: {error}. Leave that out of the "
            "model, or use joblib.dump, whose files run code when they are loaded."
        ) from error
    manifest = {
        "needs": __version__,
        "versions": installed_versions(LIBRARIES),
        **describe_model(model),
        "training": training,
    }
    write_parts(path, manifest, {ARRAYS: save(arrays), STRUCTURE: data})
    return path


def load_model(path: str | Path) -> Any:
    """Load a model that :func:`save_model` wrote, without running code from the file.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    estimator
        The model. With the same versions of libraries on the same kind of device, it predicts bit
        for bit as the one saved. A model fitted on a GPU loads on a machine without one, too.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, changed, not a model's, of another format, or hostile: it holds
        types that no model consists of, compressed parts, indices beyond its arrays, or lists that
        would take far more memory than the file.

    Warns
    -----
    UserWarning
        If the model was saved with other versions of libraries and predicts differently here.

    See Also
    --------
    save_model : Writes the file; its example loads it, too.
    read_manifest : Reads the description of the model only.

    Notes
    -----
    The checksums detect damage, not fraud: whoever can replace a file can replace its checksums.
    Loading guarantees that a hostile file does no more than predict wrongly.

    Examples
    --------
    >>> from xmodal_sklearn.persistence import load_model
    >>> load_model("nothing.xmodal")
    Traceback (most recent call last):
    FileNotFoundError: There is no file nothing.xmodal.
    """
    from safetensors.numpy import load

    path = Path(path)
    with add_path_to_errors(path):
        reader = JsonReader(path.stat().st_size)
        manifest, parts = read_parts(path)
        arrays = load(parts.pop(ARRAYS))
        # Whether other versions matter is decided below, by what the model predicts.
        with recorded_warnings():
            structure = structure_from_bytes(parts.pop(STRUCTURE), reader)
        model = restore_arrays(structure, arrays, reader)
        if not isinstance(model, BaseEstimator):
            raise ValueError(f"it holds a {type(model).__name__}, not a model")
        check_bounds(model)
        rebuild_attributes(model)
    warn_if_versions_matter(model, manifest, installed_versions(LIBRARIES), path)
    return model


def read_manifest(path: str | Path) -> dict[str, Any]:
    """Read the description in the file of a model, without loading the model.

    Parameters
    ----------
    path : str or Path
        The file that :func:`save_model` wrote.

    Returns
    -------
    dict
        Versions of the format and of libraries, ``model``, ``classes``, ``columns``,
        ``modalities`` (number of columns by name), ``features`` (those selected, by modality, best
        first), ``takes_absent`` (whether samples may lack a modality), ``held_out`` (number of
        samples by class, for prediction sets), ``reference_predictions`` (for samples of noise)
        and ``training``, see :func:`describe_training`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, not a model's, or of another format.

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
    with add_path_to_errors(path):
        return read_parts(path, names=())[0]


@contextmanager
def add_path_to_errors(path: Path) -> Iterator[None]:
    """Name the file in every error of the block."""
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
        # What the file holds may be in the message, and must not control the terminal.
        cause = visible(error)
        if not isinstance(error, ValueError):
            cause = f"it is damaged ({type(error).__name__}: {cause})"
        raise ValueError(f"Can't load {path}: {cause}. Nothing in it was run.") from error

"""Walks over the parts of fitted models, by their attributes."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator


def steps_of(model: Any) -> list[Any]:
    """Return the fitted steps that X passes through, in order, without those that do nothing."""
    if (inner := _wrapped(model)) is not None:
        return steps_of(inner)
    if not hasattr(model, "steps"):
        return [model]
    steps = [step for _, step in model.steps if step is not None and step != "passthrough"]
    return [part for step in steps for part in steps_of(step)]


def members_of(model: Any) -> list[Any]:
    """Return the fitted members of an ensemble, such as those of a vote; else an empty list."""
    if hasattr(model, "calibrated_classifiers_"):
        return [calibrated.estimator for calibrated in model.calibrated_classifiers_]
    members = getattr(model, "estimators_", [])
    if isinstance(members, Mapping):
        members = members.values()
    elif isinstance(members, np.ndarray):  # boosting keeps a table of trees
        members = members.flat
    return [member for member in members if hasattr(member, "fit")]


def parts_of(model: Any) -> Iterator[Any]:
    """Go through a fitted model and all fitted estimators in it, outer ones first."""
    yield model
    inner = _wrapped(model)
    steps = steps_of(model) if hasattr(model, "steps") else members_of(model)
    for part in steps if inner is None else [inner]:
        yield from parts_of(part)


def first_with(model: Any, attribute: str) -> Any:
    """Return the first part of a fitted model that has an attribute, None if none has it."""
    return next((part for part in parts_of(model) if hasattr(part, attribute)), None)


def kept_features(selector: Any) -> dict[str, Any]:
    """Return the features that a fitted selector keeps, by modality, best first."""
    support = selector.get_support()
    return {
        modality: ranking[: support[selector.modalities_[modality]].sum()]
        for modality, ranking in selector.rankings_.items()
    }


def _wrapped(model: Any) -> Any:
    """Return the only fitted estimator that a search or wrapper hands X on to, else None."""
    if isinstance(model, FrozenEstimator):
        return model.estimator
    if hasattr(model, "best_estimator_"):
        return model.best_estimator_
    # Ensembles and selectors keep an estimator that does not see X as it comes, or is not fitted.
    if hasattr(model, "estimators_") or hasattr(model, "transform"):
        return None
    return getattr(model, "estimator_", None)

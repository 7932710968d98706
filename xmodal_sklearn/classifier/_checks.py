"""Checks of the classifier's parameters and labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.utils import compute_class_weight
from skorch.callbacks import Callback

from .._suggestions import did_you_mean
from .network import BRANCH_KINDS, TRAINED_KINDS

__all__ = [
    "check_branches",
    "check_callbacks",
    "check_classes",
    "check_device",
    "check_embedding",
    "class_weights",
]


def check_branches(branches: str | Sequence[str]) -> None:
    """Raise a ValueError for unknown or repeated branches, or none that is trained."""
    if isinstance(branches, str):
        return
    unknown = [kind for kind in branches if kind not in BRANCH_KINDS]
    if unknown or len(set(branches)) < len(branches):
        suggested = did_you_mean(unknown[0], BRANCH_KINDS) if unknown else "."
        raise ValueError(
            f'branches must be "all" or a list of some of {list(BRANCH_KINDS)}, each once, got '
            f"{branches!r}{suggested}"
        )
    if not set(branches) & set(TRAINED_KINDS):
        raise ValueError(
            f"branches must contain at least one of {list(TRAINED_KINDS)}, which are trained, got "
            f"{branches!r}."
        )


def check_embedding(embed_dim: int, n_heads: int) -> None:
    """Raise a ValueError if the attention heads cannot share the embedding equally."""
    if embed_dim % n_heads:
        raise ValueError(
            f"embed_dim must be a multiple of n_heads, got embed_dim={embed_dim} and "
            f"n_heads={n_heads}."
        )


def check_device(device: str) -> None:
    """Raise a ValueError if PyTorch cannot compute on the device."""
    if device == "auto":
        return
    try:
        torch.zeros(1, device=device).cpu()
    except (AssertionError, RuntimeError) as error:  # NotImplementedError is a RuntimeError
        raise ValueError(
            f'device={device!r} cannot be used here: {error}. Use "cpu", or "auto" for the fastest '
            "available device."
        ) from error


def check_callbacks(callbacks: Sequence | None, *, held_out: bool) -> None:
    """Raise a ValueError for other objects, or callbacks that monitor samples not held out."""
    for entry in callbacks or ():
        callback = entry[1] if isinstance(entry, tuple) and len(entry) == 2 else entry
        if isinstance(callback, type) and issubclass(callback, Callback):
            callback = callback()
        if not isinstance(callback, Callback):
            raise ValueError(f"callbacks must be skorch callbacks, got {entry!r}.")
        monitor = getattr(callback, "monitor", None)
        if isinstance(monitor, str) and monitor.startswith("valid") and not held_out:
            raise ValueError(
                f"The callback {type(callback).__name__} monitors {monitor!r}, but no samples are "
                "held out to measure it. Set early_stopping=True, which holds out "
                "validation_fraction of the samples, or monitor 'train_loss'."
            )


def class_weights(class_weight: Any, classes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the weights of the classes, given their frequencies."""
    if class_weight is None or isinstance(class_weight, Mapping):
        # y serves only to check the classes of a dict.
        return compute_class_weight(class_weight, classes=classes, y=classes)
    inverse = counts.sum() / np.maximum(counts, 1) / len(counts)
    return inverse if class_weight == "balanced" else np.sqrt(inverse)


def check_classes(classes: np.ndarray, y: np.ndarray) -> None:
    """Raise a ValueError for fewer than two classes, or others than those of the first fit."""
    if len(classes) < 2:
        raise ValueError(
            f"y has only one class, {classes.tolist()[0]!r}; a classifier needs samples of at "
            "least two classes."
        )
    labels = np.unique(y)
    if not np.array_equal(labels, classes):
        raise ValueError(
            f"warm_start=True needs the classes of the first fit, {classes.tolist()}, but y has "
            f"{labels.tolist()}. Set warm_start=False to start over."
        )

"""What the classifier asks of its parameters and labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.utils import compute_class_weight
from skorch.callbacks import Callback

from .._suggestions import did_you_mean
from ..modalities._columns import Modalities
from .network import HEAD_KINDS, TRAINED_KINDS

__all__ = [
    "check_all_classes",
    "check_callbacks",
    "check_classes",
    "check_device",
    "check_embedding",
    "check_head_kinds",
    "check_primary",
    "class_weights",
]


def check_head_kinds(heads: str | Sequence[str]) -> None:
    """Raise a ValueError if `heads` names what is no head, one twice, or none to be trained."""
    if isinstance(heads, str):
        return
    unknown = [kind for kind in heads if kind not in HEAD_KINDS]
    if unknown or len(set(heads)) < len(heads):
        suggested = did_you_mean(unknown[0], HEAD_KINDS) if unknown else "."
        raise ValueError(
            f'heads must be "all" or name some of {list(HEAD_KINDS)}, each once, got '
            f"{heads!r}{suggested}"
        )
    if not set(heads) & set(TRAINED_KINDS):
        raise ValueError(
            f"heads must name at least one of {list(TRAINED_KINDS)}, which are trained, got "
            f"{heads!r}."
        )


def check_embedding(embed_dim: int, n_heads: int) -> None:
    """Raise a ValueError if the attention heads can't share the embedding equally."""
    if embed_dim % n_heads:
        raise ValueError(
            f"embed_dim must be a multiple of n_heads, got embed_dim={embed_dim} and "
            f"n_heads={n_heads}."
        )


def check_device(device: str) -> None:
    """Raise a ValueError if PyTorch can't compute on the device here."""
    if device == "auto":
        return
    try:
        torch.zeros(1, device=device).cpu()
    except (AssertionError, RuntimeError) as error:  # NotImplementedError is a RuntimeError
        raise ValueError(
            f'device={device!r} can\'t be used here: {error}. Use "cpu", or "auto" for the fastest '
            "device that there is."
        ) from error


def check_callbacks(callbacks: Sequence | None, *, held_out: bool) -> None:
    """Raise a ValueError for what is no callback, or for one that needs samples held out."""
    for entry in callbacks or ():
        callback = entry[1] if isinstance(entry, tuple) and len(entry) == 2 else entry
        if isinstance(callback, type) and issubclass(callback, Callback):
            callback = callback()
        if not isinstance(callback, Callback):
            raise ValueError(f"callbacks must be callbacks of skorch, got {entry!r}.")
        monitor = getattr(callback, "monitor", None)
        if isinstance(monitor, str) and monitor.startswith("valid") and not held_out:
            raise ValueError(
                f"The callback {type(callback).__name__} watches {monitor!r}, but no samples are "
                "held out to measure it. Set early_stopping=True, which holds out "
                "validation_fraction of the samples in fit, or let it watch 'train_loss'."
            )


def check_all_classes(classes: np.ndarray, codes: np.ndarray) -> None:
    """Raise a ValueError if a warm start lacks samples of a class."""
    if len(np.unique(codes)) < len(classes):
        raise ValueError(
            f"warm_start=True needs the classes of the first fit, {classes.tolist()}, "
            f"but y has only {classes[np.unique(codes)].tolist()}. Use "
            "partial_fit, or set warm_start=False."
        )


def class_weights(class_weight: Any, classes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the weights of the classes, given how often each was seen."""
    if class_weight is None or isinstance(class_weight, Mapping):
        # y serves only to name the classes that a dict has and the labels lack.
        return compute_class_weight(class_weight, classes=classes, y=classes)
    inverse = counts.sum() / np.maximum(counts, 1) / len(counts)
    return inverse if class_weight == "balanced" else np.sqrt(inverse)


def check_classes(classes: np.ndarray, y: np.ndarray, *, given: Any) -> None:
    """Raise a ValueError if labels and known classes don't fit together, or there is one class."""
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"y has the classes {unknown.tolist()}, which are not among the known ones, "
            f"{classes.tolist()}. Name all classes in the first call of partial_fit, or fit anew."
        )
    if given is not None and not np.array_equal(np.unique(given), classes):
        raise ValueError(
            f"classes={np.asarray(given).tolist()} are not those of the first call, "
            f"{classes.tolist()}."
        )
    if len(classes) < 2:
        raise ValueError(
            f"y has one class only, {classes.tolist()[0]!r}; a classifier needs samples of at "
            "least two classes."
        )


def check_primary(primary: str | None, modalities: Modalities) -> None:
    """Raise a ValueError if the primary modality is none of X's."""
    if primary is not None and primary not in modalities:
        raise ValueError(
            f"primary={primary!r} is not a modality of X{did_you_mean(primary, modalities)} Its "
            f"modalities are {list(modalities)}."
        )

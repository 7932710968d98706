"""A fitted net as settings and arrays, and back; what a file of a model keeps of it."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from torch import nn

from ._net import EVALUATION_BATCH, DeviceNet, TensorBatches, resolve_device
from ._torch_settings import own_torch_settings
from .network import BranchLoss, CrossModalNetwork, StackingCombiner, ensemble_proba

__all__ = ["net_from_arrays", "net_to_arrays"]


def net_to_arrays(net: NeuralNet) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Take a net apart.

    Parameters
    ----------
    net : NeuralNet
        A fitted net, on any device.

    Returns
    -------
    settings : dict of str to object
        Arguments of :class:`CrossModalNetwork`, which JSON can hold.
    arrays : dict of str to ndarray
        Its parameters and buffers by name.
    """
    tensors = _tensors(net.module_)
    return net.get_params_for("module"), {
        name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()
    }


@own_torch_settings()
def net_from_arrays(
    settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray], device: str
) -> NeuralNet:
    """Put a net together, which can predict, but not go on training.

    Parameters
    ----------
    settings, arrays
        What :func:`net_to_arrays` returned; the net takes the arrays without copying them.
    device : str
        Where to compute, as in the classifier; a device that is not at hand is replaced by
        ``"auto"``.

    Returns
    -------
    NeuralNet
        The net.

    Raises
    ------
    ValueError
        If the arrays do not belong to a network of these settings.
    """
    # Without memory: what the settings ask for is not made before the arrays are known to have it.
    with torch.device("meta"):
        module = CrossModalNetwork(**settings)
    _set_tensors(module, arrays)
    net = DeviceNet(
        module,
        criterion=BranchLoss,
        # One of PyTorch's would make it import its compiler, which takes seconds.
        optimizer=_no_optimizer,
        iterator_valid=TensorBatches,
        iterator_valid__batch_size=EVALUATION_BATCH,
        predict_nonlinearity=ensemble_proba,
        train_split=None,
        callbacks="disable",
        device=_device_at_hand(device),
    )
    net.initialize()
    net.trim_for_prediction()
    # As in a net that was trained, so that it can be taken apart again.
    net.module = CrossModalNetwork
    net.__dict__ |= {f"module__{name}": value for name, value in settings.items()}
    return net


def _no_optimizer(*_: Any, **__: Any) -> None:
    return None


def _tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    return dict(chain(module.named_parameters(), module.named_buffers()))


def _set_tensors(module: nn.Module, arrays: Mapping[str, np.ndarray]) -> None:
    expected = _tensors(module)
    if set(expected) != set(arrays):
        unlike = sorted(set(expected) ^ set(arrays))
        raise ValueError(f"the network has other arrays than its settings say: {unlike[:3]}")
    for name, old in expected.items():
        new = torch.from_numpy(arrays[name])
        path, _, leaf = name.rpartition(".")
        owner = module.get_submodule(path)
        # How many patterns of modalities a combiner knows is learned, not set.
        same_size = new.shape == old.shape or isinstance(owner, StackingCombiner)
        if not same_size or new.dtype != old.dtype or new.dim() != old.dim():
            raise ValueError(
                f"{name} of the network is {new.dtype} of shape {tuple(new.shape)} where its "
                f"settings ask for {old.dtype} of shape {tuple(old.shape)}"
            )
        setattr(owner, leaf, nn.Parameter(new) if isinstance(old, nn.Parameter) else new)


def _device_at_hand(device: str) -> str:
    kind = device.partition(":")[0]
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return resolve_device(device if there.get(kind, True) else "auto")

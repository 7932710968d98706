"""The skorch net, its batches and callbacks, and its conversion to arrays and back."""

import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from .._progress import progress_bar
from ._torch import available_device, reproducible_torch
from .network import BranchLoss, CrossModalNetwork, ensemble_proba

# Samples at a time where nothing is trained; bounds the memory that predicting takes.
EVALUATION_BATCH = 256


class DeviceNet(NeuralNet):
    """A net that uses a GPU in mixed precision, and never waits for it within an epoch."""

    @classmethod
    def from_module(
        cls, module: nn.Module, settings: Mapping[str, Any], **parameters: Any
    ) -> "DeviceNet":
        """Return a net, for prediction only, of a trained module that was made by `settings`."""
        net = cls(module, **parameters)
        net.initialize()
        net.trim_for_prediction()
        # As in a net that was trained, so that it can be converted to arrays again.
        net.module = type(module)
        net.__dict__ |= {f"module__{name}": value for name, value in settings.items()}
        return net

    def trim_for_prediction(self) -> None:
        """Drop what only training needs."""
        super().trim_for_prediction()
        self.iterator_train__generator = None

    def infer(self, x: Any, **fit_params: Any) -> Tensor:
        on_cuda = torch.device(self.device).type == "cuda"
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=on_cuda):
            return super().infer(x, **fit_params)

    def run_single_epoch(
        self,
        iterator: Iterable[list[Tensor]] | None,
        training: bool,
        prefix: str,
        step_fn: Callable[..., dict[str, Tensor]],
        **fit_params: Any,
    ) -> None:
        """Take a step with every batch, then read all losses at once."""
        if iterator is None:
            return
        losses = []
        for batch in iterator:
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            losses.append(step["loss"].detach())
            self.history.record_batch(f"{prefix}_batch_size", len(batch[0]))
            self.notify("on_batch_end", batch=batch, training=training, **step)
        self.history.record(f"{prefix}_batch_count", len(losses))
        records = self.history[-1]["batches"][-len(losses) :]
        for record, loss in zip(records, torch.stack(losses).tolist(), strict=True):
            record[f"{prefix}_loss"] = loss

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: unpickled, the net computes on the CPU."""
        return {**super().__getstate__(), "device": "cpu"}


class FiniteLoss(Callback):
    """Ends a training that has diverged."""

    def on_epoch_end(self, net: NeuralNet, **_: Any) -> None:
        loss = net.history[-1, "train_loss"]
        if not math.isfinite(loss):
            raise ValueError(
                f"The training diverged: the loss is {loss} in epoch {net.history[-1, 'epoch']}. "
                f"Lower lr, which is {net.lr:g}, or check X and sample_weight for extreme values."
            )


class ProgressBar(Callback):
    """Shows the epochs done, the time left and the loss."""

    def on_train_begin(self, net: NeuralNet, **_: Any) -> None:
        self.bar_ = progress_bar(desc="Training", total=net.max_epochs, unit="epoch")

    def on_epoch_end(self, net: NeuralNet, **_: Any) -> None:
        self.bar_.set_postfix(loss=f"{net.history[-1, 'train_loss']:.3f}", refresh=False)
        self.bar_.update()

    def on_train_end(self, net: NeuralNet, **_: Any) -> None:
        self.bar_.close()
        # It would be pickled with the model.
        del self.bar_


class AdamW(torch.optim.AdamW):
    """PyTorch's AdamW, without the wrappers that import PyTorch's compiler, which takes seconds."""

    add_param_group = inspect.unwrap(torch.optim.AdamW.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.AdamW.zero_grad)
    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))


class TensorBatches:
    """Iterate over the batches of a TensorDataset, shuffled where a generator is given."""

    def __init__(
        self, dataset: TensorDataset, batch_size: int, generator: torch.Generator | None = None
    ):
        self.dataset = dataset
        self.batch_size = batch_size
        self.generator = generator

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self) -> Iterator[list[Tensor]]:
        order = torch.arange(len(self.dataset))
        if self.generator is not None:
            order = torch.randperm(len(self.dataset), generator=self.generator)
        order = order.to(self.dataset.tensors[0].device)
        for batch in order.chunk(len(self)):
            yield [tensor[batch] for tensor in self.dataset.tensors]


# What a net needs in training and in prediction.
NET_PARAMETERS: dict[str, Any] = {
    "criterion": BranchLoss,
    "iterator_valid": TensorBatches,
    "iterator_valid__batch_size": EVALUATION_BATCH,
    "predict_nonlinearity": ensemble_proba,
}


def predict_proba(net: NeuralNet, x: np.ndarray) -> np.ndarray:
    """Return the class probabilities of standardized samples, in double precision."""
    # skorch unpacks every batch into input and target, even where there is no target.
    dataset = TensorDataset(torch.from_numpy(x), torch.zeros(len(x)))
    probabilities = net.predict_proba(dataset).astype(np.float64)
    return probabilities / probabilities.sum(axis=1, keepdims=True)


def net_to_arrays(net: NeuralNet) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the arguments of the network, which JSON can hold, and its arrays by name."""
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in _tensors(net.module_).items()}
    return net.get_params_for("module"), arrays


@reproducible_torch()
def net_from_arrays(
    settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray], device: str
) -> NeuralNet:
    """Return a net for prediction from what :func:`net_to_arrays` returned, without copying it."""
    # Without memory: hostile settings must not allocate more than the arrays have.
    with torch.device("meta"):
        module = CrossModalNetwork(**settings)
    _set_tensors(module, arrays)
    _check_indices(arrays, settings["columns"])
    return DeviceNet.from_module(
        module,
        settings,
        optimizer=_no_optimizer,
        train_split=None,
        callbacks="disable",
        device=available_device(device),
        **NET_PARAMETERS,
    )


def _no_optimizer(*_: Any, **__: Any) -> None:
    """Prediction needs none, and making one takes time."""


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return dict(chain(module.named_parameters(), module.named_buffers()))


def _set_tensors(module: nn.Module, arrays: Mapping[str, np.ndarray]) -> None:
    expected = _tensors(module)
    if set(expected) != set(arrays):
        unlike = sorted(set(expected) ^ set(arrays))
        raise ValueError(f"the arrays of the network do not match its settings: {unlike[:3]}")
    for name, old in expected.items():
        new = torch.from_numpy(arrays[name])
        path, _, leaf = name.rpartition(".")
        owner = module.get_submodule(path)
        shape = _shape(name, tuple(old.shape), arrays)
        if tuple(new.shape) != shape or new.dtype != old.dtype:
            raise ValueError(
                f"{name} of the network has type {new.dtype} and shape {tuple(new.shape)}, but "
                f"its settings need {old.dtype} and {shape}"
            )
        setattr(owner, leaf, nn.Parameter(new) if isinstance(old, nn.Parameter) else new)


def _shape(name: str, shape: tuple[int, ...], arrays: Mapping[str, np.ndarray]) -> tuple[int, ...]:
    """Return the shape of a tensor, where the numbers of stumps and of patterns are learned."""
    match name:
        case "stumps.columns" | "stumps.modalities" | "stumps.thresholds":
            return (arrays["stumps.columns"].size,)
        case "stumps.weight":
            return (shape[0], arrays["stumps.columns"].size, shape[2])
        case "combiner.patterns":
            return (len(arrays[name]), shape[1])
        case "combiner.weights" | "combiner.prior":
            return (len(arrays["combiner.patterns"]) + 1, shape[1])
    return shape


def _check_indices(arrays: Mapping[str, np.ndarray], columns: list[list[int]]) -> None:
    """Check that indices of a network with these columns of each modality stay within its input."""
    positions = sorted(position for chosen in columns for position in chosen)
    limits = dict.fromkeys(("stumps.columns", "pairs.columns"), positions[-1] + 1)
    limits["stumps.modalities"] = len(columns)
    within = [
        ((arrays[name] >= 0) & (arrays[name] < limit)).all()
        for name, limit in limits.items()
        if name in arrays
    ]
    if positions[0] < 0 or len(set(positions)) < len(positions) or not all(within):
        raise ValueError("the network refers to columns that do not exist")

"""The skorch net: its batches, optimiser and callbacks, apart from what the training decides."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor
from torch.utils.data import TensorDataset

from .._progress import progress_bar

__all__ = [
    "EVALUATION_BATCH",
    "DeviceNet",
    "FiniteLoss",
    "ProgressBar",
    "TensorBatches",
    "predict_proba",
    "resolve_device",
]

# Samples at a time where nothing is trained; bounds the memory that predicting takes.
EVALUATION_BATCH = 256


class DeviceNet(NeuralNet):
    """A net that keeps a GPU busy: in mixed precision, and never waiting for it within an epoch."""

    def infer(self, x: Any, **fit_params: Any) -> Tensor:
        """Return the output of the module for a batch."""
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
        """Take a step with every batch, and then read the losses of all."""
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
        of_batches = self.history[-1]["batches"][-len(losses) :]
        for of_batch, loss in zip(of_batches, torch.stack(losses).tolist(), strict=True):
            of_batch[f"{prefix}_loss"] = loss

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: unpickled, the net computes on the CPU, which is everywhere."""
        return {**super().__getstate__(), "device": "cpu"}


class FiniteLoss(Callback):
    """Stops a training that has diverged."""

    def on_epoch_end(self, net: NeuralNet, **_: Any) -> None:
        """Raise a ValueError if the loss of the epoch is NaN or infinite."""
        loss = net.history[-1, "train_loss"]
        if not math.isfinite(loss):
            raise ValueError(
                f"The training loss is {loss} in epoch {net.history[-1, 'epoch']}: the "
                f"training diverged. Lower lr, which is {net.lr:g}, or look for extreme "
                "values in X or sample_weight."
            )


class ProgressBar(Callback):
    """Shows the epochs done, the time left and the loss."""

    def on_train_begin(self, net: NeuralNet, **_: Any) -> None:
        """Open the bar."""
        self.bar_ = progress_bar(desc="Training", total=net.max_epochs, unit="epoch")

    def on_epoch_end(self, net: NeuralNet, **_: Any) -> None:
        """Move on by an epoch."""
        self.bar_.set_postfix(loss=f"{net.history[-1, 'train_loss']:.3f}", refresh=False)
        self.bar_.update()

    def on_train_end(self, net: NeuralNet, **_: Any) -> None:
        """Close the bar, which is no part of a fitted model."""
        self.bar_.close()
        del self.bar_


class TensorBatches:
    """Iterate over the batches of a TensorDataset, shuffled where a generator is given.

    Slices whole batches out of the tensors; a DataLoader collates them sample by sample, which
    takes longer than a training step of a small network.
    """

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


def predict_proba(net: NeuralNet, x: Tensor) -> np.ndarray:
    """Return the class probabilities of standardised samples, in double precision."""
    # skorch unpacks every batch into input and target, even where there is no target.
    probabilities = net.predict_proba(TensorDataset(x, torch.zeros(len(x)))).astype(np.float64)
    return probabilities / probabilities.sum(axis=1, keepdims=True)


def resolve_device(device: str) -> str:
    """Return the device itself, for "auto" the fastest at hand."""
    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"

"""What training needs beside the network: batches, validation split, callbacks."""

import math
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor
from torch.utils.data import TensorDataset
from tqdm.auto import tqdm

__all__ = [
    "FiniteLoss",
    "PenalisedNet",
    "ProgressBar",
    "TensorBatches",
    "judge",
    "on_cpu",
    "stratified_holdout",
]


class PenalisedNet(NeuralNet):
    """A net that trains on its loss plus the penalty of its module, in mixed precision on CUDA."""

    def infer(self, x: Any, **fit_params: Any) -> Tensor:
        """Return the output of the module for a batch."""
        on_cuda = torch.device(self.device).type == "cuda"
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=on_cuda):
            return super().infer(x, **fit_params)

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Return the loss of a batch."""
        loss = super().get_loss(y_pred, y_true, X=X, training=training)
        return loss + self.module_.penalty() if training else loss


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
        self.bar_ = tqdm(total=net.max_epochs, unit="epoch")

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
        for batch in order.chunk(len(self)):
            yield [tensor[batch] for tensor in self.dataset.tensors]


def on_cpu(net: NeuralNet) -> NeuralNet:
    """Return a copy of a net that computes on the CPU."""
    copy = deepcopy(net)
    copy.device = "cpu"
    copy.module_.to("cpu")
    copy.criterion_.to("cpu")
    # Loading its own state moves an optimiser's moments to where its parameters are.
    copy.optimizer_.load_state_dict(copy.optimizer_.state_dict())
    return copy


def judge(net: NeuralNet, x: Tensor, members: np.ndarray) -> np.ndarray:
    """Return what a trained net says of each sample, by one member each.

    Returns
    -------
    ndarray of shape (n_samples, n_verdicts, n_classes)
        Log-probabilities.
    """
    net.module_.eval()
    batches = zip(x.split(256), torch.as_tensor(members).split(256), strict=True)
    with torch.no_grad():
        judged = [
            net.module_.verdicts(batch.to(net.device)).cpu()[torch.arange(len(batch)), member]
            for batch, member in batches
        ]
    return torch.cat(judged).double().numpy()


def stratified_holdout(
    codes: np.ndarray, fraction: float, random_state: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Split sample positions into training and validation, class by class.

    Every class keeps at least one sample for training, so a class with one sample is trained on
    and not validated.

    Returns
    -------
    training, validation : ndarray of int

    Raises
    ------
    ValueError
        If every class is too small to hold a sample out.
    """
    validation = []
    for code in np.unique(codes):
        members = random_state.permutation(np.flatnonzero(codes == code))
        validation.append(members[: min(round(fraction * len(members)), len(members) - 1)])
    held_out = np.sort(np.concatenate(validation))
    if len(held_out) == 0:
        raise ValueError(
            f"No class has enough samples to hold out {fraction:g} of them for early stopping; the "
            f"largest of the {len(validation)} classes has {np.bincount(codes).max()} samples. "
            "Raise validation_fraction or set early_stopping=False."
        )
    return np.setdiff1d(np.arange(len(codes)), held_out), held_out

"""What training needs beside the network: batches, the validation split, a fixed thread count."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

__all__ = ["TensorBatches", "one_thread", "stratified_holdout"]


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


class _OneThread:
    """Holds PyTorch at one thread while any fit runs, and restores the number after the last."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.before = 1

    def enter(self) -> None:
        with self.lock:
            if self.users == 0:
                self.before = torch.get_num_threads()
            self.users += 1
            torch.set_num_threads(1)

    def leave(self) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                torch.set_num_threads(self.before)


_ONE_THREAD = _OneThread()


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread inside the block.

    The order in which threads add up floats changes their last bits, so this is what makes a fit
    the same inside and outside of a parallel search; it also keeps searches from oversubscribing.
    """
    _ONE_THREAD.enter()
    try:
        yield
    finally:
        _ONE_THREAD.leave()

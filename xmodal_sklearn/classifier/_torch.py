"""The settings of PyTorch under which everything here computes, and its devices."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch


class _ProcessSettings:
    """Settings of the process while any fit runs, also where fits of several threads overlap."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.thread = threading.local()
        self.n_users = 0
        self.n_threads, self.precision = 1, "highest"

    def enter(self) -> None:
        with self.lock:
            n_threads = torch.get_num_threads()
            if self.n_users == 0:
                self.n_threads, self.precision = n_threads, torch.get_float32_matmul_precision()
            depth = getattr(self.thread, "depth", 0)
            if depth == 0:
                # A thread that began during another's fit inherited that fit's single thread.
                inherited = self.n_users > 0 and n_threads == 1
                self.thread.n_threads = self.n_threads if inherited else n_threads
            self.thread.depth = depth + 1
            self.n_users += 1
            torch.set_num_threads(1)
            torch.set_float32_matmul_precision("highest")

    def leave(self) -> None:
        with self.lock:
            self.n_users -= 1
            self.thread.depth -= 1
            if self.thread.depth == 0:
                torch.set_num_threads(self.thread.n_threads)
            if self.n_users == 0:
                torch.set_float32_matmul_precision(self.precision)


_PROCESS_SETTINGS = _ProcessSettings()


@contextmanager
def reproducible_torch() -> Iterator[None]:
    """Compute on one thread, in full precision, with gradients, by default on the CPU.

    The order in which threads add up floats changes their last bits, so one thread is what makes a
    fit the same inside and outside of a parallel search; it also keeps searches from
    oversubscribing. The caller's precision, default device, autocast and modes without gradients
    would change a fit, or end it in an error.
    """
    on_cpu = torch.device("cpu")
    # As a context it makes every operation slower, by a tenth of a fit.
    device = nullcontext() if torch.get_default_device() == on_cpu else on_cpu
    _PROCESS_SETTINGS.enter()
    try:
        with (
            torch.inference_mode(False),
            torch.enable_grad(),
            torch.autocast("cpu", enabled=False),
            device,
        ):
            yield
    finally:
        _PROCESS_SETTINGS.leave()


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


def resolve_device(device: str) -> str:
    """Return the device itself, for "auto" the fastest available one."""
    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def available_device(device: str) -> str:
    """Return the device if this machine has it, otherwise the fastest available one."""
    kind = device.partition(":")[0]
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return resolve_device(device if available.get(kind, True) else "auto")

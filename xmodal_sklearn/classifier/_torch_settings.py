"""The settings under which PyTorch computes here, whatever the caller's are."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

__all__ = ["own_torch_settings"]


class _ProcessSettings:
    """Holds settings of the whole process while any fit runs, and restores them after the last."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.before = (1, torch.float32)

    def enter(self) -> None:
        with self.lock:
            if self.users == 0:
                self.before = torch.get_num_threads(), torch.get_default_dtype()
            self.users += 1
            self._set(1, torch.float32)

    def leave(self) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                self._set(*self.before)

    def _set(self, n_threads: int, dtype: torch.dtype) -> None:
        torch.set_num_threads(n_threads)
        torch.set_default_dtype(dtype)


_PROCESS_SETTINGS = _ProcessSettings()


@contextmanager
def own_torch_settings() -> Iterator[None]:
    """Compute on one thread, in single precision, with gradients, on the CPU unless told otherwise.

    The order in which threads add up floats changes their last bits, so one thread is what makes a
    fit the same inside and outside of a parallel search; it also keeps searches from
    oversubscribing. The caller's default dtype, default device, autocast and modes without
    gradients would change a fit, or end it in an error.
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

"""Parallel tasks under the configuration of scikit-learn of the thread that starts them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import joblib
from joblib.parallel import get_active_backend
from sklearn import config_context, get_config
from sklearn.utils import parallel


def run_parallel(
    function: Callable[..., Any],
    tasks: Iterable[tuple],
    n_jobs: int | None,
    *,
    in_threads: bool = False,
) -> Iterator[Any]:
    """Yield what a function returns for each tuple of arguments, in their order."""
    if in_threads or joblib.effective_n_jobs(n_jobs) == 1 or _has_threads():
        # Not scikit-learn's Parallel, whose change of the warnings' filters mixes up threads.
        require = "sharedmem" if in_threads else None
        threads = joblib.Parallel(n_jobs=n_jobs, require=require, return_as="generator")
        config = get_config()
        return threads(joblib.delayed(_run_under)(config, function, *task) for task in tasks)
    processes = parallel.Parallel(n_jobs=n_jobs, return_as="generator")
    return processes(parallel.delayed(function)(*task) for task in tasks)


def _has_threads() -> bool:
    """Return whether joblib's backend runs tasks in threads of this process."""
    return getattr(get_active_backend()[0], "supports_sharedmem", False)


def _run_under(config: dict[str, Any], function: Callable[..., Any], *arguments: Any) -> Any:
    with config_context(**config):
        return function(*arguments)

"""The options of the network, for the commands that fit one."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from ._cohort import set_signature
from ._options import Attention, Branches, Device, EmbedDim, NEstimators, NHeads, Tokenizer

__all__ = ["network_parameters", "with_network"]


def network_parameters(
    *,
    branches: Branches = "all",
    n_heads: NHeads = 4,
    embed_dim: EmbedDim = 32,
    tokenizer: Tokenizer = "patch",
    attention: Attention = "softmax",
    n_estimators: NEstimators = 8,
    device: Device = "auto",
) -> dict[str, Any]:
    """Return the parameters of :class:`~xmodal_sklearn.CrossModalAttentionClassifier`.

    They have its names and defaults; the branches are separated by commas.
    """
    return {
        "branches": "all" if branches == "all" else [name.strip() for name in branches.split(",")],
        "n_heads": n_heads,
        "embed_dim": embed_dim,
        "tokenizer": tokenizer,
        "attention": attention,
        "n_estimators": n_estimators,
        "device": device,
    }


def with_network(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of :func:`network_parameters` for its parameter ``network``."""
    options = dict(inspect.signature(network_parameters).parameters)

    @wraps(command)
    def gather_and_run(**given: Any) -> None:
        named = {name: given.pop(name) for name in options}
        command(network=network_parameters(**named), **given)

    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        parameters += options.values() if name == "network" else [parameter]
    set_signature(gather_and_run, parameters)
    return gather_and_run

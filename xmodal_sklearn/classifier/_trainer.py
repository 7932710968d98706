"""Training: from samples, columns and settings to a fitted net and its history."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import torch
import xxhash
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score
from sklearn.utils import check_random_state
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochScoring, LRScheduler
from skorch.helper import predefined_split
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import TensorDataset

from .._screening import screen_pairs
from .._warnings import warn
from ._checks import check_callbacks
from ._net import (
    EVALUATION_BATCH,
    DeviceNet,
    FiniteLoss,
    ProgressBar,
    TensorBatches,
)
from ._stacking import assign_holdout_folds, fit_stacking
from ._torch import resolve_device
from .network import BRANCH_KINDS, N_PAIRS, BranchLoss, CrossModalNetwork, ensemble_proba

__all__ = ["Samples", "Settings", "merge_duplicate_samples", "stratified_holdout", "train"]

# A small cohort needs as many steps as a large one, and so more epochs. Chosen with batch size and
# learning rate on simulated cohorts with interactions, where twice as many were worse, and on inner
# folds of TCGA-BRCA and METABRIC, where 250 at 3/5 of the learning rate were no better.
DEFAULT_STEPS = 160
# A bound with early stopping, for trainings that never stop improving.
MAX_STEPS = 2000

Columns = list[list[int]]


# What estimator and network call by the same name.
NETWORK_PARAMETERS = (
    "n_heads",
    "embed_dim",
    "tokenizer",
    "attention",
    "enrichment",
    "hidden_dim",
    "dropout",
    "token_dropout",
)


class Settings(SimpleNamespace):
    """The estimator's parameters, under their names."""

    @property
    def branch_kinds(self) -> tuple[str, ...]:
        return BRANCH_KINDS if isinstance(self.branches, str) else tuple(self.branches)


@dataclass(frozen=True)
class Samples:
    """Samples to train on."""

    x: Tensor
    codes: np.ndarray
    target: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, positions: np.ndarray) -> "Samples":
        return Samples(self.x[positions], self.codes[positions], self.target[positions])

    def present(self, columns: Columns) -> np.ndarray:
        """Return which samples have each modality, ``(samples, modalities)``."""
        first = [positions[0] for positions in columns]
        return ~self.x[:, first].isnan().numpy()


def train(
    samples: Samples,
    columns: Columns,
    settings: Settings,
    start: dict[str, Tensor] | None = None,
) -> tuple[NeuralNet, pd.DataFrame]:
    """Return a net fitted to samples, and its history with a row per epoch."""
    random_state = check_random_state(settings.random_state)
    seed = int(random_state.randint(np.iinfo(np.int32).max))
    held_out = None
    if settings.early_stopping:
        training, validation = stratified_holdout(
            samples.codes, settings.validation_fraction, random_state
        )
        held_out = _as_dataset(samples.take(validation), settings)
        samples = samples.take(training)
    held_out_by = assign_holdout_folds(samples.codes, settings.n_estimators, random_state)
    max_epochs = settings.max_epochs or _default_epochs(len(samples), settings)
    schedule = _schedule(len(samples), max_epochs, settings)
    net = _make_net(seed, samples, columns, settings, max_epochs, schedule, held_out)
    net.initialize()
    if start is not None:
        net.module_.load_state_dict(start)
    dataset = _as_dataset(samples, settings, held_out_by)
    pairs = _choose_pairs(samples, columns, settings, held_out_by)
    # All at once, or a GPU would wait for the copy of every batch.
    dataset = TensorDataset(*(tensor.to(net.device) for tensor in dataset.tensors))
    net.module_.solve(*dataset.tensors, [chosen.to(net.device) for chosen in pairs])
    _run(net, dataset)
    stacking = fit_stacking(net, samples.x, samples.present(columns), samples.target, held_out_by)
    if stacking is not None:
        patterns, weights, prior = (torch.as_tensor(part).to(net.device) for part in stacking)
        net.module_.set_stacking(patterns, weights.float(), prior.float())
    history = _history_frame(net.history)
    # A fitted model holds neither samples nor what only training needs.
    net.trim_for_prediction()
    if settings.early_stopping and len(history) == max_epochs:
        warn(
            f"Early stopping did not end the training within max_epochs={max_epochs}. "
            "Raise max_epochs or lr.",
            ConvergenceWarning,
        )
    return net, history


def _run(net: NeuralNet, dataset: TensorDataset) -> None:
    try:
        net.partial_fit(dataset)
    except KeyError as error:
        if "history" not in str(error):
            raise
        # skorch's message on a callback that monitors what is not recorded.
        recorded = [name for name in net.history[-1] if name != "batches"]
        raise ValueError(
            f"A callback monitors a quantity that training does not record: {error.args[0]} "
            f"Recorded are {recorded}."
        ) from error


def _make_net(
    seed: int,
    samples: Samples,
    columns: Columns,
    settings: Settings,
    max_epochs: int,
    schedule: list[Callback],
    held_out: TensorDataset | None = None,
) -> NeuralNet:
    check_callbacks(settings.callbacks, held_out=held_out is not None)
    own: list[Callback] = [FiniteLoss()]
    if settings.verbose:
        own.append(ProgressBar())
    return DeviceNet(
        CrossModalNetwork,
        module__columns=columns,
        module__n_classes=samples.target.shape[1],
        module__n_members=settings.n_estimators,
        module__branches=settings.branch_kinds,
        module__seed=seed,
        **{f"module__{name}": getattr(settings, name) for name in NETWORK_PARAMETERS},
        criterion=BranchLoss,
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        optimizer__weight_decay=settings.weight_decay,
        lr=settings.lr,
        max_epochs=max_epochs,
        batch_size=settings.batch_size,
        iterator_train=TensorBatches,
        iterator_train__generator=torch.Generator().manual_seed(seed),
        iterator_valid=TensorBatches,
        iterator_valid__batch_size=EVALUATION_BATCH,
        predict_nonlinearity=ensemble_proba,
        train_split=None if held_out is None else predefined_split(held_out),
        callbacks=[*schedule, *own, *(settings.callbacks or [])],
        callbacks__print_log=None,
        device=resolve_device(settings.device),
        verbose=0,
    )


def _choose_pairs(
    samples: Samples, columns: Columns, settings: Settings, held_out_by: np.ndarray
) -> list[Tensor]:
    """Return the pairs of columns that each member multiplies, none without that branch."""
    n_members = settings.n_estimators
    if "pairs" not in settings.branch_kinds:
        return [torch.empty(0, 2, dtype=torch.long)] * n_members
    values = samples.x.numpy()
    chosen = screen_pairs(values, columns, samples.target, held_out_by, n_members, N_PAIRS)
    # In the order of columns, because that of strengths depends on NumPy's number of threads.
    ordered = (pairs[np.lexsort(pairs.T[::-1])] for pairs in chosen)
    return [torch.as_tensor(pairs) for pairs in ordered]


def _as_dataset(
    samples: Samples, settings: Settings, held_out_by: np.ndarray | None = None
) -> TensorDataset:
    """Return samples and targets, ``(samples, members, classes)``, zero where held out."""
    target = np.repeat(samples.target[:, None], settings.n_estimators, axis=1)
    if held_out_by is not None:
        target[held_out_by[:, None] == np.arange(settings.n_estimators)] = 0
    return TensorDataset(samples.x, torch.as_tensor(target, dtype=torch.float32))


def _schedule(n_training: int, max_epochs: int, settings: Settings) -> list[Callback]:
    if settings.early_stopping:
        return [
            EpochScoring(_macro_f1, lower_is_better=False, name="valid_score"),
            EarlyStopping(patience=settings.patience, load_best=True),
        ]
    n_steps = max_epochs * _steps_per_epoch(n_training, settings)
    return [LRScheduler(CosineAnnealingLR, T_max=n_steps, step_every="batch")]


def _default_epochs(n_training: int, settings: Settings) -> int:
    n_steps = MAX_STEPS if settings.early_stopping else DEFAULT_STEPS
    return -(-n_steps // _steps_per_epoch(n_training, settings))


def _steps_per_epoch(n_training: int, settings: Settings) -> int:
    return -(-n_training // settings.batch_size)


def _macro_f1(net: NeuralNet, dataset: TensorDataset, target: np.ndarray) -> float:
    predicted = net.predict_proba(dataset).argmax(axis=1)
    return float(f1_score(np.argmax(target[:, 0], axis=1), predicted, average="macro"))


def _history_frame(history: Any) -> pd.DataFrame:
    recorded = ("epoch", "train_loss", "valid_loss", "valid_score", "dur")
    columns = [column for column in recorded if column in history[-1]]
    return pd.DataFrame(history[:, columns], columns=columns).rename(columns={"dur": "seconds"})


def stratified_holdout(
    codes: np.ndarray, fraction: float, random_state: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Split sample positions into training and validation, class by class."""
    validation = []
    for code in np.unique(codes):
        samples = random_state.permutation(np.flatnonzero(codes == code))
        validation.append(samples[: min(round(fraction * len(samples)), len(samples) - 1)])
    held_out = np.sort(np.concatenate(validation))
    if len(held_out) == 0:
        raise ValueError(
            f"No class has enough samples to hold out {fraction:g} of them for early stopping; the "
            f"largest of the {len(validation)} classes has {np.bincount(codes).max()} samples. "
            "Raise validation_fraction or set early_stopping=False."
        )
    return np.setdiff1d(np.arange(len(codes)), held_out), held_out


def merge_duplicate_samples(
    values: np.ndarray, codes: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Merge samples with the same values and class into one of their summed weight."""
    keys = [
        (code, xxhash.xxh3_128_digest(row.tobytes()))
        for code, row in zip(codes.tolist(), values, strict=True)
    ]
    first: dict[tuple[int, bytes], int] = {}
    original = np.array([first.setdefault(key, position) for position, key in enumerate(keys)])
    duplicates = np.flatnonzero(original != np.arange(len(codes)))
    whole = (np.nan_to_num(values[duplicates]) % 1 == 0).all(axis=1)
    original[duplicates[whole]] = duplicates[whole]
    summed = np.bincount(original, weights, minlength=len(codes))
    kept = np.flatnonzero(summed)
    if (summed[kept] != summed[kept[0]]).any():
        kept = np.array(sorted(kept.tolist(), key=lambda row: (keys[row], summed[row])))
    return kept, summed[kept]

"""Training: from samples, columns and settings to a fitted net and its history."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
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
    resolve_device,
)
from ._stacking import assign_holdout_folds, fit_combiner
from .network import BRANCH_KINDS, N_PAIRS, BranchLoss, CrossModalNetwork, ensemble_proba

__all__ = ["Samples", "Settings", "stratified_holdout", "train"]

# A small cohort needs as many steps as a large one, and so more epochs. Chosen with batch size and
# learning rate on simulated cohorts with interactions, where twice as many were worse, and on inner
# folds of TCGA-BRCA and METABRIC, where 250 at 3/5 of the learning rate were no better.
DEFAULT_STEPS = 160
# With early stopping, which decides itself; a bound for trainings that never stop improving.
MAX_STEPS = 2000

Columns = list[list[int]]


@dataclass(frozen=True)
class Settings:
    """The estimator's parameters that training and the network depend on, under their names."""

    branches: str | Sequence[str]
    n_heads: int
    embed_dim: int
    tokenizer: str
    attention: str
    enrichment: str
    n_estimators: int
    hidden_dim: int
    dropout: float
    token_dropout: float
    lr: float
    weight_decay: float
    batch_size: int
    max_epochs: int | None
    early_stopping: bool
    validation_fraction: float
    patience: int
    device: str
    random_state: Any
    callbacks: list | None
    verbose: int

    def branch_kinds(self) -> tuple[str, ...]:
        """Return the kinds of branches that are asked for."""
        return BRANCH_KINDS if isinstance(self.branches, str) else tuple(self.branches)


@dataclass(frozen=True)
class Samples:
    """Samples to train on.

    Attributes
    ----------
    x : Tensor of shape (n_samples, n_features)
        Standardised, NaN in absent modalities.
    codes : ndarray of int of shape (n_samples,)
        Numbers of the classes.
    target : ndarray of shape (n_samples, n_classes)
        One-hot classes times the weights of class and sample.
    """

    x: Tensor
    codes: np.ndarray
    target: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, positions: np.ndarray) -> "Samples":
        """Return some of the samples."""
        return Samples(self.x[positions], self.codes[positions], self.target[positions])

    def present(self, columns: Columns) -> np.ndarray:
        """Tell which samples have each modality."""
        first = [positions[0] for positions in columns]
        return ~self.x[:, first].isnan().numpy()


def train(
    samples: Samples,
    columns: Columns,
    settings: Settings,
    start: dict[str, Tensor] | None = None,
) -> tuple[NeuralNet, pd.DataFrame]:
    """Train to the end.

    Parameters
    ----------
    samples : Samples
        Training samples, some of which early stopping holds out.
    columns : list of list of int
        Columns of each modality, the primary one first.
    settings : Settings
        Of the network and its training.
    start : dict of str to Tensor, default=None
        State of the network to begin with; None begins anew.

    Returns
    -------
    net : NeuralNet
        The fitted net.
    history : DataFrame
        One row per epoch.
    """
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
    # The whole training takes place there; of batches copied one by one a GPU would wait for each.
    dataset = TensorDataset(*(tensor.to(net.device) for tensor in dataset.tensors))
    net.module_.solve(*dataset.tensors, [chosen.to(net.device) for chosen in pairs])
    _go_on(net, dataset)
    combiner = fit_combiner(net, samples.x, samples.present(columns), samples.target, held_out_by)
    if combiner is not None:
        net.module_.combiner = combiner
    history = _history_frame(net.history)
    # A fitted model carries neither patients nor what only training needs, the optimiser above all.
    net.trim_for_prediction()
    if settings.early_stopping and len(history) == max_epochs:
        warn(
            f"Early stopping did not stop the training within max_epochs={max_epochs}. "
            "Raise max_epochs or lr.",
            ConvergenceWarning,
        )
    return net, history


def _go_on(net: NeuralNet, dataset: TensorDataset) -> None:
    """Train a net for its number of epochs."""
    try:
        net.partial_fit(dataset)
    except KeyError as error:
        if "history" not in str(error):
            raise
        # skorch's words for a callback that monitors what nobody records.
        recorded = [name for name in net.history[-1] if name != "batches"]
        raise ValueError(
            f"A callback asks for what training does not record: {error.args[0]} Recorded are "
            f"{recorded}."
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
    watch: list[Callback] = [FiniteLoss()]
    if settings.verbose:
        watch.append(ProgressBar())
    return DeviceNet(
        CrossModalNetwork,
        module__columns=columns,
        module__n_classes=samples.target.shape[1],
        module__n_members=settings.n_estimators,
        module__tokenizer=settings.tokenizer,
        module__embed_dim=settings.embed_dim,
        module__n_heads=settings.n_heads,
        module__attention=settings.attention,
        module__enrichment=settings.enrichment,
        module__hidden_dim=settings.hidden_dim,
        module__dropout=settings.dropout,
        module__token_dropout=settings.token_dropout,
        module__seed=seed,
        module__kinds=settings.branch_kinds(),
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
        callbacks=[*schedule, *watch, *(settings.callbacks or [])],
        callbacks__print_log=None,
        device=resolve_device(settings.device),
        verbose=0,
    )


def _choose_pairs(
    samples: Samples, columns: Columns, settings: Settings, held_out_by: np.ndarray
) -> list[Tensor]:
    """Return the pairs of columns that each member multiplies, none without that branch."""
    n_members = settings.n_estimators
    if "pairs" not in settings.branch_kinds():
        return [torch.empty(0, 2, dtype=torch.long)] * n_members
    values = samples.x.numpy()
    chosen = screen_pairs(values, columns, samples.target, held_out_by, n_members, N_PAIRS)
    # In the order of columns: that of strengths would hang on how many threads NumPy takes.
    ordered = (pairs[np.lexsort(pairs.T[::-1])] for pairs in chosen)
    return [torch.as_tensor(pairs) for pairs in ordered]


def _as_dataset(
    samples: Samples, settings: Settings, held_out_by: np.ndarray | None = None
) -> TensorDataset:
    """Return the samples and their targets for each member, zero where it holds them out."""
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

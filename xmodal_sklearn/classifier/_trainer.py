"""Training: from samples, columns and settings to a fitted net and its history."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
import xxhash
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score
from sklearn.utils import check_random_state, compute_class_weight
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochScoring, LRScheduler
from skorch.helper import predefined_split
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import TensorDataset

from .._screening import screen_pairs
from .._suggestions import did_you_mean
from .._warnings import warn
from ._net import NET_PARAMETERS, AdamW, DeviceNet, FiniteLoss, ProgressBar, TensorBatches
from ._stacking import (
    MIN_HOLDOUT_FOLDS,
    StackingWeights,
    assign_holdout_folds,
    fit_stacking_weights,
    initial_stacking,
    out_of_fold_log_proba,
)
from ._stumps import fit_stumps
from ._torch import check_device, resolve_device
from .network import (
    BRANCH_KINDS,
    N_PAIRS,
    TRAINED_KINDS,
    Branch,
    CrossModalNetwork,
    list_branches,
)

# A small cohort needs as many steps as a large one, and so more epochs. Chosen with batch size and
# learning rate on simulated cohorts with interactions, where twice as many were worse, and on inner
# folds of TCGA-BRCA and METABRIC, where 250 at 3/5 of the learning rate were no better.
DEFAULT_STEPS = 160
# A bound with early stopping, for trainings that never stop improving.
MAX_STEPS = 2000

# Parameters that classifier and network call by the same name.
ENCODER_PARAMETERS = ("n_heads", "embed_dim", "tokenizer", "attention", "enrichment")
NETWORK_PARAMETERS = (*ENCODER_PARAMETERS, "hidden_dim", "dropout", "token_dropout")


@dataclass(frozen=True)
class Samples:
    """Samples to train on; ``rows`` are their positions in X, ``columns`` those of modalities."""

    x: Tensor
    codes: np.ndarray
    weights: np.ndarray
    class_weights: np.ndarray
    rows: np.ndarray
    columns: list[list[int]]

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, positions: np.ndarray) -> "Samples":
        return Samples(
            self.x[positions],
            self.codes[positions],
            self.weights[positions],
            self.class_weights,
            self.rows[positions],
            self.columns,
        )

    def keep_modalities(self, rows: np.ndarray, pattern: np.ndarray) -> Tensor:
        """Return x of some samples as if they lacked the modalities that are not in the pattern."""
        x = self.x[rows]
        for positions, kept in zip(self.columns, pattern, strict=True):
            if not kept:
                x[..., positions] = torch.nan
        return x

    @property
    def target(self) -> np.ndarray:
        """Return the target of training, ``(samples, classes)``: the weight, times the class's."""
        return np.diag(self.class_weights)[self.codes] * self.weights[:, None]

    @property
    def frequencies(self) -> np.ndarray:
        """Return the target of probabilities: as for training, but all classes weigh the same."""
        return np.diag(self.class_weights > 0)[self.codes] * self.weights[:, None]

    @property
    def present(self) -> np.ndarray:
        """Return which samples have each modality, ``(samples, modalities)``."""
        first = [positions[0] for positions in self.columns]
        return ~self.x[:, first].isnan().numpy()


def train(
    samples: Samples,
    settings: Any,
    start: dict[str, Tensor] | None = None,
    select: Callable[[np.ndarray], Samples] | None = None,
) -> tuple[NeuralNet, pd.DataFrame]:
    """Return a net fitted to samples, and its history with a row per epoch.

    `settings` has the parameters of the classifier as attributes. If the features were selected,
    ``select(positions)`` returns all samples with the features that those at some positions select.
    """
    random_state = check_random_state(settings.random_state)
    seed = int(random_state.randint(np.iinfo(np.int32).max))
    held_out, history, stacking, max_epochs = None, None, None, settings.max_epochs
    check_callbacks(settings.callbacks, held_out=settings.early_stopping)
    kinds, callbacks = _branch_kinds(settings), settings.callbacks
    n_weighted = len(list_branches(len(samples.columns), kinds)) * settings.n_estimators
    # A single branch of a single network has no weight to learn.
    if select is not None and (n_weighted > 1 or settings.early_stopping):
        stacking, history, max_epochs = _train_nested(samples, settings, select, seed, random_state)
        # Callbacks see the training that early stopping watches.
        callbacks = None if settings.early_stopping else callbacks
    elif settings.early_stopping:
        training, validation = stratified_holdout(
            samples.codes, settings.validation_fraction, random_state
        )
        held_out = _as_dataset(samples.take(validation), settings.n_estimators)
        samples = samples.take(training)
    held_out_by = assign_holdout_folds(samples.codes, settings.n_estimators, random_state)
    net = _make_net(
        seed, samples, settings, settings.n_estimators, kinds, callbacks, held_out, max_epochs
    )
    if start is not None:
        net.module_.load_state_dict(start)
    dataset = _as_dataset(samples, settings.n_estimators, held_out_by)
    _solve(net.module_, samples, dataset.tensors[1], held_out_by, seed, net.device)
    _run(net, dataset)
    if stacking is None:
        stacking = _fit_stacking(net, samples, held_out_by)
    patterns, weights, prior = (torch.as_tensor(part).to(net.device) for part in stacking)
    net.module_.set_stacking(patterns, weights.float(), prior.float())
    if history is None:
        history = _history_of(net, settings)
    # A fitted model holds neither samples nor what only training needs.
    net.trim_for_prediction()
    return net, history


def _fit_stacking(net: NeuralNet, samples: Samples, held_out_by: np.ndarray) -> StackingWeights:
    """Fit the weights of a net's branches to the samples that its members held out, if any."""
    module = net.module_
    start = initial_stacking(module.branches, samples.class_weights)
    rows = np.flatnonzero(samples.frequencies.any(axis=1) & (held_out_by < module.n_members))
    held_out, members = samples.take(rows), held_out_by[rows]
    if len(held_out) == 0:
        prior = start[len(module.branches) :]
        return StackingWeights(held_out.present, module.combiner.weights.cpu().numpy(), prior[None])

    def predict(positions: np.ndarray, pattern: np.ndarray) -> np.ndarray:
        x = held_out.keep_modalities(positions, pattern)
        return out_of_fold_log_proba(net, x, members[positions])

    return fit_stacking_weights(predict, held_out.present, held_out.frequencies, start)


def _train_nested(
    samples: Samples,
    settings: Any,
    select: Callable[[np.ndarray], Samples],
    seed: int,
    random_state: np.random.RandomState,
) -> tuple[StackingWeights, pd.DataFrame | None, int | None]:
    """Return stacking weights, and history and epochs of early stopping, of nested selections.

    They are learned from samples that had no part in selecting features either: in each fold, a
    network is trained on the features that the other folds select, and thrown away.
    """
    fold_of = assign_holdout_folds(samples.codes, MIN_HOLDOUT_FOLDS, random_state)
    folds = [select(np.flatnonzero(fold_of != fold)) for fold in range(MIN_HOLDOUT_FOLDS)]
    together = _stack_features(folds)
    kinds = _branch_kinds(settings)
    trained = [kind for kind in kinds if kind in TRAINED_KINDS]
    dataset = _as_dataset(together, len(folds), fold_of)
    target = dataset.tensors[1]
    held_out = callbacks = None
    if settings.early_stopping:
        callbacks = settings.callbacks
        held_out = TensorDataset(together.x, _as_dataset(samples, len(folds)).tensors[1] - target)
    net = _make_net(
        seed, together, settings, len(folds), trained, callbacks, held_out, settings.max_epochs
    )
    _run(net, dataset)
    branches = list_branches(len(samples.columns), kinds)
    solved_kinds = [kind for kind in kinds if kind not in TRAINED_KINDS]
    solved_nets = []
    for fold, fold_samples in enumerate(folds):
        if list_branches(len(samples.columns), solved_kinds):
            solved = _make_net(seed, fold_samples, settings, 1, solved_kinds)
            others = np.where(fold_of == fold, 0, 1)
            _solve(solved.module_, fold_samples, target[:, [fold]], others, seed, net.device)
            solved_nets.append(solved)

    def positions_of(net: NeuralNet) -> list[int]:
        return [branches.index(branch) for branch in net.module_.branches]

    def predict(rows: np.ndarray, pattern: np.ndarray) -> np.ndarray:
        log_proba = np.zeros((len(rows), len(branches), len(samples.class_weights)))
        x = together.keep_modalities(rows, pattern)
        log_proba[:, positions_of(net)] = out_of_fold_log_proba(net, x, fold_of[rows])
        for fold, solved in enumerate(solved_nets):
            positions = np.flatnonzero(fold_of[rows] == fold)
            x = folds[fold].keep_modalities(rows[positions], pattern)
            solved_log_proba = out_of_fold_log_proba(solved, x, np.zeros_like(positions))
            log_proba[positions[:, None], positions_of(solved)] = solved_log_proba
        return log_proba

    start = initial_stacking(branches, samples.class_weights)
    stacking = fit_stacking_weights(predict, samples.present, samples.frequencies, start)
    if not settings.early_stopping:
        return stacking, None, settings.max_epochs
    history = _history_of(net, settings)
    return stacking, history, int(history["epoch"][history["valid_loss"].argmin()])


def _stack_features(folds: Sequence[Samples]) -> Samples:
    """Return samples with the features of each fold, ``(samples, folds, features)``."""
    # Categorical features have as many columns as categories, so that folds can differ.
    widths = np.max([[len(positions) for positions in fold.columns] for fold in folds], axis=0)
    stops = np.cumsum(widths)
    x = torch.zeros(len(folds[0]), len(folds), stops[-1], dtype=torch.float32)
    for index, fold in enumerate(folds):
        for positions, stop, width in zip(fold.columns, stops, widths, strict=True):
            start = stop - width
            x[:, index, start : start + len(positions)] = fold.x[:, positions]
    columns = [list(range(stop - width, stop)) for stop, width in zip(stops, widths, strict=True)]
    return replace(folds[0], x=x, columns=columns)


def _solve(
    module: CrossModalNetwork,
    samples: Samples,
    target: Tensor,
    held_out_by: np.ndarray,
    seed: int,
    device: str,
) -> None:
    """Fit the branches that are not trained."""
    if Branch("stumps") in module.branches:
        stumps = fit_stumps(samples.x.numpy(), target.numpy(), seed)
        module.set_stumps(*(torch.as_tensor(part).to(device) for part in stumps))
    pairs = _choose_pairs(module, samples, held_out_by)
    module.solve(samples.x.to(device), target.to(device), [chosen.to(device) for chosen in pairs])


def _make_net(
    seed: int,
    samples: Samples,
    settings: Any,
    n_members: int,
    kinds: Sequence[str],
    callbacks: Sequence | None = None,
    held_out: TensorDataset | None = None,
    max_epochs: int | None = None,
) -> NeuralNet:
    steps_per_epoch = -(-len(samples) // settings.batch_size)
    n_steps = MAX_STEPS if settings.early_stopping else DEFAULT_STEPS
    max_epochs = max_epochs or -(-n_steps // steps_per_epoch)
    progress = [ProgressBar()] if settings.verbose else []
    return DeviceNet(
        CrossModalNetwork,
        module__columns=samples.columns,
        module__n_classes=len(samples.class_weights),
        module__n_members=n_members,
        module__branches=kinds,
        module__seed=seed,
        **{f"module__{name}": getattr(settings, name) for name in NETWORK_PARAMETERS},
        optimizer=AdamW,
        optimizer__fused=True,
        optimizer__weight_decay=settings.weight_decay,
        lr=settings.lr,
        max_epochs=max_epochs,
        batch_size=settings.batch_size,
        iterator_train=TensorBatches,
        iterator_train__generator=torch.Generator().manual_seed(seed),
        train_split=None if held_out is None else predefined_split(held_out),
        callbacks=[
            *_schedule(max_epochs * steps_per_epoch, settings, stop=held_out is not None),
            FiniteLoss(),
            *progress,
            *(callbacks or []),
        ],
        callbacks__print_log=None,
        device=resolve_device(settings.device),
        verbose=0,
        **NET_PARAMETERS,
    ).initialize()


def _schedule(n_steps: int, settings: Any, *, stop: bool) -> list[Callback]:
    if settings.early_stopping and not stop:
        return []
    if stop:
        return [
            EpochScoring(_macro_f1, lower_is_better=False, name="valid_score"),
            EarlyStopping(patience=settings.patience, load_best=True),
        ]
    return [LRScheduler(CosineAnnealingLR, T_max=n_steps, step_every="batch")]


def _run(net: NeuralNet, dataset: TensorDataset) -> None:
    # All at once, or a GPU would wait for the copy of every batch.
    dataset = TensorDataset(*(tensor.to(net.device) for tensor in dataset.tensors))
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


def _branch_kinds(settings: Any) -> tuple[str, ...]:
    return BRANCH_KINDS if isinstance(settings.branches, str) else tuple(settings.branches)


def _choose_pairs(
    module: CrossModalNetwork, samples: Samples, held_out_by: np.ndarray
) -> list[Tensor]:
    """Return the pairs of columns that each member multiplies, none without that branch."""
    if Branch("pairs") not in module.branches:
        return [torch.empty(0, 2, dtype=torch.long)] * module.n_members
    chosen = screen_pairs(
        samples.x.numpy(),
        samples.columns,
        samples.target,
        held_out_by,
        module.n_members,
        N_PAIRS,
    )
    # In the order of columns, because that of strengths depends on NumPy's number of threads.
    ordered = (pairs[np.lexsort(pairs.T[::-1])] for pairs in chosen)
    return [torch.as_tensor(pairs) for pairs in ordered]


def _as_dataset(
    samples: Samples, n_members: int, held_out_by: np.ndarray | None = None
) -> TensorDataset:
    """Return samples and targets, ``(samples, members, classes)``, zero where held out."""
    target = np.repeat(samples.target[:, None], n_members, axis=1)
    if held_out_by is not None:
        target[held_out_by[:, None] == np.arange(n_members)] = 0
    return TensorDataset(samples.x, torch.as_tensor(target, dtype=torch.float32))


def _macro_f1(net: NeuralNet, dataset: TensorDataset, target: np.ndarray) -> float:
    # Of members that hold a sample out.
    proba = net.forward(dataset).exp().squeeze(2).cpu().numpy()
    predicted = (proba * target.any(axis=2, keepdims=True)).sum(axis=1).argmax(axis=1)
    return float(f1_score(target.sum(axis=1).argmax(axis=1), predicted, average="macro"))


def _history_of(net: NeuralNet, settings: Any) -> pd.DataFrame:
    """Return a row per epoch; warn if early stopping did not end the training."""
    recorded = ("epoch", "train_loss", "valid_loss", "valid_score", "dur")
    columns = [column for column in recorded if column in net.history[-1]]
    if settings.early_stopping and len(net.history) == net.max_epochs:
        warn(
            f"Early stopping did not end the training within max_epochs={net.max_epochs}. "
            "Raise max_epochs or lr.",
            ConvergenceWarning,
        )
    history = pd.DataFrame(net.history[:, columns], columns=columns)
    return history.rename(columns={"dur": "seconds"})


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


def class_weights(class_weight: Any, classes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the weights of the classes, given their frequencies."""
    if class_weight is None or isinstance(class_weight, Mapping):
        # y serves only to check the classes of a dict, whose values may be of any size.
        weights = compute_class_weight(class_weight, classes=classes, y=classes)
        return weights / (weights.max() or 1)
    inverse = counts.sum() / np.maximum(counts, 1) / len(counts)
    return inverse if class_weight == "balanced" else np.sqrt(inverse)


def merge_duplicate_samples(
    values: np.ndarray, codes: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Merge samples with the same values and class into one of their summed weight."""
    first: dict[tuple[int, bytes], int] = {}
    original = np.array(
        [
            first.setdefault((code, xxhash.xxh3_128_digest(row.tobytes())), position)
            for position, (code, row) in enumerate(zip(codes.tolist(), values, strict=True))
        ]
    )
    duplicates = np.flatnonzero(original != np.arange(len(codes)))
    whole = (np.nan_to_num(values[duplicates]) % 1 == 0).all(axis=1)
    original[duplicates[whole]] = duplicates[whole]
    summed = np.bincount(original, weights, minlength=len(codes))
    kept = np.flatnonzero(summed)
    if (summed[kept] != summed[kept[0]]).any():
        kept = kept[_order_of_values(values, kept, codes[kept], summed[kept])]
    return kept, summed[kept]


def _order_of_values(
    values: np.ndarray, rows: np.ndarray, codes: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return the lexicographic order of rows, which neither their order nor a scale changes."""
    group = codes
    for column in values.T:
        if group.max() == len(rows) - 1:
            break
        ranks = np.unique(column[rows], return_inverse=True)[1]  # NaN last
        group = np.unique(group * len(rows) + ranks, return_inverse=True)[1]
    return np.lexsort((weights, group))


def check_settings(settings: Any) -> None:
    """Raise a ValueError for branches, embedding or device that can't be used."""
    _check_branches(settings.branches)
    if settings.embed_dim % settings.n_heads:
        raise ValueError(
            f"embed_dim must be a multiple of n_heads, got embed_dim={settings.embed_dim} and "
            f"n_heads={settings.n_heads}."
        )
    check_device(settings.device)


def _check_branches(branches: str | Sequence[str]) -> None:
    """Raise a ValueError for unknown or repeated branches, or none that is trained."""
    if isinstance(branches, str):
        return
    unknown = [kind for kind in branches if kind not in BRANCH_KINDS]
    if unknown or len(set(branches)) < len(branches):
        suggested = did_you_mean(unknown[0], BRANCH_KINDS) if unknown else "."
        raise ValueError(
            f'branches must be "all" or a list of some of {list(BRANCH_KINDS)}, each once, got '
            f"{branches!r}{suggested}"
        )
    if not set(branches) & set(TRAINED_KINDS):
        raise ValueError(
            f"branches must contain at least one of {list(TRAINED_KINDS)}, which are trained, got "
            f"{branches!r}."
        )


def check_classes(classes: np.ndarray, y: np.ndarray) -> None:
    """Raise a ValueError for fewer than two classes, or others than those of the first fit."""
    if len(classes) < 2:
        raise ValueError(
            f"y has only one class, {classes.tolist()[0]!r}; a classifier needs samples of at "
            "least two classes."
        )
    labels = np.unique(y)
    if not np.array_equal(labels, classes):
        raise ValueError(
            f"warm_start=True needs the classes of the first fit, {classes.tolist()}, but y has "
            f"{labels.tolist()}. Set warm_start=False to start over."
        )


def check_callbacks(callbacks: Sequence | None, *, held_out: bool) -> None:
    """Raise a ValueError for other objects, or callbacks that monitor samples not held out."""
    for entry in callbacks or ():
        callback = entry[1] if isinstance(entry, tuple) and len(entry) == 2 else entry
        if isinstance(callback, type) and issubclass(callback, Callback):
            callback = callback()
        if not isinstance(callback, Callback):
            raise ValueError(f"callbacks must be skorch callbacks, got {entry!r}.")
        monitor = getattr(callback, "monitor", None)
        if isinstance(monitor, str) and monitor.startswith("valid") and not held_out:
            raise ValueError(
                f"The callback {type(callback).__name__} monitors {monitor!r}, but no samples are "
                "held out to measure it. Set early_stopping=True, which holds out "
                "validation_fraction of the samples, or monitor 'train_loss'."
            )

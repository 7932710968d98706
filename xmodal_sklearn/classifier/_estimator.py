"""Classifying multi-omics samples by cross-modal attention."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_random_state, compute_class_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochScoring, LRScheduler
from skorch.helper import predefined_split
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import TensorDataset

from .._base import ProbabilityClassifierMixin
from ..modalities._columns import Modalities, resolve_modalities
from ..modalities._validation import modality_blocks, modality_presence, validate_table
from ._net import (
    FiniteLoss,
    PenalisedNet,
    ProgressBar,
    TensorBatches,
    judge,
    on_cpu,
    stratified_holdout,
)
from ._stacking import assign_members, fit_trust
from ._threads import one_thread
from .network import CrossModalNetwork, Trust, VerdictLoss, average_members

__all__ = ["CrossModalAttentionClassifier"]

# A small cohort needs as many steps as a large one, and so more epochs.
N_STEPS = 500
MOST_STEPS = 2000
# The linear and bent verdicts start at zero and have a ridge penalty of their own.
LINEAR_LR = 10
RIDGE = 0.1


class CrossModalAttentionClassifier(ProbabilityClassifierMixin, BaseEstimator):
    r"""Classify samples by letting one modality attend to the others.

    Every modality becomes a sequence of tokens in one embedding space. The tokens of the primary
    modality, usually expression, are enriched by multi-head attention over the tokens of each
    other modality, flattened, and classified by a residual network [1]_. A modality on its own
    attends to itself. Plainer verdicts, of all modalities by a linear map, a bent one or shrunken
    centroids and of each alone, are given beside it, and each is trusted as far as it holds for
    patients left out in training. `n_estimators` such networks train together, and their
    probabilities are averaged.

    Parameters
    ----------
    modalities : dict of str to columns, default=None
        The columns of each modality, as :class:`~sklearn.compose.ColumnTransformer` takes them
        (names, positions, slice, boolean mask or callable); each column must belong to exactly
        one. None reads the modalities from column names of the form ``modality__feature`` or
        from two-level columns (modality, feature); unnamed columns are one modality.
    primary : str, default=None
        The modality whose tokens are enriched and classified. None means the first.
    n_heads : int, default=4
        Attention heads; must divide `embed_dim`.
    embed_dim : int, default=32
        Width of the embedding space.
    tokenizer : {"patch", "feature"}, default="patch"
        What a token stands for. ``"feature"`` makes every feature a token, as the paper does;
        ``"patch"`` learns a few tokens per modality, each a linear map of all its features, at a
        fraction of the cost.
    attention : {"softmax", "linear"}, default="softmax"
        ``"softmax"`` weighs every token against every other, at a cost that grows with the
        product of their numbers; ``"linear"`` grows with their sum [2]_, which makes it the one
        to take with ``tokenizer="feature"`` and more than some hundred features.
    n_estimators : int, default=8
        Networks in the ensemble. They differ in their initial parameters, in dropout, and in the
        samples that they leave out to learn which verdicts to trust: each another eighth of them
        with eight networks, a fifth with five or fewer. A single network leaves out none and
        trusts the fused verdict and the linear one equally.
    hidden_dim : int, default=64
        Hidden units of the residual network.
    dropout : float, default=0.5
        Share of the input values and of the hidden units dropped at random in training.
    class_weight : dict, "sqrt", "balanced" or None, default="sqrt"
        Weights of the classes in the loss. ``"balanced"`` weighs classes by the inverse of their
        frequency, ``"sqrt"`` by its square root, None all samples equally.
    lr : float, default=2e-3
        Learning rate of AdamW. It falls to zero along a half cosine over `max_epochs`, and is
        constant with `early_stopping`, where the end is not known beforehand.
    weight_decay : float, default=1e-2
        Weight decay of AdamW.
    batch_size : int, default=32
        Samples per training step.
    max_epochs : int, default=None
        Epochs to train, or at most to train with `early_stopping`. None trains for about 500
        steps, or for at most 2,000 with `early_stopping`, however many samples there are.
    early_stopping : bool, default=False
        Hold out part of the training samples, stop when their loss has not improved for
        `patience` epochs, and restore the parameters of the best epoch.
    validation_fraction : float, default=0.15
        Share of every class to hold out for early stopping. A class with one sample is trained
        on and not held out.
    patience : int, default=10
        Epochs without improvement before training stops.
    device : str, default="auto"
        Where PyTorch computes: ``"cpu"``, ``"cuda"``, ``"mps"``, or ``"auto"`` for the fastest at
        hand.
    random_state : int, RandomState instance or None, default=None
        Determines the initial parameters, dropout, the order of samples and the held-out ones.
    callbacks : list of skorch callbacks, default=None
        Called at every step and epoch of the training.
    warm_start : bool, default=False
        Let fit begin with the parameters of the fit before, on the same columns and classes.
    verbose : int, default=0
        A value above 0 shows a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    modalities_ : dict of str to ndarray of int
        Column positions of each modality.
    net_ : skorch.NeuralNet
        The fitted network.
    history_ : DataFrame
        One row per epoch: ``epoch``, ``train_loss``, ``valid_loss``, ``valid_score`` (macro-F1 on
        the samples held out) and ``seconds``; no columns ``valid_…`` without early stopping.
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Column names seen during fit, if X had names.

    Raises
    ------
    ValueError
        If a value is infinite, or NaN beside values of the same modality and sample; if a sample
        has no modality; if `y` has one class only; if `n_heads` does not divide `embed_dim`; if
        `primary` or `modalities` name something that X does not have.

    Warns
    -----
    ConvergenceWarning
        If early stopping has not stopped the training by `max_epochs`.

    See Also
    --------
    MultiOmicsSelector : Selects the features to attend to.
    concat_modalities : Builds the table from one table per modality.

    Notes
    -----
    Columns are standardised by the training rows. A sample without a modality, a block of NaN,
    finds exactly nothing in it; one without the primary modality is classified by what the
    identities of the primary features find in the others.

    The paper does not say how a feature is projected, nor the sizes of the network. Here a patch
    token is a linear map of all values of its modality, and the token of feature :math:`j` is
    :math:`x_j w_j + b_j`, with :math:`w_j` and :math:`b_j` learned.

    With log-probabilities :math:`\log p_v` of the verdicts, those of fusion, of a residual network
    on each modality, and, on all modalities and on each, of a ridge-penalised linear map, of one
    with a bend at the mean of each value, and of nearest shrunken centroids [4]_, a member of the
    ensemble gives
    :math:`\operatorname{softmax}(\sum_v w_v \log p_v + b)`. The trust :math:`w_v \ge 0` and
    :math:`b` maximise the penalised likelihood of the samples that members left out [3]_, so a
    modality that tells nothing gets no say; samples that have the same modalities share them.

    Fitting and predicting hold PyTorch at one thread, which makes a fit the same inside and
    outside of a parallel search. Run searches with ``n_jobs`` to use all processors.

    References
    ----------
    .. [1] Zhumagozhayev et al., "Cross-Modal Self-Attention Fusion for Breast Cancer Subtype
       Classification Using Multi-Omics Data", J Clin Med Kaz, 2026, doi:10.23950/jcmk/18568.
    .. [2] Z. Shen, M. Zhang, H. Zhao, S. Yi, H. Li, "Efficient Attention: Attention with Linear
       Complexities", WACV 2021, arXiv:1812.01243.
    .. [3] D. H. Wolpert, "Stacked Generalization", Neural Networks 5, 1992,
       doi:10.1016/S0893-6080(05)80023-1.
    .. [4] R. Tibshirani, T. Hastie, B. Narasimhan, G. Chu, "Diagnosis of multiple cancer types by
       shrunken centroids of gene expression", PNAS 99, 2002, doi:10.1073/pnas.082099299.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> X, y = make_multiomics(n_samples=120, return_X_y=True, random_state=0)
    >>> attention = CrossModalAttentionClassifier(n_estimators=1, random_state=0)
    >>> model = make_pipeline(MultiOmicsSelector(k=20), attention).fit(X, y)
    >>> model.predict_proba(X).shape
    (120, 5)
    """

    _parameter_constraints: dict = {  # noqa: RUF012
        "modalities": [dict, None],
        "primary": [str, None],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "embed_dim": [Interval(Integral, 1, None, closed="left")],
        "tokenizer": [StrOptions({"patch", "feature"})],
        "attention": [StrOptions({"softmax", "linear"})],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "hidden_dim": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [StrOptions({"balanced", "sqrt"}), dict, None],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "device": [str],
        "random_state": ["random_state"],
        "callbacks": [list, None],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        modalities: dict | None = None,
        primary: str | None = None,
        n_heads: int = 4,
        embed_dim: int = 32,
        tokenizer: str = "patch",
        attention: str = "softmax",
        n_estimators: int = 8,
        hidden_dim: int = 64,
        dropout: float = 0.5,
        class_weight: Any = "sqrt",
        lr: float = 2e-3,
        weight_decay: float = 1e-2,
        batch_size: int = 32,
        max_epochs: int | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.15,
        patience: int = 10,
        device: str = "auto",
        random_state: Any = None,
        callbacks: list | None = None,
        warm_start: bool = False,
        verbose: int = 0,
    ):
        self.modalities = modalities
        self.primary = primary
        self.n_heads = n_heads
        self.embed_dim = embed_dim
        self.tokenizer = tokenizer
        self.attention = attention
        self.n_estimators = n_estimators
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.class_weight = class_weight
        self.lr = lr
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.device = device
        self.random_state = random_state
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "CrossModalAttentionClassifier":
        """Train the network.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Training samples; a block of NaN marks an absent modality.
        y : array-like of shape (n_samples,)
            Class labels, of any type.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples in the loss, on top of `class_weight`, and in the statistics by
            which columns are standardised. None weighs all equally; samples of weight zero are
            left out.

        Returns
        -------
        CrossModalAttentionClassifier
            The fitted classifier.
        """
        again = self.warm_start and hasattr(self, "net_")
        samples = self._take_in(X, y, sample_weight, again=again)
        if again and len(np.unique(samples.codes)) < len(self.classes_):
            raise ValueError(
                f"warm_start=True needs the classes of the first fit, {self.classes_.tolist()}, "
                f"but y has only {self.classes_[np.unique(samples.codes)].tolist()}. Use "
                "partial_fit, or set warm_start=False."
            )
        with one_thread():
            self._train(samples, self.net_.module_.state_dict() if again else None)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> "CrossModalAttentionClassifier":
        """Train for one epoch on these samples, at a constant learning rate.

        The statistics by which columns are standardised, and the frequencies of the classes, are
        those of all samples since the first call.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Training samples; a block of NaN marks an absent modality.
        y : array-like of shape (n_samples,)
            Class labels.
        classes : array-like of shape (n_classes,), default=None
            All classes that there will be; needed in the first call only.
        sample_weight : array-like of shape (n_samples,), default=None
            As in :meth:`fit`.

        Returns
        -------
        CrossModalAttentionClassifier
            The fitted classifier.
        """
        again = hasattr(self, "net_")
        samples = self._take_in(X, y, sample_weight, classes=classes, again=again, stream=True)
        with one_thread():
            self._train_an_epoch(samples)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Give the probability of each class.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        ndarray of float of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        table, _ = validate_table(self, X, reset=False)
        values, _ = self._values(table)
        with one_thread():
            probabilities = self.net_.predict_proba(_dataset(self._tensor(values)))
        probabilities = probabilities.astype(np.float64)
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: the network moves back to the CPU."""
        state = super().__getstate__()
        if "net_" in state and torch.device(state["net_"].device).type != "cpu":
            state["net_"] = on_cpu(state["net_"])
        return state

    def _take_in(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        classes: Any = None,
        again: bool = False,
        stream: bool = False,
    ) -> "_Samples":
        """Validate training samples and learn what has to be known of them before training.

        Parameters
        ----------
        classes : array-like, default=None
            Known classes; None takes those of y.
        again : bool
            Columns, modalities and classes are those of an earlier fit.
        stream : bool
            Standardise by all samples so far, and allow a class to be missing.
        """
        if self.embed_dim % self.n_heads:
            raise ValueError(
                f"embed_dim must be a multiple of n_heads, got embed_dim={self.embed_dim} and "
                f"n_heads={self.n_heads}."
            )
        table, y = validate_table(
            self, X, y, reset=not again, ensure_min_samples=1 if stream else 2
        )
        check_classification_targets(y)
        weights = _check_sample_weight(sample_weight, y, ensure_non_negative=True)
        if not again:
            self.modalities_ = resolve_modalities(table, self.modalities)
            _check_primary(self.primary, self.modalities_)
        values, present = self._values(table)
        if not (again and stream):
            _check_presence(present[weights > 0], self.modalities_)
        if not again:
            self.classes_ = np.unique(y if classes is None else np.asarray(classes))
            self._class_counts = np.zeros(len(self.classes_))
            self._scaler = StandardScaler()
            self._streaming = False
        _check_classes(self.classes_, y, given=classes)
        values, y, weights = values[weights > 0], y[weights > 0], weights[weights > 0]
        codes = np.searchsorted(self.classes_, y)
        if not stream:
            self._class_counts = np.zeros(len(self.classes_))
        self._class_counts += np.bincount(codes, weights, minlength=len(self.classes_))
        if stream or not again:
            # A weight of two must count as two samples, which a common factor does not change.
            self._scaler.partial_fit(values, sample_weight=weights / weights.mean())
        return _Samples(self._tensor(values), codes, weights)

    def _values(self, table: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the values of a table, and which sample has which modality."""
        values = check_array(table, dtype=np.float32, ensure_all_finite=False)
        of_modalities = modality_blocks(values, self.modalities_)
        return values, modality_presence(table, of_modalities, self.modalities_)

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(self._scaler.transform(values).astype(np.float32, copy=False))

    def _target(self, samples: "_Samples") -> np.ndarray:
        """Return one-hot classes times the weights of class and sample."""
        weights = _class_weights(self.class_weight, self.classes_, self._class_counts)
        return np.diag(weights)[samples.codes] * samples.weights[:, None]

    def _train(self, samples: "_Samples", start: dict[str, torch.Tensor] | None) -> None:
        """Train to the end, from new parameters or from those of an earlier fit."""
        random_state = check_random_state(self.random_state)
        seed = int(random_state.randint(np.iinfo(np.int32).max))
        training, held_out = np.arange(len(samples.codes)), None
        if self.early_stopping:
            training, validation = stratified_holdout(
                samples.codes, self.validation_fraction, random_state
            )
            held_out = self._dataset(samples.take(validation))
        samples = samples.take(training)
        left_out_by = assign_members(samples.codes, self.n_estimators, random_state)
        max_epochs = self.max_epochs or self._default_epochs(len(training))
        schedule = self._schedule(len(training), max_epochs)
        net = self._make_net(seed, samples, max_epochs, schedule, held_out)
        net.initialize()
        if start is not None:
            net.module_.load_state_dict(start)
        dataset = self._dataset(samples, left_out_by)
        net.module_.learn_centroids(*(tensor.to(net.device) for tensor in dataset.tensors))
        net.partial_fit(dataset)
        # A fitted model must not carry patients along when it is pickled.
        net.train_split = None
        self._set_trust(net, samples, left_out_by)
        self._keep(net, streaming=False)
        if self.early_stopping and len(self.history_) == max_epochs:
            warnings.warn(
                f"Early stopping did not stop the training within max_epochs={max_epochs}. "
                "Raise max_epochs or lr.",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _train_an_epoch(self, samples: "_Samples") -> None:
        """Train for an epoch with the optimiser of the last call."""
        if self._streaming:
            net = self.net_
        else:
            seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
            net = self._make_net(seed, samples, 1, schedule=[])
            net.initialize()
            if hasattr(self, "net_"):
                net.module_.load_state_dict(self.net_.module_.state_dict())
                net.module_.trust = self.net_.module_.trust
        net.partial_fit(self._dataset(samples))
        self._keep(net, streaming=True)

    def _dataset(self, samples: "_Samples", left_out_by: np.ndarray | None = None) -> TensorDataset:
        """Return the samples and their targets for each member, zero where it leaves them out."""
        target = np.repeat(self._target(samples)[:, None], self.n_estimators, axis=1)
        if left_out_by is not None:
            target[left_out_by[:, None] == np.arange(self.n_estimators)] = 0
        return TensorDataset(samples.x, torch.as_tensor(target, dtype=torch.float32))

    def _set_trust(self, net: NeuralNet, samples: "_Samples", left_out_by: np.ndarray) -> None:
        """Let the samples that a member left out judge its verdicts."""
        target = self._target(samples)
        left_out = np.flatnonzero(target.any(axis=1) & (left_out_by < self.n_estimators))
        if len(left_out) == 0:
            return
        samples = samples.take(left_out)
        module = net.module_
        # The plainest verdict is trusted until there is evidence for others.
        start = np.zeros(module.trust.weights.shape[1])
        start[module.n_trained] = 1
        verdicts = judge(net, samples.x, left_out_by[left_out])
        fitted = fit_trust(verdicts, self._presence(samples), target[left_out], start)
        patterns, weights, prior = map(torch.as_tensor, fitted)
        module.trust = Trust(patterns, weights.float(), prior.float()).to(net.device)

    def _keep(self, net: NeuralNet, *, streaming: bool) -> None:
        self.net_ = net
        self.history_ = _history_frame(net.history)
        self._streaming = streaming

    def _make_net(
        self,
        seed: int,
        samples: "_Samples",
        max_epochs: int,
        schedule: list[Callback],
        held_out: TensorDataset | None = None,
    ) -> NeuralNet:
        watch: list[Callback] = [FiniteLoss()]
        if self.verbose:
            watch.append(ProgressBar())
        return PenalisedNet(
            CrossModalNetwork,
            module__columns=self._columns_primary_first(),
            module__n_classes=len(self.classes_),
            module__n_members=self.n_estimators,
            module__tokenizer=self.tokenizer,
            module__embed_dim=self.embed_dim,
            module__n_heads=self.n_heads,
            module__attention=self.attention,
            module__hidden_dim=self.hidden_dim,
            module__dropout=self.dropout,
            module__ridge=[
                RIDGE / max(n, 1)
                for n in (len(samples.codes), *self._presence(samples).sum(axis=0))
            ],
            module__seed=seed,
            criterion=VerdictLoss,
            optimizer=torch.optim.AdamW,
            optimizer__fused=True,
            optimizer__param_groups=[("linear*", {"lr": LINEAR_LR * self.lr, "weight_decay": 0.0})],
            optimizer__weight_decay=self.weight_decay,
            lr=self.lr,
            max_epochs=max_epochs,
            batch_size=self.batch_size,
            iterator_train=TensorBatches,
            iterator_train__generator=torch.Generator().manual_seed(seed),
            iterator_valid=TensorBatches,
            iterator_valid__batch_size=256,
            predict_nonlinearity=average_members,
            train_split=None if held_out is None else predefined_split(held_out),
            callbacks=[*schedule, *watch, *(self.callbacks or [])],
            callbacks__print_log=None,
            device=_resolve_device(self.device),
            verbose=0,
        )

    def _schedule(self, n_training: int, max_epochs: int) -> list[Callback]:
        if self.early_stopping:
            return [
                EpochScoring(_macro_f1, lower_is_better=False, name="valid_score"),
                EarlyStopping(patience=self.patience, load_best=True),
            ]
        n_steps = max_epochs * self._steps_per_epoch(n_training)
        return [LRScheduler(CosineAnnealingLR, T_max=n_steps, step_every="batch")]

    def _steps_per_epoch(self, n_training: int) -> int:
        return -(-n_training // self.batch_size)

    def _default_epochs(self, n_training: int) -> int:
        n_steps = MOST_STEPS if self.early_stopping else N_STEPS
        return -(-n_steps // self._steps_per_epoch(n_training))

    def _presence(self, samples: "_Samples") -> np.ndarray:
        """Tell which samples have each modality, the primary one first."""
        first = [positions[0] for positions in self._columns_primary_first()]
        return ~samples.x[:, first].isnan().numpy()

    def _columns_primary_first(self) -> list[list[int]]:
        primary = self.primary or next(iter(self.modalities_))
        names = [primary, *(name for name in self.modalities_ if name != primary)]
        return [self.modalities_[name].tolist() for name in names]


@dataclass(frozen=True)
class _Samples:
    """Samples to train on."""

    x: torch.Tensor  # (n_samples, n_features), standardised
    codes: np.ndarray  # (n_samples,), positions in classes_
    weights: np.ndarray  # (n_samples,)

    def take(self, positions: np.ndarray) -> "_Samples":
        """Return some of the samples."""
        return _Samples(self.x[positions], self.codes[positions], self.weights[positions])


def _class_weights(class_weight: Any, classes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the weights of the classes, given how often each was seen."""
    if class_weight is None or isinstance(class_weight, Mapping):
        # No labels are looked at here but for naming those that a dict has and y has not.
        return compute_class_weight(class_weight, classes=classes, y=classes)
    inverse = counts.sum() / np.maximum(counts, 1) / len(counts)
    return inverse if class_weight == "balanced" else np.sqrt(inverse)


def _check_classes(classes: np.ndarray, y: np.ndarray, *, given: Any) -> None:
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"y has the classes {unknown.tolist()}, which are none of the known ones "
            f"{classes.tolist()}. Name all classes in the first call of partial_fit, or fit anew."
        )
    if given is not None and not np.array_equal(np.unique(given), classes):
        raise ValueError(
            f"classes={np.asarray(given).tolist()} are not those of the first call, "
            f"{classes.tolist()}."
        )
    if len(classes) < 2:
        raise ValueError(
            f"y has one class only, {classes.tolist()[0]!r}; a classifier needs samples of at "
            "least two classes."
        )


def _check_primary(primary: str | None, modalities: Modalities) -> None:
    if primary is not None and primary not in modalities:
        raise ValueError(
            f"primary={primary!r} is not a modality of X; its modalities are {list(modalities)}."
        )


def _check_presence(present: np.ndarray, modalities: Modalities) -> None:
    for modality, has_it in zip(modalities, present.T, strict=True):
        if not has_it.any():
            raise ValueError(
                f"Modality {modality!r} is absent from every training sample, so nothing can be "
                "learned from it. Drop its columns."
            )


def _dataset(x: torch.Tensor) -> TensorDataset:
    # skorch unpacks every batch into input and target, also where there is no target.
    return TensorDataset(x, torch.zeros(len(x)))


def _macro_f1(net: NeuralNet, dataset: TensorDataset, target: np.ndarray) -> float:
    predicted = net.predict_proba(dataset).argmax(axis=1)
    return float(f1_score(np.argmax(target[:, 0], axis=1), predicted, average="macro"))


def _resolve_device(device: str) -> str:
    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _history_frame(history: Any) -> pd.DataFrame:
    recorded = ("epoch", "train_loss", "valid_loss", "valid_score", "dur")
    columns = [column for column in recorded if column in history[-1]]
    return pd.DataFrame(history[:, columns], columns=columns).rename(columns={"dur": "seconds"})

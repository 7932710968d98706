"""Classifying multi-omics samples by cross-modal attention."""

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score
from sklearn.preprocessing import LabelEncoder, StandardScaler
from sklearn.utils import check_array, check_random_state, compute_class_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochScoring, LRScheduler
from skorch.helper import predefined_split
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import TensorDataset

from . import _modalities as blocks
from ._network import CrossModalNetwork, WeightedCrossEntropy, average_members
from ._training import TensorBatches, one_thread, stratified_holdout

__all__ = ["CrossModalAttentionClassifier"]

# A small cohort needs as many steps as a large one, and so more epochs.
N_STEPS = 500
MOST_STEPS = 2000


class CrossModalAttentionClassifier(ClassifierMixin, BaseEstimator):
    """Classify samples by letting one modality attend to the others.

    Every feature is a token in an embedding space that all modalities share. The tokens of the
    primary modality, usually expression, are enriched by multi-head attention over the tokens of
    each other modality, flattened, and classified by a residual network [1]_. A modality on its
    own attends to itself. `n_estimators` such networks train together, and their probabilities
    are averaged.

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
    attention : {"linear", "softmax"}, default="linear"
        ``"softmax"`` weighs every token against every other, at a cost that grows with the
        product of their numbers; ``"linear"`` grows with their sum [2]_.
    n_estimators : int, default=4
        Networks in the ensemble. They differ in their initial parameters and dropout.
    hidden_dim : int, default=64
        Hidden units of the residual network.
    dropout : float, default=0.5
        Share of the input values and of the hidden units dropped at random in training.
    class_weight : dict, "balanced" or None, default="balanced"
        Weights of the classes in the loss. ``"balanced"`` weighs classes by the inverse of their
        frequency, None all samples equally.
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
    verbose : int, default=0
        A value above 0 prints every epoch.

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

    The paper does not say how a feature is projected, nor the sizes of the network. Here token
    :math:`j` of a sample is :math:`x_j w_j + b_j`, with :math:`w_j` and :math:`b_j` learned.

    Fitting and predicting hold PyTorch at one thread, which makes a fit the same inside and
    outside of a parallel search. Run searches with ``n_jobs`` to use all processors.

    References
    ----------
    .. [1] Zhumagozhayev et al., "Cross-Modal Self-Attention Fusion for Breast Cancer Subtype
       Classification Using Multi-Omics Data", J Clin Med Kaz, 2026, doi:10.23950/jcmk/18568.
    .. [2] Z. Shen, M. Zhang, H. Zhao, S. Yi, H. Li, "Efficient Attention: Attention with Linear
       Complexities", WACV 2021, arXiv:1812.01243.

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
        "attention": [StrOptions({"softmax", "linear"})],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "hidden_dim": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [StrOptions({"balanced"}), dict, None],
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
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        modalities: dict | None = None,
        primary: str | None = None,
        n_heads: int = 4,
        embed_dim: int = 32,
        attention: str = "linear",
        n_estimators: int = 4,
        hidden_dim: int = 64,
        dropout: float = 0.5,
        class_weight: Any = "balanced",
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
        verbose: int = 0,
    ):
        self.modalities = modalities
        self.primary = primary
        self.n_heads = n_heads
        self.embed_dim = embed_dim
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
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any) -> "CrossModalAttentionClassifier":
        """Train the network.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Training samples; a block of NaN marks an absent modality.
        y : array-like of shape (n_samples,)
            Class labels, of any type.

        Returns
        -------
        CrossModalAttentionClassifier
            The fitted classifier.
        """
        if self.embed_dim % self.n_heads:
            raise ValueError(
                f"embed_dim must be a multiple of n_heads, got embed_dim={self.embed_dim} and "
                f"n_heads={self.n_heads}."
            )
        table, y = blocks.validate_table(self, X, y, ensure_min_samples=2)
        check_classification_targets(y)
        self.modalities_ = blocks.resolve_modalities(table, self.modalities)
        _check_primary(self.primary, self.modalities_)
        values, present = self._values(table)
        _check_presence(present, self.modalities_)
        encoder = LabelEncoder().fit(y)
        self.classes_ = encoder.classes_
        codes = encoder.transform(y)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has one class only, {self.classes_[0]!r}; a classifier needs samples of at "
                "least two classes."
            )
        self._scaler = StandardScaler().fit(values)
        random_state = check_random_state(self.random_state)
        with one_thread():
            self._train(self._tensor(values), codes, random_state)
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
        table, _ = blocks.validate_table(self, X, reset=False)
        values, _ = self._values(table)
        with one_thread():
            probabilities = self.net_.predict_proba(_dataset(self._tensor(values)))
        probabilities = probabilities.astype(np.float64)
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """Give the most probable class.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels of the type seen in fit.
        """
        check_is_fitted(self)
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _values(self, table: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the values of a table, and which sample has which modality."""
        values = check_array(table, dtype=np.float32, ensure_all_finite=False)
        of_modalities = blocks.modality_blocks(values, self.modalities_)
        return values, blocks.modality_presence(table, of_modalities, self.modalities_)

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(self._scaler.transform(values).astype(np.float32, copy=False))

    def _train(
        self, x: torch.Tensor, codes: np.ndarray, random_state: np.random.RandomState
    ) -> None:
        weights = compute_class_weight(
            self.class_weight, classes=self.classes_, y=self.classes_[codes]
        )
        target = torch.as_tensor(np.diag(weights)[codes], dtype=torch.float32)
        seed = int(random_state.randint(np.iinfo(np.int32).max))
        training, held_out = np.arange(len(codes)), None
        if self.early_stopping:
            training, validation = stratified_holdout(codes, self.validation_fraction, random_state)
            held_out = TensorDataset(x[validation], target[validation])
        max_epochs = self.max_epochs or self._default_epochs(len(training))
        self.net_ = self._make_net(seed, len(training), max_epochs, held_out)
        self.net_.fit(TensorDataset(x[training], target[training]))
        # A fitted model must not carry patients along when it is pickled.
        self.net_.train_split = None
        self.history_ = _history_frame(self.net_.history)
        if self.early_stopping and len(self.history_) == max_epochs:
            warnings.warn(
                f"Early stopping did not stop the training within max_epochs={max_epochs}. "
                "Raise max_epochs or lr.",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _make_net(
        self, seed: int, n_training: int, max_epochs: int, held_out: TensorDataset | None
    ) -> NeuralNet:
        schedule: list[Callback]
        if held_out is None:
            n_steps = max_epochs * self._steps_per_epoch(n_training)
            schedule = [LRScheduler(CosineAnnealingLR, T_max=n_steps, step_every="batch")]
        else:
            schedule = [
                EpochScoring(_macro_f1, lower_is_better=False, name="valid_score"),
                EarlyStopping(patience=self.patience, load_best=True),
            ]
        net = NeuralNet(
            CrossModalNetwork,
            module__columns=self._columns_primary_first(),
            module__n_classes=len(self.classes_),
            module__n_members=self.n_estimators,
            module__embed_dim=self.embed_dim,
            module__n_heads=self.n_heads,
            module__attention=self.attention,
            module__hidden_dim=self.hidden_dim,
            module__dropout=self.dropout,
            module__seed=seed,
            criterion=WeightedCrossEntropy,
            optimizer=torch.optim.AdamW,
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
            callbacks=[*schedule, *(self.callbacks or [])],
            device=_resolve_device(self.device),
            verbose=self.verbose,
        )
        return net if self.verbose else net.set_params(callbacks__print_log=None)

    def _steps_per_epoch(self, n_training: int) -> int:
        return -(-n_training // self.batch_size)

    def _default_epochs(self, n_training: int) -> int:
        n_steps = MOST_STEPS if self.early_stopping else N_STEPS
        return -(-n_steps // self._steps_per_epoch(n_training))

    def _columns_primary_first(self) -> list[list[int]]:
        primary = self.primary or next(iter(self.modalities_))
        names = [primary, *(name for name in self.modalities_ if name != primary)]
        return [self.modalities_[name].tolist() for name in names]


def _check_primary(primary: str | None, modalities: blocks.Modalities) -> None:
    if primary is not None and primary not in modalities:
        raise ValueError(
            f"primary={primary!r} is not a modality of X; its modalities are {list(modalities)}."
        )


def _check_presence(present: np.ndarray, modalities: blocks.Modalities) -> None:
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
    return float(f1_score(np.argmax(target, axis=1), predicted, average="macro"))


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

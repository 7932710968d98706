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
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from skorch.callbacks import EarlyStopping, EpochScoring
from skorch.helper import predefined_split
from torch.utils.data import TensorDataset

from . import _modalities as blocks
from ._network import CrossModalNetwork, WeightedCrossEntropy, average_members
from ._training import TensorBatches, one_thread, stratified_holdout

__all__ = ["CrossModalAttentionClassifier"]


class CrossModalAttentionClassifier(ClassifierMixin, BaseEstimator):
    """TODO."""

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
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
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
        dropout: float = 0.2,
        class_weight: Any = None,
        lr: float = 1e-3,
        weight_decay: float = 1e-2,
        batch_size: int = 32,
        max_epochs: int = 100,
        early_stopping: bool = True,
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
        table, values, y = blocks.validate_table(
            self, X, y, dtype=np.float32, ensure_min_samples=2
        )
        check_classification_targets(y)
        self.modalities_ = blocks.resolve_modalities(table, self.modalities)
        _check_primary(self.primary, self.modalities_)
        blocks.modality_presence(table, values, self.modalities_)
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
        table, values, _ = blocks.validate_table(self, X, reset=False, dtype=np.float32)
        blocks.modality_presence(table, values, self.modalities_)
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
        training, train_split, callbacks = np.arange(len(codes)), None, []
        if self.early_stopping:
            training, validation = stratified_holdout(
                codes, self.validation_fraction, random_state
            )
            train_split = predefined_split(TensorDataset(x[validation], target[validation]))
            callbacks = [
                ("valid_score", EpochScoring(_macro_f1, lower_is_better=False, name="valid_score")),
                ("early_stopping", EarlyStopping(patience=self.patience, load_best=True)),
            ]
        self.net_ = NeuralNet(
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
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            iterator_train=TensorBatches,
            iterator_train__generator=torch.Generator().manual_seed(seed),
            iterator_valid=TensorBatches,
            iterator_valid__batch_size=256,
            predict_nonlinearity=average_members,
            train_split=train_split,
            callbacks=[*callbacks, *(self.callbacks or [])],
            device=_resolve_device(self.device),
            verbose=self.verbose,
        )
        if not self.verbose:
            self.net_.set_params(callbacks__print_log=None)
        self.net_.fit(TensorDataset(x[training], target[training]))
        self.history_ = _history_frame(self.net_.history)
        if self.early_stopping and len(self.history_) == self.max_epochs:
            warnings.warn(
                f"The validation loss was still improving after max_epochs={self.max_epochs} "
                "epochs. Raise max_epochs or lr.",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _columns_primary_first(self) -> list[list[int]]:
        primary = self.primary or next(iter(self.modalities_))
        names = [primary, *(name for name in self.modalities_ if name != primary)]
        return [self.modalities_[name].tolist() for name in names]


def _check_primary(primary: str | None, modalities: blocks.Modalities) -> None:
    if primary is not None and primary not in modalities:
        raise ValueError(
            f"primary={primary!r} is not a modality of X; its modalities are {list(modalities)}."
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
    columns = {"train_loss": "train loss"}
    names = [n for n in ("epoch", "train_loss", "valid_loss", "valid_score", "dur") if n in history[-1]]
    return pd.DataFrame(history[:, names], columns=names).rename(columns={"dur": "seconds"})

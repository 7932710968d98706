"""The cross-modal attention classifier."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy import sparse
from sklearn.base import _fit_context, clone
from sklearn.pipeline import make_pipeline
from sklearn.utils import Tags, _safe_indexing, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_sample_weight,
    check_is_fitted,
)
from skorch import NeuralNet

from .._alignment import check_weights
from .._base import ProbabilityClassifierMixin, ValidatedEstimator
from .._html import html_table, html_weights
from .._typing import Labels, Seed, Table, typed
from ..modalities._columns import check_primary
from ..modalities._input import ModalityInput, validate_table
from ..modalities._missing import warn_if_looks_imputed, warn_if_rounded, warn_missing
from ..modalities._nested import Selection, nested_selection
from ._inspection import feature_importances
from ._net import predict_proba
from ._stacking import stacking_table
from ._torch import reproducible_torch
from ._trainer import (
    Samples,
    check_classes,
    check_settings,
    class_weights,
    merge_duplicate_samples,
    train,
)


class CrossModalAttentionClassifier(ProbabilityClassifierMixin, ValidatedEstimator):
    r"""Classify samples by letting one modality attend to the others.

    Every modality becomes a sequence of tokens in one embedding space. The tokens of the primary
    modality, usually expression, are enriched by multi-head attention over the tokens of each
    other modality, flattened, and classified by a residual MLP [1]_. A single modality attends to
    itself. Simpler branches complement attention: MLPs, piecewise linear maps and shrunken
    centroids of single modalities, boosted stumps, and interactions between features of two
    modalities. Samples held out in training decide how much weight each branch gets. `n_estimators`
    such networks are trained together, and their probabilities are averaged.

    Parameters
    ----------
    selector : transformer, default=None
        Selects the features of the network. A :class:`~xmodal_sklearn.MultiOmicsSelector` here is
        the same as one before the classifier in a pipeline, see Notes. Any other transformer, such
        as a pipeline of several steps, is fitted anew in each fold of nested selection.
    modalities : dict of str to columns, default=None
        The columns of each modality, as :class:`~sklearn.compose.ColumnTransformer` takes them
        (names, positions, slice, boolean mask or callable); each column must belong to exactly
        one. None reads the modalities from column names of the form ``modality__feature`` or
        from two-level columns (modality, feature); unnamed columns are one modality.
    primary : str, default=None
        The modality whose tokens are enriched and classified. None means the first.
    branches : "all" or list of str, default="all"
        Parts of the network, each of which classifies: any of ``"attention"``, ``"mlp"``,
        ``"piecewise"``, ``"stumps"``, ``"pairs"`` and ``"centroid"``, among them at least one of
        the first two. ``["attention"]`` is the network of the paper.
    n_heads : int, default=4
        Attention heads, which share the embedding; must divide `embed_dim`.
    embed_dim : int, default=32
        Width of the embedding space.
    tokenizer : {"patch", "feature"}, default="patch"
        What a token represents. ``"feature"`` makes every feature a token, as the paper does;
        ``"patch"`` learns a few tokens per modality, each a linear map of all its features, at a
        fraction of the cost.
    attention : {"softmax", "linear"}, default="softmax"
        The cost of ``"softmax"`` grows with the product of the numbers of tokens, that of
        ``"linear"`` [2]_ with their sum. Use the latter with ``tokenizer="feature"`` and more than
        a few hundred features.
    enrichment : {"product", "sum"}, default="product"
        How a token is enriched by the result of attention. ``"product"`` adds the product of the
        two, so that interactions between features of two modalities can be learned; ``"sum"`` adds
        the result, as a transformer does.
    n_estimators : int, default=8
        Networks in the ensemble. They differ in their initial parameters, in dropout, and in the
        samples that they hold out to learn the weights of the branches: an eighth each with eight
        networks, a fifth each with five or fewer. A single network holds out none and weighs
        attention and the MLPs equally, unless a selector precedes the classifier, see Notes.
    hidden_dim : int, default=64
        Hidden units of the residual MLP.
    dropout : float, default=0.5
        Share of hidden units, and of input values of the MLPs, dropped at random in training.
    token_dropout : float, default=0.2
        Share of input values dropped at random before tokenization. Low, because an interaction is
        seen only when both features are kept.
    class_weight : dict, "sqrt", "balanced" or None, default="sqrt"
        Weights of the classes in the loss, and in `predict`, which returns the class with the
        largest probability times weight: more samples are predicted as rare classes, for a higher
        macro-F1 at a cost in accuracy. ``"balanced"`` weighs classes by the inverse of their
        frequency, ``"sqrt"`` by its square root, None all equally, so that `predict` returns the
        most probable class. Probabilities estimate the frequencies of the classes with any weights.
    lr : float, default=5e-3
        Learning rate of AdamW. It decreases to zero along a half cosine over `max_epochs`, and is
        constant with `early_stopping`.
    weight_decay : float, default=1e-2
        Weight decay of AdamW.
    batch_size : int, default=64
        Samples per training step.
    max_epochs : int, default=None
        Epochs of training, at most with `early_stopping`. None trains for about 160 steps, or at
        most 2,000 with `early_stopping`, whatever the number of samples.
    early_stopping : bool, default=False
        Hold out part of the training samples, stop when their loss has not improved for
        `patience` epochs, and restore the parameters of the best epoch.
    validation_fraction : float, default=0.15
        Share of every class held out for early stopping; at least one sample of each class is kept
        for training.
    patience : int, default=10
        Epochs without improvement before training stops.
    device : str, default="auto"
        Where PyTorch computes: ``"cpu"``, ``"cuda"``, ``"mps"``, or ``"auto"`` for the fastest
        available device.
    random_state : int, RandomState instance or None, default=None
        Determines the initial parameters, dropout, the order of samples and which are held out.
    callbacks : list of skorch callbacks, default=None
        Called during training.
    warm_start : bool, default=False
        Start from the parameters of the previous fit, to the same columns and classes. Not
        possible with a `selector`, which may select other columns.
    verbose : int, default=0
        Values above 0 show a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    modalities_ : dict of str to ndarray of int
        Column positions of each modality.
    net_ : skorch.NeuralNet
        The fitted network.
    stacking_weights_ : DataFrame of shape (n_patterns + 1, n_branches)
        Weight of each branch. Rows are patterns of modalities, such as ``"exp+cna"``: all subsets
        of at most four modalities, of more those of the training samples; and last ``"other"``
        for all other patterns. The columns ``"attention"``,
        ``"stumps"``, ``"pairs"`` and ``"centroid"`` are branches that see all modalities; others,
        such as ``"mlp: exp"``, see only the modality that they name.
    history_ : DataFrame
        One row per epoch: ``epoch``, ``train_loss``, ``valid_loss``, ``valid_score`` (macro-F1 on
        the samples held out) and ``seconds``; no columns ``valid_…`` without early stopping. After
        a selector, these columns come from the folds of nested selection, see Notes.
    estimator_ : Pipeline
        The fitted selector and classifier, if there is a `selector`.
    selected_features_ : Series of int
        After a selector: how many of the five folds of nested selection selected each feature,
        most often selected first, without features that none selected.
    class_weights_ : ndarray of float of shape (n_classes,)
        Weights of the classes, see `class_weight`.
    n_imputed_ : dict of str to int
        By modality, how many values were missing in training samples that have the modality.
    feature_importances_ : ndarray of float of shape (n_features_in_,)
        Effect of each feature on the log-probabilities, per standard deviation: the length of their
        gradient, averaged over standard normal inputs. They sum to one.
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Column names seen during fit, if X had names.

    Raises
    ------
    ValueError
        If a value is infinite; if a sample has no modality; if `y` has one class only; if
        `n_heads` does not divide `embed_dim`; if `branches`, `primary` or `modalities` name
        something that X does not have.

    Warns
    -----
    ConvergenceWarning
        If early stopping did not end the training within `max_epochs`.
    UserWarning
        If training samples lack values of modalities that they have, or samples have categories
        not seen in fit; if an imputer seems to have filled absent modalities; if a step between a
        selector and the classifier prevents nested selection.

    See Also
    --------
    MultiOmicsSelector : Selects the features to attend to.
    concat_modalities : Builds the table from one table per modality.

    Notes
    -----
    Columns are standardized by the training samples. A modality that a sample lacks, a block of
    NaN, contributes exactly nothing; in a sample without the primary modality, the learned
    identities of the primary features attend to the others. Other missing values are imputed with
    the training mean of their feature. A feature that fewer than three training samples have (or a
    fifth of them, if there are fewer than 15) has no influence, and neither has a modality that no
    training sample has.

    Categorical columns are one-hot encoded, ordered categories become their rank. Sparse matrices
    and sparse columns of a DataFrame are made dense.

    The paper specifies neither the projection of a feature nor the sizes of the network. Here a
    patch token is a linear map of all values of its modality, and the token of feature :math:`j` is
    :math:`x_j w_j + b_j`, with :math:`w_j` and :math:`b_j` learned.

    A primary token :math:`t` becomes :math:`t + t \odot f`, where :math:`f` is the sum of its
    attention outputs over the other modalities, projected linearly. The other branches are an MLP,
    a piecewise linear map with a knot at the mean of each feature, and nearest shrunken centroids
    [4]_ for each modality; centroids of all modalities; boosted stumps [7]_, a sum of step
    functions of single features; and interactions, a linear map of at most
    64 pairs: products of a primary feature and one of another modality whose correlation with a
    class exceeds chance, screened one by one [5]_ by the universal threshold [6]_. Attention and
    MLPs are trained; the linear maps are fitted in closed form or by ridge-penalized regression.

    With log-probabilities :math:`\log p_h` of the branches, a member of the ensemble predicts
    :math:`\operatorname{softmax}(\sum_h w_h \log p_h + b)`. The weights :math:`w_h \ge 0` and the
    prior :math:`b` maximize the penalized likelihood of the samples that members held out [3]_.
    Their predictions on these are out of fold, so an uninformative modality or an overfitted branch
    gets no weight. Each subset of at most four modalities has weights of its own, learned from
    samples that have these, or more of which only these are used.

    Behind a :class:`~xmodal_sklearn.MultiOmicsSelector` in a pipeline, held-out samples must not
    be used to select the features either. So the weights, and with `early_stopping` the number
    of epochs, are learned in five folds, each with the features that the other folds select; then
    the networks are trained on the features that all training samples select.

    PyTorch uses one thread during fit and prediction, so that a fit is the same inside and outside
    of a parallel search. Run searches with ``n_jobs`` to use all processors.

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
    .. [5] J. Fan, J. Lv, "Sure independence screening for ultrahigh dimensional feature space",
       Journal of the Royal Statistical Society B 70, 2008, doi:10.1111/j.1467-9868.2008.00674.x.
    .. [6] D. L. Donoho, I. M. Johnstone, "Ideal spatial adaptation by wavelet shrinkage",
       Biometrika 81, 1994, doi:10.1093/biomet/81.3.425.
    .. [7] J. H. Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", Annals of
       Statistics 29, 2001, doi:10.1214/aos/1013203451.

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
        "selector": [HasMethods(["fit_transform", "transform"]), None],
        "modalities": [dict, None],
        "primary": [str, None],
        "branches": [StrOptions({"all"}), list, tuple],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "embed_dim": [Interval(Integral, 1, None, closed="left")],
        "tokenizer": [StrOptions({"patch", "feature"})],
        "attention": [StrOptions({"softmax", "linear"})],
        "enrichment": [StrOptions({"product", "sum"})],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "hidden_dim": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "token_dropout": [Interval(Real, 0, 1, closed="left")],
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
        selector: Any = None,
        modalities: dict | None = None,
        primary: str | None = None,
        branches: str | list | tuple = "all",
        n_heads: int = 4,
        embed_dim: int = 32,
        tokenizer: str = "patch",
        attention: str = "softmax",
        enrichment: str = "product",
        n_estimators: int = 8,
        hidden_dim: int = 64,
        dropout: float = 0.5,
        token_dropout: float = 0.2,
        class_weight: Any = "sqrt",
        lr: float = 5e-3,
        weight_decay: float = 1e-2,
        batch_size: int = 64,
        max_epochs: int | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.15,
        patience: int = 10,
        device: str = "auto",
        random_state: Seed = None,
        callbacks: list | None = None,
        warm_start: bool = False,
        verbose: int = 0,
    ):
        self.selector = selector
        self.modalities = modalities
        self.primary = primary
        self.branches = branches
        self.n_heads = n_heads
        self.embed_dim = embed_dim
        self.tokenizer = tokenizer
        self.attention = attention
        self.enrichment = enrichment
        self.n_estimators = n_estimators
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.token_dropout = token_dropout
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

    @typed(_fit_context(prefer_skip_nested_validation=True))
    @reproducible_torch()
    def fit(
        self, X: Table, y: Labels, sample_weight: npt.ArrayLike | None = None
    ) -> "CrossModalAttentionClassifier":
        """Train the network.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
            Training samples; an absent modality is a block of NaN.
        y : array-like of shape (n_samples,)
            Class labels, of any type.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples in the loss, multiplied by `class_weight`, and in the means and
            standard deviations of columns. None weighs all equally. Samples of weight zero are
            dropped, a common factor has no effect, and repeating a sample doubles its weight.

        Returns
        -------
        CrossModalAttentionClassifier
            The fitted classifier.
        """
        if not self.warm_start:
            for name in ("estimator_", "input_", "selected_features_"):
                self.__dict__.pop(name, None)
        if self.selector is not None:
            return self._fit_selector(X, y, sample_weight)
        return self._fit(X, y, sample_weight, nested_selection(X, y, "weigh the branches"))

    @reproducible_torch()
    def predict_proba(self, X: Table) -> np.ndarray:
        """Return the probability of each class.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        ndarray of float of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        if self.selector is not None:
            return self.estimator_.predict_proba(X)
        return predict_proba(self.net_, self.input_.read_standardized(self, X))

    def predict(self, X: Any) -> np.ndarray:
        """Return the class with the largest probability times `class_weight`.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels of the type seen in fit.
        """
        check_is_fitted(self)
        return self.classes_[(self.predict_proba(X) * self.class_weights_).argmax(axis=1)]

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        """Return the parameters and, if fitted, the weights of the branches."""
        text = super().__repr__(N_CHAR_MAX)
        if not hasattr(self, "stacking_weights_"):
            return text
        weights = self.stacking_weights_.iloc[0].sort_values(ascending=False, kind="stable")
        positive = weights[weights > 0].items()
        shown = ", ".join(f"{branch} {weight:.2f}" for branch, weight in positive)
        return f"{text}\n# stacking weights of {weights.name}: {shown}"

    def _html_summary(self) -> str:
        """Return the modalities and the weights of the branches as tables."""
        if not hasattr(self, "stacking_weights_"):
            return ""
        sizes = {name: len(columns) for name, columns in self.modalities_.items()}
        modalities = pd.DataFrame({"columns": sizes}).rename_axis("modality")
        weights = self.stacking_weights_.iloc[0].sort_values(ascending=False, kind="stable")
        caption = f"Branches, for samples with {weights.name}"
        return html_table(modalities, "Modalities") + html_weights(weights, caption)

    @property
    def feature_importances_(self) -> np.ndarray:
        """Effect of each feature on the log-probabilities, see the attributes of the class."""
        check_is_fitted(self)
        if self.selector is not None:
            selector, classifier = self.estimator_
            importances = np.zeros(self.n_features_in_)
            importances[selector.get_support()] = classifier.feature_importances_
            return importances
        # A categorical column is as important as its categories together.
        encoder = self.input_.encoder
        return encoder.sum_encoded(feature_importances(self.net_, encoder.n_encoded))

    def _fit_selector(self, X: Any, y: Any, sample_weight: Any) -> "CrossModalAttentionClassifier":
        """Fit the selector, and a classifier without it to the columns that it selects."""
        if self.warm_start:
            raise ValueError(
                "warm_start=True needs the same columns in each fit, but a selector may select "
                "others. Set warm_start=False, or fit the selector beforehand."
            )
        selector, parameters = clone(self.selector), self.get_params(deep=False)
        parameters["selector"] = None
        if "modalities" in selector.get_params(deep=False):
            selector.modalities = selector.modalities or self.modalities
            parameters["modalities"] = None
        selected = selector.fit_transform(X, y)
        selection = nested_selection(selected, y, "weigh the branches")
        selection = selection or partial(_refit_selector, self.selector, X, y)
        classifier = type(self)(**parameters)._fit(selected, y, sample_weight, selection)
        self.estimator_ = make_pipeline(selector, classifier)
        fitted = {name: value for name, value in vars(classifier).items() if name.endswith("_")}
        del fitted["input_"]
        fitted["modalities_"] = getattr(selector, "modalities_", classifier.modalities_)
        self.__dict__.update(fitted)
        _check_n_features(self, X, reset=True)
        _check_feature_names(self, X, reset=True)
        return self

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, selection: Selection | None
    ) -> "CrossModalAttentionClassifier":
        warm = self.warm_start and hasattr(self, "net_")
        samples = self._prepare(X, y, sample_weight, warm=warm)
        start = self.net_.module_.state_dict() if warm else None
        counts: Counter[str] = Counter()
        select = None
        if selection is not None:
            select = partial(self._select, selection, samples, counts)
        net, self.history_ = train(samples, self, start, select)
        self.net_: NeuralNet = net
        self.stacking_weights_ = stacking_table(net.module_, self._primary_first())
        if counts:
            self.selected_features_ = pd.Series(counts).sort_values(ascending=False, kind="stable")
        return self

    def _prepare(self, X: Any, y: Any, sample_weight: Any, *, warm: bool) -> Samples:
        """Validate training samples and learn what is fitted before training."""
        check_weights(sample_weight, X)
        check_settings(self)
        table, y = validate_table(
            self, X, y, reset=not warm, ensure_min_samples=2, accept_sparse="csc"
        )
        check_classification_targets(y)
        weights = _check_sample_weight(sample_weight, y, ensure_non_negative=True)
        # By a power of two, which is exact, so that no sum overflows.
        weights = np.ldexp(weights, -np.frexp(weights.max())[1])
        counted = np.flatnonzero(weights)
        if len(counted) < len(weights):
            table, y, weights = _safe_indexing(table, counted), y[counted], weights[counted]
        if not warm:
            self.input_ = ModalityInput(table, self.modalities)
            self.modalities_ = self.input_.modalities
            check_primary(self.primary, self.modalities_)
            self.classes_ = np.unique(y)
        values, missing = self.input_.read_matrix(table)
        warn_missing(missing, rare="are ignored")
        blocks = self.input_.split(values)
        warn_if_looks_imputed(table, blocks)
        warn_if_rounded(table, blocks, self.input_.encoder.origins)
        check_classes(self.classes_, y)
        codes = np.searchsorted(self.classes_, y)
        kept, weights = merge_duplicate_samples(values, codes, weights)
        if len(kept) < len(values) or (np.diff(kept) < 0).any():
            values, codes = values[kept], codes[kept]
        # So that a common factor has no effect.
        weights = weights / weights.mean()
        if not warm:
            self.input_.learn_rare(missing)
        self.n_imputed_ = missing.n_gaps
        self.input_.learn_summary(values, weights, keep_scale=warm)
        self._class_counts = np.bincount(codes, weights, minlength=len(self.classes_))
        self.class_weights_ = class_weights(self.class_weight, self.classes_, self._class_counts)
        x = torch.from_numpy(self.input_.standardize(values, missing.take(kept)))
        columns = self._columns(self.input_)
        return Samples(x, codes, weights, self.class_weights_, counted[kept], columns)

    def _select(
        self,
        selection: Selection,
        samples: Samples,
        counts: Counter[str],
        positions: np.ndarray,
    ) -> Samples:
        """Return all samples with the features that those at some positions select, counted."""
        table, names = selection(samples.rows[positions])
        counts.update(names)
        nested = ModalityInput(table, self.modalities)
        lost = [name for name in self._primary_first() if name not in nested.modalities]
        if lost:
            raise ValueError(
                f"In a fold of nested selection, no feature of modality {lost[0]!r} was selected. "
                "Use MultiOmicsSelector, which selects features of every modality."
            )
        values, missing = nested.read_matrix(table)
        values, missing = values[samples.rows], missing.take(samples.rows)
        nested.learn_rare(missing)
        nested.learn_scale(values, samples.weights)
        x = torch.from_numpy(nested.standardize(values, missing))
        return replace(samples, x=x, columns=self._columns(nested))

    def _columns(self, table_input: ModalityInput) -> list[list[int]]:
        """Return the columns of each modality, the primary one first."""
        return [table_input.encoder.columns[name].tolist() for name in self._primary_first()]

    def __sklearn_tags__(self) -> Tags:
        """Return the estimator's capabilities."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.sparse = True
        if self.selector is not None:
            tags.input_tags = get_tags(self.selector).input_tags
        return tags

    def _primary_first(self) -> list[str]:
        """Return the modalities that training samples have, the primary one first."""
        measured = self.input_.measured_modalities
        primary = self.primary if self.primary in measured else measured[0]
        return [primary, *(name for name in measured if name != primary)]


def _refit_selector(selector: Any, X: Any, y: Any, rows: np.ndarray) -> tuple[Any, Iterable[str]]:
    """Return X with the features that some of its rows select, and their names."""
    table = X.tocsr() if sparse.issparse(X) else X
    fitted = clone(selector).fit(_safe_indexing(table, rows), _safe_indexing(y, rows))
    has_names = hasattr(fitted, "get_feature_names_out")
    return fitted.transform(table), fitted.get_feature_names_out() if has_names else ()

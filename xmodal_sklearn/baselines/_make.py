"""The classical pipelines, and the network of the paper."""

from collections.abc import Callable, Sequence
from typing import Any

from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline

from .._suggestions import did_you_mean
from .._typing import Memory, Seed
from ..modalities import ModalityEncoder, ModalityImputer
from ..selection import MultiOmicsSelector
from ._block_pls import BlockSparsePLSDA
from ._fusion import INNER_FOLDS, LateFusionClassifier, StackedFusionClassifier
from ._models import (
    DIABLO,
    GRIDS,
    LabelEncodedClassifier,
    OutOfBagForest,
    all_models,
    check_model,
)

FUSIONS = ("early", "late", "stacked")


def make_baselines(
    *,
    k: int | str | dict = 300,
    modalities: dict | None = None,
    fusion: Sequence[str] = ("early", "late"),
    models: Sequence[str] | None = None,
    tune: bool = True,
    scoring: str | Callable = "f1_macro",
    class_weight: str | None = "balanced",
    random_state: int | None = None,
    memory: Memory = None,
    n_jobs: int | None = None,
) -> dict[str, Pipeline]:
    """Make the classical pipelines, which all begin with the same selection.

    Parameters
    ----------
    k : int, "all" or dict, default=300
        Features to keep per modality.
    modalities : dict of str to columns, default=None
        The columns of each modality; None reads them from the column names.
    fusion : sequence of str, default=("early", "late")
        How to join the modalities: ``"early"`` concatenates their selected columns, ``"late"``
        averages the probabilities of one model per modality, ``"stacked"`` combines them by a
        logistic regression, and ``"NAME only"`` uses the modality of that name alone.
    models : sequence of str, default=None
        Models to make, see Notes; None means all that are installed.
    tune : bool, default=True
        Whether to choose the parameters of each model from its grid in three stratified inner
        folds. Otherwise each parameter takes its first value.
    scoring : str or callable, default="f1_macro"
        What to choose the parameters by, as in :class:`~sklearn.model_selection.GridSearchCV`.
        With macro-F1, a forest uses its out-of-bag predictions in place of the inner folds.
    class_weight : "balanced" or None, default="balanced"
        Whether every class has the same weight in the fit, or every sample.
    random_state : int, default=None
        Seed of the models and of the inner folds.
    memory : str or object with the joblib.Memory interface, default=None
        Where to cache the rankings, which all pipelines share.
    n_jobs : int, default=None
        Number of inner fits in parallel. None means 1, -1 all processors.

    Returns
    -------
    dict of str to Pipeline
        Pipelines named ``"MODEL, FUSION"``, such as ``"random forest, late"``; ``"DIABLO"``, which
        has its own way to join modalities; and ``"dummy"``, which predicts the class frequencies.

    Raises
    ------
    ValueError
        If a model is unknown or not installed, or a fusion is unknown.

    See Also
    --------
    xmodal_sklearn.benchmark.compare : Compares them on the same folds.

    Notes
    -----
    The defaults serve macro-F1. Probabilities of balanced models overestimate rare classes; for the
    lowest log loss, use ``scoring="neg_log_loss"`` and ``class_weight=None``. K nearest neighbors
    and DIABLO have no class weights. The inner folds tune and calibrate models on samples that have
    helped to select; with thousands of features, that makes probabilities too bold, and a search
    over a pipeline of selector and model is better. Models are fitted to standardized columns, with
    absent modalities filled by the mean; tree ensembles accept absent modalities directly. The
    grids:

    ========================= ============================================== ==== =======
    model                     grid                                           fits seconds
    ========================= ============================================== ==== =======
    logistic regression       C 0.1, 0.001, 0.003, 0.01, 0.03, 1               19       5
    elastic net               C 0.3, 0.1 × l1_ratio 0.5, 0.1                   13      17
    linear SVM                C 0.01, 0.001, 0.1                               40       3
    RBF SVM                   C 10, 1, 100 × gamma 0.001, 0.0001, scale       112       7
    k nearest neighbors       n_neighbors 5, 3, 9 × metric cosine, euclidean   19       1
    random forest             min_samples_leaf 5, 2, 10                        10       9
    gradient boosting         max_leaf_nodes 8, 2                               7      19
    MLP                       alpha 1, 0.1, 3                                  10       6
    nearest shrunken centroid shrink_threshold 0.3, none, 1, 2                 13       1
    DIABLO                    keep_x 20, 60 × n_components 4, 2, 6             76      12
    XGBoost                   max_depth 3, 6, 1                                10       8
    LightGBM                  num_leaves 8, 4, 2 × learning_rate 0.1, 0.05     19       8
    CatBoost                  depth 4, 6                                        7       8
    TabICL                    none                                              1
    ========================= ============================================== ==== =======

    Fits and seconds are those of early fusion, on one core, for 615 samples, 700 features and five
    classes. Late fusion takes that many fits per modality, in 0.6 to 2 times the seconds; stacking
    takes four times as much as late fusion. SVMs and DIABLO get probabilities by temperature
    scaling of out-of-fold decisions and votes, which leaves their predictions unchanged. DIABLO is
    :class:`BlockSparsePLSDA` with Mahalanobis distance. XGBoost, LightGBM and CatBoost come with
    the extra ``boosting``. TabICL is included if it is installed and its weights are in the cache
    of the Hugging Face hub; nothing is downloaded.

    Examples
    --------
    >>> from xmodal_sklearn.baselines import make_baselines
    >>> list(make_baselines(k=50, models=["logistic regression", "MLP"], fusion=["late"]))
    ['logistic regression, late', 'MLP, late', 'dummy']
    """
    available = all_models(random_state, class_weight)
    names = list(available) if models is None else list(models)
    baselines: dict[str, Any] = {}
    for name in names:
        check_model(name, available)
        model, grid = available[name], GRIDS[name]
        model = _tuned(model, grid, scoring if tune else None, random_state, n_jobs)
        steps = {f"{name}, {kind}": _fused(model, kind, random_state) for kind in fusion}
        for label, after in ({name: [model]} if name == DIABLO else steps).items():
            selector = MultiOmicsSelector(k, modalities=modalities, memory=memory)
            baselines[label] = make_pipeline(selector, *after)
    return {**baselines, "dummy": make_pipeline(DummyClassifier(strategy="prior"))}


def _fused(model: Any, kind: str, random_state: int | None) -> list[Any]:
    """Return the steps behind the selection."""
    if kind == "early":
        # Imputed here, as trees would split on gaps and inner folds have other means.
        return [ModalityEncoder(), ModalityImputer("mean"), model]
    if kind == "late":
        return [LateFusionClassifier(model)]
    if kind == "stacked":
        return [StackedFusionClassifier(model, random_state=random_state)]
    if kind.endswith(" only"):
        return [LateFusionClassifier(model, use=[kind.removesuffix(" only")])]
    raise ValueError(
        f'fusion must name {list(FUSIONS)} or "MODALITY only", got {kind!r}'
        f"{did_you_mean(kind, FUSIONS)}"
    )


def _tuned(
    model: Any,
    grid: dict[str, list],
    scoring: str | Callable | None,
    random_state: int | None,
    n_jobs: int | None,
) -> Any:
    """Return a search over the grid; without ``scoring``, the model with its first values."""
    folds = StratifiedKFold(INNER_FOLDS, shuffle=True, random_state=random_state)
    if scoring == "f1_macro" and isinstance(model, OutOfBagForest):
        return clone(model).set_params(**grid, n_jobs=n_jobs)
    votes = isinstance(model, BlockSparsePLSDA)
    if votes or not hasattr(model, "predict_proba"):
        calibrated = CalibratedClassifierCV(model, method="temperature", cv=folds, ensemble=False)
        model = LabelEncodedClassifier(calibrated, keep_names=votes)
        grid = {f"estimator__estimator__{name}": values for name, values in grid.items()}
    if scoring and grid:
        return GridSearchCV(model, grid, scoring=scoring, cv=folds, n_jobs=n_jobs)
    return clone(model).set_params(**{name: values[0] for name, values in grid.items()})


def paper_network(
    k: int | str | dict = 1000,
    *,
    memory: Memory = None,
    random_state: Seed = None,
    **parameters: Any,
) -> Pipeline:
    """Make the pipeline that the paper's abstract describes.

    It selects the top K features of each modality by an elastic net, embeds each feature as a token
    in one shared space, enriches the tokens of expression by multi-head softmax attention over each
    other modality, and classifies the flattened embeddings by a residual MLP. It is one network,
    without the other branches of :class:`~xmodal_sklearn.CrossModalAttentionClassifier`.

    Parameters
    ----------
    k : int, "all" or dict, default=1000
        Features to keep per modality.
    memory : str, path or object with the joblib.Memory interface, default=None
        Where to cache rankings.
    random_state : int, RandomState instance or None, default=None
        Seed of the network.
    **parameters
        Further parameters of :class:`~xmodal_sklearn.CrossModalAttentionClassifier`.

    Returns
    -------
    Pipeline
        A selector and the network, not fitted.

    See Also
    --------
    compare_modalities : Makes the paper's table.

    Notes
    -----
    The abstract leaves open how features are projected, the width of the embedding, the number of
    attention heads, the size of the MLP, dropout, loss, optimizer, number of epochs, and what
    happens to features with zero coefficients. Here these are the defaults of
    :class:`~xmodal_sklearn.MultiOmicsSelector` and
    :class:`~xmodal_sklearn.CrossModalAttentionClassifier`: a value times a learned direction plus a
    learned identity per feature, width 32, 4 heads, 64 hidden units, half of which are dropped
    and a fifth of the input values, cross-entropy weighted by the inverse square root of the class
    size, AdamW for about 160 steps, and features ranked by where they enter the path. Attention is
    added to the tokens, as in a transformer. At K=1000 a step takes seconds, as softmax attention
    compares every feature with every other.

    References
    ----------
    .. [1] Zhumagozhayev et al., "Cross-Modal Self-Attention Fusion for Breast Cancer Subtype
       Classification Using Multi-Omics Data", J Clin Med Kaz, 2026, doi:10.23950/jcmk/18568.

    Examples
    --------
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.paper import paper_network
    >>> X, y = make_multiomics(100, return_X_y=True, random_state=0)
    >>> model = paper_network(k=10, random_state=0, max_epochs=5).fit(X, y)
    >>> model[-1].stacking_weights_.columns.to_list()
    ['attention']
    """
    # Imported here because PyTorch takes seconds that other users need not wait for.
    from ..classifier import CrossModalAttentionClassifier

    network: dict[str, Any] = {
        "branches": ["attention"],
        "tokenizer": "feature",
        "attention": "softmax",
        "enrichment": "sum",
        "n_estimators": 1,
    }
    return make_pipeline(
        MultiOmicsSelector(k, memory=memory),
        CrossModalAttentionClassifier(random_state=random_state, **network | parameters),
    )

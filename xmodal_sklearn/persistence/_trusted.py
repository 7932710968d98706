"""What a saved model may consist of: listed types, and indices that stay within its arrays."""

import io
import json
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import Tree

from ._container import JsonReader, check_stored, write_archive

SCHEMA = "schema.json"
# The oldest protocol of skops that a file of ours can have.
MIN_PROTOCOL = 2


def _qualified(names: dict[str, str]) -> frozenset[str]:
    return frozenset(f"{module}.{name}" for module in names for name in names[module].split())


OBJECTS = _qualified({
    "sklearn._loss.link": "Interval LogitLink HalfLogitLink MultinomialLogit",
    "sklearn._loss.loss": "HalfBinomialLoss HalfMultinomialLoss",
    "sklearn.calibration": "CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration "
    "_TemperatureScaling",
    "sklearn.compose._column_transformer": "ColumnTransformer _RemainderColsList",
    "sklearn.decomposition._pca": "PCA",
    "sklearn.discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
    "sklearn.dummy": "DummyClassifier",
    "sklearn.ensemble._forest": "ExtraTreesClassifier RandomForestClassifier",
    "sklearn.ensemble._hist_gradient_boosting.binning": "_BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting": "HistGradientBoostingClassifier",
    "sklearn.ensemble._hist_gradient_boosting.predictor": "TreePredictor",
    "sklearn.ensemble._voting": "VotingClassifier",
    "sklearn.feature_selection._univariate_selection": "SelectKBest SelectPercentile",
    "sklearn.feature_selection._variance_threshold": "VarianceThreshold",
    "sklearn.frozen._frozen": "FrozenEstimator",
    "sklearn.impute._base": "MissingIndicator SimpleImputer",
    "sklearn.isotonic": "IsotonicRegression",
    "sklearn.linear_model._logistic": "LogisticRegression LogisticRegressionCV",
    "sklearn.linear_model._ridge": "RidgeClassifier RidgeClassifierCV",
    "sklearn.linear_model._coordinate_descent": "ElasticNet Lasso",
    "sklearn.linear_model._stochastic_gradient": "SGDClassifier",
    "sklearn.metrics._scorer": "_PassthroughScorer _Scorer",
    "sklearn.model_selection._search": "GridSearchCV RandomizedSearchCV",
    "sklearn.model_selection._split": "KFold RepeatedStratifiedKFold StratifiedKFold "
    "StratifiedShuffleSplit",
    "sklearn.naive_bayes": "GaussianNB",
    "sklearn.neighbors._classification": "KNeighborsClassifier",
    "sklearn.neighbors._nearest_centroid": "NearestCentroid",
    "sklearn.neural_network._multilayer_perceptron": "MLPClassifier",
    "sklearn.pipeline": "FeatureUnion Pipeline",
    "sklearn.preprocessing._data": "MaxAbsScaler MinMaxScaler Normalizer PowerTransformer "
    "QuantileTransformer RobustScaler StandardScaler",
    "sklearn.preprocessing._encoders": "OneHotEncoder OrdinalEncoder",
    "sklearn.preprocessing._function_transformer": "FunctionTransformer",
    "sklearn.preprocessing._label": "LabelBinarizer LabelEncoder",
    "sklearn.svm._classes": "LinearSVC SVC",
    "sklearn.tree._classes": "DecisionTreeClassifier ExtraTreeClassifier",
    "sklearn.utils._metadata_requests": "MetadataRequest MethodMetadataRequest",
    "xmodal_sklearn.baselines._block_pls": "BlockSparsePLSDA",
    "xmodal_sklearn.baselines._fusion": "LateFusionClassifier StackedFusionClassifier",
    "xmodal_sklearn.baselines._models": "LabelEncodedClassifier OutOfBagForest",
    "xmodal_sklearn.classifier._estimator": "CrossModalAttentionClassifier",
    "xmodal_sklearn.modalities._encoding": "CategoryEncoder",
    "xmodal_sklearn.modalities._input": "ModalityInput",
    "xmodal_sklearn.modalities._preprocessing": "ModalityEncoder ModalityImputer",
    "xmodal_sklearn.modalities._training_summary": "TrainingSummary",
    "xmodal_sklearn.persistence._arrays": "ArrayReference",
    "xmodal_sklearn.selection._selector": "MultiOmicsSelector",
    "xmodal_sklearn.uncertainty._conformal": "ConformalClassifier",
    "xmodal_sklearn.uncertainty._rejecting": "RejectingClassifier",
})  # fmt: skip
PRIMITIVES = _qualified({"builtins": "bool float int str"})
NUMPY = _qualified({
    "numpy": "bool bool_ float16 float32 float64 int8 int16 int32 int64 str_ uint8 uint16 uint32 "
    "uint64",
})  # fmt: skip
# Scorers of a search or a selection: they compute, and do nothing else.
FUNCTIONS = _qualified({
    "sklearn.feature_selection._mutual_info": "mutual_info_classif",
    "sklearn.feature_selection._univariate_selection": "chi2 f_classif",
    "sklearn.metrics._classification": "accuracy_score balanced_accuracy_score brier_score_loss "
    "f1_score log_loss matthews_corrcoef precision_score recall_score",
    "sklearn.metrics._ranking": "average_precision_score roc_auc_score top_k_accuracy_score",
})  # fmt: skip
# By the kind of node that skops saves them as.
ALLOWED = {
    "DTypeNode": {"numpy.dtype", *NUMPY},
    "DictNode": {"builtins.dict", "sklearn.utils._bunch.Bunch"},
    "FunctionNode": FUNCTIONS,
    "JsonNode": PRIMITIVES,
    "ListNode": {"builtins.list"},
    "LossNode": {f"sklearn._loss._loss.CyHalf{kind}Loss" for kind in ("Binomial", "Multinomial")},
    "MaskedArrayNode": {"numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"},
    "NdArrayNode": {"numpy.ndarray", *NUMPY},
    "ObjectNode": OBJECTS,
    "RandomStateNode": {"numpy.random.mtrand.RandomState"},
    "SetNode": {"builtins.set"},
    "SliceNode": {"builtins.slice"},
    "TreeNode": {"sklearn.tree._tree.Tree"},
    "TupleNode": {"builtins.tuple", "xmodal_sklearn.modalities._encoding.Categories"},
    "TypeNode": {*PRIMITIVES, *NUMPY, "builtins.NoneType"},
}


def structure_to_bytes(structure: Any) -> bytes:
    """Return the structure of a model, without its arrays, as skops writes it."""
    import skops.io

    try:
        data = skops.io.dumps(structure)
    # What can't be written fails in as many ways as there are types.
    except Exception as error:
        raise ValueError(f"skops can't write it: {error}") from error
    with ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files[SCHEMA])
    _check_types(schema)
    # Two thirds of what skops writes is whitespace.
    files[SCHEMA] = json.dumps(schema, separators=(",", ":")).encode()
    compact = io.BytesIO()
    write_archive(compact, files)
    return compact.getvalue()


def structure_from_bytes(data: bytes, reader: JsonReader) -> Any:
    """Return the structure that was written; types that aren't listed are not even imported."""
    import skops.io

    # Only the types that occur, as skops copies this list for each object that it reads.
    return skops.io.loads(data, trusted=_check_structure(data, reader))


def _check_structure(data: bytes, reader: JsonReader) -> list[str]:
    """Check sizes and types, in a function that frees what it parsed; return the types."""
    with ZipFile(io.BytesIO(data)) as archive:
        check_stored(archive, len(data))
        _check_arrays(archive)
        schema = reader.parse(archive.read(SCHEMA))
    types = _check_types(schema)
    protocol = schema.get("protocol")
    if not isinstance(protocol, int) or protocol < MIN_PROTOCOL:
        raise ValueError(f"it has protocol {protocol!r} of skops, in which no model was saved")
    return types


def check_bounds(model: Any) -> None:
    """Check that compiled code, which follows indices unchecked, stays within a model's arrays."""
    for value, n_features in walk_parts(model):
        if isinstance(value, Tree):
            n_features = min(n_features, value.n_features)
            children = np.stack([value.children_left, value.children_right])
            _check_tree(children, children[0] == -1, value.feature, n_features)
        elif isinstance(value, TreePredictor):
            _check_predictor(value, n_features)
        elif isinstance(value, SVC) and hasattr(value, "support_vectors_"):
            _check_svm(value)
        elif isinstance(value, KNeighborsClassifier) and hasattr(value, "_fit_X"):
            _check_neighbors(value)


def walk_parts(model: Any) -> Iterator[tuple[Any, int]]:
    """Yield every object of a model, and the number of features that it can rely on."""
    waiting: list[tuple[Any, int]] = [(model, 0)]
    seen: set[int] = set()
    while waiting:
        value, n_features = waiting.pop()
        if id(value) in seen or isinstance(value, str | int | float | None):
            continue
        seen.add(id(value))
        yield value, n_features
        if isinstance(value, np.ndarray):
            inside: Any = value.flat if value.dtype == object else ()
        elif isinstance(value, list | tuple):
            inside = value
        else:
            inside = (value if isinstance(value, dict) else getattr(value, "__dict__", {})).values()
        if isinstance(value, BaseForest | HistGradientBoostingClassifier):
            n_features = getattr(value, "n_features_in_", 0)
        elif isinstance(value, BaseDecisionTree):
            # A forest hands all its features to its trees.
            n_own = getattr(value, "n_features_in_", 0)
            n_features = min(n_own, n_features or n_own)
        elif isinstance(value, BaseEstimator):
            n_features = 0
        waiting += [(item, n_features) for item in inside]


def _check_arrays(archive: ZipFile) -> None:
    for member in archive.infolist():
        if member.filename.endswith(".npy"):
            with archive.open(member) as file:
                _check_array(file, member.file_size)
        elif member.filename != SCHEMA:
            raise ValueError(f"its structure holds {member.filename!r}")


def _check_array(file: Any, size: int) -> None:
    """Check that an array is as large as its header claims, before memory is allocated for it."""
    major, minor = np.lib.format.read_magic(file)
    shape, _, dtype = getattr(np.lib.format, f"read_array_header_{major}_{minor}")(file)
    if dtype.hasobject or dtype.itemsize * int(np.prod(shape, dtype=object)) != size - file.tell():
        raise ValueError("an array in its structure does not have the size that it claims")


def _check_types(schema: Any) -> list[str]:
    """Check that skops would make objects of the listed types only; return those that occur."""
    found, untrusted, waiting = set(), set(), [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            name = f"{node.get('__module__')}.{node.get('__class__')}"
            if "__loader__" in node:
                found.add(name)
                if name not in ALLOWED.get(str(node["__loader__"]), ()):
                    untrusted.add(name)
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    if untrusted:
        raise ValueError(f"it holds {sorted(untrusted)[:9]}, none of which a saved model may hold")
    return sorted(found)


def _check_tree(children: np.ndarray, leaf: np.ndarray, feature: np.ndarray, n: int) -> None:
    inner = np.flatnonzero(~leaf)
    children, feature = children[:, inner], feature[inner]
    # A child behind its parent can't lead back to it.
    forward = (children > inner).all() and (children < len(leaf)).all()
    if len(leaf) == 0 or not forward or not ((feature >= 0) & (feature < n)).all():
        raise ValueError("a tree in it leads to nodes or features that do not exist")


def _check_predictor(predictor: TreePredictor, n_features: int) -> None:
    nodes = predictor.nodes
    children = np.stack([nodes["left"], nodes["right"]]).astype(np.int64)
    leaf = nodes["is_leaf"].astype(bool)
    _check_tree(children, leaf, nodes["feature_idx"], n_features)
    sets = nodes["bitset_idx"][nodes["is_categorical"].astype(bool) & ~leaf]
    if (sets >= len(predictor.raw_left_cat_bitsets)).any():
        raise ValueError("a tree in it leads to categories that do not exist")


def _check_svm(model: SVC) -> None:
    n_classes, (n_vectors, n_features) = len(model.classes_), model.support_vectors_.shape
    n_pairs = n_classes * (n_classes - 1) // 2
    counts = model._n_support
    is_consistent = (
        model.support_.shape == (n_vectors,)
        and model._dual_coef_.shape == (n_classes - 1, n_vectors)
        and model._intercept_.shape == (n_pairs,)
        and model._probA.shape == model._probB.shape
        and len(model._probA) in (0, n_pairs)
        and counts.shape == (n_classes,)
        and (counts >= 0).all()
        and counts.sum() == n_vectors
        and n_features == model.n_features_in_
    )
    if not is_consistent:
        raise ValueError("the arrays of a support vector machine in it do not fit together")


def _check_neighbors(model: KNeighborsClassifier) -> None:
    n_samples, n_features = model._fit_X.shape
    codes = model._y
    is_consistent = (
        codes.shape == (n_samples,)
        and (codes >= 0).all()
        and (codes < len(model.classes_)).all()
        and n_features == model.n_features_in_
        and model.n_samples_fit_ == n_samples
    )
    if not is_consistent:
        raise ValueError("the arrays of nearest neighbors in it do not fit together")

"""What the structure of a saved model may consist of: a fixed list, whatever skops trusts."""

import io
import json
from collections.abc import Iterator
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np

__all__ = ["structure_from_bytes", "structure_to_bytes"]

SCHEMA = "schema.json"
# In bytes. A forest of 300 trees takes 2 million.
MAX_SCHEMA = 2**25
# Protocols of skops that files of ours were written in.
MIN_PROTOCOL = 2

_CLASSES = {
    "sklearn._loss.link": ["Interval", "LogitLink", "HalfLogitLink", "MultinomialLogit"],
    "sklearn._loss.loss": ["HalfBinomialLoss", "HalfMultinomialLoss"],
    "sklearn.calibration": [
        "CalibratedClassifierCV", "_CalibratedClassifier", "_SigmoidCalibration",
        "_TemperatureScaling",
    ],
    "sklearn.compose._column_transformer": ["ColumnTransformer", "_RemainderColsList"],
    "sklearn.decomposition._pca": ["PCA"],
    "sklearn.discriminant_analysis": [
        "LinearDiscriminantAnalysis", "QuadraticDiscriminantAnalysis",
    ],
    "sklearn.dummy": ["DummyClassifier"],
    "sklearn.ensemble._forest": ["ExtraTreesClassifier", "RandomForestClassifier"],
    "sklearn.ensemble._hist_gradient_boosting.binning": ["_BinMapper"],
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting": [
        "HistGradientBoostingClassifier",
    ],
    "sklearn.ensemble._hist_gradient_boosting.predictor": ["TreePredictor"],
    "sklearn.ensemble._voting": ["VotingClassifier"],
    "sklearn.feature_selection._univariate_selection": ["SelectKBest", "SelectPercentile"],
    "sklearn.feature_selection._variance_threshold": ["VarianceThreshold"],
    "sklearn.frozen._frozen": ["FrozenEstimator"],
    "sklearn.impute._base": ["MissingIndicator", "SimpleImputer"],
    "sklearn.isotonic": ["IsotonicRegression"],
    "sklearn.linear_model._logistic": ["LogisticRegression", "LogisticRegressionCV"],
    "sklearn.linear_model._ridge": ["RidgeClassifier", "RidgeClassifierCV"],
    "sklearn.linear_model._coordinate_descent": ["ElasticNet", "Lasso"],
    "sklearn.linear_model._stochastic_gradient": ["SGDClassifier"],
    "sklearn.metrics._scorer": ["_PassthroughScorer", "_Scorer"],
    "sklearn.model_selection._search": ["GridSearchCV", "RandomizedSearchCV"],
    "sklearn.model_selection._split": [
        "KFold", "RepeatedStratifiedKFold", "StratifiedKFold", "StratifiedShuffleSplit",
    ],
    "sklearn.naive_bayes": ["GaussianNB"],
    "sklearn.neighbors._classification": ["KNeighborsClassifier"],
    "sklearn.neighbors._nearest_centroid": ["NearestCentroid"],
    "sklearn.neural_network._multilayer_perceptron": ["MLPClassifier"],
    "sklearn.pipeline": ["FeatureUnion", "Pipeline"],
    "sklearn.preprocessing._data": [
        "MaxAbsScaler", "MinMaxScaler", "Normalizer", "PowerTransformer", "QuantileTransformer",
        "RobustScaler", "StandardScaler",
    ],
    "sklearn.preprocessing._encoders": ["OneHotEncoder", "OrdinalEncoder"],
    "sklearn.preprocessing._function_transformer": ["FunctionTransformer"],
    "sklearn.preprocessing._label": ["LabelBinarizer", "LabelEncoder"],
    "sklearn.svm._classes": ["LinearSVC", "SVC"],
    "sklearn.tree._classes": ["DecisionTreeClassifier", "ExtraTreeClassifier"],
    "sklearn.utils._metadata_requests": ["MetadataRequest", "MethodMetadataRequest"],
    "xmodal_sklearn.baselines._fusion": ["LateFusionClassifier", "StackedFusionClassifier"],
    "xmodal_sklearn.baselines._models": ["LabelEncodedClassifier", "OutOfBagForest"],
    "xmodal_sklearn.classifier._estimator": ["CrossModalAttentionClassifier"],
    "xmodal_sklearn.modalities._encoding": ["ModalityEncoder"],
    "xmodal_sklearn.modalities._imputer": ["ModalityImputer"],
    "xmodal_sklearn.modalities._input": ["ModalityInput"],
    "xmodal_sklearn.modalities._training_summary": ["TrainingSummary"],
    "xmodal_sklearn.persistence._leaves": ["Stored"],
    "xmodal_sklearn.selection._selector": ["MultiOmicsSelector"],
    "xmodal_sklearn.uncertainty._conformal": ["ConformalClassifier"],
    "xmodal_sklearn.uncertainty._rejecting": ["RejectingClassifier"],
}  # fmt: skip
OBJECTS = frozenset(f"{module}.{name}" for module, names in _CLASSES.items() for name in names)
PRIMITIVES = frozenset(f"builtins.{name}" for name in ("bool", "float", "int", "str"))
NUMPY = frozenset(
    f"numpy.{name}"
    for name in (
        "bool", "bool_", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "str_",
        "uint8", "uint16", "uint32", "uint64",
    )
)  # fmt: skip
# By which a search or a selection may have chosen; they compute, and do nothing else.
FUNCTIONS = frozenset(
    f"sklearn.{module}.{name}"
    for module, names in {
        "feature_selection._mutual_info": ("mutual_info_classif",),
        "feature_selection._univariate_selection": ("chi2", "f_classif"),
        "metrics._classification": (
            "accuracy_score", "balanced_accuracy_score", "brier_score_loss", "f1_score", "log_loss",
            "matthews_corrcoef", "precision_score", "recall_score",
        ),
        "metrics._ranking": ("average_precision_score", "roc_auc_score", "top_k_accuracy_score"),
    }.items()
    for name in names
)  # fmt: skip
# By the name of the node in which skops keeps them.
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
    """Write the structure of a model, with no arrays of numbers in it, by skops.

    Parameters
    ----------
    structure : estimator
        What :func:`take_out` returned.

    Returns
    -------
    bytes
        The part of the file.

    Raises
    ------
    ValueError
        If there is something in it that is not on the list, or that skops can't write.
    """
    import skops.io

    try:
        data = skops.io.dumps(structure)
    # What can't be written fails in as many ways as there are types.
    except Exception as error:
        raise ValueError(f"skops can't write it: {error}") from error
    with ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files[SCHEMA])
    unknown = sorted(set(_not_allowed(schema)))
    if unknown:
        raise ValueError(f"it holds {unknown}, which a file that runs no code can't hold")
    # Two thirds of what skops writes are blanks.
    files[SCHEMA] = json.dumps(schema, separators=(",", ":")).encode()
    compact = io.BytesIO()
    with ZipFile(compact, "w", ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return compact.getvalue()


def structure_from_bytes(data: bytes) -> Any:
    """Read what :func:`structure_to_bytes` wrote; what is not on the list is not even imported.

    Parameters
    ----------
    data : bytes
        The part of the file.

    Returns
    -------
    estimator
        The structure.

    Raises
    ------
    ValueError
        If it holds what is not on the list, or is compressed.
    """
    import skops.io

    with ZipFile(io.BytesIO(data)) as archive:
        _check_members(archive, len(data))
        schema = json.loads(archive.read(SCHEMA))
    unknown = sorted(set(_not_allowed(schema)))
    if unknown:
        raise ValueError(f"it holds {unknown[:9]}, none of which a saved model may hold")
    protocol = schema.get("protocol")
    if not isinstance(protocol, int) or protocol < MIN_PROTOCOL:
        raise ValueError(f"it is of skops' protocol {protocol!r}, which no model was saved in")
    return skops.io.loads(data, trusted=sorted(set().union(*ALLOWED.values())))


def _check_members(archive: ZipFile, size: int) -> None:
    members = archive.infolist()
    if any(
        member.compress_type != ZIP_STORED or member.compress_size != member.file_size
        for member in members
    ):
        raise ValueError("its structure is compressed")
    if sum(member.file_size for member in members) > size:
        raise ValueError("the parts of its structure overlap")
    if archive.getinfo(SCHEMA).file_size > MAX_SCHEMA:
        raise ValueError(f"its structure has more than {MAX_SCHEMA} bytes")
    for member in members:
        if member.filename.endswith(".npy"):
            with archive.open(member) as file:
                _check_array(file, member.file_size)
        elif member.filename != SCHEMA:
            raise ValueError(f"its structure holds {member.filename!r}")


def _check_array(file: Any, size: int) -> None:
    """Refuse an array that claims to be larger than it is, before memory is taken for it."""
    header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    shape, _, dtype = header[np.lib.format.read_magic(file)](file)
    if dtype.hasobject or dtype.itemsize * int(np.prod(shape, dtype=object)) != size - file.tell():
        raise ValueError("an array in its structure is not as large as it says")


def _not_allowed(schema: Any) -> Iterator[str]:
    """Yield the types in a structure that are not on the list."""
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "__loader__" in one:
                name = f"{one.get('__module__')}.{one.get('__class__')}"
                if name not in ALLOWED.get(str(one["__loader__"]), ()):
                    yield name
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one

"""Bad input gets an error that says what was wrong, where, and what to do."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Checkpoint, EarlyStopping, LRScheduler

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.baselines import LateFusionClassifier, StackedFusionClassifier

ESTIMATORS = {
    "selector": lambda **parameters: MultiOmicsSelector(k=5, **parameters),
    "classifier": lambda **parameters: CrossModalAttentionClassifier(
        n_estimators=1, embed_dim=4, max_epochs=1, **parameters
    ),
}
estimators = pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS)


def infinite(X):
    X = X.astype(float)
    X.loc["patient", "cna__TARGET"] = -np.inf
    return X


def no_modality(X):
    X = X.astype(float)
    X.loc["patient"] = np.nan
    return X


def mixed_text(X):
    return X.assign(cna__TARGET=["1.5"] * (len(X) - 1) + ["gain"])


def times(X):
    return X.assign(cna__TARGET=pd.Timestamp("2012-04-18"))


def unnamed_column(X):
    return X.rename(columns={"cna__TARGET": "TARGET"})


def repeated_column(X):
    return X.rename(columns={"cna__TARGET": X.columns[0]})


TABLES = [
    (infinite, r"infinity.*'cna'.*'cna__TARGET'.*'patient'"),
    (no_modality, r"'patient' has no modality"),
    (mixed_text, r"'cna__TARGET' is not numeric.*gain"),
    (times, "Times are not supported: column 'cna__TARGET'"),
    (unnamed_column, r"'TARGET' names no modality.*modalities="),
    (repeated_column, r"(?s)unique.*exp__"),
]


@pytest.fixture
def data(cohort):
    X, y = cohort
    X = X.rename(index={X.index[3]: "patient"}, columns={X.columns[65]: "cna__TARGET"})
    return X, np.asarray(y)


@estimators
@pytest.mark.parametrize(
    ("corrupt", "message"), TABLES, ids=[corrupt.__name__ for corrupt, _ in TABLES]
)
def test_an_invalid_table_raises_in_fit(make, corrupt, message, data):
    X, y = data
    with pytest.raises(ValueError, match=message):
        make().fit(corrupt(X), y)


@estimators
@pytest.mark.parametrize("corrupt", [infinite, no_modality, mixed_text])
def test_an_invalid_table_raises_after_fit(make, corrupt, data):
    X, y = data
    model = make().fit(X, y)
    message = dict(TABLES)[corrupt]
    with pytest.raises(ValueError, match=message):
        getattr(model, "predict" if hasattr(model, "predict") else "transform")(corrupt(X))


@estimators
@pytest.mark.parametrize(
    ("modalities", "message"),
    [
        ({"exp": ["exp__nowhere"]}, r"'exp' refers to columns.*exp__nowhere"),
        ({"exp": [0, 1000]}, r"'exp' refers to columns"),
        ({"exp": slice(0, 61), "cna": slice(60, 130)}, r"in two modalities, 'exp' and 'cna'"),
        ({"exp": slice(0, 60)}, r"70 columns of X belong to no modality"),
        ({"exp": slice(0, 0), "cna": slice(0, 130)}, r"'exp' has no column"),
        ({"exp": [0, 0], "cna": slice(1, 130)}, r"columns of modality 'exp' must be unique"),
        ({"e__p": slice(0, 130)}, "double underscore"),
        ({}, "at least one modality"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_invalid_modalities_raise(make, modalities, message, data):
    X, y = data
    with pytest.raises(ValueError, match=message):
        make(modalities=modalities).fit(X, y)


@estimators
def test_a_single_class_raises(make, data):
    X, _ = data
    with pytest.raises(ValueError, match="one class"):
        make().fit(X, ["LumA"] * len(X))


def test_the_only_class_is_shown_as_a_plain_value(data):
    X, _ = data
    with pytest.raises(ValueError, match="only one class, 7;"):
        CrossModalAttentionClassifier().fit(X, np.full(len(X), 7))


@estimators
@pytest.mark.parametrize("unknown", [None, np.nan, pd.NA])
def test_unknown_classes_raise_with_the_sample_name(make, unknown, data):
    X, y = data
    y = np.array(y, dtype=object)
    y[[3, 7]] = unknown
    message = r"y contains NaN: the class of sample 'patient' is missing \(2 such samples\)"
    with pytest.raises(ValueError, match=message):
        make().fit(X, y)


@estimators
def test_continuous_targets_raise(make, data):
    X, _ = data
    with pytest.raises(ValueError, match="continuous"):
        make().fit(X, np.linspace(0, 1, len(X)))


@estimators
def test_columns_other_than_in_fit_raise(make, data):
    X, y = data
    model = make().fit(X, y)
    apply = model.predict if hasattr(model, "predict") else model.transform
    with pytest.raises(ValueError, match="must be in the same order"):
        apply(X[X.columns[::-1]])
    with pytest.raises(ValueError, match=r"(?s)unseen at fit time.*exp__new"):
        apply(X.rename(columns={X.columns[0]: "exp__new"}))
    with pytest.raises(ValueError, match="129 features"):
        apply(X.iloc[:, 1:].to_numpy())


@pytest.mark.parametrize("k", [0, -3, 2.5, "some", None])
def test_an_invalid_k_raises(k, data):
    with pytest.raises(ValueError, match="'k' parameter"):
        MultiOmicsSelector(k).fit(*data)


@pytest.mark.parametrize(
    ("k", "message"),
    [
        ({"exp": 5, "cna": 5, "mut": 5, "met": 5}, r"k names \['met'\], which are not modalities"),
        ({"exp": 5, "cna": 0, "mut": 5}, "'cna' must be an integer of at least 1"),
        ({"exp": 5, "cna": "most", "mut": 5}, "'cna' must be an integer of at least 1"),
    ],
)
def test_an_invalid_k_by_modality_raises(k, message, data):
    with pytest.raises(ValueError, match=message):
        MultiOmicsSelector(k).fit(*data)


@pytest.mark.filterwarnings("ignore:.*see n_imputed_")
@estimators
@pytest.mark.parametrize(
    "drop",
    [
        lambda X: X.to_numpy(),
        lambda X: StandardScaler().fit_transform(X),
        lambda X: X.set_axis(range(X.shape[1]), axis=1),
        lambda X: X.set_axis([f"gene {column}" for column in range(X.shape[1])], axis=1),
    ],
    ids=["array", "scaled", "numbered", "unnamed modalities"],
)
def test_an_absent_modality_without_column_names_warns(make, drop, data):
    X, y = data
    X = X.astype(float)
    X.loc["patient", X.columns.str.startswith("cna__")] = np.nan
    with pytest.warns(
        UserWarning, match=r"no column names of the form.*lacks a modality.*`modalities=`"
    ):
        make().fit(drop(X), y)


NEED_SAMPLES_HELD_OUT = {
    "stopping": lambda: EarlyStopping(),
    "named": lambda: ("stop", EarlyStopping(monitor="valid_loss")),
    "class": lambda: EarlyStopping,
    "checkpoint": lambda: Checkpoint(dirname="nowhere"),
    "schedule": lambda: LRScheduler("ReduceLROnPlateau", monitor="valid_loss"),
}


@pytest.mark.parametrize("callback", NEED_SAMPLES_HELD_OUT.values(), ids=NEED_SAMPLES_HELD_OUT)
def test_callbacks_that_need_samples_held_out_name_the_parameter(callback, data):
    X, y = data
    model = ESTIMATORS["classifier"](callbacks=[callback()])
    with pytest.raises(ValueError, match=r"monitors 'valid_loss.*early_stopping=True"):
        model.fit(X, y)


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        ("early", "must be skorch callbacks, got 'early'"),
        (print, "must be skorch callbacks"),
        (EarlyStopping(monitor="valid_acc"), r"'valid_acc'.*Recorded are .*'valid_score'"),
    ],
)
def test_invalid_callbacks_raise(callback, message, data):
    model = CrossModalAttentionClassifier(callbacks=[callback], early_stopping=True, max_epochs=1)
    with pytest.raises(ValueError, match=message):
        model.fit(*data)


@pytest.mark.parametrize("device", ["gpu", "meta", "cuda:99", "abacus"])
def test_an_unavailable_device_raises(device, data):
    with pytest.raises(ValueError, match=f"device='{device}' cannot be used here.*\"auto\""):
        CrossModalAttentionClassifier(device=device).fit(*data)


@pytest.mark.parametrize("fusion", [LateFusionClassifier, StackedFusionClassifier])
def test_a_modality_that_cannot_be_fitted_is_named(fusion, data):
    X, y = data
    X = X.astype(float)
    few = np.isin(np.arange(len(y)), [np.flatnonzero(y == label)[:2] for label in y[:9]])
    X.loc[~few, X.columns.str.startswith("cna__")] = np.nan
    with pytest.raises(ValueError, match=r"modality 'cna' could not be fitted.*by class \{"):
        fusion(GridSearchCV(LogisticRegression(), {"C": [1]}, cv=3)).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"primary": "met"}, r"primary='met'.*\['exp', 'cna', 'mut'\]"),
        ({"embed_dim": 10, "n_heads": 4}, "embed_dim=10 and n_heads=4"),
        ({"dropout": 1.0}, "'dropout' parameter"),
        ({"attention": "sparse"}, "'attention' parameter"),
        ({"validation_fraction": 0.0}, "'validation_fraction' parameter"),
        (
            {"validation_fraction": 1e-3, "early_stopping": True},
            "validation_fraction.*early_stopping=False",
        ),
        ({"class_weight": {"nobody": 2}}, "not in class_weight"),
        ({"device": "abacus"}, "abacus"),
    ],
)
def test_invalid_parameters_raise(parameters, message, data):
    with pytest.raises((ValueError, RuntimeError), match=message):
        CrossModalAttentionClassifier(**parameters).fit(*data)


def test_a_constant_column_is_accepted(data):
    X, y = data
    X = X.assign(cna__TARGET=1.0)
    for make in ESTIMATORS.values():
        make().fit(X, y)


def test_repeated_sample_names_of_a_bootstrap_are_accepted(data):
    X, y = data
    drawn = np.random.default_rng(0).integers(len(X), size=len(X))
    for make in ESTIMATORS.values():
        make().fit(X.iloc[drawn], y[drawn])


def test_a_list_of_lists_is_one_modality(data):
    X, y = data
    table = pd.DataFrame(X).to_numpy().tolist()
    assert list(MultiOmicsSelector(k=3).fit(table, y).modalities_) == ["X"]

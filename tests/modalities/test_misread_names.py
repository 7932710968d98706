"""Names that a step prefixes, drops or separates otherwise are not silently misread."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier
from sklearn.feature_selection import VarianceThreshold
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from xmodal_sklearn import (
    CrossModalAttentionClassifier,
    MultiOmicsSelector,
    concat_modalities,
    split_modalities,
)
from xmodal_sklearn.baselines import LateFusionClassifier
from xmodal_sklearn.modalities._columns import resolve_modalities

SAMPLES = [f"P{index}" for index in range(12)]
RNG = np.random.default_rng(0)
X = concat_modalities(
    {
        "exp": pd.DataFrame(RNG.normal(size=(12, 4)), SAMPLES, list("ABCD")),
        "mut": pd.DataFrame(RNG.integers(0, 2, (12, 3)), SAMPLES, ["E", "F", "HLA__A"]),
    }
)
Y = np.arange(12) % 2
EXP = make_column_selector("^exp__")
MUT = make_column_selector("^mut__")

ADDING = {
    "all columns": ColumnTransformer([("num", StandardScaler(), list(X))]),
    "some columns": ColumnTransformer([("num", StandardScaler(), EXP)], remainder="passthrough"),
    "named format": ColumnTransformer(
        [("num", StandardScaler(), list(X))],
        verbose_feature_names_out="{transformer_name}__{feature_name}",
    ),
    "union": FeatureUnion([("num", StandardScaler()), ("same", FunctionTransformer(lambda X: -X))]),
    "twice": make_pipeline(
        ColumnTransformer([("inner", StandardScaler(), list(X))]).set_output(transform="pandas"),
        ColumnTransformer([("num", StandardScaler(), lambda X: list(X))]),
    ),
}


@pytest.mark.parametrize("step", ADDING.values(), ids=ADDING)
def test_a_prefix_of_a_step_warns(step):
    step.set_output(transform="pandas")
    if isinstance(step, FeatureUnion):
        step.transformer_list[1][1].set_params(feature_names_out="one-to-one")
    with pytest.warns(UserWarning, match=r"'num'.*verbose_feature_names_out=False.*modalities="):
        make_pipeline(step, MultiOmicsSelector(k=1)).fit(X, Y)


def test_a_prefix_beside_other_columns_warns():
    clinical = X.assign(stage=["I", "II"] * 6)
    encode = OneHotEncoder(sparse_output=False)
    step = ColumnTransformer(
        [("clin", encode, ["stage"]), ("omics", "passthrough", list(X))]
    ).set_output(transform="pandas")
    with pytest.warns(UserWarning, match="'omics'"):
        modalities = resolve_modalities(step.fit_transform(clinical), None)
    assert list(modalities) == ["clin", "omics"]


def test_a_prefix_added_by_hand_warns():
    with pytest.warns(UserWarning, match=r"\['tcga'\].*'tcga__exp__A'"):
        split_modalities(X.add_prefix("tcga__"))


@pytest.mark.parametrize(
    "table",
    [
        X,
        X[["exp__A", "mut__HLA__A"]],
        pd.concat([X, X[["mut__HLA__A"]].add_suffix("2")], axis=1),
        X.filter(like="mut__").add_prefix("mut__"),
        X.set_axis([f"exp__ENSG{index}__{name}" for index, name in enumerate("ABCDEFG")], axis=1),
    ],
    ids=["plain", "one feature", "beside others", "named twice", "identifier and symbol"],
)
def test_features_with_a_double_underscore_are_no_prefix(table):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(resolve_modalities(table, None)) <= {"exp", "mut"}


def test_modalities_can_be_given_where_a_step_adds_a_prefix():
    step = ADDING["all columns"].set_output(transform="pandas")
    columns = {"exp": [f"num__{c}" for c in EXP(X)], "mut": [f"num__{c}" for c in MUT(X)]}
    selector = make_pipeline(step, MultiOmicsSelector(k=1, modalities=columns)).fit(X, Y)[-1]
    assert list(selector.modalities_) == ["exp", "mut"]


@pytest.mark.parametrize("separator", [".", ":", "|", "/", "_"])
def test_another_separator_warns(separator):
    names = [f"exp{separator}G{i}" for i in range(8)] + [f"mut{separator}G{i}" for i in range(4)]
    with pytest.warns(UserWarning, match=r"names begin with \['exp', 'mut'\]"):
        MultiOmicsSelector(k=1).fit(pd.DataFrame(RNG.normal(size=(12, 12)), columns=names), Y)


@pytest.mark.parametrize(
    "names",
    [
        ["HLA.A", "HLA.B", "HLA.C", "NKX2_1", "NKX2_2", *(f"G{i}" for i in range(10))],
        ["HLA-DRA", "HLA-DRB1", "HLA-DPA1", "RP11-34.1", "RP11-34.2", "RP11-34.3", "CDK4_pS807"],
        [f"ENSG{i:011d}.{i % 9}" for i in range(50)],
        ["age_at_diagnosis", "age_at_death", "tumor_size", "tumor_grade", "sex", "her2_status"],
        [f"{name}_{level}" for name in ("stage", "grade", "site") for level in "abcd"],
        [f"hsa.miR.{i}" for i in range(20)],
        [f"hsa-mir-{i}" for i in range(20)],
        [f"chr{i % 22}:{i}" for i in range(200)],
        [f"chr{i % 5 + 1}:{i}" for i in range(200)],
        [f"{i % 8 + 1}p{i}" for i in range(40)] + [f"X.{i}" for i in range(40)],
    ],
)
def test_separators_in_features_do_not_warn(names):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resolve_modalities(pd.DataFrame(np.zeros((2, len(names))), columns=names), None)


DROPPING = {
    "scaler": (StandardScaler(), X),
    "two levels": (
        StandardScaler(),
        X.set_axis(X.columns.str.split("__", n=1, expand=True), axis=1),
    ),
    "nested": (make_pipeline(StandardScaler(), VarianceThreshold()), X),
    "components": (PCA(5), X),
}
ONE_MODALITY = MultiOmicsSelector(k=2, modalities={"X": slice(None)})
LOST = r"\['exp', 'mut'\].*set_output.*modalities="


@pytest.mark.parametrize(("step", "table"), DROPPING.values(), ids=DROPPING)
def test_a_step_that_drops_the_names_of_modalities_warns(step, table):
    with pytest.warns(UserWarning, match=LOST):
        make_pipeline(step, MultiOmicsSelector(k=2)).fit(table, Y)


def test_lost_names_warn_in_searches_and_behind_ensembles():
    model = make_pipeline(StandardScaler(), MultiOmicsSelector(k=2), LogisticRegression())
    for outer in (
        GridSearchCV(model, {"multiomicsselector__k": [1]}, cv=2),
        BaggingClassifier(CrossModalAttentionClassifier(max_epochs=1, n_estimators=1), 1),
    ):
        with pytest.warns(UserWarning, match=LOST):
            outer.fit(X, Y)


@pytest.mark.parametrize(
    ("model", "table"),
    [
        (MultiOmicsSelector(k=2), X.to_numpy()),
        (make_pipeline(StandardScaler(), MultiOmicsSelector(k=2)), X.to_numpy()),
        (make_pipeline(StandardScaler(), MultiOmicsSelector(k=2)), X.filter(like="exp__")),
        (make_pipeline(StandardScaler(), ONE_MODALITY), X),
        (
            make_pipeline(StandardScaler().set_output(transform="pandas"), MultiOmicsSelector(k=2)),
            X,
        ),
        (
            ColumnTransformer(
                [("exp", make_pipeline(StandardScaler(), MultiOmicsSelector(k=2)), EXP)],
                remainder="passthrough",
            ),
            X,
        ),
        (LateFusionClassifier(make_pipeline(MultiOmicsSelector(k=2), LogisticRegression())), X),
    ],
    ids=[
        "array",
        "array in a pipeline",
        "one modality",
        "modalities=",
        "set_output",
        "in a part",
        "fusion",
    ],
)
def test_one_modality_that_was_meant_does_not_warn(model, table):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(table, Y)

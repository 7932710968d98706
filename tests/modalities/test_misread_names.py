"""Names that a step prefixes, drops or separates otherwise are not silently misread."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from xmodal_sklearn import MultiOmicsSelector, concat_modalities, split_modalities
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
        ["age_at_diagnosis", "age_at_death", "tumor_size", "tumor_grade", "sex", "her2_status"],
        [f"hsa.miR.{i}" for i in range(20)],
        [f"chr{i % 22}:{i}" for i in range(200)],
    ],
    ids=["genes", "clinical", "microRNA", "sites"],
)
def test_separators_in_features_do_not_warn(names):
    resolve_modalities(pd.DataFrame(np.zeros((2, len(names))), columns=names), None)

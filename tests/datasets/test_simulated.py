"""The simulated cohort has the traits its documentation promises."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from xmodal_sklearn.datasets import make_multiomics


@pytest.fixture(scope="module")
def bunch():
    return make_multiomics(random_state=0)


def block(bunch, modality):
    return bunch.data.iloc[:, bunch.modalities[modality]]


def macro_f1(X, y):
    model = make_pipeline(
        VarianceThreshold(),  # rare mutations are constant in some folds
        StandardScaler(),
        SelectKBest(k=300 if X.shape[1] > 300 else "all"),
        LogisticRegression(C=0.003, class_weight="balanced", max_iter=500),
    )
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    return cross_val_score(model, X, y, cv=folds, scoring="f1_macro").mean()


def test_names_shapes_and_index_agree(bunch):
    assert bunch.data.shape == (500, 1900)
    assert bunch.feature_names == list(bunch.data.columns)
    assert {name: len(columns) for name, columns in bunch.modalities.items()} == {
        "exp": 1000,
        "cna": 800,
        "mut": 100,
    }
    assert bunch.data.index.is_unique
    assert bunch.target.index.equals(bunch.data.index)
    assert bunch.target.dtype == object
    assert list(bunch.target_names) == sorted(set(bunch.target))


def test_the_pair_gives_the_data_and_target_of_the_bunch(bunch):
    X, y = make_multiomics(return_X_y=True, random_state=0)
    pd.testing.assert_frame_equal(X, bunch.data)
    pd.testing.assert_series_equal(y, bunch.target)


def test_results_depend_on_the_seed_and_not_on_the_global_state(bunch):
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    make_multiomics(n_samples=20, random_state=None)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert not make_multiomics(random_state=1).data.equals(bunch.data)


@pytest.mark.parametrize("make_state", [np.random.RandomState, np.random.default_rng])
def test_generators_of_both_kinds_are_seeds(make_state):
    first, second = (make_multiomics(20, random_state=make_state(5)).data for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_five_classes_have_the_shares_of_the_pam50_subtypes(bunch):
    assert bunch.target.value_counts(normalize=True).to_dict() == {
        "LumA": 0.40,
        "LumB": 0.27,
        "Her2": 0.13,
        "Basal": 0.12,
        "Normal": 0.08,
    }


@settings(max_examples=30, deadline=None)
@given(n_classes=st.integers(2, 12), extra=st.integers(0, 30), seed=st.integers(0, 1000))
def test_any_small_cohort_has_every_class_and_finite_values(n_classes, extra, seed):
    sizes = {"mut": 1, "exp": 3, "cna": 2}
    bunch = make_multiomics(n_classes + extra, sizes, n_classes, random_state=seed)
    assert bunch.target.nunique() == n_classes
    assert list(bunch.modalities) == list(sizes)
    assert np.isfinite(bunch.data.to_numpy()).all()


def test_weights_set_the_class_sizes():
    y = make_multiomics(100, n_classes=3, weights=[2, 1, 1], random_state=0).target
    assert y.value_counts().to_dict() == {"class_0": 50, "class_1": 25, "class_2": 25}


def test_missing_modalities_are_whole_blocks_of_nan():
    bunch = make_multiomics(200, missing={"cna": 0.25, "mut": 0.5}, random_state=0)
    for modality, fraction in {"exp": 0, "cna": 0.25, "mut": 0.5}.items():
        gaps = block(bunch, modality).isna()
        assert gaps.all(axis=1).mean() == fraction
        np.testing.assert_array_equal(gaps.any(axis=1), gaps.all(axis=1))


def test_every_sample_keeps_a_modality():
    bunch = make_multiomics(200, missing={"exp": 0.9, "cna": 0.9, "mut": 0.9}, random_state=0)
    assert len(bunch.data) == 200
    assert bunch.data.notna().any(axis=1).all()


def test_float32_is_the_same_cohort_in_half_the_memory(bunch):
    small = make_multiomics(dtype="float32", random_state=0).data
    assert set(map(str, small.dtypes)) == {"float32", "int8"}
    np.testing.assert_array_equal(small, bunch.data.astype(np.float32))


def test_copy_number_drives_the_expression_of_its_own_genes(bunch):
    cna = block(bunch, "cna").rename(columns=lambda name: name.replace("cna__", "exp__"))
    exp = block(bunch, "exp")[cna.columns]
    unrelated = exp.iloc[:, np.roll(np.arange(exp.shape[1]), 400)].set_axis(cna.columns, axis=1)
    assert exp.corrwith(cna).mean() > 0.1
    assert abs(unrelated.corrwith(cna).mean()) < 0.03


def test_copy_number_is_piecewise_constant_along_the_genome(bunch):
    # Of 800 genes in a sample, only the ends of segments differ from their neighbors.
    assert (np.diff(block(bunch, "cna"), axis=1) != 0).mean() < 0.15
    assert (block(bunch, "cna").nunique() > 10).all()


def test_expression_has_correlated_modules(bunch):
    correlation = np.corrcoef(block(bunch, "exp").to_numpy(), rowvar=False)
    np.fill_diagonal(correlation, 0)
    assert np.median(np.abs(correlation).max(axis=0)) > 0.5


def test_mutations_are_binary_few_and_long_tailed(bunch):
    mutations = block(bunch, "mut")
    assert set(np.unique(mutations)) == {0, 1}
    frequency = np.sort(mutations.mean())[::-1]
    assert frequency.mean() < 0.05
    assert frequency[0] > 0.2
    assert np.median(frequency) < 0.02


def test_informative_columns_exist_and_differ_between_classes(bunch):
    means = bunch.data.groupby(bunch.target).mean()
    spread = means.std() / bunch.data.std().replace(0, 1)
    for modality, informative in bunch.informative.items():
        columns = block(bunch, modality).columns
        assert 0 < len(informative) < len(columns) / 2
        assert set(informative) <= set(columns)
        assert spread[informative].mean() > 1.5 * spread[columns.difference(informative)].mean()


def test_modalities_are_more_informative_together_than_alone(bunch):
    score = {name: macro_f1(block(bunch, name), bunch.target) for name in bunch.modalities}
    score["all"] = macro_f1(bunch.data, bunch.target)
    assert 0.7 < score["all"] < 0.92
    assert score["all"] > score["exp"] + 0.02
    assert score["exp"] > score["cna"] + 0.1
    assert score["cna"] > score["mut"] + 0.05
    assert score["mut"] > 0.22  # chance is about 0.2


def test_class_sep_sets_the_difficulty():
    score = [
        macro_f1(*make_multiomics(300, class_sep=sep, return_X_y=True, random_state=0))
        for sep in (0, 0.7, 2)
    ]
    assert score[0] < 0.3
    assert score[0] + 0.15 < score[1] < score[2] - 0.1
    assert score[2] > 0.95


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_features": {"rna": 10}}, "'rna'.*'exp'"),
        ({"n_features": {}}, "at least one"),
        ({"n_features": {"exp": 0}}, r"n_features\['exp'\].*0"),
        ({"n_features": {"exp": 2.5}}, r"n_features\['exp'\].*2.5"),
        ({"n_features": 100}, "n_features"),
        ({"n_samples": 4}, "4 samples for 5 classes"),
        ({"n_classes": 1}, "n_classes"),
        ({"class_sep": -1}, "class_sep"),
        ({"weights": [1, 2]}, "weights must be 5 positive numbers"),
        ({"weights": [1, 1, 1, 1, 0]}, "weights must be 5 positive numbers"),
        ({"missing": {"rna": 0.5}}, "'rna'"),
        ({"missing": {"cna": 1}}, r"missing\['cna'\].*\[0, 1\)"),
        ({"missing": {"cna": 0.1}, "n_features": {"exp": 9}}, "missing.*'cna'"),
        ({"dtype": "int8"}, "dtype"),
        ({"random_state": "seed"}, "random_state"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_multiomics(**arguments)

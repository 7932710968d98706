"""Drift: how far new samples lie from the training samples of a model."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from xmodal_sklearn import (
    CrossModalAttentionClassifier,
    ModalityImputer,
    MultiOmicsSelector,
    align_features,
    concat_modalities,
)
from xmodal_sklearn.baselines import make_baselines
from xmodal_sklearn.datasets import make_multiomics, read_cbioportal
from xmodal_sklearn.inspection import drift
from xmodal_sklearn.persistence import load_model, save_model
from xmodal_sklearn.uncertainty import ConformalClassifier, RejectingClassifier

SHARES = ["outside", "moved"]


def linear(k=15):
    return make_pipeline(MultiOmicsSelector(k), LogisticRegression(max_iter=5000))


def small(**settings):
    settings = {"n_estimators": 1, "max_epochs": 1, "embed_dim": 4, "device": "cpu"} | settings
    return CrossModalAttentionClassifier(random_state=0, **settings)


@pytest.fixture(scope="module")
def split():
    X, y = make_multiomics(
        600, {"exp": 40, "cna": 30, "mut": 12}, n_classes=3, return_X_y=True, random_state=0
    )
    return train_test_split(X.astype(float), y, test_size=0.4, stratify=y, random_state=0)


@pytest.fixture(scope="module")
def model(split):
    X, _, y, _ = split
    return linear().fit(X, y)


@pytest.fixture
def held_out(split):
    return split[1].copy()


def columns(X, modality):
    return X.columns[X.columns.str.startswith(f"{modality}__")]


def quiet_drift(model, X):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The new samples differ from")
        return drift(model, X)


def test_held_out_samples_do_not_differ_from_those_of_training(split):
    X, Z, y, z = split
    X, y = pd.concat([X, Z]), pd.concat([y, z])
    for seed in range(5):
        train, test, labels, _ = train_test_split(X, y, test_size=0.3, random_state=seed)
        result = drift(MultiOmicsSelector(15).fit(train, labels), test)  # a warning is an error
        assert result.index.to_list() == ["exp", "cna", "mut"]
        assert (result["samples"] == len(test)).all()
        assert result["features"].to_list() == [15, 15, 12]
        assert (result["outside"] <= 0.06).all()
        assert (result["moved"] == 0).all()
        assert result["most moved"].to_list() == [[], [], []]


def test_held_out_patients_of_metabric_do_not_differ_from_those_of_training(data_dir):
    cohort = read_cbioportal(data_dir / "metabric_discovery")
    train, test, y, _ = train_test_split(
        cohort.data, cohort.target.to_numpy(), test_size=0.3, random_state=0
    )
    selector = MultiOmicsSelector(60).fit(train, y)
    result = drift(selector, test)
    assert (result["outside"] <= 0.06).all()
    assert (result["moved"] == 0).all()
    other = test.copy()
    other[columns(test, "exp")] = 0.6 * test[columns(test, "exp")] + 0.5
    with pytest.warns(UserWarning, match="'exp'"):
        moved = drift(selector, other)
    assert moved.loc["exp", "moved"] > 0.8
    pd.testing.assert_frame_equal(moved.drop("exp"), result.drop("exp"))


CHANGES = {
    "shifted": (lambda values: values + 1, "moved"),
    "scaled up": (lambda values: 3 * values, "moved"),
    "compressed": (lambda values: 0.3 * values, "outside"),
    "in another unit": (lambda values: np.exp2(values), "moved"),
    "of one value": (lambda values: 0 * values + 1, "moved"),
}


@pytest.mark.parametrize(("change", "share"), CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("modality", ["exp", "cna"])
def test_only_the_changed_modality_differs(model, held_out, modality, change, share):
    before = drift(model, held_out)
    scale = held_out[columns(held_out, modality)].std()
    changed = held_out.copy()
    changed[scale.index] = change(held_out[scale.index] / scale) * scale
    with pytest.warns(UserWarning, match="new samples differ") as caught:
        after = drift(model, changed)
    assert after.loc[modality, share] > 0.4
    assert len(after.loc[modality, "most moved"]) == 3
    assert set(after.loc[modality, "most moved"]) <= set(scale.index)
    pd.testing.assert_frame_equal(after.drop(modality), before.drop(modality))
    assert len(caught) == 1
    message = str(caught[0].message)
    assert f"'{modality}' (" in message
    assert f"{{'{modality}': 'within'}} (--normalize {modality}=within)" in message
    assert "'mut' (" not in message


def test_one_warning_names_all_modalities_that_differ(model, held_out):
    shifted = held_out + 2
    with pytest.warns(UserWarning, match=r"'exp' \(.*'cna' \(.*'mut' \(") as caught:
        drift(model, shifted)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    remedy = str(caught[0].message).partition("align_features")[2]
    assert "'mut'" not in remedy  # zeros and ones have no scale


def test_small_effects_are_not_flagged_in_a_large_cohort():
    rng = np.random.default_rng(0)
    y = np.arange(2000) % 2
    X = pd.DataFrame(rng.normal(size=(2000, 6)) + 0.5 * y[:, None]).add_prefix("exp__")
    model = linear(6).fit(X, y)
    codes = np.arange(40_000) % 2
    other = pd.DataFrame(rng.normal(size=(40_000, 6)) + 0.5 * codes[:, None], columns=X.columns)
    assert drift(model, other + 0.15).loc["exp", "moved"] == 0
    assert quiet_drift(model, other + 0.6).loc["exp", "moved"] == 1


def test_one_sample_is_measured_and_gives_no_warning(model, held_out):
    assert drift(model, held_out.iloc[[0]])["samples"].to_list() == [1, 1, 1]
    result = drift(model, held_out.iloc[[0]] + 50)
    assert result["outside"].to_list() == [1, 1, 1]
    assert (result["moved"] == 0).all()
    with pytest.warns(UserWarning, match="100% of 3 samples"):
        drift(model, held_out.iloc[:3] + 50)


def mutations(rng, n, rates):
    X = pd.DataFrame(rng.random((n, len(rates))) < rates).add_prefix("mut__").astype(int)
    return concat_modalities({"mut": X.rename(columns=lambda name: name[5:])})


def test_zeros_and_ones_are_compared_by_their_share():
    rng = np.random.default_rng(0)
    rates = np.array([0.03, 0.03, 0.4, 0.4, 0.97, 0.0])
    X = mutations(rng, 600, rates)
    selector = MultiOmicsSelector("all").fit(X, rng.integers(2, size=600))
    assert drift(selector, mutations(rng, 300, rates))["moved"].to_list() == [0]
    other = np.array([0.03, 0.2, 0.4, 0.1, 0.5, 0.2])
    with pytest.warns(UserWarning, match=r"'mut' \(") as caught:
        result = drift(selector, mutations(rng, 300, other))
    assert result.loc["mut", "moved"] == 4 / 6
    assert set(result.loc["mut", "most moved"]) == {"mut__3", "mut__4", "mut__5"}
    assert "within" not in str(caught[0].message)
    # Ones that become zeros are no larger than before, but fewer are as large.
    gone = X.assign(mut__4=0)
    assert quiet_drift(selector, gone).loc["mut", "most moved"] == ["mut__4"]


def test_categories_are_compared_by_their_share():
    rng = np.random.default_rng(0)
    grades = pd.Series(rng.choice(["low", "mid", "high"], 400, p=[0.2, 0.5, 0.3]))
    age = pd.Series(rng.normal(60, 10, 400))
    X = concat_modalities({"clin": pd.DataFrame({"age": age, "grade": grades})})
    selector = MultiOmicsSelector("all").fit(X, rng.integers(2, size=400))
    assert drift(selector, X)["features"].to_list() == [4]
    for word in ("high", "unknown"):
        with pytest.warns(UserWarning, match=r"75% of 4 features moved"):
            result = drift(selector, X.assign(clin__grade=word))
        most = [f"clin__grade={word}" for word in ("low", "mid", "high")]
        assert set(result.loc["clin", "most moved"]) == set(most)


def test_absent_modalities_are_left_out(model, held_out):
    X = held_out.copy()
    X.loc[X.index[:100], columns(X, "exp")] = np.nan
    X[columns(X, "mut")] = np.nan
    result = drift(model, X)
    assert result["samples"].to_list() == [len(X) - 100, len(X), 0]
    assert result["features"].to_list() == [15, 15, 0]
    assert result.loc["mut", SHARES].isna().all()
    expected = drift(model, held_out.iloc[100:]).loc["exp"]
    pd.testing.assert_series_equal(result.loc["exp"], expected)


def test_missing_values_are_left_out_in_training_and_after(split, model):
    X, Z, y, _ = split
    rng = np.random.default_rng(0)
    gaps = [table.mask(rng.random(table.shape) < 0.15) for table in (X, Z)]
    with pytest.warns(UserWarning, match="(Imputed missing|Missing) values"):
        with_gaps = linear()
        with_gaps.steps.insert(1, ("impute", ModalityImputer("mean")))
        with_gaps.fit(gaps[0], y)
    model = make_pipeline(model[0], ModalityImputer("mean").fit(model[0].transform(X)), model[1])
    for fitted, table in ((model, gaps[1]), (with_gaps, Z), (with_gaps, gaps[1])):
        result = drift(fitted, table)
        assert (result["moved"] == 0).all()
        assert (result["outside"] <= 0.06).all()


def test_imputed_columns_are_not_compared(model, held_out):
    gone = model[0].rankings_["exp"][:3]
    with pytest.warns(UserWarning, match="Imputed with training means"):
        aligned = align_features(held_out.drop(columns=gone), model, missing="impute")
    result = drift(model, aligned)
    assert result["features"].to_list() == [12, 15, 12]
    assert (result["moved"] == 0).all()


def test_constant_features_are_compared():
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    X = pd.DataFrame({"exp__A": rng.normal(size=200), "exp__B": np.ones(200)})
    classifier = small().fit(X, y)
    assert drift(classifier, X)["features"].to_list() == [2]
    for value in (0, 2):
        result = quiet_drift(classifier, X.assign(exp__B=value))
        assert result.loc["exp", "most moved"] == ["exp__B"]


def test_every_model_that_begins_with_ours_is_supported(split, held_out):
    X, _, y, _ = split
    frame, array = X.iloc[:150], X.iloc[:150].to_numpy()
    y = y.iloc[:150].to_numpy()
    positions = {"exp": slice(0, 40), "cna": slice(40, 70), "mut": slice(70, 82)}
    scaled = StandardScaler().set_output(transform="pandas")
    grid = {"multiomicsselector__k": [5]}
    expected = drift(linear(5).fit(frame, y), held_out)
    models = [
        GridSearchCV(linear(5), grid, cv=2),
        make_pipeline(scaled, *(step for _, step in linear(5).steps)),
        make_pipeline(MultiOmicsSelector(5), small()),
        make_pipeline(None, MultiOmicsSelector(5), small()),
        RejectingClassifier(linear(5)),
        RejectingClassifier(GridSearchCV(linear(5), grid, cv=2)),
        make_baselines(k=5, models=["logistic regression"])["logistic regression, early"],
    ]
    for model in models:
        result = drift(model.fit(frame, y), held_out)
        pd.testing.assert_frame_equal(result[SHARES], expected[SHARES], atol=1e-6)
    conformal = ConformalClassifier(linear(5), random_state=0).fit(frame, y)
    pd.testing.assert_frame_equal(drift(conformal, held_out), drift(conformal.estimator_, held_out))
    from_array = drift(small(modalities=positions).fit(array, y), held_out.to_numpy())
    from_frame = drift(small().fit(frame, y), held_out)
    pd.testing.assert_frame_equal(from_array, from_frame)
    assert from_frame["features"].to_list() == [40, 30, 12]


def test_a_loaded_model_gives_the_same_figures(split, held_out, tmp_path):
    X, y = split[0].iloc[:150], split[2].iloc[:150]
    held_out[columns(held_out, "exp")] += 0.5
    for model in (linear(), make_pipeline(MultiOmicsSelector(5), small()), small()):
        model.fit(X, y)
        loaded = load_model(save_model(model, tmp_path / "model.xmodal"))
        result = quiet_drift(model, held_out)
        assert result.loc["exp", "moved"] > 0
        pd.testing.assert_frame_equal(quiet_drift(loaded, held_out), result, check_exact=True)


def test_a_model_keeps_no_row_and_no_extreme_value_of_its_samples(split):
    X, _, y, _ = split
    summary = small().fit(X, y).input_.summary
    exp = X[columns(X, "exp")].to_numpy(dtype=np.float32)
    kept = summary.knots[:, : exp.shape[1]]
    assert (kept > exp.min(axis=0)).all()
    assert (kept < exp.max(axis=0)).all()
    assert all(array.shape[0] < 10 or array.ndim == 1 for array in vars(summary).values()
               if isinstance(array, np.ndarray))  # fmt: skip


def test_a_weight_of_two_equals_a_repeated_sample(split, held_out):
    X, _, y, _ = split
    weights = np.where(np.arange(len(X)) < 60, 3, 1)
    held_out[columns(held_out, "exp")] *= 1.5
    weighted = small().fit(X, y, sample_weight=weights)
    repeated = small().fit(X.loc[X.index.repeat(weights)], y.repeat(weights))
    left_out = small().fit(X, y, sample_weight=(weights == 1).astype(float))
    fewer = small().fit(X[weights == 1], y[weights == 1])
    for first, second in ((weighted, repeated), (left_out, fewer)):
        a, b = quiet_drift(first, held_out), quiet_drift(second, held_out)
        pd.testing.assert_frame_equal(a, b)


@settings(max_examples=20)
@given(st.integers(0, 2**31), st.sampled_from([3, 8, 40, 200]))
def test_the_order_of_samples_and_of_their_columns_by_name_changes_nothing(model, seed, n):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        rng.normal(size=(n, len(model.feature_names_in_))), columns=model.feature_names_in_
    )
    result = quiet_drift(model, X)
    shares = result[SHARES].to_numpy()
    assert ((shares >= 0) & (shares <= 1)).all()
    pd.testing.assert_frame_equal(quiet_drift(model, X.sample(frac=1, random_state=1)), result)
    needed = X[model[0].get_feature_names_out()]
    pd.testing.assert_frame_equal(quiet_drift(model, needed), result)


def test_invalid_input_is_named_in_the_error(model, split, held_out):
    with pytest.raises(NotFittedError):
        drift(linear(), held_out)
    gene = model[0].rankings_["cna"][0]
    held_out.loc[held_out.index[3], gene] = np.inf
    with pytest.raises(ValueError, match=rf"infinity: modality 'cna', column '{gene}', sample"):
        drift(model, held_out)
    with pytest.raises(ValueError, match=rf"now missing(?s:.)*'cna' 1 of 15, .*'{gene}'"):
        drift(model, held_out.drop(columns=gene))
    with pytest.raises(ValueError, match="not numeric"):
        drift(model, held_out.assign(**{gene: "low"}))
    with pytest.raises(ValueError, match="minimum of 1 is required"):
        drift(model, held_out.iloc[:0])
    X, _, y, _ = split
    with pytest.raises(TypeError, match=r"needs a MultiOmicsSelector .*got LogisticRegression"):
        drift(LogisticRegression(max_iter=5000).fit(X, y), held_out)
    late = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)).fit(X, y)
    with pytest.raises(TypeError, match="got StandardScaler, LogisticRegression"):
        drift(late, X)


def test_a_warm_start_keeps_a_summary_of_its_samples(split, held_out):
    X, _, y, _ = split
    fitted = small(warm_start=True).fit(X, y).fit(X, y)
    assert drift(fitted, held_out)["samples"].to_list() == [len(held_out)] * 3

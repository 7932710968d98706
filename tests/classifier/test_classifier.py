"""What CrossModalAttentionClassifier learns, returns and leaves alone."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import parallel_config
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from skorch.callbacks import Callback

from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.classifier._trainer import merge_duplicate_samples
from xmodal_sklearn.datasets import make_multiomics


def small(**parameters):
    defaults = {"embed_dim": 8, "n_heads": 2, "n_estimators": 2, "max_epochs": 20}
    defaults |= {"random_state": 0}
    return CrossModalAttentionClassifier(**(defaults | parameters))


@pytest.mark.parametrize("tokenizer", ["patch", "feature"])
@pytest.mark.parametrize("attention", ["linear", "softmax"])
def test_it_learns(cohort, attention, tokenizer):
    X, y = cohort
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    model = small(attention=attention, tokenizer=tokenizer).fit(X_train, y_train)
    assert f1_score(y_train, model.predict(X_train), average="macro") > 0.8
    assert f1_score(y_test, model.predict(X_test), average="macro") > 0.6


def two_tables(n_samples, n_columns):
    """Two tables of noise, and what two of their columns tell together."""
    rng = np.random.default_rng(0)
    exp, cna = rng.normal(size=(2, n_samples, n_columns))
    names = [f"{modality}__{j}" for modality in ("exp", "cna") for j in range(n_columns)]
    X = pd.DataFrame(np.hstack([exp, cna]), columns=names)
    return X, (exp[:, 0] * cna[:, 0] > 0).astype(int)


@pytest.mark.parametrize(
    ("attention", "tokenizer"), [("linear", "feature"), ("softmax", "patch")], ids=str
)
def test_attention_learns_interactions_of_two_modalities(attention, tokenizer):
    X, y = two_tables(600, 3)
    settings = {"attention": attention, "tokenizer": tokenizer, "max_epochs": None}
    model = small(branches=["attention"], embed_dim=16, **settings)
    assert model.fit(X[:450], y[:450]).score(X[450:], y[450:]) > 0.8
    assert model.fit(X.iloc[:450, :3], y[:450]).score(X.iloc[450:, :3], y[450:]) < 0.65


def test_pairs_find_an_interaction_of_two_columns_out_of_many():
    X, y = two_tables(600, 50)
    scores = [
        small(branches=branches, n_estimators=5).fit(X[:450], y[:450]).score(X[450:], y[450:])
        for branches in (["mlp", "pairs"], ["mlp"])
    ]
    assert scores[0] > 0.9
    assert scores[1] < 0.65


@pytest.mark.parametrize("absent", ["exp", "cna"])
def test_pairs_need_both_of_their_modalities(absent):
    X, y = two_tables(400, 20)
    model = small(branches=["mlp", "pairs"], n_estimators=5).fit(X[:300], y[:300])
    gaps = X[300:].copy()
    gaps.loc[:, gaps.columns.str.startswith(absent)] = np.nan
    assert model.score(X[300:], y[300:]) > 0.85
    assert model.score(gaps, y[300:]) < 0.65


@pytest.mark.parametrize(
    "labels",
    [["LumA", "LumB", "Basal"], [3, -1, 7], [0.0, 1.0, 2.0]],
    ids=["str", "int", "float"],
)
def test_labels_keep_their_dtype(cohort, labels):
    X, y = cohort
    y = np.array(labels)[pd.factorize(y)[0]]
    model = small(max_epochs=1).fit(X, y)
    assert model.classes_.tolist() == sorted(labels)
    assert model.predict(X).dtype == y.dtype


@pytest.mark.parametrize("dtype", ["str", "object", "category"])
def test_labels_may_be_a_pandas_series(cohort, dtype):
    X, y = cohort
    model = small(max_epochs=1).fit(X, pd.Series(y, dtype=dtype))
    assert set(model.predict(X)) <= set(y)


def test_history_has_a_row_per_epoch(cohort):
    X, y = cohort
    history = small(early_stopping=True, max_epochs=None).fit(X, y).history_
    assert list(history) == ["epoch", "train_loss", "valid_loss", "valid_score", "seconds"]
    assert history["epoch"].tolist() == list(range(1, len(history) + 1))
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]
    plain = small(max_epochs=3).fit(X, y).history_
    assert list(plain) == ["epoch", "train_loss", "seconds"]
    assert len(plain) == 3


def test_early_stopping_restores_the_best_epoch(cohort):
    X, y = cohort
    impatient = small(early_stopping=True, patience=5, max_epochs=None).fit(X, y)
    best = impatient.history_["valid_loss"].idxmin()
    assert len(impatient.history_) == best + 1 + 5
    until_best = small(early_stopping=True, patience=1000, max_epochs=int(best) + 1)
    with pytest.warns(ConvergenceWarning, match="max_epochs"):
        until_best.fit(X, y)
    np.testing.assert_array_equal(impatient.predict_proba(X), until_best.predict_proba(X))


def test_a_class_with_one_sample_is_trained_on(cohort):
    X, y = cohort
    y = y.to_numpy().copy()
    y[0] = "rare"
    model = small().fit(X, y)
    assert "rare" in model.classes_
    assert model.predict_proba(X)[0].argmax() == model.classes_.tolist().index("rare")


def test_standardization_makes_units_irrelevant(cohort):
    X, y = cohort
    rescaled = X.astype(float) * 64 + 1
    model = small(max_epochs=5)
    expected = model.fit(X, y).predict_proba(X)
    actual = model.fit(rescaled, y).predict_proba(rescaled)
    np.testing.assert_allclose(actual, expected, atol=1e-3)


def test_scaling_uses_the_training_rows_only(cohort):
    X, y = cohort
    model = small(max_epochs=3).fit(X, y)
    alone = model.predict_proba(X.iloc[:1])
    np.testing.assert_allclose(model.predict_proba(X)[:1], alone, atol=1e-6)


def test_patients_without_a_modality_train_and_predict(cohort):
    X, y = cohort
    gaps = X.astype(float)
    gaps.iloc[:20, :60] = np.nan
    gaps.iloc[20:40, 60:110] = np.nan
    model = small(max_epochs=3).fit(gaps, y)
    probabilities = model.predict_proba(gaps)
    assert np.isfinite(probabilities).all()
    only_mutations = X.astype(float)
    only_mutations.iloc[:, :110] = np.nan
    np.testing.assert_allclose(model.predict_proba(only_mutations).sum(axis=1), 1)


def test_the_primary_modality_can_be_chosen(cohort):
    X, y = cohort
    model = small(primary="cna", max_epochs=1).fit(X, y)
    assert model.net_.module_.columns_0.tolist() == model.modalities_["cna"].tolist()


def test_two_fits_give_the_same_bits(cohort):
    X, y = cohort
    first, second = (small(max_epochs=3).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    other = small(random_state=1, max_epochs=3).fit(X, y).predict_proba(X)
    assert not np.array_equal(first, other)


def test_a_search_in_threads_gives_the_same_bits(cohort):
    X, y = cohort
    grid = {"attention": ["linear", "softmax"]}

    def search(n_jobs):
        return GridSearchCV(small(max_epochs=3), grid, n_jobs=n_jobs, cv=2).fit(X, y)

    one = search(1)
    with parallel_config("threading"):
        two = search(2)
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))
    np.testing.assert_array_equal(
        one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"]
    )


def test_global_settings_are_restored(cohort):
    X, y = cohort
    threads = torch.get_num_threads()
    torch_state = torch.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002
    small(random_state=7, max_epochs=2).fit(X, y).predict_proba(X)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


def test_threads_are_restored_after_an_error(cohort):
    X, y = cohort

    class Broken(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise RuntimeError("stop here")

    threads = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="stop here"):
        small(callbacks=[Broken()]).fit(X, y)
    assert torch.get_num_threads() == threads


def test_callbacks_reach_skorch(cohort):
    X, y = cohort
    epochs = []

    class Count(Callback):
        def on_epoch_end(self, net, **kwargs):
            epochs.append(len(net.history))

    small(max_epochs=4, callbacks=[Count()]).fit(X, y)
    assert epochs == [1, 2, 3, 4]


def test_a_fitted_model_holds_no_patients(cohort):
    X, y = cohort
    model = small(max_epochs=2, early_stopping=True)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    assert model.net_.train_split is None


def test_verbose_shows_a_progress_bar(cohort, capsys):
    X, y = cohort
    small(max_epochs=3, verbose=1).fit(X, y)
    assert "3/3" in capsys.readouterr().err
    small(max_epochs=3).fit(X, y)
    assert capsys.readouterr().err == ""


def test_a_modality_of_noise_gets_little_weight(cohort):
    X, y = cohort
    rng = np.random.default_rng(0)
    noise = pd.DataFrame(
        rng.normal(size=(len(X), 100)), X.index, [f"noise__{j}" for j in range(100)]
    )
    scores = [
        cross_val_score(small(n_estimators=5), table, y, scoring="neg_log_loss", cv=2).mean()
        for table in (X, X.join(noise), noise)
    ]
    assert scores[1] > scores[0] - 0.1
    assert scores[1] > scores[2] + 0.3


def test_the_weights_of_the_branches_are_named(cohort):
    X, y = cohort
    X = X.astype(float)
    X.loc[X.index[:50], X.columns.str.startswith("cna__")] = np.nan
    model = small(n_estimators=5, max_epochs=3, primary="cna").fit(X, y)
    weights = model.stacking_weights_
    subsets = ["cna+exp", "cna+mut", "exp+mut", "cna", "exp", "mut"]
    assert weights.index[0] == "cna+exp+mut" and weights.index[-1] == "other"
    assert sorted(weights.index[1:-1]) == sorted(subsets)
    joint, single = ["attention", "stumps", "pairs", "centroid"], ["piecewise", "mlp", "centroid"]
    alone = [f"{kind}: {modality}" for kind in single for modality in ("cna", "exp", "mut")]
    assert sorted(weights) == sorted([*joint, *alone])
    assert (weights >= 0).all(axis=None)
    module = model.net_.module_
    x = torch.as_tensor(model.input_.read_standardized(model, X[-1:]))
    with torch.no_grad():
        branches, prior = module.branch_log_proba(x)[0], module.combiner.prior[1]
    weighted = torch.tensor(weights.loc["cna+exp+mut"].tolist()) @ branches + prior
    expected = weighted.softmax(dim=-1).mean(dim=0).numpy()
    np.testing.assert_allclose(model.predict_proba(X[-1:])[0], expected, rtol=1e-4)


def test_a_single_network_weighs_trained_branches_equally(cohort):
    X, y = cohort
    weights = small(n_estimators=1, max_epochs=1).fit(X, y).stacking_weights_
    assert weights.index.tolist() == ["exp+cna+mut", "other"]
    trained = ["attention", "mlp: exp", "mlp: cna", "mlp: mut"]
    assert (weights[trained] == 0.25).all(axis=None)
    assert (weights.drop(columns=trained) == 0).all(axis=None)


@pytest.mark.parametrize("n_estimators", [1, 5])
@pytest.mark.parametrize(
    "branches",
    [["attention"], ["mlp"], ["attention", "centroid"], ["mlp", "pairs", "piecewise", "stumps"]],
    ids="+".join,
)
def test_branches_may_be_chosen(cohort, branches, n_estimators):
    X, y = cohort
    X = X.astype(float)
    X.loc[X.index[:30], X.columns.str.startswith("mut__")] = np.nan
    model = small(branches=branches, n_estimators=n_estimators).fit(X, y)
    kinds = {branch.partition(":")[0] for branch in model.stacking_weights_}
    assert kinds == set(branches)
    assert model.score(X, y) > 0.7
    state = {name.partition(".")[0] for name in model.net_.module_.state_dict()}
    parts = {"encoder": "attention", "hidden": "mlp", "pairs": "pairs"}
    parts |= {"piecewise": "piecewise", "centroids": "centroid"}
    for part, kind in parts.items():
        assert (part in state) == (kind in branches)


def test_all_branches_equal_their_names(cohort):
    X, y = cohort
    named = ["centroid", "mlp", "piecewise", "stumps", "pairs", "attention"]
    first, second = (
        small(branches=branches, max_epochs=2).fit(X, y) for branches in ("all", named)
    )
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))


@pytest.mark.parametrize(
    ("branches", "message"),
    [
        (["attention", "forest"], "some of.*'centroid'.*each once, got .*'forest'"),
        (["mlp", "mlp"], "each once"),
        ([], "at least one of"),
        (["centroid", "pairs"], "'mlp'.*which are trained"),
        ("mlp", "'branches' parameter.*must be"),
    ],
)
def test_an_invalid_choice_of_branches_is_an_error(cohort, branches, message):
    with pytest.raises(ValueError, match=message):
        small(branches=branches).fit(*cohort)


def test_patients_without_a_modality_do_not_shift_the_others():
    """Here those without expression are all of one class; the others must not drift there."""
    sizes = {"exp": 60, "cna": 50, "mut": 20}
    cohort = make_multiomics(120, sizes, n_classes=3, class_sep=0.3, random_state=0)
    X, y = cohort.data, cohort.target.to_numpy(dtype=object)
    partial = X.sample(250, replace=True, random_state=0).reset_index(drop=True)
    partial.loc[:, ~X.columns.str.startswith("mut__")] = np.nan
    combined = pd.concat([X[:90], partial], ignore_index=True)
    labels = np.r_[y[:90], np.full(250, "class_0", dtype=object)]
    model = small(n_estimators=5, class_weight=None)
    alone = model.fit(X[:90], y[:90]).predict_proba(X[90:])[:, 0].mean()
    together = model.fit(combined, labels).predict_proba(X[90:])[:, 0].mean()
    assert abs(together - alone) < 0.08
    assert model.predict_proba(partial)[:, 0].mean() > 0.97


def test_a_modality_that_one_sample_has(cohort):
    """The member that holds this sample out knows nothing of the modality."""
    X, y = cohort
    partial = X.copy()
    partial.loc[partial.index[1:], X.columns.str.startswith("cna__")] = np.nan
    model = small(n_estimators=5, max_epochs=3).fit(partial, y)
    assert np.isfinite(model.predict_proba(partial)).all()
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_only_a_class_of_weight_zero_is_without_a_modality(cohort):
    X, y = cohort
    one = (y == y.iloc[0]).to_numpy()
    partial = X.copy()
    partial.loc[one, X.columns.str.startswith("cna__")] = np.nan
    model = small(max_epochs=3, class_weight={label: float(label != y.iloc[0]) for label in set(y)})
    assert (model.fit(partial, y).predict(partial) != y.iloc[0]).all()


def test_samples_of_weight_zero_are_left_out(cohort):
    X, y = cohort
    weights = np.r_[np.ones(80), np.zeros(40)]
    model = small(max_epochs=3)
    expected = model.fit(X[:80], y[:80]).predict_proba(X)
    np.testing.assert_array_equal(model.fit(X, y, sample_weight=weights).predict_proba(X), expected)


def test_sample_weights_shift_the_balance_of_the_classes(cohort):
    X, y = cohort
    one = y.to_numpy() == y.iloc[0]
    plain = small().fit(X, y).predict_proba(X)[~one]
    model = small().fit(X, y, sample_weight=np.where(one, 50.0, 1.0))
    column = model.classes_.tolist().index(y.iloc[0])
    assert model.predict_proba(X)[~one][:, column].mean() > 2 * plain[:, column].mean()


@pytest.mark.parametrize("early_stopping", [False, True])
def test_repeating_a_sample_is_weighting_it_in_any_order(cohort, early_stopping):
    X, y = cohort
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 4, size=120)
    repeated = rng.permutation(np.repeat(np.arange(120), weights))
    order = rng.permutation(120)
    model = small(max_epochs=3, early_stopping=early_stopping, n_estimators=5)
    with warnings.catch_warnings(action="ignore"):
        weighted = model.fit(X.iloc[order], y.iloc[order], sample_weight=weights[order])
        expected = weighted.predict_proba(X)
        actual = model.fit(X.iloc[repeated], y.iloc[repeated]).predict_proba(X)
    np.testing.assert_array_equal(actual, expected)


def test_fractional_weights_are_exact_too(cohort):
    X, y = cohort
    model = small(max_epochs=3)
    twice = np.r_[np.arange(120), np.arange(0, 120, 3)]
    weights = np.linspace(0.5, 2, 160)
    summed = np.bincount(twice, weights)
    expected = model.fit(X, y, sample_weight=summed).predict_proba(X)
    actual = model.fit(X.iloc[twice], y.iloc[twice], sample_weight=weights).predict_proba(X)
    np.testing.assert_array_equal(actual, expected)


def test_samples_with_the_same_mutations_are_not_merged(cohort):
    X, _ = cohort
    mutations = (X.filter(like="mut__").iloc[:, :2] > 0).astype(float).set_axis(["a", "b"], axis=1)
    kept, weights = merge_duplicate_samples(mutations.to_numpy(), np.zeros(120, int), np.ones(120))
    np.testing.assert_array_equal(kept, np.arange(120))
    assert (weights == 1).all()


def test_duplicates_of_one_class_are_merged():
    values = np.array([[0.5, np.nan], [0.5, np.nan], [0.5, np.nan], [1.5, 0], [0.5, 1]])
    codes, weights = np.array([0, 1, 0, 0, 0]), np.array([1, 2, 3, 4, 5.0])
    kept, summed = merge_duplicate_samples(values, codes, weights)
    assert dict(zip(kept.tolist(), summed, strict=True)) == {0: 4, 1: 2, 3: 4, 4: 5}


@pytest.mark.filterwarnings("ignore:.*issing values:UserWarning")
def test_duplicates_with_gaps_and_absent_modalities_are_merged(cohort):
    X, y = cohort
    X = X.astype(float)
    X.iloc[::7, 3] = np.nan
    X.iloc[:9, X.columns.str.startswith("cna")] = np.nan
    twice = np.r_[np.arange(len(y)), np.arange(0, len(y), 3)]
    model = small(max_epochs=2)
    expected = model.fit(X, y, sample_weight=np.bincount(twice)).predict_proba(X)
    actual = model.fit(X.iloc[twice], y.iloc[twice]).predict_proba(X)
    np.testing.assert_array_equal(actual, expected)


def test_a_common_factor_of_the_weights_changes_nothing(cohort):
    X, y = cohort
    model = small(max_epochs=3)
    expected = model.fit(X, y).predict_proba(X)
    actual = model.fit(X, y, sample_weight=np.full(len(y), 8.0)).predict_proba(X)
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_class_weights_change_what_is_predicted_but_not_what_is_probable():
    sizes, weights = {"exp": 10, "cna": 5}, [0.9, 0.1]
    X, y = make_multiomics(
        400, sizes, n_classes=2, weights=weights, class_sep=1.5, return_X_y=True, random_state=0
    )
    train, test = slice(None, 200), slice(200, None)
    rare = y.value_counts().idxmin()
    predicted, expected = [], []
    for class_weight in (None, "sqrt", "balanced", {rare: 50}):
        model = small(n_estimators=5, class_weight=class_weight).fit(X[train], y[train])
        proba = model.predict_proba(X[test])
        predicted.append((model.predict(X[test]) == rare).sum())
        expected.append(proba[:, model.classes_.tolist().index(rare)].sum())
        chosen = (proba * model.class_weights_).argmax(axis=1)
        np.testing.assert_array_equal(model.predict(X[test]), model.classes_[chosen])
    assert predicted[0] < predicted[2] < predicted[3]
    np.testing.assert_allclose(expected, (y[test] == rare).sum(), rtol=0.4)


def test_warm_start_continues_the_previous_fit(cohort):
    X, y = cohort
    model = small(max_epochs=4, warm_start=True).fit(X, y)
    first = model.history_["train_loss"].iloc[0]
    assert model.fit(X, y).history_["train_loss"].iloc[0] < first
    with pytest.raises(ValueError, match=r"needs the classes of the first fit.*warm_start=False"):
        model.fit(X[y != y.iloc[0]], y[y != y.iloc[0]])


def test_a_training_that_diverges_is_an_error(cohort):
    X, y = cohort
    with pytest.raises(ValueError, match="training diverged"):
        small(lr=1e30).fit(X, y)


def test_it_can_be_calibrated(cohort):
    X, y = cohort
    model = CalibratedClassifierCV(small(max_epochs=5), cv=2).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device at hand")
def test_a_model_trained_on_a_gpu_predicts_on_the_cpu_once_pickled(cohort):
    X, y = cohort
    model = small(device="cuda").fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    assert next(copy.net_.module_.parameters()).device.type == "cpu"
    np.testing.assert_allclose(copy.predict_proba(X), model.predict_proba(X), atol=0.02)

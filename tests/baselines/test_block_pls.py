"""Multi-block sparse PLS discriminant analysis."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from xmodal_sklearn import MultiOmicsSelector, concat_modalities
from xmodal_sklearn.baselines import BlockSparsePLSDA
from xmodal_sklearn.persistence import load_model, save_model

MODALITIES = ["mrna", "mirna", "protein"]


@parametrize_with_checks([BlockSparsePLSDA()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def breast(data_dir):
    """The example of mixOmics: tables of training and test tumors, and what mixOmics computes."""
    folder = data_dir / "breast_tcga"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")

    def read(name):
        return pd.read_csv(folder / f"{name}.csv", index_col=0)

    train = concat_modalities({name: read(f"train_{name}") for name in MODALITIES})
    test = concat_modalities({name: read(f"test_{name}") for name in MODALITIES[:2]})
    y = read("train_subtype").loc[train.index].iloc[:, 0]
    reference = json.loads((folder / "diablo_reference.json").read_text())
    return train, test.reindex(columns=train.columns), y, reference


@pytest.mark.parametrize("design", ["0.1", "1"])
def test_loadings_weights_and_variates_equal_those_of_mixomics(breast, design):
    X, _, y, references = breast
    reference = references[f"design_{design}"]
    model = BlockSparsePLSDA(keep_x=reference["keepX"], design=float(design)).fit(X, y)
    weights = pd.DataFrame(reference["weights"]).set_index("_row").loc[MODALITIES]
    np.testing.assert_allclose(model.block_weights_, weights, atol=1e-8)
    assert model.n_iter_ == max(reference["iterations"])
    variates = model.transform(X.iloc[:5])
    for index, name in enumerate(MODALITIES):
        expected = pd.DataFrame(reference["loadings"][name])
        expected.index = name + "__" + expected.index
        loadings = model.loadings_[name]
        expected = expected.reindex(loadings.index).fillna(0).to_numpy()
        signs = np.sign((loadings.to_numpy() * expected).sum(axis=0))
        np.testing.assert_allclose(loadings * signs, expected, atol=1e-8)
        own = variates[:, 2 * index : 2 * index + 2]
        np.testing.assert_allclose(own * signs, reference["variates_first5"][name], atol=1e-8)


@pytest.mark.parametrize("design", ["0.1", "1"])
@pytest.mark.parametrize(("distance", "name"), [("max", "max_dist"), ("centroids", "centroids")])
def test_predictions_equal_those_of_mixomics_also_without_a_modality(
    breast, design, distance, name
):
    train, test, y, references = breast
    reference = references[f"design_{design}"]
    model = BlockSparsePLSDA(keep_x=reference["keepX"], design=float(design), distance=distance)
    model.fit(train, y)
    assert model.predict(train).tolist() == reference[f"train_{name}"]
    assert model.predict(test).tolist() == reference[f"test_{name}"]


@pytest.fixture(scope="module")
def exp(cohort):
    X, y = cohort
    return X.filter(like="exp__"), y


def standardized(X):
    return ((X - X.mean()) / X.std()).to_numpy()


def test_one_dense_modality_has_the_singular_vectors_of_its_covariance_with_the_classes(exp):
    X, y = exp
    covariance = standardized(X).T @ standardized(pd.get_dummies(y, dtype=float))
    first = np.linalg.svd(covariance)[0][:, 0]
    loadings = BlockSparsePLSDA(n_components=1, tol=1e-20, max_iter=999).fit(X, y).loadings_["exp"]
    np.testing.assert_allclose(np.abs(first @ loadings.to_numpy()), 1, rtol=1e-9)


def test_one_dense_modality_is_pls_regression_on_the_classes(exp):
    X, y = exp
    pls = PLSRegression(n_components=3, tol=1e-20, max_iter=10_000).fit(X, pd.get_dummies(y))
    model = BlockSparsePLSDA(n_components=3, distance="max", tol=1e-20, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(np.abs(model.transform(X)), np.abs(pls.x_scores_), atol=1e-6)
    assert (model.classes_[pls.predict(X).argmax(axis=1)] == model.predict(X)).all()


def test_centroids_are_those_of_the_variates(exp):
    X, y = exp
    model = BlockSparsePLSDA(keep_x=8).fit(X, y)
    nearest = NearestCentroid().fit(model.transform(X), y)
    np.testing.assert_allclose(model.centroids_["exp"], nearest.centroids_)
    np.testing.assert_array_equal(model.predict(X), nearest.predict(model.transform(X)))


def test_mahalanobis_distance_does_not_depend_on_the_scale_of_variates(exp):
    X, y = exp
    model = BlockSparsePLSDA(distance="mahalanobis", keep_x=8).fit(X, y)
    variates = model.transform(X)
    within = variates - model.centroids_["exp"][np.searchsorted(model.classes_, y)]
    whitened = variates @ np.linalg.inv(np.linalg.cholesky(np.cov(within.T))).T
    np.testing.assert_array_equal(
        model.predict(X), NearestCentroid().fit(whitened, y).predict(whitened)
    )
    assert (model.predict(X) == y).mean() > 0.8


def test_each_component_uses_as_many_features_as_keep_x_says(cohort):
    X, y = cohort
    keep_x = {"exp": [7, 60], "mut": 1}
    model = BlockSparsePLSDA(keep_x=keep_x).fit(X, y)
    used = {name: (table != 0).sum().tolist() for name, table in model.loadings_.items()}
    assert used == {"exp": [7, 60], "cna": [50, 50], "mut": [1, 1]}
    for loadings in model.loadings_.values():
        np.testing.assert_allclose((loadings**2).sum(), 1)
    more = BlockSparsePLSDA(keep_x=1000).fit(X, y)
    np.testing.assert_array_equal(more.transform(X), BlockSparsePLSDA().fit(X, y).transform(X))


def test_variates_of_a_modality_are_uncorrelated_and_importances_sum_to_one(cohort):
    X, y = cohort
    model = BlockSparsePLSDA(n_components=3, keep_x=10).fit(X, y)
    variates = pd.DataFrame(model.transform(X), columns=model.get_feature_names_out())
    for name in model.modalities_:
        correlations = np.corrcoef(variates.filter(like=f"{name}__").T)
        np.testing.assert_allclose(correlations, np.eye(3), atol=1e-9)
    importances = pd.Series(model.feature_importances_, X.columns)
    assert importances.sum() == pytest.approx(1)
    used = pd.concat([(table != 0).any(axis=1) for table in model.loadings_.values()])
    assert ((importances > 0) == used).all()


def test_identical_features_have_the_same_loading(exp):
    X, y = exp
    best = BlockSparsePLSDA(n_components=1, keep_x=1).fit(X, y).feature_importances_.argmax()
    twins = pd.concat([X, X.iloc[:, [best]].add_suffix("_copy")], axis=1)
    loadings = BlockSparsePLSDA(n_components=1, keep_x=1).fit(twins, y).loadings_["exp"]
    used = np.flatnonzero(loadings)
    assert {X.columns[best], twins.columns[-1]} >= set(loadings.index[used])


@pytest.mark.parametrize("vote", ["weighted", "majority"])
def test_the_modalities_that_a_sample_has_vote(cohort, vote):
    X, y = cohort
    model = BlockSparsePLSDA(keep_x=10, vote=vote).fit(X, y)
    alone = {}
    for name, columns in model.modalities_.items():
        others = X.astype(float)
        others.iloc[:, np.setdiff1d(np.arange(X.shape[1]), columns)] = np.nan
        alone[name] = model.predict_proba(others)
        np.testing.assert_allclose(np.sort(alone[name]), np.tile([0, 0, 1], (len(X), 1)))
    weights = model.block_weights_.mean(axis=1) if vote == "weighted" else dict.fromkeys(alone, 1)
    votes = sum(weights[name] * shares for name, shares in alone.items())
    np.testing.assert_allclose(
        model.predict_proba(X), votes / votes.sum(axis=1, keepdims=True), atol=1e-6
    )
    two = X.astype(float).mask(X.columns.str.startswith("cna__")[None].repeat(len(X), axis=0))
    votes = weights["exp"] * alone["exp"] + weights["mut"] * alone["mut"]
    np.testing.assert_allclose(
        model.predict_proba(two), votes / votes.sum(axis=1, keepdims=True), atol=1e-6
    )


def test_ties_of_majority_votes_are_decided_by_the_weights(cohort):
    X, y = cohort
    model = BlockSparsePLSDA(keep_x=3, vote="majority").fit(X, y)
    two = X.astype(float)
    two.loc[:, two.columns.str.startswith("cna__")] = np.nan
    only = two.copy()
    weaker = model.block_weights_.mean(axis=1)[["exp", "mut"]].idxmin()
    only.loc[:, only.columns.str.startswith(f"{weaker}__")] = np.nan
    np.testing.assert_array_equal(model.predict(two), model.predict(only))


def test_training_samples_may_lack_modalities(cohort):
    X, y = cohort
    gaps = X.astype(float)
    gaps.iloc[:30, 60:110] = np.nan
    gaps.iloc[30:40, :60] = np.nan
    model = BlockSparsePLSDA(keep_x=10).fit(gaps, y)
    variates = pd.DataFrame(model.transform(gaps), columns=model.get_feature_names_out())
    absent = variates.isna().to_numpy()
    assert absent[:30, 2:4].all()
    assert absent[30:40, :2].all()
    assert absent.sum() == 80
    np.testing.assert_allclose(variates.mean(), 0, atol=1e-9)
    assert (model.predict(gaps) == y).mean() > 0.8


def test_a_modality_with_samples_of_one_class_is_ignored(cohort):
    X, y = cohort
    gaps = X.astype(float)
    gaps.iloc[(y != y.iloc[0]).to_numpy(), 60:110] = np.nan
    design = np.array([[0, 0.9, 0.3], [0.9, 0, 0.7], [0.3, 0.7, 0]])
    with pytest.warns(UserWarning, match="Modality 'cna' is ignored"):
        model = BlockSparsePLSDA(keep_x={"cna": 5, "exp": 9}, design=design).fit(gaps, y)
    without = BlockSparsePLSDA(keep_x={"exp": 9}, design=0.3).fit(
        X.drop(columns=X.columns[60:110]), y
    )
    np.testing.assert_array_equal(
        model.predict_proba(X), without.predict_proba(X.drop(columns=X.columns[60:110]))
    )


def test_constant_features_and_more_components_than_features(cohort):
    X, y = cohort
    X = pd.concat([X.filter(like="exp__"), X[["mut__" + X.columns[-1].split("__")[1]]]], axis=1)
    X["exp__constant"] = 0.1
    model = BlockSparsePLSDA(n_components=3).fit(X, y)
    assert (model.loadings_["exp"].loc["exp__constant"] == 0).all()
    assert (model.loadings_["mut"].iloc[:, 1:] == 0).all(axis=None)
    assert (model.block_weights_.loc["mut"].iloc[1:] == 0).all()
    assert np.isfinite(model.predict_proba(X)).all()


def test_a_full_design_correlates_the_modalities_more(cohort):
    X, y = cohort
    names = ["exp__component1", "cna__component1"]
    correlations = []
    for design in (0, 1, [[1, 1, 0], [1, 1, 0], [0, 0, 1]]):
        model = BlockSparsePLSDA(keep_x=10, design=design).fit(X, y)
        variates = pd.DataFrame(model.transform(X), columns=model.get_feature_names_out())
        correlations.append(abs(np.corrcoef(variates[names].T)[0, 1]))
    assert correlations[0] < min(correlations[1:])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"keep_x": {"EXP": 3}}, "keep_x names 'EXP', .*; did you mean 'exp'"),
        ({"keep_x": {"exp": [3]}}, "keep_x of modality 'exp' .* n_components=2 of them, got"),
        ({"keep_x": {"exp": [3, 0]}}, "keep_x of modality 'exp' must be a positive int"),
        ({"keep_x": {"cna": "all"}}, "keep_x of modality 'cna' must be a positive int"),
        ({"keep_x": 5.0}, "must be an int.*Pass 5"),
        ({"design": [[0, 1], [1, 0]]}, r"design must be .* 3 rows .*\['exp', 'cna', 'mut'\]"),
        ({"design": np.triu(np.ones((3, 3)))}, "design must be a symmetric matrix"),
        ({"design": np.full((3, 3), 2)}, "numbers from 0 to 1"),
    ],
)
def test_invalid_parameters_raise(cohort, parameters, message):
    with pytest.raises(ValueError, match=message):
        BlockSparsePLSDA(**parameters).fit(*cohort)


def test_classes_that_share_no_modality_raise(cohort):
    X, y = cohort[0].astype(float), np.arange(120) % 2
    X.iloc[y == 0, :60] = np.nan
    X.iloc[y == 1, 60:] = np.nan
    ignored = pytest.warns(UserWarning, match="Modality '.*' is ignored")
    with ignored, pytest.raises(ValueError, match="No modality can be used"):
        BlockSparsePLSDA().fit(X, y)


def test_too_few_iterations_raise_a_warning(cohort):
    with pytest.warns(ConvergenceWarning, match="did not converge in max_iter=1 iterations"):
        BlockSparsePLSDA(n_components=1, max_iter=1).fit(*cohort)


def test_a_search_tunes_it_behind_a_selector_and_the_result_can_be_saved(cohort, tmp_path):
    X, y = cohort
    grid = {
        "blocksparseplsda__keep_x": [2, {"exp": [9, 3], "cna": 4}],
        "blocksparseplsda__n_components": [2],
    }
    pipeline = make_pipeline(MultiOmicsSelector(10), BlockSparsePLSDA())
    search = GridSearchCV(pipeline, grid, cv=3, scoring="f1_macro").fit(X, y)
    assert search.best_score_ > 0.8
    loaded = load_model(save_model(search.best_estimator_, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict_proba(X), search.predict_proba(X))
    loadings = loaded[-1].loadings_["exp"]
    assert [name.partition("__")[0] for name in loadings.index] == ["exp"] * 10


def test_its_variates_are_features_for_other_models(cohort):
    X, y = cohort
    pipeline = make_pipeline(BlockSparsePLSDA(keep_x=10), StandardScaler(), NearestCentroid())
    pipeline.set_output(transform="pandas").fit(X, y)
    assert pipeline[:-1].transform(X).columns[0] == "exp__component1"
    assert (pipeline.predict(X) == y).mean() > 0.9


def test_arrays_and_sparse_columns_give_the_same_model(cohort, positions):
    X, y = cohort
    expected = BlockSparsePLSDA(keep_x=10).fit(X, y).predict_proba(X)
    array = BlockSparsePLSDA(keep_x=10, modalities=positions).fit(X.to_numpy(), y)
    np.testing.assert_allclose(array.predict_proba(X.to_numpy()), expected)
    sparse = X.astype(pd.SparseDtype(float, 0))
    np.testing.assert_allclose(
        BlockSparsePLSDA(keep_x=10).fit(sparse, y).predict_proba(sparse), expected
    )


def test_a_component_that_is_unrelated_to_the_classes_is_zero():
    # Two classes are explained by one component, so only errors of rounding are left for another.
    rng = np.random.default_rng(0)
    for _ in range(20):
        y = np.repeat([0, 1], 6)
        X = rng.integers(0, 5, (12, 2)) + 3.0 * y[:, None]
        X = np.vstack([X, X[:, ::-1]])
        model = BlockSparsePLSDA(n_components=2).fit(X, np.tile(y, 2))
        (loadings,) = model.loadings_.values()
        np.testing.assert_allclose(np.abs(np.asarray(loadings)[:, 0]), np.sqrt(0.5))
        np.testing.assert_array_equal(np.asarray(loadings)[:, 1], 0)

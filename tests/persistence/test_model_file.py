import copy
import io
import json
import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, RobustScaler, StandardScaler
from sklearn.svm import SVC

from xmodal_sklearn import (
    CrossModalAttentionClassifier,
    MultiOmicsSelector,
    concat_modalities,
)
from xmodal_sklearn.baselines import LateFusionClassifier, StackedFusionClassifier
from xmodal_sklearn.baselines._models import LabelEncodedClassifier, OutOfBagForest
from xmodal_sklearn.persistence import load_model, read_manifest, save_model
from xmodal_sklearn.uncertainty import ConformalClassifier


def logistic():
    return LogisticRegression(max_iter=2000)


def network(**parameters):
    return CrossModalAttentionClassifier(
        **{"n_estimators": 2, "max_epochs": 2, "random_state": 0, **parameters}
    )


MODELS = {
    "attention": make_pipeline(
        StandardScaler().set_output(transform="pandas"), MultiOmicsSelector(5), network()
    ),
    "attention alone": network(primary="mut", warm_start=True),
    "calibrated": CalibratedClassifierCV(make_pipeline(MultiOmicsSelector(5), network()), cv=2),
    "isotonic": CalibratedClassifierCV(logistic(), method="isotonic", cv=2),
    "temperature": CalibratedClassifierCV(logistic(), method="temperature", cv=2),
    "search": GridSearchCV(
        make_pipeline(MultiOmicsSelector(), logistic()),
        {"multiomicsselector__k": [3, 5]},
        scoring="f1_macro",
        cv=2,
    ),
    "voting": VotingClassifier(
        [("network", network()), ("columns", make_pipeline(MultiOmicsSelector(3), logistic()))],
        voting="soft",
    ),
    "columns": make_pipeline(
        make_column_transformer(
            (RobustScaler(), slice(0, 9)), ("passthrough", [12, 13]), remainder="drop"
        ),
        SelectKBest(k=4),
        GaussianNB(),
    ),
    "late": LateFusionClassifier(logistic()),
    "stacked forest": StackedFusionClassifier(
        LabelEncodedClassifier(RandomForestClassifier(3, random_state=0)), cv=2
    ),
    "out-of-bag forest": OutOfBagForest(min_samples_leaf=[5, 2], random_state=0),
    "boosting": HistGradientBoostingClassifier(max_iter=3),
    "machine": SVC(random_state=np.random.RandomState(0)),
    "neighbors": KNeighborsClassifier(3, weights="distance"),
    "neighbors in a tree": KNeighborsClassifier(3, algorithm="kd_tree"),
    "layers": LabelEncodedClassifier(MLPClassifier((5,), max_iter=500, tol=1e-2)),
    "centroids": NearestCentroid(),
}


@pytest.mark.filterwarnings("ignore::FutureWarning:sklearn")
@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_predicts_bit_for_bit_as_the_saved_one(name, cohort, tmp_path):
    X, y = cohort
    model = MODELS[name].fit(X, y)
    loaded = load_model(save_model(model, tmp_path / "model"))
    method = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    for samples in (X, X.iloc[:1]):
        np.testing.assert_array_equal(
            getattr(loaded, method)(samples), getattr(model, method)(samples)
        )
    assert type(loaded) is type(model)
    assert loaded.classes_.dtype == model.classes_.dtype


@pytest.mark.parametrize("labels", [[3, 1, 2], [True, False, True], [1.0, 2.0, 1.0], list("äb\0")])
def test_classes_keep_their_type(labels, cohort, tmp_path):
    X, _ = cohort
    y = np.resize(np.array(labels, dtype=object if "b" in labels else None), len(X))
    model = make_pipeline(StandardScaler(), logistic()).fit(X, y)
    loaded = load_model(save_model(model, tmp_path / "model"))
    assert loaded.predict(X).tolist() == model.predict(X).tolist()
    assert loaded.classes_.dtype == model.classes_.dtype


def test_a_search_over_a_fitted_model_is_saved(cohort, attention, tmp_path):
    grid = {"multiomicsselector__k": [3, 5]}
    search = GridSearchCV(copy.deepcopy(attention), grid, cv=2).fit(*cohort)
    loaded = load_model(save_model(search, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict_proba(cohort[0]), search.predict_proba(cohort[0]))


def test_a_missing_folder_is_named(linear, tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"There is no folder {tmp_path}/no for model\."):
        save_model(linear, tmp_path / "no" / "model")


def test_fitted_attributes_are_restored(attention, saved_attention):
    loaded = load_model(saved_attention)
    selector, classifier = loaded
    pd.testing.assert_frame_equal(classifier.history_, attention[1].history_)
    pd.testing.assert_frame_equal(classifier.stacking_weights_, attention[1].stacking_weights_)
    for modality, ranking in attention[0].rankings_.items():
        assert selector.rankings_[modality].tolist() == ranking.tolist()
    assert selector.get_feature_names_out().tolist() == classifier.feature_names_in_.tolist()


def test_absent_modalities_and_arrays_without_names(tmp_path, cohort):
    X, y = cohort[0].astype(float), cohort[1]
    X.loc[X.index[:30], X.columns.str.startswith("mut")] = np.nan
    modalities = {"exp": slice(0, 30), "mut": list(range(30, 38))}
    model = network(modalities=modalities, n_estimators=5).fit(X.to_numpy(), y)
    loaded = load_model(save_model(model, tmp_path / "model"))
    np.testing.assert_array_equal(
        loaded.predict_proba(X.to_numpy()), model.predict_proba(X.to_numpy())
    )
    assert loaded.modalities == modalities


def test_what_was_loaded_can_be_saved_and_trained_again(cohort, attention, saved_attention):
    X, y = cohort
    loaded = load_model(saved_attention)
    again = load_model(save_model(loaded, saved_attention))
    np.testing.assert_array_equal(again.predict_proba(X), attention.predict_proba(X))
    again.fit(X, y)


def test_the_model_itself_stays_as_it_is(cohort, attention, tmp_path):
    before = attention.predict_proba(cohort[0])
    save_model(attention, tmp_path / "model")
    np.testing.assert_array_equal(attention.predict_proba(cohort[0]), before)
    attention[1].net_.module_.eval()


def test_a_fitted_model_holds_what_predicting_needs(cohort, saved_attention):
    X, y = cohort
    model = network(warm_start=True, n_estimators=4).fit(X, y)
    weights = sum(array.nbytes for array in state(model).values())
    assert len(pickle.dumps(model)) < weights + 60_000
    model.fit(X, y)
    assert len(pickle.dumps(model)) < weights + 60_000


def state(model):
    module = model.net_.module_
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


def test_the_file_is_what_the_docs_say(saved_attention, attention, parts_of):
    parts = parts_of(saved_attention)
    arrays = load(parts["arrays.safetensors"])
    largest = max(array.nbytes for array in state(attention[1]).values())
    assert largest in {array.nbytes for array in arrays.values()}
    with zipfile.ZipFile(io.BytesIO(parts["structure.skops"])) as archive:
        assert "schema.json" in archive.namelist()
    manifest = json.loads(parts["manifest.json"])
    assert manifest == read_manifest(saved_attention)
    assert manifest["format_version"] == 2
    assert manifest["classes"] == attention.classes_.tolist()
    assert manifest["columns"] == attention.feature_names_in_.tolist()
    assert manifest["modalities"] == {"exp": 30, "mut": 8}
    assert set(manifest["versions"]) > {"python", "scikit-learn", "torch", "xmodal-sklearn"}


def test_the_file_has_no_patients(cohort, saved_attention):
    data = saved_attention.read_bytes()
    assert not any(str(name).encode() in data for name in cohort[0].index)


def test_a_model_for_a_gpu_is_loaded_without_one(
    cohort, attention, saved_attention, parts_of, monkeypatch
):
    monkeypatch.setattr(attention[1].net_, "device", "cuda")
    parts = parts_of(save_model(attention, saved_attention))
    monkeypatch.undo()
    assert b"cuda" in parts["structure.skops"]
    loaded = load_model(saved_attention)
    assert loaded[1].net_.device == "cpu"
    np.testing.assert_array_equal(
        loaded.predict_proba(cohort[0]), attention.predict_proba(cohort[0])
    )


def test_what_a_file_without_code_cannot_hold_raises(cohort, tmp_path):
    X, y = cohort
    path = tmp_path / "model"
    model = make_pipeline(FunctionTransformer(np.sqrt, validate=False), logistic())
    with pytest.raises(ValueError, match=r"(?s)Can't save this Pipeline.*numpy.*joblib"):
        save_model(model.fit(X.abs(), y), path)

    class Own(LogisticRegression):
        pass

    with pytest.raises(ValueError, match=r"(?s)Own.*joblib"):
        save_model(Own(max_iter=2000).fit(X, y), path)
    with pytest.raises(NotFittedError):
        save_model(network(), path)
    assert not path.exists()


def test_categorical_columns_are_kept(tmp_path):
    rng = np.random.default_rng(0)
    clinical = pd.DataFrame(
        {
            "age": rng.normal(60, 9, 80),
            "stage": pd.Categorical(rng.choice(["I", "II", "III"], 80), ordered=True),
            "smoker": rng.choice(["yes", "no"], 80),
        }
    )
    X = concat_modalities({"clinical": clinical, "exp": pd.DataFrame(rng.normal(size=(80, 6)))})
    y = np.where(clinical["smoker"] == "yes", "a", "b")
    classifier = CrossModalAttentionClassifier(n_estimators=2, max_epochs=2, random_state=0)
    model = make_pipeline(MultiOmicsSelector(3), classifier).fit(X, y)
    loaded = load_model(save_model(model, tmp_path / "model.xmodal"))
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_a_calibrated_model_comes_back(attention, cohort, tmp_path):
    X, y = cohort
    conformal = ConformalClassifier(FrozenEstimator(attention)).fit(X, y)
    loaded = load_model(save_model(conformal, tmp_path / "model.xmodal"))
    np.testing.assert_array_equal(loaded.predict_set(X, 0.6), conformal.predict_set(X, 0.6))
    assert read_manifest(tmp_path / "model.xmodal")["modalities"] == {"exp": 30, "mut": 8}

"""Global settings of scikit-learn, pandas, PyTorch and NumPy change no result."""

import locale
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import joblib
import matplotlib
import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from joblib import parallel_config
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.baselines import make_baselines
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.inspection import selection_stability
from xmodal_sklearn.persistence import load_model, save_model
from xmodal_sklearn.report import write_report


@contextmanager
def changed(change, value, before):
    change(value)
    try:
        yield
    finally:
        change(before)


SETTINGS = {
    "output as pandas": lambda: sklearn.config_context(transform_output="pandas"),
    "output as polars": lambda: sklearn.config_context(transform_output="polars"),
    "metadata routing": lambda: sklearn.config_context(enable_metadata_routing=True),
    "inputs assumed finite": lambda: sklearn.config_context(assume_finite=True),
    "strings as objects": lambda: pd.option_context("mode.string_storage", "python"),
    "double precision": lambda: changed(torch.set_default_dtype, torch.float64, torch.float32),
    "half precision": lambda: changed(torch.set_default_dtype, torch.float16, torch.float32),
    "another device": lambda: changed(torch.set_default_device, "meta", None),
    "deterministic": lambda: changed(torch.use_deterministic_algorithms, True, False),
    "without gradients": torch.no_grad,
    "inference mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "threads": lambda: changed(torch.set_num_threads, 3, 1),
    "floating-point errors": lambda: np.errstate(all="raise"),
}


def classifier(**parameters):
    return CrossModalAttentionClassifier(
        n_estimators=2,
        max_epochs=2,
        embed_dim=4,
        n_heads=2,
        hidden_dim=8,
        device="cpu",
        random_state=0,
        **parameters,
    )


def attention(X, y):
    return classifier().fit(X, y).predict_proba(X)


def ranking(X, y):
    return MultiOmicsSelector(estimator=LogisticRegression(), n_jobs=2).fit(X, y).scores_


def baselines(X, y):
    models = ["logistic regression", "linear SVM", "nearest shrunken centroid"]
    made = make_baselines(models=models, tune=False, random_state=0)
    # Without the selection, whose output is the caller's to choose.
    return np.hstack([model[-1].fit(X, y).predict_proba(X) for model in made.values()])


@pytest.fixture(scope="module")
def with_absent(cohort):
    X, y = cohort
    X = X.iloc[:60].astype("float32")
    X.iloc[:7, X.columns.str.startswith("mut__")] = np.nan
    return X, np.asarray(y)[:60]


@pytest.fixture(scope="module")
def expected(with_absent):
    return {make: make(*with_absent) for make in (attention, ranking, baselines)}


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("make", [attention, ranking, baselines])
def test_global_settings_do_not_change_results(make, setting, with_absent, expected):
    with setting():
        result = make(*with_absent)
    np.testing.assert_array_equal(result, expected[make])


def test_a_fit_does_not_change_pytorch_settings(with_absent):
    with changed(torch.set_default_dtype, torch.float64, torch.float32), torch.no_grad():
        state = torch.get_rng_state()
        attention(*with_absent)
        assert torch.get_default_dtype() == torch.float64
        assert not torch.is_grad_enabled()
        assert torch.equal(torch.get_rng_state(), state)
    with torch.inference_mode(), torch.device("meta"):
        attention(*with_absent)
        assert torch.is_inference_mode_enabled()
        assert torch.empty(1).device.type == "meta"


def test_a_fitted_model_is_read_back_under_other_settings(with_absent, tmp_path):
    X, y = with_absent
    model = classifier().fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    with torch.device("meta"), changed(torch.set_default_dtype, torch.float64, torch.float32):
        read = joblib.load(tmp_path / "model.joblib")
        result = read.predict_proba(X)
    np.testing.assert_array_equal(result, model.predict_proba(X))


def test_parallel_folds_have_the_settings_of_serial_ones(with_absent):
    X, y = with_absent
    # Names, and with them the modalities, reach the selector only as pandas.
    model = make_pipeline(StandardScaler(), MultiOmicsSelector(k=3), LogisticRegression())
    X = X.fillna(0)
    with sklearn.config_context(transform_output="pandas"):
        one, two = (compare({"m": model}, X, y, cv=2, n_jobs=n).selected for n in (1, 2))
    assert set(one["modality"]) == {"exp", "cna", "mut"}
    pd.testing.assert_frame_equal(one, two)


def settings_of_the_process():
    umask = os.umask(0)
    os.umask(umask)
    return {
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "precision": torch.get_float32_matmul_precision(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "gradients": torch.is_grad_enabled(),
        "errors": np.geterr(),
        "scikit-learn": sklearn.get_config(),
        "locale": locale.setlocale(locale.LC_ALL),
        "umask": umask,
        "folder": Path.cwd(),
        "figures": dict(matplotlib.rcParams),
        "precision of print": np.get_printoptions(),
        "variables": dict(os.environ),
    }


@pytest.mark.filterwarnings("ignore")
def test_settings_of_the_process_are_equal_after_overlapping_runs(with_absent, tmp_path):
    X, y = with_absent

    def run(index):
        folder = tmp_path / str(index)
        model = make_pipeline(MultiOmicsSelector(k=3), classifier()).fit(X, y)
        load_model(save_model(model, tmp_path / f"{index}.xmodal")).predict_proba(X)
        result = compare({"a": DummyClassifier(), "b": LogisticRegression()}, X.fillna(0), y, cv=2)
        result.save(folder)
        write_report(type(result).load(folder), tmp_path / f"{index}.html")

    run("first")  # what libraries set once, when they are imported
    before = settings_of_the_process()
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(run, range(2)))
    assert settings_of_the_process() == before


class CallsBack(BaseEstimator):
    """Calls a function of the test while it ranks."""

    callback = None

    def fit(self, X, y):
        CallsBack.callback()
        self.coef_ = np.arange(X.shape[1])
        return self


RANKINGS = {
    "selector": lambda ranked, X, y: ranked.fit(X, y),
    "stability": lambda ranked, X, y: selection_stability(ranked, X, y, n_resamples=2, k=2),
}


@pytest.mark.parametrize("run", RANKINGS.values(), ids=RANKINGS)
def test_warning_filters_are_restored_where_rankings_of_threads_overlap(
    run, with_absent, monkeypatch
):
    X, y = with_absent
    first_ranks, second_ranks, first_ends = Event(), Event(), Event()

    def first():
        run(MultiOmicsSelector(estimator=CallsBack()), X.fillna(0), y)
        first_ends.set()

    def callback():
        if not first_ranks.is_set():
            first_ranks.set()
            assert second_ranks.wait(30)
        elif not second_ranks.is_set():
            second_ranks.set()
            assert first_ends.wait(30)

    monkeypatch.setattr(CallsBack, "callback", callback)
    before = warnings.filters, warnings.filters[:], warnings.showwarning
    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(first)
        assert first_ranks.wait(30)
        two = threads.submit(run, MultiOmicsSelector(estimator=CallsBack()), X.fillna(0), y)
        one.result(), two.result()
    assert warnings.filters is before[0]
    assert (warnings.filters, warnings.showwarning) == before[1:]


def test_resamples_in_threads_leave_warning_filters_alone(with_absent, monkeypatch):
    X, y = with_absent
    filters, seen = warnings.filters, []
    monkeypatch.setattr(CallsBack, "callback", lambda: seen.append(warnings.filters is filters))
    ranked = MultiOmicsSelector(estimator=CallsBack())
    with parallel_config("threading"):
        selection_stability(ranked, X.fillna(0), y, n_resamples=2, k=2, n_jobs=2)
    assert seen
    assert all(seen)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_every_thread_of_a_ranking_has_the_configuration_of_the_caller(
    n_jobs, with_absent, monkeypatch
):
    X, y = with_absent
    seen = []
    monkeypatch.setattr(CallsBack, "callback", lambda: seen.append(sklearn.get_config()))
    with sklearn.config_context(assume_finite=True):
        MultiOmicsSelector(estimator=CallsBack(), n_jobs=n_jobs).fit(X.fillna(0), y)
    assert [config["assume_finite"] for config in seen] == [True, True, True]

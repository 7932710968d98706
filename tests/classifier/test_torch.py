"""Settings of PyTorch are as before a fit, and fitted models reach other processes."""

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import torch

from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.classifier._torch import reproducible_torch


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield 3
    torch.set_num_threads(before)


def settings():
    return torch.get_num_threads(), torch.get_default_dtype(), torch.get_float32_matmul_precision()


def overlap(first_out):
    """Return the settings of this thread and of another, whose uses overlap."""
    entered, leave, others = threading.Event(), threading.Event(), []

    def other():
        with reproducible_torch():
            entered.set()
            leave.wait(30)
        others.append(settings())

    thread = threading.Thread(target=other)
    with reproducible_torch():
        thread.start()
        assert entered.wait(30)
        assert torch.get_num_threads() == 1
        if first_out == "other":
            leave.set()
            thread.join()
            assert torch.get_num_threads() == 1
    own = settings()
    leave.set()
    thread.join()
    return own, others[0]


@pytest.mark.parametrize("first_out", ["this", "other"])
def test_overlapping_fits_of_threads_restore_the_settings(three_threads, first_out):
    torch.set_float32_matmul_precision("medium")
    try:
        before = settings()
        for after in overlap(first_out):
            assert after[:2] == before[:2]
        assert settings() == before
    finally:
        torch.set_float32_matmul_precision("highest")


def test_nested_uses_keep_one_thread_until_the_last_ends(three_threads):
    with reproducible_torch():
        with reproducible_torch():
            pass
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("precision", ["medium", "high"])
def test_the_matmul_precision_does_not_change_a_fit(cohort, precision):
    X, y = cohort
    model = CrossModalAttentionClassifier(n_estimators=2, max_epochs=2, random_state=0)
    expected = model.fit(X, y).predict_proba(X)
    torch.set_float32_matmul_precision(precision)
    try:
        np.testing.assert_array_equal(model.fit(X, y).predict_proba(X), expected)
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision("highest")


def test_a_fitted_model_reaches_a_spawned_process(cohort):
    X, y = cohort
    model = CrossModalAttentionClassifier(n_estimators=2, max_epochs=1, random_state=0).fit(X, y)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        actual = pool.submit(model.predict_proba, X).result(timeout=120)
    np.testing.assert_array_equal(actual, model.predict_proba(X))


def test_a_fitted_model_holds_no_generator(cohort):
    X, y = cohort
    model = CrossModalAttentionClassifier(n_estimators=1, max_epochs=1, random_state=0).fit(X, y)
    assert not any(isinstance(value, torch.Generator) for value in vars(model.net_).values())

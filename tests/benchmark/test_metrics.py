"""The metrics of a fold, against independent calculations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from xmodal_sklearn.benchmark._metrics import (
    LOSSES,
    METRICS,
    Predictions,
    class_recalls,
    compute_metric,
)

CLASSES = np.array(["a", "b", "c", "d"])


def fold_metric(name, target, predicted, probabilities, classes):
    return compute_metric(name, target, Predictions(predicted, probabilities), classes)


def draw(seed, n=200, classes=CLASSES):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(len(classes), 0.7), size=n)
    codes = [rng.choice(len(classes), p=p**0.5 / (p**0.5).sum()) for p in probabilities]
    return classes[codes], classes[probabilities.argmax(axis=1)], probabilities, classes


@pytest.mark.parametrize("n_classes", [2, 4])
def test_metrics_equal_those_of_scikit_learn(n_classes):
    target, predicted, p, classes = fold = draw(0, classes=CLASSES[:n_classes])
    score = p[:, 1] if n_classes == 2 else p
    indicator = (target[:, None] == classes).astype(int)
    expected = {
        "f1_macro": sk.f1_score(target, predicted, average="macro"),
        "f1_weighted": sk.f1_score(target, predicted, average="weighted"),
        "accuracy": sk.accuracy_score(target, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(target, predicted),
        "roc_auc_ovr": sk.roc_auc_score(target, score, multi_class="ovr"),
        "roc_auc_ovo": sk.roc_auc_score(target, score, multi_class="ovo"),
        "average_precision": sk.average_precision_score(indicator[:, 1], p[:, 1])
        if n_classes == 2
        else sk.average_precision_score(indicator, p, average="macro"),
        "log_loss": sk.log_loss(target, p, labels=classes),
        "mcc": sk.matthews_corrcoef(target, predicted),
    }
    for name, value in expected.items():
        assert fold_metric(name, *fold) == pytest.approx(value), name


def test_metrics_equal_their_definitions():
    target, predicted, p, classes = fold = draw(1)
    one_hot = (target[:, None] == classes).astype(float)
    assert fold_metric("brier", *fold) == pytest.approx(((p - one_hot) ** 2).sum(axis=1).mean())
    assert fold_metric("log_loss", *fold) == pytest.approx(-np.log(p[one_hot > 0]).mean())
    # AUC as the share of pairs in the right order, by the Mann-Whitney statistic.
    areas = [
        stats.mannwhitneyu(p[target == c, i], p[target != c, i]).statistic
        / ((target == c).sum() * (target != c).sum())
        for i, c in enumerate(classes)
    ]
    assert fold_metric("roc_auc_ovr", *fold) == pytest.approx(np.mean(areas))
    confidence, correct = p.max(axis=1), predicted == target
    ece = 0.0
    for low, high in zip(np.linspace(0, 1, 16)[:-1], np.linspace(0, 1, 16)[1:], strict=True):
        inside = (confidence >= low) & (confidence < high)
        if inside.any():
            ece += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    assert fold_metric("ece", *fold) == pytest.approx(ece)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_scores_do_not_depend_on_the_order_of_the_samples(seed):
    target, predicted, p, classes = draw(seed, n=40)
    order = np.random.default_rng(seed).permutation(40)
    for name in METRICS:
        assert fold_metric(name, target, predicted, p, classes) == pytest.approx(
            fold_metric(name, target[order], predicted[order], p[order], classes), nan_ok=True
        )


def test_perfect_predictions_have_perfect_scores():
    target = np.repeat(CLASSES, 5)
    p = (target[:, None] == CLASSES).astype(float)
    for name in METRICS:
        assert fold_metric(name, target, target, p, CLASSES) == pytest.approx(
            0 if name in LOSSES else 1, abs=1e-12
        )


def test_averages_exclude_a_class_that_is_not_tested():
    target, predicted, p, classes = draw(2)
    kept = target != "d"
    fold = target[kept], predicted[kept], p[kept], classes
    areas = {c: sk.roc_auc_score(target[kept] == c, p[kept, i]) for i, c in enumerate("abc")}
    assert fold_metric("roc_auc_ovr", *fold) == pytest.approx(np.mean(list(areas.values())))
    assert np.isfinite([fold_metric(name, *fold) for name in METRICS]).all()
    recalls = class_recalls(*fold[:2], classes)
    assert np.isnan(recalls["d"])
    assert np.isfinite(recalls["a"])


def test_an_undefined_metric_is_nan():
    target, predicted, p, classes = draw(3)
    assert np.isnan(fold_metric("roc_auc_ovr", target, predicted, None, classes))
    assert np.isfinite(fold_metric("f1_macro", target, predicted, None, classes))
    single = target == "a"
    for name in ("roc_auc_ovr", "roc_auc_ovo", "average_precision"):
        assert np.isnan(fold_metric(name, target[single], predicted[single], p[single], classes))

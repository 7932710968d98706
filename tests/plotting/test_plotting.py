"""The displays."""

from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from scipy import stats
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, MultiTaskElasticNet
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.baselines import LateFusionClassifier
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.plotting import (
    CoefficientPathDisplay,
    ComparisonDisplay,
    KScoreDisplay,
    ModalityAblationDisplay,
)
from xmodal_sklearn.plotting._common import line_style


@pytest.fixture
def ax():
    yield plt.subplots()[1]
    plt.close("all")


@pytest.fixture(scope="module")
def comparison(cohort):
    models = {
        "dummy": DummyClassifier(),
        "logistic": LogisticRegression(max_iter=1000),
        "svm": LinearSVC(C=1e-4),
    }
    folds = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
    return compare(models, *cohort, cv=folds, scoring=["f1_macro", "log_loss"])


@pytest.fixture(scope="module")
def search(cohort):
    model = make_pipeline(MultiOmicsSelector(), LogisticRegression(max_iter=1000))
    grid = {"multiomicsselector__k": [20, "all", 5], "logisticregression__C": [0.1, 1.0]}
    return GridSearchCV(model, grid, cv=3, scoring="f1_macro").fit(*cohort)


def tick_labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_a_comparison_shows_every_fold_best_model_on_top(comparison, ax):
    display = ComparisonDisplay.from_comparison(comparison, ax=ax)
    assert display.ax_ is ax
    assert tick_labels(ax.yaxis) == list(comparison.summary().index)
    assert [len(points.get_offsets()) for points in display.points_] == [6, 6, 6]
    measured = comparison.scores.query("metric == 'f1_macro' and estimator == 'svm'")["value"]
    row = tick_labels(ax.yaxis).index("svm")
    assert display.points_[row].get_offsets()[:, 0].tolist() == measured.tolist()


def test_the_interval_is_that_of_the_corrected_t_test(comparison, ax):
    # The interval of a mean excludes zero exactly where the test against zero rejects it.
    display = ComparisonDisplay.from_comparison(comparison, ax=ax, confidence=0.9)
    scores = display.scores["logistic"]
    error = np.sqrt((1 / 6 + 1 / 2) * scores.var())
    expected = stats.t.interval(0.9, 5, loc=scores.mean(), scale=error)
    interval = display.intervals.loc["logistic", ["lower", "upper"]]
    assert interval.tolist() == pytest.approx(expected)


def test_a_model_without_the_metric_keeps_an_empty_row(comparison, ax):
    display = ComparisonDisplay.from_comparison(comparison, metric="log_loss", ax=ax)
    assert set(tick_labels(ax.yaxis)) == {"logistic", "dummy", "svm"}
    assert display.scores["svm"].isna().all()


def test_an_unknown_metric_is_an_error(comparison):
    with pytest.raises(ValueError, match=r"no metric 'auc'.*f1_macro"):
        ComparisonDisplay.from_comparison(comparison, metric="auc")


def test_a_search_over_k_shows_one_line_per_other_setting(search, ax):
    display = KScoreDisplay.from_estimator(search, ax=ax)
    assert tick_labels(ax.xaxis) == ["5", "20", "all"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["C=0.1", "C=1.0"]
    results = pd.DataFrame(search.cv_results_)
    for line, c in zip(display.lines_, [0.1, 1.0], strict=True):
        rows = results[results["param_logisticregression__C"] == c]
        means = rows.set_index("param_multiomicsselector__k")["mean_test_score"]
        assert line[0].get_ydata().tolist() == means[[5, 20, "all"]].tolist()
    assert ax.get_ylabel() == "macro-F1"


def test_a_model_at_chance_does_not_stretch_the_axis(comparison, ax):
    display = ComparisonDisplay.from_comparison(comparison, ax=ax)
    assert "dummy" in display.at_chance
    low, high = ax.get_xlim()
    others = display.scores[[name for name in display.scores if name not in display.at_chance]]
    assert low <= others.min(axis=None) <= others.max(axis=None) <= high
    mean = display.intervals.loc["dummy", "mean"]
    assert mean < low
    arrows = {list(display.scores)[text.xy[1]]: text.get_text() for text in ax.texts}
    assert arrows["dummy"] == f"◂ {mean:.3g}"
    assert "logistic" not in arrows


def test_lines_differ_in_more_than_color(ax):
    table = pd.DataFrame({"k": [1, 2] * 28, "score": 0.5, "of": np.repeat(np.arange(28), 2)})
    display = KScoreDisplay.from_scores(table, group="of", ax=ax)
    lines = [container[0] for container in display.lines_]
    looks = [(str(line._dash_pattern), line.get_marker(), line.get_color()) for line in lines]
    assert len(set(looks)) == 28
    # Printed in gray, neighbors differ in dash and marker.
    for first, second in pairwise(looks):
        assert first[0] != second[0]
        assert first[1] != second[1]


# What people without green cones and without red cones see, in linear RGB (Machado, Oliveira and
# Fernandes, IEEE Transactions on Visualization and Computer Graphics 15, 2009).
COLOR_BLIND = {
    "deuteranope": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanope": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
}
XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def cielab(linear):
    x, y, z = np.cbrt(np.array(XYZ) @ linear / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("who", COLOR_BLIND)
def test_colors_are_distinct_for_color_blind_readers(who):
    colors = []
    for index in range(7):
        rgb = np.array(to_rgb(line_style(index)["color"]))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        colors.append(cielab(np.clip(COLOR_BLIND[who] @ linear, 0, 1)))
    assert min(np.linalg.norm(a - b) for a, b in combinations(colors, 2)) > 15


def test_scores_by_k_are_summarized_over_folds(ax):
    table = pd.DataFrame(
        {"k": [500, 500, 300, 300], "accuracy": [0.7, 0.9, 0.5, 0.7], "fold": [0, 1, 0, 1]}
    )
    display = KScoreDisplay.from_scores(table, score="accuracy", ax=ax)
    (line,) = display.lines_
    assert line[0].get_xdata().tolist() == [300, 500]
    assert line[0].get_ydata().tolist() == pytest.approx([0.6, 0.8])
    assert display.scores["std"].tolist() == pytest.approx([np.sqrt(0.02)] * 2)
    assert ax.get_legend() is None


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"logisticregression__C": [1, 2]}, "named k or ending in __k"),
        ({"multiomicsselector__k": [{"exp": 5, "cna": 5, "mut": 5}]}, 'integer or "all"'),
    ],
)
def test_searches_without_k_are_errors(cohort, grid, message):
    model = make_pipeline(MultiOmicsSelector(5), LogisticRegression(max_iter=1000))
    search = GridSearchCV(model, grid, cv=2).fit(*cohort)
    with pytest.raises(ValueError, match=message):
        KScoreDisplay.from_estimator(search)


def test_scores_without_the_column_are_an_error():
    with pytest.raises(ValueError, match=r"no column 'score'\. Choose from"):
        KScoreDisplay.from_scores(pd.DataFrame({"k": [1], "accuracy": [1.0]}))


@pytest.mark.parametrize("modality", ["exp", "mut"])
def test_the_path_is_in_the_order_of_the_ranking(cohort, ax, modality):
    selector = MultiOmicsSelector(l1_ratio=0.8)
    display = CoefficientPathDisplay.from_estimator(selector, *cohort, modality=modality, ax=ax)
    ranking = selector.fit(*cohort).rankings_[modality]
    assert len(display.feature_names) > 10
    assert display.feature_names == list(ranking[: len(display.feature_names)])
    named = [text.get_text() for text in ax.get_legend().get_texts()]
    assert named == [name.removeprefix(f"{modality}__") for name in ranking[:8]]


def test_the_path_is_that_of_scikit_learns_elastic_net(cohort, ax):
    X, y = cohort
    display = CoefficientPathDisplay.from_estimator(MultiOmicsSelector(), X, y, ax=ax)
    step = 12
    classes = pd.get_dummies(y).to_numpy(float)
    peer = MultiTaskElasticNet(alpha=display.penalties[step], l1_ratio=0.5, tol=1e-8)
    peer.fit(StandardScaler().fit_transform(X[display.feature_names]), classes)
    expected = np.linalg.norm(peer.coef_, axis=0)
    assert (expected > 0).sum() > 3
    np.testing.assert_allclose(display.norms[:, step], expected, atol=2e-3)


def test_selectors_without_a_path_are_errors(cohort):
    X, y = cohort
    with pytest.raises(ValueError, match=r"no modality 'rna'\. Choose one of"):
        CoefficientPathDisplay.from_estimator(MultiOmicsSelector(), X, y, modality="rna")
    with pytest.raises(ValueError, match="has no path"):
        selector = MultiOmicsSelector(estimator=LogisticRegression(max_iter=1000))
        CoefficientPathDisplay.from_estimator(selector, X, y)


def test_permuting_a_modality_costs_what_it_contributes(cohort, ax):
    X, y = cohort
    X = X.assign(**dict.fromkeys(X.filter(like="mut__"), 1.0))
    before = X.copy()
    model = LogisticRegression(max_iter=1000).fit(X, y)
    display = ModalityAblationDisplay.from_estimator(
        model, X, y, n_repeats=5, random_state=0, ax=ax
    )
    assert display.score == model.score(X, y)
    assert display.scores.shape == (5, 3)
    assert (display.scores["exp"] < display.score).all()
    assert (display.scores["mut"] == display.score).all()
    assert tick_labels(ax.yaxis) == ["exp permuted", "cna permuted", "mut permuted"]
    pd.testing.assert_frame_equal(X, before)


def test_an_absent_modality_is_a_block_of_nan(cohort, ax):
    X, y = cohort
    model = LateFusionClassifier(LogisticRegression(max_iter=1000)).fit(X, y)
    display = ModalityAblationDisplay.from_estimator(
        model, X, y, method="absent", scoring="f1_macro", ax=ax
    )
    without = X.copy()
    without.loc[:, [name for name in X if name.startswith("exp__")]] = np.nan
    expected = f1_score(y, model.predict(without), average="macro")
    assert display.scores["exp"].tolist() == [expected]
    assert ax.get_xlabel() == "macro-F1"


def test_modalities_of_an_array_are_removed_alike(cohort, positions, ax):
    X, y = cohort
    table = ModalityAblationDisplay.from_estimator(
        LogisticRegression(max_iter=1000).fit(X, y), X, y, random_state=0, ax=ax
    )
    X = X.to_numpy()
    array = ModalityAblationDisplay.from_estimator(
        LogisticRegression(max_iter=1000).fit(X, y),
        X,
        y,
        modalities=positions,
        random_state=0,
        ax=ax,
    )
    pd.testing.assert_frame_equal(table.scores, array.scores)


def test_impossible_ablations_are_errors(cohort):
    X, y = cohort
    model = LogisticRegression(max_iter=1000).fit(X, y)
    with pytest.raises(ValueError, match="could not predict with 'exp' absent"):
        ModalityAblationDisplay.from_estimator(model, X, y, method="absent")
    alone = X.filter(like="exp__")
    with pytest.raises(ValueError, match="Without 'exp', 120 samples have no modality"):
        ModalityAblationDisplay.from_estimator(model, alone, y, method="absent")
    with pytest.raises(ValueError, match="method"):
        ModalityAblationDisplay.from_estimator(model, X, y, method="shuffle")

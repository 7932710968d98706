"""Displays of attention maps, features and modalities."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.inspection import ModalityImportance, additive_shapes, top_pairs
from xmodal_sklearn.plotting import (
    AdditiveShapeDisplay,
    AttentionMapDisplay,
    FeatureImportanceDisplay,
    ModalityImportanceDisplay,
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def make_maps(n):
    rng = np.random.default_rng(0)
    axes = [
        pd.Index([f"{modality}__GENE{i:05d}" for i in range(n)], name=modality)
        for modality in ("exp", "cna")
    ]
    maps = {label: pd.DataFrame(rng.normal(0, 0.01, (n, n)), *axes) for label in ("A", "B", "C")}
    maps["B"].iloc[3, 7] = -1
    maps["C"].iloc[5, 2] = 0.8
    return maps


def all_is_inside(figure):
    """Whether nothing is cut off at the edge of the figure."""
    figure.canvas.draw()
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    return box.x0 > -0.01 and box.y0 > -0.01 and box.x1 < width + 0.01 and box.y1 < height + 0.01


def labels_overlap(labels):
    boxes = [label.get_window_extent() for label in labels if label.get_text()]
    return any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize(("n", "n_shown"), [(20, 25), (300, 25), (100, 60)])
def test_heat_maps_show_the_largest_effects_legibly(n, n_shown):
    display = AttentionMapDisplay.from_maps(make_maps(n), n=n_shown)
    assert display.shown_.shape == (min(n, n_shown), min(n, n_shown))
    largest = np.sqrt(1 / 3)
    assert display.shown_.loc["exp__GENE00003", "cna__GENE00007"] == pytest.approx(
        largest, rel=0.01
    )
    assert all_is_inside(display.figure_)
    assert not labels_overlap(display.ax_.get_yticklabels())
    assert not labels_overlap(display.ax_.get_xticklabels())
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert {"B", "C"} <= set(legend)


@pytest.mark.parametrize("positions", [None, "genome"])
def test_pairs_are_lines_to_where_the_genes_are(positions):
    maps = make_maps(50)
    if positions:
        # All on one spot but one: names must not lie on one another.
        names = [*maps["A"].index, *maps["A"].columns]
        positions = dict.fromkeys(names, 1e6) | {"exp__GENE00003": 9e6}
    display = AttentionMapDisplay.from_maps(maps, kind="pairs", n=15, positions=positions)
    pairs = display.shown_
    assert pairs[["primary", "source", "class"]].iloc[0].tolist() == [
        "exp__GENE00003",
        "cna__GENE00007",
        "B",
    ]
    assert len(pairs) == 15
    first = display.ax_.lines[0]
    assert first.get_linewidth() == max(line.get_linewidth() for line in display.ax_.lines)
    if positions:
        assert first.get_ydata().tolist() == [9e6, 1e6]
    assert all_is_inside(display.figure_)
    assert not labels_overlap(display.ax_.texts)


def test_a_gene_without_a_position_is_named():
    with pytest.raises(ValueError, match=r"no entry for .*'exp__GENE0"):
        AttentionMapDisplay.from_maps(make_maps(20), kind="pairs", n=5, positions={"a": 1})


@pytest.mark.parametrize("n_features", [5, 1000])
def test_features_are_signed_by_class(n_features):
    names = [f"exp__GENE{i:05d}" for i in range(n_features - 1)] + ["met__" + "x" * 60]
    importance = pd.DataFrame(0.01, names, ["LumA", "LumB", "Her2"])
    importance.iloc[-1] = [0.5, -0.7, 0.0]
    display = FeatureImportanceDisplay.from_importance(importance)
    assert len(display.shown_) == min(n_features, 20)
    assert display.shown_.index[0] == names[-1]
    image = display.ax_.images[0]
    assert image.get_clim() == (-0.7, 0.7)
    assert all_is_inside(display.figure_)


def test_modalities_have_a_point_for_each_fold():
    columns = pd.MultiIndex.from_tuples(
        [("shapley", "exp"), ("shapley", "mut"), ("stacking", "exp"), ("stacking", "together")]
    )
    folds = pd.DataFrame([[0.5, 0.1, 1.0, 0.3], [0.7, 0.0, 0.8, 0.5]], columns=columns)
    nothing = pd.DataFrame()
    importance = ModalityImportance(folds, nothing, pd.Series(dtype=float), nothing)
    display = ModalityImportanceDisplay.from_importance(importance)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["exp", "mut"]
    assert display.ax_.collections[0].get_offsets()[:, 0].tolist() == [0.5, 0.7]
    stacking = ModalityImportanceDisplay.from_importance(importance, measure="stacking")
    assert stacking.ax_.get_yticklabels()[-1].get_text() == "together"
    with pytest.raises(ValueError, match="measure must be one of"):
        ModalityImportanceDisplay.from_importance(importance, measure="guess")


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda maps: AttentionMapDisplay.from_maps(maps["A"]), "dict of class to DataFrame"),
        (lambda maps: AttentionMapDisplay.from_maps(iter(maps)), "dict of class to DataFrame"),
        (lambda maps: AttentionMapDisplay.from_maps({}), "nothing to draw"),
        (
            lambda maps: AttentionMapDisplay.from_maps({"A": maps["A"], "B": maps["B"][:3]}),
            "'B' has other features",
        ),
        (lambda maps: draw_at(maps, float("nan")), "'exp__GENE.*finite number, got nan"),
        (lambda maps: draw_at(maps, "chr1"), "finite number, got 'chr1'"),
        (lambda maps: FeatureImportanceDisplay.from_importance(maps["A"][:0]), "nothing to draw"),
        (lambda maps: ModalityImportanceDisplay.from_importance(maps["A"]), "modality_importance"),
        (lambda maps: AdditiveShapeDisplay.from_shapes(maps["A"]), "no column 'feature'"),
        (lambda maps: AdditiveShapeDisplay.from_shapes(make_shapes(1)[:0]), "nothing to draw"),
        (lambda maps: top_pairs(maps), "one map, a DataFrame, got dict"),
    ],
)
def test_what_cannot_be_drawn_is_an_error(draw, message):
    with pytest.raises((TypeError, ValueError), match=message):
        draw(make_maps(20))


def draw_at(maps, place):
    positions = dict.fromkeys([*maps["A"].index, *maps["A"].columns], place)
    return AttentionMapDisplay.from_maps(maps, kind="pairs", positions=positions)


@pytest.mark.parametrize("kind", ["heatmap", "pairs"])
def test_maps_of_zeros_are_drawn(kind):
    maps = {label: 0 * table for label, table in make_maps(20).items()}
    assert all_is_inside(AttentionMapDisplay.from_maps(maps, kind=kind).figure_)


def make_shapes(n_features, labels=("A", "B")):
    """Shapes of expression, and of a mutation at last."""
    curves = []
    for index in range(n_features):
        name = "mut__TP53" if index == n_features - 1 else f"exp__GENE{index:05d}"
        values = [0.0, 1.0] if name == "mut__TP53" else [4.0, 5.0, 5.5, 9.0]
        for code, label in enumerate(labels):
            contributions = np.linspace(-1, 1, len(values)) * (-1) ** code / (1 + index)
            curve = {"feature": name, "class": label, "value": values}
            curves.append(pd.DataFrame({**curve, "contribution": contributions}))
    return pd.concat(curves, ignore_index=True)


@pytest.mark.parametrize("n_features", [1, 4, 12])
@pytest.mark.parametrize("labels", [("A", "B"), ("Basal", "Her2", "LumA", "LumB", "N" * 20)])
def test_shapes_are_a_panel_for_each_feature(n_features, labels):
    display = AdditiveShapeDisplay.from_shapes(make_shapes(n_features, labels))
    assert len(display.axes_) == n_features
    *others, last = display.axes_
    for panel in others:
        _, *curves = panel.lines
        assert len(curves) == len(labels)
        assert curves[0].get_xdata().tolist() == [4, 5, 5.5, 9]
    assert last.get_title() == "mut TP53"
    assert len(last.patches) == 2 * len(labels)
    assert [label.get_text() for label in last.get_xticklabels()] == ["0", "1"]
    assert all_is_inside(display.figure_)
    (legend,) = [ax.get_legend() for ax in display.figure_.axes if ax.get_legend()]
    assert [text.get_text() for text in legend.get_texts()] == list(labels)
    box = legend.get_window_extent()
    assert not any(box.overlaps(panel.title.get_window_extent()) for panel in display.axes_)


def test_shapes_are_drawn_where_they_are_wanted():
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
    display = AdditiveShapeDisplay(make_shapes(3)).plot(right)
    assert display.figure_ is figure
    figure.canvas.draw()
    edge = left.get_position().x1
    assert all(panel.get_position().x0 > edge for panel in display.axes_)


def test_shapes_of_a_model_are_drawn(cohort):
    X, y = cohort
    classifier = CrossModalAttentionClassifier(
        branches=["mlp", "stumps"], n_estimators=2, max_epochs=1, random_state=0
    )
    display = AdditiveShapeDisplay.from_estimator(classifier.fit(X, y), X, n_features=3)
    pd.testing.assert_frame_equal(display.shapes, additive_shapes(classifier, X, n_features=3))

"""The card of a saved model shows what was recorded, and what was not."""

import re
from html import unescape

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from typer.testing import CliRunner

from xmodal_sklearn import ModalityImputer, MultiOmicsSelector
from xmodal_sklearn.baselines import LateFusionClassifier
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.cli import app
from xmodal_sklearn.persistence import describe_training, read_manifest, save_model
from xmodal_sklearn.report import card_text, write_card
from xmodal_sklearn.report._card import card_sections
from xmodal_sklearn.uncertainty import ConformalClassifier

HOSTILE = '<script>alert("x")</script>\u202e{{ 7 * 7 }}\r\n$x$'


@pytest.fixture(scope="module")
def linear(cohort):
    return make_pipeline(MultiOmicsSelector(5), LogisticRegression(max_iter=1000)).fit(*cohort)


@pytest.fixture(scope="module")
def comparison(cohort):
    model = make_pipeline(MultiOmicsSelector(5), LogisticRegression(max_iter=1000))
    return compare({"mine": model, "other": DummyClassifier()}, *cohort, cv=3)


@pytest.fixture(scope="module")
def saved(cohort, linear, comparison, tmp_path_factory):
    training = describe_training(
        *cohort, source="the cohort", comparison=comparison, estimator="mine"
    )
    path = tmp_path_factory.mktemp("card") / "model.xmodal"
    return save_model(linear, path, training=training)


def test_the_card_shows_the_scores_of_the_comparison(saved, comparison):
    text = card_text(saved)
    mean = comparison.summary().loc["mine", ("f1_macro", "mean")]
    assert re.search(rf"macro-F1 +{mean:.3f}", text)
    scores = comparison.scores[comparison.scores["estimator"] == "mine"]
    for label in comparison.classes:
        recall = scores.query("metric == 'class_recall' and part == @label")["value"].mean()
        assert re.search(rf"{label} +{recall:.3f}", text)
    assert "over 3 folds" in text


def test_the_card_shows_the_training_data_and_the_required_input(saved, cohort, linear):
    text = card_text(saved)
    y = cohort[1]
    assert "120 samples from the cohort" in text
    for label, count in y.value_counts().items():
        assert re.search(rf"{label} +{count}\n", text)
    assert re.search(r"exp +60 +5 +no\n", text)
    for modality, names in linear[0].rankings_.items():
        assert read_manifest(saved)["features"][modality] == list(names[:5])
        assert names[0] in text
        assert names[5] not in text


def test_quantiles_are_those_of_present_values(cohort):
    X, y = cohort
    X = X.astype(float).copy()
    X.iloc[:20, :60] = np.nan
    block = describe_training(X, y)["modalities"]["exp"]
    expected = np.nanquantile(X.iloc[:, :60], [0.01, 0.5, 0.99])
    np.testing.assert_allclose(block["quantiles"], expected, rtol=1e-3)
    assert (block["samples"], block["features"], block["categorical"]) == (100, 60, 0)


def test_whether_a_modality_may_be_missing_is_tested(cohort, tmp_path):
    late = LateFusionClassifier(LogisticRegression(max_iter=1000)).fit(*cohort)
    save_model(late, tmp_path / "late")
    assert read_manifest(tmp_path / "late")["takes_absent"] == dict.fromkeys(
        ("exp", "cna", "mut"), True
    )
    linear = make_pipeline(ModalityImputer(), LogisticRegression(max_iter=1000)).fit(*cohort)
    save_model(linear, tmp_path / "linear")
    assert not any(read_manifest(tmp_path / "linear")["takes_absent"].values())


def test_the_card_says_what_was_not_recorded(linear, tmp_path):
    text = card_text(save_model(linear, tmp_path / "model"))
    assert "saved without a description of its training data" in text
    assert "no cross-validated scores" in text
    assert "no prediction sets" in text
    dummy = save_model(DummyClassifier().fit([[0.0], [1.0]], [0, 1]), tmp_path / "dummy")
    assert "one of its 2 classes" in card_text(dummy)


def test_the_card_shows_the_largest_coverage(cohort, linear, tmp_path):
    X, y = cohort
    conformal = ConformalClassifier(FrozenEstimator(linear)).fit(X, y)
    text = card_text(save_model(conformal, tmp_path / "model"))
    fewest = y.value_counts().min()
    assert f"up to a coverage of {fewest / (fewest + 1):.2f}" in text


def test_a_comparison_of_several_models_needs_a_name(cohort, comparison):
    for name in (None, "third"):
        with pytest.raises(ValueError, match=r"one of \['mine', 'other'\]"):
            describe_training(*cohort, comparison=comparison, estimator=name)


def test_names_are_printed_whole_and_harmless(cohort, tmp_path):
    X, y = cohort
    X = X.rename(columns={X.columns[0]: f"exp__{HOSTILE}"})
    y = np.where(y == y.iloc[0], HOSTILE, y)
    model = make_pipeline(MultiOmicsSelector("all"), LogisticRegression(max_iter=1000)).fit(X, y)
    saved = save_model(model, tmp_path / "m", training=describe_training(X, y, source=HOSTILE))
    text = card_text(saved)
    shown = '<script>alert("x")</script>\\u202e{{ 7 * 7 }}\\r\\n$x$'
    assert f"samples from {shown}" in text
    assert HOSTILE not in text
    html = write_card(saved, tmp_path / "card.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert f'<th scope="row">{shown}</th>' in unescape(html)


def test_the_page_has_the_sections_of_the_text(saved, tmp_path):
    html = unescape(write_card(saved, tmp_path / "card.html").read_text(encoding="utf-8"))
    for section in card_sections(read_manifest(saved)):
        cells = [cell for row in section["rows"] for cell in row]
        for shown in (section["title"], *section["paragraphs"], *cells):
            assert f">{shown}<" in html
    assert "http://" not in html
    assert "https://" not in html


@pytest.mark.parametrize("training", [5, {"n_samples": "x"}, {"n_samples": 1, "modalities": [1]}])
def test_a_manifest_of_another_kind_is_an_error(linear, tmp_path, training):
    saved = save_model(linear, tmp_path / "odd.xmodal", training=training)
    with pytest.raises(ValueError, match=r"odd\.xmodal: .*manifest was not written"):
        card_text(saved)


def test_the_command_prints_or_writes_the_card(saved, tmp_path):
    printed = CliRunner().invoke(app, ["card", str(saved)])
    assert printed.exit_code == 0, printed.output
    assert printed.output.strip() == card_text(saved)
    out = tmp_path / "new" / "card.html"
    assert CliRunner().invoke(app, ["card", str(saved), "--out", str(out)]).exit_code == 0
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    missing = CliRunner().invoke(app, ["card", str(tmp_path / "nothing")])
    assert missing.exit_code == 2
    assert "no file" in " ".join(missing.output.split())

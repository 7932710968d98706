"""The explanation of one prediction, as tables and as a page."""

import numpy as np
import pytest
from typer.testing import CliRunner

from xmodal_sklearn import CrossModalAttentionClassifier, split_modalities
from xmodal_sklearn.cli import app
from xmodal_sklearn.inspection import explain, integrated_gradients
from xmodal_sklearn.persistence import save_model


@pytest.fixture(scope="module")
def result(fitted):
    model, X, y = fitted
    return explain(model, X.iloc[[30]], train=(X, y))


def test_an_explanation_agrees_with_the_model(fitted, result):
    model, X, _ = fitted
    sample = X.iloc[[30]]
    assert result.prediction == model.predict(sample)[0]
    proba = model.predict_proba(sample)[0]
    assert result.probabilities[model.classes_].tolist() == pytest.approx(proba)
    assert result.probabilities.index[:2].tolist() == [result.prediction, result.runner_up]
    lead = np.log(result.probabilities.iloc[0] / result.probabilities.iloc[1])
    assert result.shares["against the runner-up"].sum() == pytest.approx(lead)


def test_features_are_those_that_add_most_to_the_lead(fitted, result):
    model, X, _ = fitted
    by_sample = integrated_gradients(model, X.iloc[[30]]).by_sample
    best, second = (by_sample.loc[label].iloc[0] for label in result.probabilities.index[:2])
    lead = (best - second).sort_values(ascending=False)
    assert result.features.index.tolist() == lead.index[:10].tolist()
    first = result.features.iloc[0]
    assert first["value"] == pytest.approx(X.iloc[30][lead.index[0]])
    assert first["modality"] == lead.index[0].partition("__")[0]


def test_an_odd_sample_is_farther_than_the_training_samples(fitted, result):
    model, X, y = fitted
    assert list(result.typicality.index) == list(model.classes_)
    assert result.typicality["samples"].tolist() == y.value_counts()[model.classes_].tolist()
    odd = X.iloc[[30]] + 10 * X.std()
    far = explain(model, odd, train=(X, y)).typicality
    assert (far["farther"] == 0).all()
    assert (far["distance"] > result.typicality["distance"]).all()


def test_the_page_fits_a_terminal_and_is_complete(result):
    page = result.to_text()
    assert max(map(len, page.splitlines())) <= 80
    assert f"{result.sample}: {result.prediction}" in page
    for gene in result.features.index.str.partition("__").get_level_values(2):
        assert gene in page


def test_samples_that_cannot_be_explained_are_errors(fitted):
    model, X, y = fitted
    with pytest.raises(ValueError, match="takes one sample, got 2"):
        explain(model, X[:2])
    assert explain(model, X[:1]).typicality is None
    some = y != y.iloc[30]
    with pytest.raises(ValueError, match="train has no sample of class"):
        explain(model, X[:1], train=(X[some], y[some]))


def test_a_single_modality_has_all_shares(cohort):
    X, y = cohort
    X = X.filter(like="exp__").iloc[:, :10]
    classifier = CrossModalAttentionClassifier(n_estimators=1, max_epochs=2, random_state=0)
    shares = explain(classifier.fit(X, y), X[:1]).shares
    assert list(shares.index) == ["without", "exp"]


def test_the_command_prints_the_page(fitted, tmp_path):
    model, X, y = fitted
    save_model(model, tmp_path / "model.xmodal")
    arguments = ["explain", str(tmp_path / "model.xmodal")]
    for modality, table in split_modalities(X[20:]).items():
        table.to_csv(tmp_path / f"{modality}.csv")
        arguments += ["--table", f"{modality}={tmp_path / modality}.csv"]
        arguments += ["--train-table", f"{modality}={tmp_path / modality}.csv"]
    y[20:].to_csv(tmp_path / "y.csv")
    arguments += ["--train-target-file", str(tmp_path / "y.csv"), "--sample"]
    name = X.index[30]
    done = CliRunner().invoke(app, [*arguments, name])
    assert done.exit_code == 0, done.output
    expected = explain(model, X.iloc[[30]], train=(X[20:], y[20:])).to_text()
    assert expected in done.output
    wrong = CliRunner().invoke(app, [*arguments, "nobody"])
    assert wrong.exit_code == 2
    assert "nobody" in wrong.output

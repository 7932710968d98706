"""What a comparison records of its data, models and machine, and what it measures beside scores."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.benchmark._comparison import at_chance


class OnlyExpression(ClassifierMixin, BaseEstimator):
    """Looks at nothing but the modality exp."""

    def fit(self, X, y):
        self.model_ = LogisticRegression(max_iter=1000).fit(X.filter(like="exp__"), y)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        return self.model_.predict(X.filter(like="exp__"))


class SameTable(DummyClassifier):
    """Insists that tables to predict have the columns and types of those in fit."""

    def fit(self, X, y):
        self.columns_, self.dtypes_ = X.columns, X.dtypes
        return super().fit(X, y)

    def predict(self, X):
        pd.testing.assert_index_equal(X.columns, self.columns_)
        pd.testing.assert_series_equal(X.dtypes, self.dtypes_)
        return super().predict(X)


def recorded(X, y, **options):
    return compare({"dummy": DummyClassifier()}, X, y, cv=2, scoring=["accuracy"], **options).info


@pytest.fixture(scope="module")
def gaps(cohort):
    X, y = cohort
    X, y = X.copy(), y.copy()
    X.index = y.index = [f"patient {row}" for row in range(len(X))]
    X.loc[X.index[:7], [name for name in X if name.startswith("mut__")]] = np.nan
    X.loc[X.index[10], X.filter(like="cna__").columns[0]] = np.nan
    return X, y


def test_classes_missing_values_and_batches_are_counted(gaps):
    X, y = gaps
    batch = np.where(np.arange(len(y)) % 3 == 0, "a", "b").astype(object)
    batch[-1] = None
    data = recorded(X, y, batch=batch)["data"]
    assert data["class_sizes"] == y.value_counts().to_dict()
    assert data["missing"]["mut"] == {"samples": 7, "share": 0.0}
    assert data["missing"]["cna"] == {"samples": 0, "share": 1 / (120 * 50)}
    assert data["batches"]["a"] == y[::3].value_counts().to_dict()
    assert sum(data["batches"]["unknown"].values()) == 1
    assert data["sample_names"] == list(X.index)


def test_the_record_is_json(gaps):
    info = recorded(*gaps, batch=np.arange(120) % 3)
    assert json.loads(json.dumps(info)) == info


def test_the_hash_depends_on_the_data_and_not_on_memory_layout(gaps):
    X, y = gaps
    before = recorded(X, y)["data"]["hash"]
    rebuilt = pd.concat([X[[name]] for name in X], axis=1)
    assert recorded(rebuilt, y)["data"]["hash"] == before
    others = {
        "value": (X.assign(**{X.columns[0]: X[X.columns[0]] + 1e-9}), y),
        "column": (X.rename(columns={X.columns[0]: "exp__other"}), y),
        "sample": (X.rename(index={X.index[0]: "other"}), y.rename(index={X.index[0]: "other"})),
        "class": (X, y.replace({y.iloc[0]: "other"})),
    }
    changed = {what: recorded(*data)["data"]["hash"] for what, data in others.items()}
    assert len({before, *changed.values()}) == 5


def test_models_are_recorded_with_parameters_k_and_seeds(cohort):
    model = GridSearchCV(
        make_pipeline(MultiOmicsSelector(7), LogisticRegression(max_iter=1000, random_state=3)),
        {"logisticregression__C": [0.1, 1]},
        cv=StratifiedKFold(2, shuffle=True, random_state=5),
    )
    models = {"search": model, "dummy": DummyClassifier()}
    info = compare(models, *cohort, cv=2, scoring=["accuracy"]).info["models"]
    search = info["search"]
    assert search["k"] == ["7"]
    assert search["seeds"]["estimator__logisticregression__random_state"] == "3"
    assert "random_state=5" in search["parameters"]["cv"]
    assert search["parameters"]["param_grid"] == "{'logisticregression__C': [0.1, 1]}"
    assert "max_iter=1000" in search["text"]
    assert "..." not in search["text"]
    assert info["dummy"]["k"] == []


def test_date_machine_and_folds_are_recorded(cohort):
    info = recorded(*cohort)
    age = datetime.now(UTC) - datetime.fromisoformat(info["date"])
    assert timedelta(0) <= age < timedelta(hours=1)
    assert info["hardware"]["cores"] >= 1
    assert info["hardware"]["processor"]
    assert info["folds"] == "stratified, in the order of the samples"


def test_permuting_an_ignored_modality_loses_nothing(cohort):
    result = compare({"exp": OnlyExpression()}, *cohort, cv=3, scoring=["f1_macro", "log_loss"])
    by_metric = result.scores.pivot_table(index="fold", columns=["metric", "part"], values="value")
    without = by_metric["without_modality"]
    assert (without["exp"] < by_metric["f1_macro", ""]).all()
    for ignored in ("cna", "mut"):
        assert without[ignored].tolist() == by_metric["f1_macro", ""].tolist()


def test_columns_of_any_type_and_with_two_levels_are_accepted(cohort):
    X, y = cohort
    grade = pd.Categorical(np.where(np.arange(len(X)) % 2, "low", "high"))
    X = X.assign(clin__grade=grade, clin__site=["Ulm"] * len(X), clin__age=40)
    X.columns = X.columns.str.split("__", expand=True)
    result = compare({"same": SameTable()}, X, y, cv=2, scoring=["accuracy"])
    assert "clin" in set(result.scores.query("metric == 'without_modality'")["part"])
    assert result.info["data"]["hash"]
    assert result.warnings == ()


def test_branch_weights_are_recorded(cohort):
    network = CrossModalAttentionClassifier(n_estimators=1, max_epochs=2, random_state=0)
    scores = compare({"attention": network}, *cohort, cv=2, scoring=["accuracy"]).scores
    weights = scores[scores["metric"] == "branch_weight"]
    assert {"attention", "mlp: exp"} <= set(weights["part"])
    assert weights.groupby("fold")["value"].sum().tolist() == pytest.approx([1, 1])


def test_models_at_chance_are_recognized(cohort):
    models = {
        "logistic": LogisticRegression(max_iter=1000),
        "prior": DummyClassifier(),
        "stratified": DummyClassifier(strategy="stratified", random_state=0),
    }
    assert at_chance(compare(models, *cohort, cv=4)) == {"prior", "stratified"}
    one_fold = [(np.arange(80), np.arange(80, 120))]
    assert "prior" in at_chance(compare(models, *cohort, cv=one_fold))
    guessing = {"prior": DummyClassifier()}
    assert at_chance(compare(guessing, *cohort, cv=4)) == frozenset()


def test_a_good_ranking_is_not_at_chance_even_if_one_class_is_always_predicted(cohort):
    X, y = cohort
    y = (y == y.iloc[0]).astype(int)
    model = LogisticRegression(max_iter=1000, C=1e-9)
    models = {"shrunken": model, "logistic": LogisticRegression(max_iter=1000)}
    result = compare(models, X, y, cv=3)
    predicted = result.predictions.query("estimator == 'shrunken'")["predicted"]
    assert set(predicted) == {0}
    assert "shrunken" not in at_chance(result)

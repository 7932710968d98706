"""Measure whether training on patients that lack a modality harms those that have it.

Patients of METABRIC with expression are classified by a model trained on such patients alone, and
by one trained also on all patients that have copy number or mutations only. Same test folds.

    python benchmarks/missing.py --repeats 5
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.metrics import f1_score, log_loss, roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold

from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.benchmark._statistics import corrected_t_test
from xmodal_sklearn.datasets import read_cbioportal

DATA = Path(os.environ.get("XMODAL_DATA", "../shared/data"))


def scores(model, X, y):
    probabilities = model.predict_proba(X)
    predicted = model.classes_[probabilities.argmax(axis=1)]
    return {
        "macro-F1": f1_score(y, predicted, average="macro"),
        "ROC AUC": roc_auc_score(y, probabilities, multi_class="ovr", labels=model.classes_),
        "log loss": log_loss(y, probabilities, labels=model.classes_),
    }


def fold(X, y, complete, train, test, seed):
    """Score both models on test patients that have expression."""
    rows = {
        "complete patients": complete[train],
        "all patients": np.setdiff1d(np.arange(len(X)), complete[test]),
    }
    for name, chosen in rows.items():
        table = X.iloc[chosen].dropna(axis=1, how="all")
        model = CrossModalAttentionClassifier(random_state=seed).fit(table, y[chosen])
        tested = X.iloc[complete[test]][table.columns]
        yield {
            "trained on": name,
            "n_train": len(chosen),
            **scores(model, tested, y[complete[test]]),
        }
    only = X.iloc[:1].copy()
    only.loc[:, ~X.columns.str.startswith("mut__")] = np.nan
    assert np.isfinite(model.predict_proba(only)).all()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    data = read_cbioportal(DATA / "metabric", join="outer")
    X, y = data.data, data.target.to_numpy(dtype=object).astype(str)
    complete = np.flatnonzero(X.filter(like="exp__").notna().all(axis=1))
    print(f"{len(X)} patients, {len(complete)} of them with expression")
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=arguments.repeats, random_state=0)
    rows = Parallel(n_jobs=arguments.jobs)(
        delayed(lambda *args: list(fold(*args)))(X, y, complete, train, test, seed)
        for seed, (train, test) in enumerate(folds.split(complete, y[complete]))
    )
    table = pd.DataFrame([row for of_fold in rows for row in of_fold])
    print(table.groupby("trained on").agg(["mean", "std"]).round(3).to_string())
    for score in ("macro-F1", "ROC AUC", "log loss"):
        columns = {name: rows[score].to_numpy() for name, rows in table.groupby("trained on")}
        ahead = columns["all patients"] - columns["complete patients"]
        test = corrected_t_test(ahead, 1 / 4)
        print(f"{score}: all minus complete {ahead.mean():+.4f}, p = {test.p:.2f}")


if __name__ == "__main__":
    main()

"""Measure whether training on patients that lack a modality affects those that have it.

METABRIC patients with expression are classified by a model trained on such patients alone, and by
one trained on all patients, including those with copy number or mutations only, on the same test
folds.

    python -m benchmarks.accuracy.missing_modality --repeats 5

The cohort is read from $XMODAL_DATA (default ../shared/data).
"""

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.model_selection import RepeatedStratifiedKFold

from benchmarks.markdown import mean_spread, print_table
from benchmarks.shared import fold_parser, metabric, model_scores, stored
from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.benchmark._statistics import corrected_t_test

SCORES = ["macro-F1", "ROC AUC", "log loss"]


def main() -> None:
    parser = fold_parser(__doc__, repeats=5)
    arguments = parser.parse_args()
    X, y = metabric(join="outer")
    complete = np.flatnonzero(X.filter(like="exp__").notna().all(axis=1))
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=arguments.repeats, random_state=0)
    rows = Parallel(n_jobs=arguments.jobs)(
        delayed(stored)(measure_fold, X, y, complete, train, test, seed)
        for seed, (train, test) in enumerate(folds.split(complete, y[complete]))
    )
    table = pd.DataFrame([row for of_fold in rows for row in of_fold])
    shown = mean_spread(table.drop(columns="patients"), "trained on")
    shown.insert(0, "patients", table.groupby("trained on")["patients"].mean().round().astype(int))
    title = (
        f"METABRIC: {len(X)} patients, {len(complete)} with expression, of which test patients are"
    )
    print_table(f"{title}, 5 folds × {arguments.repeats}", shown)
    leads = []
    for score in SCORES:
        columns = {name: rows[score].to_numpy() for name, rows in table.groupby("trained on")}
        ahead = columns["all patients"] - columns["complete patients"]
        test = corrected_t_test(ahead, 1 / 4)
        leads.append({"all minus complete": score, "mean": f"{ahead.mean():+.4f}", "p": test.p})
    print_table("Differences, with the corrected resampled t-test", pd.DataFrame(leads))


def measure_fold(
    X: pd.DataFrame,
    y: np.ndarray,
    complete: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    seed: int,
) -> list[dict]:
    """Score both models on test patients that have expression."""
    chosen = {
        "complete patients": complete[train],
        "all patients": np.setdiff1d(np.arange(len(X)), complete[test]),
    }
    rows = []
    for name, patients in chosen.items():
        table = X.iloc[patients].dropna(axis=1, how="all")
        model = CrossModalAttentionClassifier(random_state=seed).fit(table, y[patients])
        tested = X.iloc[complete[test]][table.columns]
        measured = model_scores(model, tested, y[complete[test]])
        rows.append({"trained on": name, "patients": len(patients), **measured})
    # The model trained on all patients must also answer for a patient with mutations alone.
    only = X.iloc[:1].copy()
    only.loc[:, ~X.columns.str.startswith("mut__")] = np.nan
    assert np.isfinite(model.predict_proba(only)).all()
    return rows


if __name__ == "__main__":
    main()

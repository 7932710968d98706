"""Compare ways to deal with patients who lack tables, in training or at prediction.

    python -m benchmarks.accuracy.missing_tables tcga metabric-discovery-exp-cna-mut --repeats 1

Of the patients, 10, 30 or 50 % lose one or two of three tables: at random, each patient other ones,
or by site, all patients of a site the same ones (TCGA's barcodes name the site). Either the
training patients lose tables and the test patients have all, or the other way round.

"Ours" is the classifier with its defaults, which accepts such patients. It is also fitted to tables
imputed with the mean or from the five nearest neighbors, and to the patients who have all tables.
The tuned logistic regressions are a late fusion, which averages the tables that a patient has, and
one of all columns, imputed with the mean; each is tuned for macro-F1, with balanced classes, and
again for log loss, without class weights. Cohorts are read from $XMODAL_DATA (default
../shared/data).
"""

import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.markdown import mean_spread, print_table
from benchmarks.shared import (
    COHORTS,
    FOR_LOG_LOSS,
    fold_parser,
    measure_folds,
    model_scores,
    tuned_baselines,
)
from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.modalities._columns import resolve_modalities

SHARES = (0.1, 0.3, 0.5)
METRICS = {"macro-F1": "max", "log loss": "min"}
PATTERN = ["lacking in", "patients", "tables", "share"]
OURS, DROPPED = "ours", "ours, patients dropped"


def main() -> None:
    parser = fold_parser(__doc__, repeats=1)
    parser.add_argument("cohorts", nargs="+", choices=COHORTS, metavar="cohort")
    arguments = parser.parse_args()
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=arguments.repeats, random_state=0)
    for name in arguments.cohorts:
        cohort = [(*COHORTS[name](), name == "tcga")]
        rows = pd.DataFrame(measure_folds(measure_fold, cohort, folds, arguments.jobs))
        print_table(f"{name}: mean over all patterns", lead(rows), higher=(), lower=())
        by_pattern = mean_spread(rows, [*PATTERN, "model"]).unstack("model")  # noqa: PD010
        for metric, best in METRICS.items():
            table = by_pattern[metric][rows["model"].unique()].fillna("")
            title = f"{name}: {metric}, 5 folds × {arguments.repeats}"
            print_table(title, table, best_in_row=best)


def models() -> dict:
    """Return the models to fit to tables with absent parts."""
    ours = CrossModalAttentionClassifier(random_state=0)
    mean = SimpleImputer(keep_empty_features=True)
    # Distances need columns of one scale.
    neighbors = make_pipeline(StandardScaler(), KNNImputer(keep_empty_features=True))
    baselines = tuned_baselines(k="all", models=["logistic regression"], random_state=0)
    logistic = {
        f"logistic regression, {shown}{tuned}": baselines[f"logistic regression, {fusion}{tuned}"]
        for tuned in ("", FOR_LOG_LOSS)
        for shown, fusion in {"late": "late", "mean": "early"}.items()
    }
    return {
        OURS: ours,
        "ours, mean": make_pipeline(mean.set_output(transform="pandas"), ours),
        "ours, neighbors": make_pipeline(neighbors.set_output(transform="pandas"), ours),
        **logistic,
    }


def measure_fold(
    X: pd.DataFrame, y: np.ndarray, by_site: bool, train: np.ndarray, test: np.ndarray
) -> list[dict]:
    """Score all models when training patients lack tables, and when test patients do."""
    rows = []
    X_train, X_test = X.iloc[train], X.iloc[test]
    fitted = fit_models(X_train, y[train])
    rows += score_rows({"lacking in": "none"}, fitted, X_test, y[test])
    for pattern, incomplete in incomplete_tables(X_test, by_site):
        where = {"lacking in": "prediction", **pattern}
        rows += score_rows(where, fitted, incomplete, y[test])
    for pattern, incomplete in incomplete_tables(X_train, by_site):
        where = {"lacking in": "training", **pattern}
        fitted = fit_models(incomplete, y[train])
        complete = incomplete.notna().all(axis=1)
        dropped = clone(models()[OURS]).fit(incomplete[complete], y[train][complete])
        rows += score_rows(where, {**fitted, DROPPED: dropped}, X_test, y[test])
    return rows


def fit_models(X: pd.DataFrame, y: np.ndarray) -> dict:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: clone(model).fit(X, y) for name, model in models().items()}


def score_rows(pattern: dict, fitted: dict, X: pd.DataFrame, y: np.ndarray) -> list[dict]:
    rows = []
    for name, model in fitted.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            measured = model_scores(model, X, y)
        of_metrics = {metric: measured[metric] for metric in METRICS}
        rows.append(dict.fromkeys(PATTERN, "") | pattern | {"model": name} | of_metrics)
    return rows


def incomplete_tables(X: pd.DataFrame, by_site: bool) -> Iterator[tuple[dict, pd.DataFrame]]:
    """Yield the pattern, and the tables without what its patients lack."""
    sites = X.index.str[5:7].to_numpy() if by_site else None
    for how in ("at random", "by site") if by_site else ("at random",):
        for n_lost in (1, 2):
            for share in SHARES:
                rng = np.random.default_rng([n_lost, int(100 * share)])
                groups = np.arange(len(X)) if how == "at random" else sites
                lacks = lacking(X, groups, share, n_lost, rng)
                pattern = {"patients": how, "tables": n_lost, "share": f"{share:.0%}"}
                yield pattern, X.mask(lacks)


def lacking(
    X: pd.DataFrame, groups: np.ndarray, share: float, n_lost: int, rng: np.random.Generator
) -> np.ndarray:
    """Choose groups of patients that make up a share, and the tables that each lacks."""
    blocks = list(resolve_modalities(X, None).values())
    lacks = np.zeros(X.shape, dtype=bool)
    missing = round(share * len(X))
    for group in rng.permutation(np.unique(groups)):
        members = np.flatnonzero(groups == group)
        if len(members) <= missing:
            missing -= len(members)
            for block in rng.choice(len(blocks), n_lost, replace=False):
                lacks[np.ix_(members, blocks[block])] = True
    return lacks


def lead(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean lead of ours, and in how many patterns it is ahead."""
    means = rows[rows["lacking in"] != "none"].groupby([*PATTERN, "model"], sort=False)[[*METRICS]]
    by_model = means.mean().unstack("model")  # noqa: PD010
    shown: dict[str, dict[str, str]] = {}
    for metric, best in METRICS.items():
        sign = 1 if best == "max" else -1
        for model in rows["model"].unique():
            ahead = sign * (by_model[metric][OURS] - by_model[metric][model]).dropna()
            if model != OURS:
                shown.setdefault(model, {})[metric] = f"{ahead.mean():+.3f}"
                shown[model][f"ahead in {metric}"] = f"{(ahead > 0).sum()} of {len(ahead)}"
    return pd.DataFrame(shown).T.rename_axis("ours minus")


if __name__ == "__main__":
    main()

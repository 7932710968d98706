"""Measure the drift of other cohorts, and the scores of a model on them.

    python -m benchmarks.accuracy.cohorts alarms changed second sites

`alarms`: how often random held-out patients of the same cohort trigger a warning. `changed`:
held-out patients of METABRIC's discovery cohort whose expression (or, without it, copy number) is
simulated as measured on another platform, unchanged and normalized within the cohort; with the
original classes, with a quarter of the luminal tumors, and with 20 or 50 patients. `second`:
METABRIC patients outside the discovery cohort. `sites`: TCGA-BRCA, each large site predicted by a
model of the others. Cohorts are read from $XMODAL_DATA (default ../shared/data).
"""

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from benchmarks.markdown import mean_spread, print_table
from benchmarks.shared import COHORTS, make_parser, stored
from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector, align_features
from xmodal_sklearn.inspection import drift
from xmodal_sklearn.modalities._columns import resolve_modalities

DISCOVERY = "metabric-discovery-exp-cna-mut"
SMALLEST_SITE = 40
VALUES = ("training", "within")


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("parts", nargs="+", choices=PARTS)
    parser.add_argument("--splits", type=int, default=10, help="random splits, or seeds")
    parser.add_argument("--k", type=int, default=100, help="features per modality")
    arguments = parser.parse_args()
    for part in arguments.parts:
        PARTS[part](arguments.splits, arguments.k)


def measure_alarms(n_splits: int, k: int) -> None:
    """Print the drift of held-out patients of the same cohort, over ten times the splits."""
    rows = []
    for name in (DISCOVERY, "tcga"):
        X, y = COHORTS[name]()
        for n_samples in (len(X), 150):
            splits = [stored(alarm, X, y, n_samples, k, seed) for seed in range(10 * n_splits)]
            row = {"cohort": name, "splits": len(splits), "fitted": splits[0]["fitted"]}
            for share in ("outside", "moved"):
                shares = np.array([split[share] for split in splits])
                row |= {share: shares.mean(), f"{share}, largest": shares.max()}
            rows.append(row | {"warned": sum(split["warned"] for split in splits)})
    title = "Random patients of the same cohort: mean over splits and tables, and the largest value"
    print_table(title, pd.DataFrame(rows))


def alarm(X: pd.DataFrame, y: np.ndarray, n_samples: int, k: int, seed: int) -> dict:
    """Return the drift of held-out patients in one split, by table."""
    chosen = np.random.default_rng(seed).permutation(len(X))[:n_samples]
    train, test = train_test_split(chosen, test_size=0.3, random_state=seed)
    selector = MultiOmicsSelector(k).fit(X.iloc[train], y[train])
    table, warned = drift_of(selector, X.iloc[test])
    shares = table[["outside", "moved"]].to_dict("list")
    return {"fitted": len(train), "warned": warned, **shares}


def measure_changed(n_splits: int, k: int) -> None:
    """Print scores on patients of the same cohort as measured on another platform."""
    X, y = COHORTS[DISCOVERY]()
    for tables in (("exp", "cna", "mut"), ("cna", "mut")):
        names = resolve_modalities(X, None)
        own = X.iloc[:, np.concatenate([names[name] for name in tables])]
        splits = [stored(changed, own, y, tables[0], k, seed) for seed in range(n_splits)]
        rows = [row for split in splits for row in split]
        by = ["patients", "platform", "values"]
        print_table(
            f"{'+'.join(tables)}, {n_splits} splits", mean_spread(rows, by), higher=[], lower=[]
        )


def changed(X: pd.DataFrame, y: np.ndarray, modality: str, k: int, seed: int) -> list[dict]:
    """Return the scores of one split by mix of patients, platform and normalization."""
    train, test = train_test_split(np.arange(len(y)), test_size=0.3, stratify=y, random_state=seed)
    model = fit_model(X.iloc[train], y[train], k, seed)
    return [
        {"patients": mix, "platform": platform, "values": how}
        | measure(model, values, y[some], {modality: how}, modality)
        for mix, some in mixes(y, test, seed)
        for platform, values in platforms(X.iloc[some], X.iloc[train], modality, seed)
        for how in VALUES
    ]


def measure_second(n_splits: int, k: int) -> None:
    """Print scores of a model of METABRIC's discovery cohort on the other patients."""
    X, y = COHORTS["metabric-discovery-exp-mut"]()
    others, labels = COHORTS["metabric-exp"]()
    new = ~others.index.isin(X.index)
    others, labels = others[new], labels[new]
    fits = [stored(second, X, y, others, labels, k, seed) for seed in range(n_splits)]
    table = mean_spread([row for fit in fits for row in fit], "values")
    print_table(f"METABRIC, {len(others)} other patients, {n_splits} seeds", table)


def second(
    X: pd.DataFrame, y: np.ndarray, others: pd.DataFrame, labels: np.ndarray, k: int, seed: int
) -> list[dict]:
    """Return the scores of one fit on other patients."""
    model = fit_model(X, y, k, seed)
    return [{"values": how} | measure(model, others, labels, {"exp": how}, "exp") for how in VALUES]


def measure_sites(n_splits: int, k: int) -> None:
    """Print scores on each large site of TCGA-BRCA of models of all other sites."""
    X, y = COHORTS["tcga"]()
    sizes = X.index.str[5:7].value_counts()
    large = sizes.index[sizes >= SMALLEST_SITE]
    table = pd.DataFrame([row for site in large for row in stored(site_scores, X, y, site, k)])
    print_table("TCGA-BRCA by site", table, higher=[], lower=[])
    by = mean_spread(table.drop(columns=["site", "patients"]), "values")
    print_table(f"TCGA-BRCA, mean over {len(large)} sites", by)


def site_scores(X: pd.DataFrame, y: np.ndarray, site: str, k: int) -> list[dict]:
    """Return the scores on one site of a model of all others."""
    at_site = X.index.str[5:7].to_numpy() == site
    model = fit_model(X[~at_site], y[~at_site], k, 0)
    return [
        {"site": site, "patients": at_site.sum(), "values": how}
        | measure(model, X[at_site], y[at_site], how, None)
        for how in VALUES
    ]


PARTS: dict[str, Callable[[int, int], None]] = {
    "alarms": measure_alarms,
    "changed": measure_changed,
    "second": measure_second,
    "sites": measure_sites,
}


def fit_model(X: pd.DataFrame, y: np.ndarray, k: int, seed: int) -> object:
    classifier = CrossModalAttentionClassifier(random_state=seed)
    return make_pipeline(MultiOmicsSelector(k), classifier).fit(X, y)


def mixes(y: np.ndarray, test: np.ndarray, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield held-out patients: all, with few luminal tumors, and few of all."""
    yield "all", test
    rng = np.random.default_rng(seed)
    luminal = np.isin(y[test], ["LumA", "LumB"])
    few = rng.random(len(test)) < 0.25
    yield "a quarter of the luminal", test[~luminal | few]
    for size in (50, 20):
        yield f"{size}", rng.choice(test, size, replace=False)


def platforms(
    X: pd.DataFrame, train: pd.DataFrame, modality: str, seed: int
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield samples unchanged, and with one modality as measured on another platform."""
    yield "the same", X
    columns = [name for name in X if name.startswith(f"{modality}__")]
    mean, deviation = train[columns].mean(), train[columns].std()
    standardized = (X[columns] - mean) / deviation
    rng = np.random.default_rng(seed)
    # Offsets as large as the deviation, factors mostly between 0.5 and 2.
    offset, factor = rng.normal(size=len(columns)), np.exp(0.35 * rng.normal(size=len(columns)))
    compressed = np.arcsinh(2 * standardized) / 2
    for name, values in {
        "a shift": standardized + offset,
        "a shift and a factor": standardized * factor + offset,
        "these, compressed": compressed * factor + offset,
    }.items():
        yield name, X.assign(**(values * deviation + mean))


def measure(
    model: object,
    X: pd.DataFrame,
    y: np.ndarray,
    normalize: str | dict[str, str],
    modality: str | None,
) -> dict[str, float]:
    """Return scores and drift of a cohort, for one modality or as the mean of all."""
    aligned = align_features(X, model, normalize=normalize)
    table, warned = drift_of(model, aligned)
    shares = table[["outside", "moved"]].mean() if modality is None else table.loc[modality]
    probabilities = model.predict_proba(aligned)
    measured = scores_of_present(y, probabilities, model.classes_, model.predict(aligned))
    return {**measured, "outside": shares["outside"], "moved": shares["moved"], "warned": warned}


def scores_of_present(
    y: np.ndarray, probabilities: np.ndarray, classes: np.ndarray, predicted: np.ndarray
) -> dict:
    """Return scores except ROC AUC, which is undefined if few patients lack a class."""
    true = np.searchsorted(classes, y)
    losses = -np.log(np.maximum(probabilities[np.arange(len(y)), true], 1e-15))
    return {
        "macro-F1": f1_score(y, predicted, average="macro", labels=np.unique(y)),
        "accuracy": (predicted == y).mean(),
        "log loss": losses.mean(),
    }


def drift_of(model: object, X: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = drift(model, X)
    return table, bool(caught)


if __name__ == "__main__":
    main()

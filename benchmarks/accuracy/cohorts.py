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

from benchmarks.shared import COHORTS, make_parser, summary
from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector, align_features
from xmodal_sklearn.inspection import drift
from xmodal_sklearn.modalities._columns import resolve_modalities

DISCOVERY = "metabric-discovery-exp-cna-mut"
SMALLEST_SITE = 40


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
    for name in (DISCOVERY, "tcga"):
        X, y = COHORTS[name]()
        for n_samples in (len(X), 150):
            rows = []
            for seed in range(10 * n_splits):
                chosen = np.random.default_rng(seed).permutation(len(X))[:n_samples]
                train, test = train_test_split(chosen, test_size=0.3, random_state=seed)
                selector = MultiOmicsSelector(k).fit(X.iloc[train], y[train])
                table, warned = drift_of(selector, X.iloc[test])
                shares = {
                    f"{share}: {modality}": table.loc[modality, share]
                    for share in ("outside", "moved")
                    for modality in table.index
                }
                rows.append({**shares, "warned": warned})
            title = f"{name}: {len(train)} to fit, {len(test)} held back, {len(rows)} splits"
            show(title, pd.DataFrame(rows).astype(float).agg(["mean", "std", "max"]).T)


def measure_changed(n_splits: int, k: int) -> None:
    """Print scores on patients of the same cohort as measured on another platform."""
    X, y = COHORTS[DISCOVERY]()
    for tables in (("exp", "cna", "mut"), ("cna", "mut")):
        names = resolve_modalities(X, None)
        own = X.iloc[:, np.concatenate([names[name] for name in tables])]
        rows = []
        for seed in range(n_splits):
            train, test = train_test_split(
                np.arange(len(y)), test_size=0.3, stratify=y, random_state=seed
            )
            model = fit_model(own.iloc[train], y[train], k, seed)
            for mix, some in mixes(y, test, seed):
                for platform, values in platforms(own.iloc[some], own.iloc[train], tables[0], seed):
                    for how in ("training", "within"):
                        row = measure(model, values, y[some], {tables[0]: how}, tables[0])
                        rows.append({"patients": mix, "platform": platform, "values": how} | row)
        by = ["patients", "platform", "values"]
        show(f"{'+'.join(tables)}, {n_splits} splits", summary(rows, by))


def measure_second(n_splits: int, k: int) -> None:
    """Print scores of a model of METABRIC's discovery cohort on the other patients."""
    X, y = COHORTS["metabric-discovery-exp-mut"]()
    others, labels = COHORTS["metabric-exp"]()
    new = ~others.index.isin(X.index)
    others, labels = others[new], labels[new]
    print(f"{new.sum()} other patients: {pd.Series(labels).value_counts().to_dict()}")
    rows = []
    for seed in range(n_splits):
        model = fit_model(X, y, k, seed)
        for how in ("training", "within"):
            row = measure(model, others, labels, {"exp": how}, "exp")
            rows.append({"values": how} | row)
    show(f"expression and mutations, {n_splits} seeds", summary(rows, ["values"]))


def measure_sites(n_splits: int, k: int) -> None:
    """Print scores on each large site of TCGA-BRCA of models of all other sites."""
    X, y = COHORTS["tcga"]()
    sites = X.index.str[5:7].to_numpy()
    rows = []
    for site, size in pd.Series(sites).value_counts().items():
        if size < SMALLEST_SITE:
            continue
        at_site = sites == site
        model = fit_model(X[~at_site], y[~at_site], k, 0)
        for how in ("training", "within"):
            row = measure(model, X[at_site], y[at_site], how, None)
            rows.append({"site": f"{site} ({size})", "values": how} | row)
    table = pd.DataFrame(rows)
    show("TCGA-BRCA by site", table.set_index(["site", "values"]))
    del table["site"]
    show("over sites", summary(table.to_dict("records"), ["values"]))


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
    macro_f1 = scores_of_present(y, probabilities, model.classes_)
    return {**macro_f1, "outside": shares["outside"], "moved": shares["moved"], "warned": warned}


def scores_of_present(y: np.ndarray, probabilities: np.ndarray, classes: np.ndarray) -> dict:
    """Return scores except ROC AUC, which is undefined if few patients lack a class."""
    predicted = classes[probabilities.argmax(axis=1)]
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


def show(title: str, table: pd.DataFrame) -> None:
    print(f"\n{title}\n{table.round(3).to_string()}", flush=True)


if __name__ == "__main__":
    main()

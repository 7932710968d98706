"""Sections on data, scores, misclassified samples, methods and origin."""

from typing import Any

import pandas as pd
from markupsafe import Markup

from ..benchmark._comparison import COSTS, probability_column
from ..benchmark._metrics import CLASS_RECALL, LOSSES, metric_label
from ._figures import draw_folds, draw_learning, draw_timing
from ._inspection import branch_section
from ._overview import Overview

MAX_BATCHES = 40
MAX_SAMPLES = 40
MIN_WEIGHT = 0.005  # of a branch that the methods mention

METRIC_MEANINGS = {
    "f1_macro": "mean over the classes of F1, the harmonic mean of precision and recall, so that "
    "rare classes count as much as frequent ones",
    "f1_weighted": "mean of F1 over the classes, weighted by their size",
    "accuracy": "share of correct predictions",
    "balanced_accuracy": "mean over the classes of the share that is classified correctly",
    "roc_auc_ovr": "probability that a random sample of a class gets a higher probability of it "
    "than a random other sample; mean over the classes",
    "roc_auc_ovo": "the same between each two classes; mean over the pairs of classes",
    "average_precision": "area under the precision-recall curve; mean over the classes",
    "log_loss": "mean negative logarithm of the probability of the true class",
    "brier": "mean squared difference between the probabilities and the true class",
    "ece": "mean difference between the predicted probability and the share of correct "
    "predictions, over bins of the probability",
    "mcc": "correlation between true and predicted classes; 0 is chance",
}
TERMS = {
    "at chance": "neither the mean recall over the classes nor ROC AUC exceeds chance by the "
    "corrected t-test",
    "branch": "a part of the network that predicts classes on its own; the network adds up their "
    "log-probabilities by their weights",
    "early, late fusion": "one model of all modalities side by side; one model for each modality, "
    "with averaged probabilities",
    "fold": "a split of the samples into training and test samples",
    "K": "the number of features that are selected in each modality",
    "p": "probability of a difference at least as large if the models were equally good, by a "
    "t-test whose variance accounts for training samples shared between folds, adjusted for the "
    "number of pairs (Holm)",
    "stability": "agreement of the selected features between folds: 1 if all folds select the "
    "same, 0 if they agree no more than by chance",
}

SOFTWARE = {
    "python": "Python",
    "xmodal-sklearn": "xmodal-sklearn",
    "scikit-learn": "scikit-learn",
    "torch": "PyTorch",
}


def data_section(overview: Overview) -> dict[str, Any]:
    """Return the largest batches by class."""
    batches = overview.data.get("batches", {})
    largest = sorted(batches, key=lambda name: (-sum(batches[name].values()), name))
    shown = {name: batches[name] for name in largest[:MAX_BATCHES]}
    return {"batches": shown, "more_batches": max(len(batches) - MAX_BATCHES, 0)}


def summary_section(overview: Overview) -> dict[str, Any]:
    measured = _measured(overview)
    # A model that guesses by the class frequencies is perfectly calibrated, which is no merit.
    means = overview.summary.drop(list(overview.at_chance)).xs("mean", axis=1, level=1)
    best = {m: means[m].min() if m in LOSSES else means[m].max() for m in measured}
    return {
        "metrics": [*measured, *COSTS],
        "best": best,
        "losses": LOSSES,
        "costs": COSTS,
        "meanings": METRIC_MEANINGS,
    }


def fold_section(overview: Overview) -> list[tuple[str, Markup]]:
    return [(metric, draw_folds(overview.comparison, metric)) for metric in _measured(overview)]


def _measured(overview: Overview) -> list[str]:
    summary = overview.summary
    return [m for m in overview.comparison.metrics if summary[m, "mean"].notna().any()]


def pairwise_section(overview: Overview) -> dict[str, Any] | None:
    """Return the models in the table of all pairs, or None if no pair can be tested."""
    pairs = overview.pairs
    if not pairs:
        return None
    # Shades are scaled to the differences between models that are better than chance.
    scaling = [pair for names, pair in pairs.items() if not overview.at_chance & set(names)]
    return {
        "names": [name for name in overview.names if any(name in pair for pair in pairs)],
        "largest": max(abs(pair["difference"]) for pair in scaling or pairs.values()) or 1,
    }


def timing_section(overview: Overview) -> Markup:
    return draw_timing(overview.summary, overview.metric, overview.at_chance)


def learning_section(overview: Overview) -> Markup | None:
    learning = overview.comparison.learning
    if learning is None:
        return None
    names = [name for name in overview.names if name in set(learning["estimator"])]
    scores = pd.concat([learning, overview.comparison.scores], ignore_index=True)
    return draw_learning(scores, overview.metric, names, overview.at_chance)


def recall_section(overview: Overview) -> pd.DataFrame:
    scores = overview.comparison.scores
    by_model = scores[scores["metric"] == CLASS_RECALL].groupby(["estimator", "part"])["value"]
    return by_model.agg(["mean", "std"])


def hard_sample_section(overview: Overview) -> dict[str, Any] | None:
    """Return the samples that most models better than chance misclassify, or None if none."""
    everything = overview.comparison.predictions
    # Without probabilities, which take most of the memory.
    predictions = everything[["estimator", "sample", "target", "predicted"]]
    predictions = predictions[~predictions["estimator"].isin(overview.at_chance)]
    predictions = predictions.assign(
        target=predictions["target"].map(str), predicted=predictions["predicted"].map(str)
    )
    wrong = predictions["target"] != predictions["predicted"]
    # A model is wrong about a sample if it is in at least half of the repeats.
    by_model = wrong.groupby([predictions["sample"], predictions["estimator"]]).mean() >= 0.5
    share = by_model.groupby(level="sample").mean()
    hard = share[share > 0.5].sort_values(ascending=False, kind="stable")
    if hard.empty:
        return None
    names = overview.data.get("sample_names")
    rows = []
    for sample, share_of_models in hard[:MAX_SAMPLES].items():
        own = predictions[predictions["sample"] == sample]
        target = own["target"].iloc[0]
        others = own.loc[own["predicted"] != target, "predicted"].value_counts()
        rows.append(
            {
                "name": str(names[sample]) if names else f"row {sample}",
                "target": target,
                "predicted": others.index[0],
                "agreement": others.iloc[0] / len(own),
                "share": share_of_models,
                "probability": everything.loc[own.index, probability_column(target)].mean(),
            }
        )
    n_models = predictions["estimator"].nunique()
    return {"rows": rows, "n_hard": len(hard), "n_tested": len(share), "n_models": n_models}


def methods_section(overview: Overview) -> dict[str, Any]:
    """Return what the paragraph on methods says; its sentences are in the template."""
    info, models = overview.info, overview.info.get("models", {})
    ks = sorted({k for model in models.values() for k in model["k"]})
    versions, hardware = info.get("versions", {}), info.get("hardware", {})
    missing = overview.data.get("missing", {})
    return {
        "absent": {name: gaps["samples"] for name, gaps in missing.items() if gaps["samples"]},
        "kept": ["all features" if k == "all" else f"{k} features per modality" for k in ks],
        "elastic_net": all(
            value == "None"
            for model in models.values()
            for name, value in model["parameters"].items()
            if name.endswith("multiomicsselector__estimator")
        ),
        "attention": [
            _network(overview, name, model)
            for name, model in models.items()
            if "CrossModalAttention" in model["text"]
        ],
        "balanced": [
            name
            for name, model in models.items()
            if "CrossModalAttention" not in model["text"]
            and any(
                key.endswith("class_weight") and value == "'balanced'"
                for key, value in model["parameters"].items()
            )
        ],
        "software": {
            name: f"{label} {versions[name]}"
            for name, label in SOFTWARE.items()
            if name in versions
        },
        "hardware": [
            f"{hardware[part]} cores" if part == "cores" else hardware[part]
            for part in ("processor", "cores", "memory", "graphics")
            if part in hardware
        ],
    }


def _network(overview: Overview, name: str, model: dict[str, Any]) -> dict[str, Any]:
    """Return what the methods say of a network: its ensemble, nesting and weights of branches."""
    sizes = [v for key, v in model["parameters"].items() if key.endswith("n_estimators")]
    weights = (branch_section(overview) or {}).get(name)
    means = pd.Series(dtype=float) if weights is None else weights["mean"]
    return {
        "name": name,
        "n_estimators": sizes[-1] if sizes else "several",
        "nested": "MultiOmicsSelector" in model["text"],
        "weights": means[means >= MIN_WEIGHT].to_dict(),
        "unused": bool((means < MIN_WEIGHT).any()),
    }


def glossary_section(overview: Overview) -> dict[str, str]:
    """Return the terms of the report and what they mean."""
    metrics = {metric_label(m): METRIC_MEANINGS.get(m, "") for m in overview.comparison.metrics}
    unused = set() if overview.at_chance else {"at chance"}
    terms = {**metrics, **TERMS}
    return {term: terms[term] for term in terms if terms[term] and term not in unused}


def origin_section(overview: Overview) -> dict[str, Any]:
    info = overview.info
    facts = {
        "date": info.get("date", "").replace("T", " ").replace("+00:00", " UTC"),
        "data": overview.source,
        "data, xxh3": overview.data.get("hash"),
        "folds": info.get("folds"),
        **info.get("hardware", {}),
    }
    return {name: fact for name, fact in facts.items() if fact}

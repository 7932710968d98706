"""Sections on data, misclassified samples, methods and origin."""

from typing import Any

from ..benchmark._comparison import Comparison, probability_column
from ..benchmark._metrics import metric_label
from ._overview import Overview

MAX_BATCHES = 40
MAX_SAMPLES = 40

SOFTWARE = {
    "python": "Python",
    "xmodal-sklearn": "xmodal-sklearn",
    "scikit-learn": "scikit-learn",
    "torch": "PyTorch",
}


def data_section(overview: Overview) -> dict[str, Any]:
    """Return class sizes, modalities with their missing values, and batches by class."""
    data = overview.info.get("data", {})
    sizes = _class_sizes(overview.comparison)
    batches = data.get("batches", {})
    largest = sorted(batches, key=lambda name: (-sum(batches[name].values()), name))
    return {
        "sizes": sizes,
        "n_samples": sum(sizes.values()),
        "n_features": overview.info.get("n_features", {}),
        "missing": data.get("missing", {}),
        "batches": {name: batches[name] for name in largest[:MAX_BATCHES]},
        "more_batches": max(len(batches) - MAX_BATCHES, 0),
    }


def _class_sizes(comparison: Comparison) -> dict[str, int]:
    """Return the size of each class, as recorded or among the tested samples."""
    sizes = comparison.info.get("data", {}).get("class_sizes")
    if sizes is None:
        tested = comparison.predictions.drop_duplicates("sample")
        sizes = tested["target"].map(str).value_counts().to_dict()
    return {str(label): int(sizes.get(str(label), 0)) for label in comparison.classes}


def hard_sample_section(overview: Overview) -> dict[str, Any] | None:
    """Return the samples that most models better than chance misclassify, or None if none."""
    predictions = overview.comparison.predictions
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
    names = overview.info.get("data", {}).get("sample_names")
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
                "probability": own[probability_column(target)].mean(),
            }
        )
    n_models = predictions["estimator"].nunique()
    return {"rows": rows, "n_hard": len(hard), "n_tested": len(share), "n_models": n_models}


def origin_section(overview: Overview) -> dict[str, Any]:
    """Return when and where the comparison ran, and on which data."""
    info = overview.info
    facts = {
        "date": info.get("date", "").replace("T", " ").replace("+00:00", " UTC"),
        "data, xxh3": info.get("data", {}).get("hash"),
        "folds": info.get("folds"),
        **info.get("hardware", {}),
    }
    return {
        "facts": {name: fact for name, fact in facts.items() if fact},
        "versions": info.get("versions", {}),
    }


def methods_section(overview: Overview) -> dict[str, Any]:
    """Return what the paragraph on methods says; its sentences are in the template."""
    comparison, info = overview.comparison, overview.info
    sizes, models = _class_sizes(comparison), info.get("models", {})
    missing = info.get("data", {}).get("missing", {})
    ks = sorted({k for model in models.values() for k in model["k"]})
    versions, hardware = info.get("versions", {}), info.get("hardware", {})
    named = [name for name in SOFTWARE if name in versions]
    return {
        "sizes": sizes,
        "n_samples": info.get("n_samples", sum(sizes.values())),
        "n_features": info.get("n_features", {}),
        "absent": {name: gaps["samples"] for name, gaps in missing.items() if gaps["samples"]},
        "n_folds": info.get("n_folds"),
        "n_repeats": info.get("n_repeats", 1),
        "kept": ["all features" if k == "all" else f"{k} features per modality" for k in ks],
        "elastic_net": all(
            value == "None"
            for model in models.values()
            for name, value in model["parameters"].items()
            if name.endswith("multiomicsselector__estimator")
        ),
        "models": overview.names,
        "attention": [
            name for name, model in models.items() if "CrossModalAttention" in model["text"]
        ],
        "metrics": {metric: metric_label(metric) for metric in comparison.metrics},
        "tested": bool(overview.pairs),
        "selects": len(comparison.selected) > 0,
        "software": {name: f"{SOFTWARE[name]} {versions[name]}" for name in named},
        "hardware": [
            f"{hardware[part]} cores" if part == "cores" else hardware[part]
            for part in ("processor", "cores", "memory", "graphics")
            if part in hardware
        ],
    }

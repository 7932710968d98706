"""Sections on data, misclassified samples, methods and origin."""

from typing import Any

import numpy as np
import pandas as pd

from ..benchmark._comparison import Comparison, probability_column
from ..benchmark._metrics import metric_label
from ._overview import Overview

__all__ = ["data_section", "hard_sample_section", "methods_section", "origin_section"]

MAX_BATCHES = 40
MAX_SAMPLES = 40

REFERENCES = {
    "attention": "Zhumagozhayev et al. 2026. doi:10.23950/jcmk/18568",
    "elastic net": "Zou H, Hastie T. Regularization and variable selection via the elastic net. "
    "J R Stat Soc B 67(2), 301–320, 2005. doi:10.1111/j.1467-9868.2005.00503.x",
    "scikit-learn": "Pedregosa F et al. Scikit-learn: Machine Learning in Python. "
    "J Mach Learn Res 12, 2825–2830, 2011.",
    "torch": "Paszke A et al. PyTorch: An Imperative Style, High-Performance Deep Learning "
    "Library. Adv Neural Inf Process Syst 32, 2019.",
    "t-test": "Nadeau C, Bengio Y. Inference for the Generalization Error. Mach Learn 52, "
    "239–281, 2003. doi:10.1023/A:1024068626366",
    "Holm": "Holm S. A Simple Sequentially Rejective Multiple Test Procedure. Scand J Stat 6(2), "
    "65–70, 1979.",
    "Bayes": "Benavoli A, Corani G, Demšar J, Zaffalon M. Time for a Change: a Tutorial for "
    "Comparing Multiple Classifiers Through Bayesian Analysis. J Mach Learn Res 18(77), 2017.",
    "ece": "Guo C, Pleiss G, Sun Y, Weinberger KQ. On Calibration of Modern Neural Networks. "
    "ICML 2017. arXiv:1706.04599",
    "stability": "Nogueira S, Sechidis K, Brown G. On the Stability of Feature Selection "
    "Algorithms. J Mach Learn Res 18(174), 2018.",
}
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
    missing = data.get("missing", {})
    return {
        "sizes": sizes,
        "n_samples": sum(sizes.values()),
        "modalities": [
            {"name": name, "n_features": n_features, "missing": missing.get(name)}
            for name, n_features in overview.info.get("n_features", {}).items()
        ],
        "batches": [
            {
                "name": name,
                "n_samples": sum(batches[name].values()),
                "cells": [batches[name].get(label, 0) for label in sizes],
            }
            for name in largest[:MAX_BATCHES]
        ],
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
    by_sample = predictions[predictions["sample"].isin(hard.index[:MAX_SAMPLES])]
    groups = dict(list(by_sample.groupby("sample")))
    rows = [
        _hard_sample(groups[sample], str(names[sample]) if names else f"row {sample}", part)
        for sample, part in hard[:MAX_SAMPLES].items()
    ]
    n_models = predictions["estimator"].nunique()
    return {"rows": rows, "n_hard": len(hard), "n_tested": len(share), "n_models": n_models}


def _hard_sample(rows: pd.DataFrame, name: str, share: float) -> dict[str, Any]:
    target = rows["target"].iloc[0]
    others = rows.loc[rows["predicted"] != target, "predicted"].value_counts()
    probabilities = rows[probability_column(target)]
    return {
        "name": name,
        "target": target,
        "predicted": others.index[0],
        "agreement": others.iloc[0] / len(rows),
        "share": share,
        "probability": probabilities.mean() if probabilities.notna().any() else np.nan,
    }


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


class _Citations:
    """Numbers references in the order in which they are first cited."""

    def __init__(self) -> None:
        self._cited: list[str] = []

    def __call__(self, *keys: str) -> str:
        self._cited += [key for key in keys if key not in self._cited]
        return f"[{', '.join(str(1 + self._cited.index(key)) for key in keys)}]"

    @property
    def references(self) -> list[str]:
        return [REFERENCES[key] for key in self._cited]


def methods_section(overview: Overview) -> dict[str, Any]:
    """Return a paragraph on methods, and the references that it cites."""
    cite = _Citations()
    sentences = [
        *_describe_data(overview),
        *_describe_folds(overview.info),
        *_describe_models(overview, cite),
        *_describe_statistics(overview, cite),
        *_describe_software(overview.info, cite),
    ]
    return {"text": " ".join(sentences), "references": cite.references}


def _describe_data(overview: Overview) -> list[str]:
    sizes = _class_sizes(overview.comparison)
    classes = _join([f"{label} (n = {size:,})" for label, size in sizes.items()])
    n_samples = overview.info.get("n_samples", sum(sizes.values()))
    sentences = [f"The data comprised {n_samples:,} samples in {len(sizes)} classes: {classes}."]
    features = overview.info.get("n_features", {})
    if features:
        listed = _join([f"{size:,} {name}" for name, size in features.items()])
        sentences.append(f"The features were {listed}.")
    missing = overview.info.get("data", {}).get("missing", {})
    absent = [f"{m} in {gaps['samples']:,}" for m, gaps in missing.items() if gaps["samples"]]
    if absent:
        sentences.append(f"Some samples lacked an entire modality: {_join(absent)}.")
    return sentences


def _describe_folds(info: dict[str, Any]) -> list[str]:
    if "n_folds" not in info:
        return []
    repeats = info.get("n_repeats", 1)
    if info["n_folds"] == 1:
        design = "tested on a single set of held-out samples" + f", {repeats} times" * (repeats > 1)
    else:
        repeated = f", repeated {repeats} times with different splits" if repeats > 1 else ""
        design = f"compared by {info['n_folds']}-fold cross-validation{repeated}"
    return [
        f"All models were {design}, on the same folds; feature selection, scaling and tuning used "
        "only the training samples of each fold."
    ]


def _describe_models(overview: Overview, cite: _Citations) -> list[str]:
    models = overview.info.get("models", {})
    sentences = []
    ks = sorted({k for model in models.values() for k in model["k"]})
    if ks:
        kept = ["all features" if k == "all" else f"{k} features per modality" for k in ks]
        built_in = all(
            value == "None"
            for model in models.values()
            for name, value in model["parameters"].items()
            if name.endswith("multiomicsselector__estimator")
        )
        ranked = (
            f"a multi-response elastic net {cite('elastic net')}" if built_in else "a ranking model"
        )
        sentences.append(
            f"Features were ranked within each modality by {ranked}, keeping {_join(kept)}."
        )
    sentences.append(f"The models were: {'; '.join(overview.names)}.")
    attention = [
        name for name, model in models.items() if "CrossModalAttentionClassifier" in model["text"]
    ]
    if attention:
        sentences.append(
            f"Cross-modal attention ({_join(attention)}) is described in {cite('attention')}."
        )
    return sentences


def _describe_statistics(overview: Overview, cite: _Citations) -> list[str]:
    metrics = [metric_label(metric) for metric in overview.comparison.metrics]
    cited = [f"{name} {cite('ece')}" if name == metric_label("ece") else name for name in metrics]
    sentences = [f"Performance was measured by {_join(cited)}, averaged over the test folds."]
    if overview.pairs:
        sentences.append(
            f"Differences in {metrics[0]} were tested with the two-sided corrected resampled "
            f"t-test {cite('t-test')}, with Holm’s correction for all pairs {cite('Holm')}, and "
            "with the Bayesian correlated t-test with a region of practical equivalence of 0.01 "
            f"{cite('Bayes')}."
        )
    if len(overview.comparison.selected):
        sentences.append(
            "Stability of the selection was measured by the index of Nogueira, Sechidis and Brown "
            f"{cite('stability')}."
        )
    return sentences


def _describe_software(info: dict[str, Any], cite: _Citations) -> list[str]:
    versions = info.get("versions", {})
    named = [
        f"{label} {versions[name]}" + (f" {cite(name)}" if name in REFERENCES else "")
        for name, label in SOFTWARE.items()
        if name in versions
    ]
    sentences = [f"Software: {_join(named)}."] if named else []
    hardware = info.get("hardware", {})
    if hardware:
        parts = [hardware["processor"], f"{hardware['cores']} cores"]
        parts += [hardware[part] for part in ("memory", "graphics") if part in hardware]
        sentences.append(f"Hardware: {', '.join(parts)}.")
    return sentences


def _join(words: list[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"

"""Sections on the data, on the samples that models get wrong, and on the origin."""

from typing import Any

import numpy as np
import pandas as pd

from ..benchmark import Comparison
from ..benchmark._comparison import probability_column
from ._overview import Overview

__all__ = ["class_sizes", "data_section", "hard_samples", "origin"]

MAX_BATCHES = 40
MAX_SAMPLES = 40


def data_section(overview: Overview) -> dict[str, Any]:
    """Return class sizes, modalities with what they lack, and batches by class."""
    data = overview.info.get("data", {})
    sizes = class_sizes(overview.comparison)
    batches = data.get("batches", {})
    largest = sorted(batches, key=lambda name: (-sum(batches[name].values()), name))
    missing = data.get("missing", {})
    return {
        "sizes": sizes,
        "n_samples": sum(sizes.values()),
        "modalities": [
            {"name": name, "n_features": number, "missing": missing.get(name)}
            for name, number in overview.info.get("n_features", {}).items()
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


def class_sizes(comparison: Comparison) -> dict[str, int]:
    """Count the samples of each class, in the order of the classes.

    Parameters
    ----------
    comparison : Comparison
        The comparison; in one that was stored without class sizes, tested samples are counted.

    Returns
    -------
    dict of str to int
        Number of samples of each class.
    """
    known = comparison.info.get("data", {}).get("class_sizes")
    if known is None:
        tested = comparison.predictions.drop_duplicates("sample")
        known = tested["target"].map(str).value_counts().to_dict()
    return {str(label): int(known.get(str(label), 0)) for label in comparison.classes}


def hard_samples(overview: Overview) -> dict[str, Any] | None:
    """Return the samples that most models get wrong, or None where there are none.

    Models at chance do not count.
    """
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


def origin(overview: Overview) -> dict[str, Any]:
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

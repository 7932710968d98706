"""The section of selected features."""

from typing import Any

import numpy as np
import pandas as pd

from ..benchmark._comparison import FOLD
from ..inspection import stability_index
from ._figures import draw_frequencies
from ._overview import Overview

__all__ = ["selected_features"]

# Features of a modality in the table of the most often selected ones.
MAX_LISTED = 12


def selected_features(overview: Overview) -> dict[str, Any] | None:
    """Return each distinct selection with the models that share it, or None without any."""
    names, selected = overview.names, overview.comparison.selected
    shared: dict[frozenset, list[str]] = {}
    columns = [*FOLD, "modality", "feature"]
    for name, rows in selected.groupby("estimator"):
        # Many pipelines begin with the same selection, which is shown once.
        key = frozenset(rows[columns].itertuples(index=False, name=None))
        shared.setdefault(key, []).append(str(name))
    found: list[dict[str, Any]] = []
    for users in shared.values():
        rows = selected[selected["estimator"] == users[0]]
        modalities = [
            _modality(str(modality), part, overview.info)
            for modality, part in rows.groupby("modality", sort=False)
        ]
        # What keeps everything is a line at the top, whatever the data.
        shares = {one["name"]: one["shares"].to_numpy() for one in modalities if not one["all"]}
        found.append(
            {
                "models": sorted(users, key=names.index),
                "modalities": modalities,
                "figure": draw_frequencies(users[0], shares) if shares else None,
            }
        )
    found.sort(key=lambda one: names.index(one["models"][0]))
    return {"selections": found} if found else None


def _modality(name: str, selected: pd.DataFrame, info: dict[str, Any]) -> dict[str, Any]:
    """Summarise which features of one modality one model selected in its folds."""
    features = selected["feature"].str.removeprefix(f"{name}__")
    by_fold = [selected[column] for column in FOLD]
    chosen = pd.crosstab(by_fold, features) > 0
    # Among equal shares, the features that the folds rank higher come first.
    ranks = selected.groupby(FOLD).cumcount().groupby(features).mean()
    order = ranks.sort_values(kind="stable").index
    shares = chosen.mean()[order].sort_values(ascending=False, kind="stable")
    n_features = info.get("n_features", {}).get(name)
    keeps_all = n_features is not None and bool((chosen.sum(axis=1) == n_features).all())
    stability = None
    if n_features is not None and len(chosen) > 1 and not keeps_all:
        never = np.zeros((len(chosen), n_features - chosen.shape[1]), dtype=bool)
        stability = stability_index(np.hstack([chosen.to_numpy(), never]))
    return {
        "name": name,
        "n_features": n_features,
        "n_folds": len(chosen),
        "per_fold": chosen.sum(axis=1).mean(),
        "all": keeps_all,
        "always": list(shares.index[shares == 1]),
        "ever": len(shares),
        "stability": stability,
        "shares": shares,
        "top": [{"feature": f, "share": share} for f, share in shares[:MAX_LISTED].items()],
    }

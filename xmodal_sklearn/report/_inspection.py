"""Sections on what models use: modalities, branches of a network, selected features, inspection."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from ..benchmark._comparison import FOLD
from ..benchmark._metrics import BRANCH_WEIGHT, LOSSES, WITHOUT_MODALITY
from ..inspection._importance import ModalityImportance
from ..inspection._selection import stability_index
from ..plotting._common import draw_legend
from ..plotting._features import AttentionMapDisplay, FeatureImportanceDisplay
from ..plotting._modalities import ModalityImportanceDisplay
from ._figures import WIDTH, draw_ablation, draw_frequencies, figure_for_page
from ._overview import Overview

MEASURES = {
    "shapley": "Shapley values: share of the score, exact over all subsets of modalities",
    "permutation": "Loss in score when a modality is permuted among samples",
    "gradients": "Share of the absolute integrated gradients",
    "stacking": "Stacking weights of the branches that use one modality, and of those that use all",
}
MAX_SELECTED = 12  # features of a modality in the list of the most often selected ones
MAX_INSPECTED = 20  # features in each figure


def ablation_section(overview: Overview) -> dict[str, Any] | None:
    """Return what each model loses without each modality, or None if that was not measured."""
    names = [name for name in overview.names if name not in overview.at_chance]
    by_fold = _scores_by_fold(overview, names)
    if WITHOUT_MODALITY not in by_fold:
        return None
    sign = -1 if overview.metric in LOSSES else 1
    losses = {}
    for modality, without in by_fold[WITHOUT_MODALITY].items():
        by_model = (sign * (by_fold[overview.metric, ""] - without)).groupby(level="estimator")
        losses[modality] = by_model.agg(["mean", "std"])
    figure = draw_ablation(losses, overview.metric, names)
    return {"names": names, "losses": losses, "figure": figure}


def branch_section(overview: Overview) -> dict[str, pd.DataFrame] | None:
    names = overview.names
    by_fold = _scores_by_fold(overview, names)
    if BRANCH_WEIGHT not in by_fold:
        return None
    tables = {name: by_fold.loc[name, BRANCH_WEIGHT].dropna(axis=1, how="all") for name in names}
    return {name: _mean_weights(table) for name, table in tables.items() if not table.empty}


def _scores_by_fold(overview: Overview, names: list[str]) -> pd.DataFrame:
    """Return one row per model and fold, one column per (metric, part), in their order."""
    scores = overview.comparison.scores
    scores = scores[scores["estimator"].isin(names)]
    columns = ["metric", "part"]
    table = scores.pivot(index=["estimator", *FOLD], columns=columns, values="value")  # noqa: PD010
    return table[list(scores[columns].drop_duplicates().itertuples(index=False))]


def _mean_weights(weights: pd.DataFrame) -> pd.DataFrame:
    """Return mean and standard deviation over the folds of each branch, the largest mean first."""
    return weights.agg(["mean", "std"]).T.sort_values("mean", ascending=False, kind="stable")


def selection_section(overview: Overview) -> list[dict[str, Any]] | None:
    """Return each distinct selection with the models that share it, or None if none selects."""
    selected = overview.comparison.selected
    # Many pipelines begin with the same selection, which is shown once.
    models_by_selection: dict[frozenset, list[str]] = {}
    for name in overview.names:
        rows = selected[selected["estimator"] == name].drop(columns="estimator")
        features = frozenset(rows.itertuples(index=False, name=None))
        models_by_selection.setdefault(features, []).append(name)
    models_by_selection.pop(frozenset(), None)
    selections = []
    for models in models_by_selection.values():
        rows = selected[selected["estimator"] == models[0]]
        modalities = [
            _selected_of_modality(str(modality), part, overview.info)
            for modality, part in rows.groupby("modality", sort=False)
        ]
        # A selection of everything would be a flat line at the top.
        shares = {block["name"]: block["shares"] for block in modalities if not block["all"]}
        figure = draw_frequencies(models[0], shares) if shares else None
        selections.append({"models": models, "modalities": modalities, "figure": figure})
    return selections or None


def _selected_of_modality(name: str, selected: pd.DataFrame, info: dict) -> dict[str, Any]:
    """Summarize which features of one modality were selected over the folds."""
    features = selected["feature"].str.removeprefix(f"{name}__")
    chosen = pd.crosstab([selected[column] for column in FOLD], features) > 0
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
        "stability": stability,
        "shares": shares,
        "top": shares[:MAX_SELECTED],
    }


def inspection_section(overview: Overview) -> dict[str, Any] | None:
    """Return how much modalities, features and interactions matter, or None if none is given."""
    importance, features, maps = overview.importance, overview.features, overview.maps
    if importance is None and features is None and maps is None:
        return None
    if importance is not None and features is None:
        n_folds = len(importance.folds)
        features = importance.features.groupby(level="feature").sum() / n_folds
    many_folds = importance is not None and len(importance.folds) > 1
    return {
        "modalities": [] if importance is None else _draw_modalities(importance),
        "branches": None if importance is None else _mean_weights(importance.branches),
        "stability": importance.stability() if importance is not None and many_folds else None,
        "features": None if features is None else _draw_features(features),
        "map": None if maps is None else _draw_map(maps),
    }


def _draw_modalities(importance: ModalityImportance) -> list[tuple[Markup, str]]:
    figures = []
    for measure, caption in MEASURES.items():
        with figure_for_page(caption) as (ax, svg):
            ModalityImportanceDisplay.from_importance(importance, measure=measure, ax=ax)
            ax.figure.set_size_inches(WIDTH, 1.0 + 0.34 * len(ax.get_yticks()))
        figures.append((svg(), caption))
    return figures


def _draw_features(features: pd.DataFrame) -> Markup:
    with figure_for_page("Features that support or oppose each class") as (ax, svg):
        FeatureImportanceDisplay.from_importance(features, n=MAX_INSPECTED, ax=ax)
        ax.figure.set_size_inches(WIDTH, 1.2 + 0.2 * min(MAX_INSPECTED, len(features)))
    return svg()


def _draw_map(maps: Mapping[Any, pd.DataFrame]) -> Markup:
    with figure_for_page("Interactions between features in the logits") as (ax, svg):
        display = AttentionMapDisplay.from_maps(maps, ax=ax, n=MAX_INSPECTED)
        n_classes = _move_legend_below(ax)
        ax.figure.set_size_inches(WIDTH, 1.9 + 0.17 * len(display.shown_) + 0.2 * n_classes)
    return svg()


def _move_legend_below(ax: Any) -> int:
    """Move the legend below the axes, one class a line because names may be long."""
    legend = ax.get_legend()
    if legend is None:
        return 0
    handles, title = legend.legend_handles, legend.get_title().get_text()
    for handle, text in zip(handles, legend.get_texts(), strict=True):
        handle.set_label(text.get_text())
    legend.remove()
    draw_legend(
        ax.figure, handles, loc="outside lower left", title=title, alignment="left", handlelength=3
    )
    return len(handles)

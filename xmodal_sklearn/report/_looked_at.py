"""The report's section on what a model looked at."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from ..inspection import ModalityImportance
from ..plotting import AttentionMapDisplay, FeatureImportanceDisplay, ModalityImportanceDisplay
from ..plotting._common import draw_legend
from ._overview import Overview
from ._style import WIDTH, figure_for_page

__all__ = ["looked_at"]

MEASURES = {
    "shapley": "Share of the score by Shapley values, exact over all sets of tables",
    "permutation": "What the score loses where a table is another patient’s",
    "gradients": "Share of the sizes of all integrated gradients",
    "stacking": "Stacking weights of the heads that see one table, and of those that see all",
}
N_SHOWN = 20


def looked_at(overview: Overview) -> dict[str, Any] | None:
    """Return how much tables, features and pairs matter, or None where none of it is given."""
    importance, features, maps = overview.inspected
    if importance is None and features is None and maps is None:
        return None
    if importance is not None and features is None:
        n_folds = len(importance.folds)
        features = importance.features.groupby(level="feature").sum() / n_folds
    return {
        "modalities": [] if importance is None else _draw_modalities(importance),
        "heads": [] if importance is None else _heads(importance),
        "stability": None if importance is None else _stability(importance),
        "features": None if features is None else _draw_features(features),
        "map": None if maps is None else _draw_map(maps),
    }


def _draw_modalities(importance: ModalityImportance) -> list[tuple[Markup, str]]:
    figures = []
    for measure, caption in MEASURES.items():
        with figure_for_page(caption) as (ax, done):
            ModalityImportanceDisplay.from_importance(importance, measure=measure, ax=ax)
            ax.figure.set_size_inches(WIDTH, 1.0 + 0.34 * len(ax.get_yticks()))
        figures.append((done(), caption))
    return figures


def _heads(importance: ModalityImportance) -> list[dict[str, Any]]:
    weights = importance.heads.agg(["mean", "std"]).T.sort_values("mean", ascending=False)
    return [{"name": name, **row.to_dict()} for name, row in weights.iterrows()]


def _stability(importance: ModalityImportance) -> dict[str, float] | None:
    if len(importance.folds) < 2:
        return None
    stability, lower, upper = importance.stability()
    return {"stability": stability, "lower": lower, "upper": upper}


def _draw_features(features: pd.DataFrame) -> Markup:
    with figure_for_page("Features that speak for and against each class") as (ax, done):
        FeatureImportanceDisplay.from_importance(features, n=N_SHOWN, ax=ax)
        ax.figure.set_size_inches(WIDTH, 1.2 + 0.2 * min(N_SHOWN, len(features)))
    return done()


def _draw_map(maps: Mapping[Any, pd.DataFrame]) -> Markup:
    with figure_for_page("Pairs of features that move the logits together") as (ax, done):
        display = AttentionMapDisplay.from_maps(maps, ax=ax, n=N_SHOWN)
        n_classes = _move_legend_below(ax)
        ax.figure.set_size_inches(WIDTH, 1.9 + 0.17 * len(display.shown_) + 0.2 * n_classes)
    return done()


def _move_legend_below(ax: Any) -> int:
    """Give each class a line of its own, as long names leave no room beside one another."""
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

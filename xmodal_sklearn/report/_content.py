"""The sections of the report, in their order."""

from collections.abc import Callable
from typing import Any, NamedTuple

from ..benchmark import Comparison
from ._data import data_section, hard_samples, origin
from ._features import selected_features
from ._looked_at import looked_at
from ._methods import methods
from ._modalities import head_weights, modality_ablation
from ._models import each_model
from ._overview import Inspected, Overview, facts, headline, overview_of
from ._scores import every_pair, fold_by_fold, learning_curves, recall_by_class, summary, time

__all__ = ["report_content"]


class Section(NamedTuple):
    """A section: its template is ``templates/NAME.html``, which sees what `content` returns.

    Parameters
    ----------
    name : str
        Name of the template, and the section's id in the page.
    heading : str
        What the contents call it.
    content : callable
        Takes the :class:`Overview` and returns the variables of the template, or None where there
        is nothing to show; then the section is left out.
    """

    name: str
    heading: str
    content: Callable[[Overview], dict[str, Any] | None]


SECTIONS = (
    Section("data", "Data", data_section),
    Section("summary", "Summary", summary),
    Section("folds", "Folds", fold_by_fold),
    Section("pairs", "Pairs", every_pair),
    Section("time", "Time", time),
    Section("learning", "Learning curves", learning_curves),
    Section("classes", "Classes", recall_by_class),
    Section("modalities", "Modalities", modality_ablation),
    Section("heads", "Heads", head_weights),
    Section("models", "Models", each_model),
    Section("hard", "Hard samples", hard_samples),
    Section("features", "Features", selected_features),
    Section("looked-at", "What it looked at", looked_at),
    Section("methods", "Methods", methods),
    Section("origin", "Origin", origin),
)


def report_content(comparison: Comparison, inspected: Inspected) -> dict[str, Any]:
    """Gather what the template shows.

    Parameters
    ----------
    comparison : Comparison
        The comparison to report.
    inspected : Inspected
        What is known of how a model decides.

    Returns
    -------
    dict of str to object
        The variables of the template; ``sections`` has name, heading and content of each section.
    """
    overview = overview_of(comparison, inspected)
    contents = [(name, heading, content(overview)) for name, heading, content in SECTIONS]
    return {
        "comparison": comparison,
        "at_chance": overview.at_chance,
        "facts": facts(overview),
        "headline": headline(overview),
        "sections": [
            {"name": name, "heading": heading, "content": content}
            for name, heading, content in contents
            if content is not None
        ],
    }

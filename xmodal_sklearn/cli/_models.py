"""The models that the commands fit, and the folds that they compare them on."""

from typing import Any

from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline

from ..baselines import make_baselines
from ..classifier import CrossModalAttentionClassifier
from ..paper import paper_network
from ..selection import MultiOmicsSelector

__all__ = ["PAPER_NETWORK", "attention_pipeline", "classical_pipelines", "outer_folds"]

PAPER = "paper"  # among --models, the paper's network
PAPER_NETWORK = "the paper's network"


def classical_pipelines(k: int, models: str, fusion: str, seed: int, memory: str) -> dict[str, Any]:
    """Make the models that ``--models`` names, each with ``--fusion``."""
    names = None if models == "all" else models.split(",")
    papers = {}
    if names and PAPER in names:
        names = [name for name in names if name != PAPER]
        papers[PAPER_NETWORK] = paper_network(k, memory=memory, random_state=seed)
    return papers | make_baselines(
        k=k, models=names, fusion=fusion.split(","), random_state=seed, memory=memory
    )


def attention_pipeline(
    k: int, seed: int, *, memory: str | None = None, jobs: int | None = None
) -> Pipeline:
    """Make the selection and the attention classifier."""
    return make_pipeline(
        MultiOmicsSelector(k, memory=memory, n_jobs=jobs),
        CrossModalAttentionClassifier(random_state=seed),
    )


def outer_folds(folds: int, repeats: int, seed: int) -> RepeatedStratifiedKFold:
    """Make the stratified folds of a comparison."""
    return RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=seed)

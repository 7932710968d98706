"""The models that the commands fit, and the folds that they compare them on."""

from collections.abc import Mapping
from typing import Any

from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import Bunch

from ..baselines import make_baselines
from ..benchmark import Comparison, compare
from ..classifier import CrossModalAttentionClassifier
from ..classifier._checks import check_branches, check_device, check_embedding
from ..paper import paper_network
from ..selection import MultiOmicsSelector
from ..uncertainty import ConformalClassifier

__all__ = [
    "PAPER_NETWORK",
    "attention_classifier",
    "attention_pipeline",
    "calibrated",
    "classical_pipelines",
    "cross_validated",
    "outer_folds",
]

PAPER = "paper"  # among --models, the paper's network
PAPER_NETWORK = "the paper's network"


def classical_pipelines(
    k: int, models: str, fusion: str, seed: int, device: str, memory: str
) -> dict[str, Any]:
    """Make the models that ``--models`` names, each with ``--fusion``."""
    names = None if models == "all" else [name.strip() for name in models.split(",")]
    papers = {}
    if names and PAPER in names:
        names = [name for name in names if name != PAPER]
        papers[PAPER_NETWORK] = paper_network(k, memory=memory, random_state=seed, device=device)
    return papers | make_baselines(
        k=k,
        models=names,
        fusion=[kind.strip() for kind in fusion.split(",")],
        random_state=seed,
        memory=memory,
    )


def attention_classifier(seed: int, network: Mapping[str, Any]) -> CrossModalAttentionClassifier:
    """Make the classifier; refuse now what a fit would refuse after a long selection."""
    check_branches(network["branches"])
    check_embedding(network["embed_dim"], network["n_heads"])
    check_device(network["device"])
    return CrossModalAttentionClassifier(random_state=seed, **network)


def attention_pipeline(
    k: int,
    seed: int,
    network: Mapping[str, Any],
    *,
    memory: str | None = None,
    jobs: int | None = None,
) -> Pipeline:
    """Make the selection and the attention classifier."""
    return make_pipeline(
        MultiOmicsSelector(k, memory=memory, n_jobs=jobs), attention_classifier(seed, network)
    )


def calibrated(model: Pipeline, share: float, seed: int) -> ConformalClassifier:
    """Make the model that holds out a share of the samples for ``predict --coverage``."""
    # Before a long fit, as fit refuses it by the name of another argument.
    if not 0 < share < 1:
        raise ValueError(f"--calibrate must be greater than 0 and less than 1, got {share:g}.")
    return ConformalClassifier(model, calibration_share=share, random_state=seed)


def cross_validated(model: Pipeline, cohort: Bunch, folds: int, seed: int, jobs: int) -> Comparison:
    """Score a model on folds of a cohort."""
    return compare(
        {"model": model},
        cohort.data,
        cohort.target,
        cv=outer_folds(folds, 1, seed, cohort),
        n_jobs=jobs,
        random_state=seed,
        verbose=1,
    )


def outer_folds(folds: int, repeats: int, seed: int, cohort: Bunch) -> Any:
    """Make the stratified folds of a comparison, which keep the groups of a cohort together."""
    if cohort.groups is None:
        return RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=seed)
    splitters = [
        StratifiedGroupKFold(folds, shuffle=True, random_state=seed + repeat)
        for repeat in range(repeats)
    ]
    return [
        split
        for splitter in splitters
        for split in splitter.split(cohort.data, cohort.target, cohort.groups)
    ]

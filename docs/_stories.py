"""The order of the gallery, from basic to special topics."""

from pathlib import Path

__all__ = ["story_order"]

STORIES = (
    "quick_start",
    "csv_tables",
    "metabric",
    "cbioportal",
    "baselines",
    "second_table",
    "interaction",
    "missing_modalities",
    "grid_search",
    "attention",
    "one_patient",
    "saved_model",
    "displays",
    "report",
    "dask_cluster",
    "gpu",
)


def story_order(filename):
    """Return the sort key of an example; examples that are not listed come last."""
    name = Path(filename).stem
    return (STORIES.index(name) if name in STORIES else len(STORIES), name)

"""The fitted classifier at the end of a model, with samples and the names of their columns."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.exceptions import FitFailedWarning
from sklearn.utils.validation import check_is_fitted

from .._fitted_model import first_with, steps_of
from .._parallel import run_parallel
from .._progress import progress_bar
from .._warnings import warn
from ..modalities._columns import SEPARATOR, column_labels, column_names, sample_labels
from ..modalities._input import as_table

if TYPE_CHECKING:
    from ..classifier import CrossModalAttentionClassifier
    from ..classifier._inspection import ClassifierView

SECONDS_WITHOUT_BAR = 5


@dataclass(frozen=True)
class ModelView:
    """The classifier at the end of a fitted model, and samples as it takes them."""

    classifier: "CrossModalAttentionClassifier"
    table: Any  # (n_samples, n_features)
    network: "ClassifierView"
    features: np.ndarray  # (n_features,), named as in X where steps keep the names
    samples: pd.Index

    @property
    def classes(self) -> pd.Index:
        return pd.Index(self.classifier.classes_, name="class")

    @property
    def modalities(self) -> list[str]:
        """The modalities, the primary one first."""
        return self.network.modalities

    @property
    def inputs(self) -> np.ndarray:
        """The names of the network's inputs: features, and of categories ``feature=category``."""
        encoder = self.classifier.input_.encoder
        return encoder.names(np.arange(len(self.features)), self.features)

    @property
    def class_sample_index(self) -> pd.MultiIndex:
        names = ["class", self.samples.name or "sample"]
        return pd.MultiIndex.from_product([self.classes, self.samples], names=names)

    def input_columns(self, modality: str) -> np.ndarray:
        return self.classifier.input_.encoder.columns[modality]

    def input_values(self, row: int) -> np.ndarray:
        """Return a sample's value of the feature behind each input, a number or a category."""
        encoder = self.classifier.input_.encoder
        values = np.asarray(self.table, dtype=object if encoder.categories else float)[row]
        return encoder.repeat_encoded(np.arange(len(values)), values)


def view_model(model: Any, X: Any) -> ModelView:
    """Look through a fitted model, and bring samples to its classifier."""
    # PyTorch takes seconds to import, and stability needs none of it.
    from ..classifier import CrossModalAttentionClassifier
    from ..classifier._inspection import ClassifierView

    *steps, classifier = steps_of(model)
    if not isinstance(classifier, CrossModalAttentionClassifier):
        member = first_with(classifier, "stacking_weights_")
        remedy = "" if member is None else " Inspect a member, such as model.estimators_[0]."
        raise TypeError(
            "Inspection needs a CrossModalAttentionClassifier, or a model that ends in one, got "
            f"{type(classifier).__name__}.{remedy}"
        )
    check_is_fitted(classifier)
    table = as_table(X)
    samples = pd.Index(sample_labels(table))
    labels = column_labels(table)
    names = pd.Series(labels, index=labels, dtype=object)
    for step in steps:
        table = step.transform(table)
        names = _names_after(step, table, names)
    network = ClassifierView(classifier, table)
    return ModelView(classifier, table, network, names.to_numpy(), samples)


def _names_after(step: Any, table: Any, names: pd.Series) -> pd.Series:
    """Return the names that the columns had in X, by the names that a step gives them."""
    returned = column_names(table)
    if returned is None and hasattr(step, "get_feature_names_out"):
        # A step that saw names in fit knows them.
        names_in = None if hasattr(step, "feature_names_in_") else names.index.to_numpy()
        returned = list(step.get_feature_names_out(names_in))
    if returned is None or len(returned) != table.shape[1]:
        raise ValueError(
            f"Features can't be named after {type(step).__name__}, which does not name the columns "
            "that it returns. Let it return a DataFrame, for example with set_output(transform="
            '"pandas"), or implement get_feature_names_out.'
        )
    if hasattr(step, "get_support") and (support := step.get_support()).sum() == len(returned):
        return names[support].set_axis(returned)
    return pd.Series([names.get(name, name) for name in returned], index=returned, dtype=object)


def gene_name(feature: str) -> str:
    """Return a feature's name without its modality."""
    return feature.partition(SEPARATOR)[2] or feature


def with_progress(work: Iterable, what: str, total: int | None = None) -> Iterator:
    """Show a bar over work that takes more than some seconds."""
    yield from progress_bar(work, desc=what, total=total, delay=SECONDS_WITHOUT_BAR, leave=False)


def run_all(
    function: Callable[..., Any], tasks: list[tuple], what: str, n_jobs: int | None
) -> dict[int, Any]:
    """Return results by position; warn of each task that fails, or raise its error if all do."""
    work = run_parallel(_attempt, [(function, *task) for task in tasks], n_jobs)
    results = list(with_progress(work, f"{what}s", len(tasks)))
    kept = {index: r for index, r in enumerate(results) if not isinstance(r, Exception)}
    for index, error in enumerate(results):
        if not kept:
            raise error
        if index not in kept:
            text = f"{what} {index} failed and is left out: {type(error).__name__}: {error}"
            warn(text, FitFailedWarning)
    return kept


def _attempt(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the result of a function, or the error that it raises."""
    try:
        return function(*arguments)
    except Exception as error:
        return error

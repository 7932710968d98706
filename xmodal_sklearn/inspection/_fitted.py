"""The fitted classifier at the end of a pipeline, with samples and the names they came by."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._progress import progress_bar
from ..modalities._columns import SEPARATOR, column_labels, sample_labels
from ..modalities._validation import as_table

if TYPE_CHECKING:
    from ..classifier import CrossModalAttentionClassifier
    from ..classifier._opened import OpenedClassifier

__all__ = ["Fitted", "gene", "open_model", "watched"]

SECONDS_WITHOUT_BAR = 5


class Fitted(NamedTuple):
    """A fitted classifier and samples.

    Attributes
    ----------
    classifier : CrossModalAttentionClassifier
        The last step of the pipeline.
    table : DataFrame or ndarray of shape (n_samples, n_features)
        The samples as that step takes them.
    opened : OpenedClassifier
        Its network, and the samples as the network sees them.
    features : ndarray of str of shape (n_features,)
        The names that these columns had at first.
    samples : Index
        Names of the samples.
    """

    classifier: "CrossModalAttentionClassifier"
    table: Any
    opened: "OpenedClassifier"
    features: np.ndarray
    samples: pd.Index

    def columns(self, modality: str) -> np.ndarray:
        """Return the positions of a modality's features."""
        return self.classifier.modalities_[modality]

    @property
    def inputs(self) -> np.ndarray:
        """The names of the network's inputs: features, and of words ``feature=category``."""
        encoder = self.classifier._encoder
        return encoder.names(np.arange(len(self.features)), self.features)

    def input_columns(self, modality: str) -> np.ndarray:
        """Return the positions of a modality's inputs."""
        return self.classifier._encoder.columns[modality]

    def values_of_inputs(self, row: int) -> np.ndarray:
        """Return a sample's value of the feature behind each input, a number or a word."""
        encoder = self.classifier._encoder
        values = np.asarray(self.table, dtype=object if encoder.categories else float)[row]
        return encoder.repeat_encoded(np.arange(len(values)), values)


def open_model(model: Any, X: Any) -> Fitted:
    """Take a fitted model apart, and bring samples to its last step.

    Parameters
    ----------
    model : CrossModalAttentionClassifier, Pipeline that ends in one, or a search over these
        Fitted.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples with the columns seen in fit.

    Raises
    ------
    TypeError
        If the model is another.
    NotFittedError
        If it is not fitted.
    ValueError
        If X has not the columns seen in fit, in their order.
    """
    # PyTorch takes seconds to import, and stability needs none of it.
    from ..classifier import CrossModalAttentionClassifier
    from ..classifier._opened import OpenedClassifier

    model = getattr(model, "best_estimator_", model)
    steps = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
    *before, classifier = steps
    if not isinstance(classifier, CrossModalAttentionClassifier):
        raise TypeError(
            "Inspection needs a CrossModalAttentionClassifier, or a Pipeline that ends in one, got "
            f"{type(classifier).__name__}."
        )
    check_is_fitted(classifier)
    table = as_table(X)
    samples = pd.Index(sample_labels(table))
    features = np.array(column_labels(table), dtype=object)
    for step in before:
        if step is None or step == "passthrough":
            continue
        table = step.transform(table)
        features = _names_after(step, features)
    return Fitted(classifier, table, OpenedClassifier(classifier, table), features, samples)


def _names_after(step: Any, names: np.ndarray) -> np.ndarray:
    """Return the first names of the columns that a step gives, as far as it only chooses some."""
    if hasattr(step, "get_support"):
        return names[step.get_support()]
    of_step = np.asarray(step.get_feature_names_out(), dtype=object)
    return names if len(of_step) == len(names) else of_step


def gene(feature: str) -> str:
    """Return a feature's name without its modality."""
    return feature.partition(SEPARATOR)[2] or feature


def watched(work: Iterable, what: str, total: int | None = None) -> Iterator:
    """Show a bar over work that takes more than some seconds."""
    yield from progress_bar(work, desc=what, total=total, delay=SECONDS_WITHOUT_BAR, leave=False)

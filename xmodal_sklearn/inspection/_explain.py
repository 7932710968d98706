"""Why one patient is classified as they are."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import nan_euclidean_distances
from sklearn.utils._param_validation import Interval, validate_params

from .._alignment import values_by_sample
from ..modalities._validation import as_table
from ._attributions import integrated_gradients
from ._fitted import Fitted, gene, open_model
from ._modality_importance import head_weights
from ._shapley import modality_shapley

__all__ = ["Explanation", "explain"]

# Training samples of a class whose mean distance is that to the class.
N_NEAREST = 5


@dataclass(frozen=True)
class Explanation:
    """Why one sample is classified as it is, from :func:`explain`.

    Parameters
    ----------
    sample : object
        Name of the sample.
    prediction : object
        The most probable class.
    runner_up : object
        The next.
    probabilities : Series of shape (n_classes,)
        The probability of each class, the highest first.
    shares : DataFrame of shape (n_modalities + 1, 2)
        What each table adds to the logit of the class (``"for the class"``) and to its lead over
        the runner-up (``"against the runner-up"``), by Shapley values; ``"without"`` is before any
        table is seen. Columns sum to the logit and to the lead.
    features : DataFrame of shape (n, 5)
        The features that add most to the lead over the runner-up, most first: ``"modality"``,
        ``"value"`` as it came to the classifier, ``"standardised"``, and what integrated gradients
        attribute to it ``"for the class"`` and ``"against the runner-up"``.
    heads : Series of shape (n_heads,)
        The stacking weight of each head for a sample with these tables.
    typicality : DataFrame of shape (n_classes, 3) or None
        For each class ``"samples"`` in training, the ``"distance"`` to it, and the share of its own
        training samples that are ``"farther"`` from it; None without training samples.
    """

    sample: Any
    prediction: Any
    runner_up: Any
    probabilities: pd.Series
    shares: pd.DataFrame
    features: pd.DataFrame
    heads: pd.Series
    typicality: pd.DataFrame | None

    def to_text(self) -> str:
        """Return everything as a page to read, no wider than 80 columns.

        Returns
        -------
        str
            The page.
        """
        best = self.probabilities.iloc[0]
        parts = [
            f"{self.sample}: {self.prediction}, probability {best:.2f}; next {self.runner_up}, "
            f"{self.probabilities.iloc[1]:.2f}",
            f"Probabilities\n{self.probabilities.map('{:.3f}'.format).to_string(header=False)}",
            "What each table adds, in logits\n"
            + self.shares.map("{:+.2f}".format).rename(index={"without": "before any"}).to_string(),
            f"Features that speak most for {self.prediction} and against {self.runner_up}, in "
            f"logits\n{_feature_text(self.features)}",
        ]
        if self.typicality is not None:
            formats = {"samples": "{:d}", "distance": "{:.2f}", "farther": "{:.0%}"}
            shown = pd.DataFrame(
                {name: self.typicality[name].map(form.format) for name, form in formats.items()}
            )
            parts.append(
                "Distance to the training samples of each class, in standard deviations,\n"
                "and the share of the class that is farther from the rest of it\n"
                f"{shown.to_string(index_names=False)}"
            )
        weights = self.heads[self.heads > 0].sort_values(ascending=False)
        shown_weights = weights.map("{:.2f}".format).to_string(header=False)
        parts.append(f"Weights of the heads\n{shown_weights}")
        return "\n\n".join(parts)


@validate_params(
    {"train": [tuple, list, None], "n": [Interval(Integral, 1, None, closed="left")]},
    prefer_skip_nested_validation=True,
)
def explain(
    model: Any, X: Any, *, train: tuple[Any, Any] | None = None, n: int = 10
) -> Explanation:
    """Explain the prediction for one sample.

    Parameters
    ----------
    model : CrossModalAttentionClassifier, or Pipeline or search that ends in one
        Fitted.
    X : DataFrame or array of shape (1, n_features)
        The sample, ``X.iloc[[i]]``, with the columns seen in fit.
    train : (X, y), default=None
        The training samples and their classes, to tell how typical the sample is. A fitted model
        carries no patients along, so they must be given; None leaves that out.
    n : int, default=10
        Features to name.

    Returns
    -------
    Explanation
        Its parts as DataFrames; :meth:`Explanation.to_text` makes them one page.

    Raises
    ------
    ValueError
        If X is not one sample or has other columns than those seen in fit; if the training samples
        lack a class of the model.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.

    See Also
    --------
    integrated_gradients : The attributions of all features.
    modality_shapley : The shares of tables.

    Notes
    -----
    The distance to a class is the mean of those to its five nearest training samples, each the root
    of the mean squared difference of standardised features that both have. A sample that lies
    farther from a class than nearly all of its own (``"farther"`` near 0) is not typical of it,
    however high the probability.

    Examples
    --------
    >>> from xmodal_sklearn import CrossModalAttentionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.inspection import explain
    >>> X, y = make_multiomics(100, {"exp": 40, "mut": 10}, 2, return_X_y=True, random_state=0)
    >>> model = CrossModalAttentionClassifier(n_estimators=2, max_epochs=5, random_state=0)
    >>> found = explain(model.fit(X, y), X.iloc[[0]], train=(X, y))
    >>> found.shares.index.to_list()
    ['without', 'exp', 'mut']
    """
    fitted = open_model(model, X)
    if len(fitted.samples) != 1:
        raise ValueError(
            f"explain takes one sample, got {len(fitted.samples)}. Give X.iloc[[i]] or "
            "X.loc[[name]]."
        )
    proba = pd.Series(
        fitted.classifier.predict_proba(fitted.table)[0], fitted.classifier.classes_
    ).sort_values(ascending=False, kind="stable")
    prediction, runner_up = proba.index[:2]
    by_class = modality_shapley(model, X).droplevel(1)
    shares = pd.DataFrame(
        {
            "for the class": by_class.loc[prediction],
            "against the runner-up": by_class.loc[prediction] - by_class.loc[runner_up],
        }
    )
    return Explanation(
        sample=fitted.samples[0],
        prediction=prediction,
        runner_up=runner_up,
        probabilities=proba,
        shares=shares,
        features=_features(model, X, fitted, prediction, runner_up).head(n),
        heads=head_weights(model, X),
        typicality=None if train is None else _typicality(model, fitted, *train),
    )


def _features(model: Any, X: Any, fitted: Fitted, prediction: Any, runner_up: Any) -> pd.DataFrame:
    attributions = integrated_gradients(model, X)
    of_class, of_next = (
        attributions.by_sample.loc[label].iloc[0] for label in (prediction, runner_up)
    )
    modality = np.empty(len(fitted.inputs), dtype=object)
    for name in fitted.opened.modalities:
        modality[fitted.input_columns(name)] = name
    table = pd.DataFrame(
        {
            "modality": modality,
            "value": fitted.values_of_inputs(0),
            "standardised": attributions.x.iloc[0],
            "for the class": of_class,
            "against the runner-up": of_class - of_next,
        },
        index=attributions.x.columns,
    )
    return table.sort_values("against the runner-up", ascending=False, kind="stable")


def _typicality(model: Any, fitted: Fitted, X: Any, y: Any) -> pd.DataFrame:
    table = as_table(X)
    y = values_by_sample(y, table, "y of train")
    known = open_model(model, table).opened.x
    scale = np.sqrt(known.shape[1])
    rows = {}
    for label in fitted.classifier.classes_:
        own = known[y == label]
        if not len(own):
            raise ValueError(f"train has no sample of class {label!r}, which the model knows.")
        distance = _nearest(nan_euclidean_distances(fitted.opened.x, own) / scale)[0]
        among = nan_euclidean_distances(own) / scale
        # A sample is not its own neighbour.
        np.fill_diagonal(among, np.nan)
        farther = (_nearest(among) > distance).mean() if len(own) > 1 else np.nan
        rows[label] = {"samples": len(own), "distance": distance, "farther": farther}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("class")


def _nearest(distances: np.ndarray) -> np.ndarray:
    """Average the distances to the nearest; NaN, where two have nothing in common, are last."""
    nearest = np.sort(distances, axis=1)[:, :N_NEAREST]
    known = ~np.isnan(nearest)
    total = np.where(known, nearest, 0).sum(axis=1)
    return np.divide(total, known.sum(axis=1), out=np.full(len(total), np.nan), where=known.any(1))


def _feature_text(features: pd.DataFrame) -> str:
    shown = features.assign(feature=[gene(str(name)) for name in features.index])
    for name in ("standardised", "for the class", "against the runner-up"):
        shown[name] = shown[name].map("{:+.2f}".format)
    shown["value"] = shown["value"].map("{:.4g}".format)
    shown = shown.rename(columns={"for the class": "for", "against the runner-up": "against next"})
    order = ["feature", "modality", "value", "standardised", "for", "against next"]
    return shown[order].to_string(index=False)

"""The explanation of the prediction for one sample."""

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.metrics import nan_euclidean_distances

from .._alignment import values_by_sample
from .._html import html_table, html_weights
from .._typing import at_least, check_arguments
from ..modalities._input import as_table
from ._attributions import attribute_logits, shapley_values
from ._importance import branch_weights
from ._view import ModelView, gene_name, view_model

# Training samples of a class whose mean distance is that to the class.
N_NEAREST = 5


@dataclass(frozen=True)
class Explanation:
    """The explanation of the prediction for one sample, from :func:`explain`.

    Parameters
    ----------
    sample : object
        Name of the sample.
    prediction : object
        The predicted class.
    runner_up : object
        The most probable other class.
    probabilities : Series of shape (n_classes,)
        The probability of each class, the highest first.
    shares : DataFrame of shape (n_modalities + 1, 2)
        Shapley values of the modalities for the logit of the predicted class (``"for the class"``)
        and its lead over the runner-up (``"against the runner-up"``); ``"without"`` is the value
        without any modality.
    features : DataFrame of shape (n, 5)
        The features that add most to the lead over the runner-up, largest first: ``"modality"``,
        ``"value"`` as the classifier received it, ``"standardized"``, and the integrated gradients
        ``"for the class"`` and ``"against the runner-up"``.
    branches : Series of shape (n_branches,)
        The stacking weight of each branch for a sample with these modalities.
    typicality : DataFrame of shape (n_classes, 3) or None
        For each class the number of training ``"samples"``, the ``"distance"`` to it, and the share
        of its own training samples that are ``"farther"`` from it; None without training samples.
    """

    sample: object
    prediction: object
    runner_up: object
    probabilities: pd.Series
    shares: pd.DataFrame
    features: pd.DataFrame
    branches: pd.Series
    typicality: pd.DataFrame | None

    def to_text(self) -> str:
        """Return the explanation as a page of text, at most 80 columns wide.

        Returns
        -------
        str
            The page.
        """
        best, second = self.probabilities[[self.prediction, self.runner_up]]
        parts = [
            f"{self.sample}: {self.prediction}, probability {best:.2f}; next {self.runner_up}, "
            f"{second:.2f}",
            f"Probabilities\n{self.probabilities.map('{:.3f}'.format).to_string(header=False)}",
            "Contribution of each modality, in logits\n"
            + self.shares.map("{:+.2f}".format).rename(index={"without": "none"}).to_string(),
            f"Features that most favor {self.prediction} over {self.runner_up}, in logits\n"
            f"{_feature_text(self.features)}",
        ]
        if self.typicality is not None:
            formats = ("{:d}".format, "{:.2f}".format, "{:.0%}".format)
            shown = self.typicality.to_string(index_names=False, formatters=formats)
            parts.append(
                "Distance to the training samples of each class, in standard deviations, and the\n"
                "share of the class that is farther from its other samples\n"
                f"{shown}"
            )
        weights = self.branches[self.branches > 0].sort_values(ascending=False)
        shown = weights.map("{:.2f}".format).to_string(header=False)
        parts.append(f"Weights of the branches\n{shown}")
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        """Return the explanation as tables for a notebook."""
        caption = f"{self.sample}: {self.prediction}, next {self.runner_up}"
        numbers = self.probabilities.map("{:.3f}".format).to_frame("probability")
        parts = [html_table(numbers.rename_axis("class"), caption, self.probabilities)]
        shares = self.shares.map("{:+.2f}".format).rename_axis("modality")
        parts.append(html_table(shares, "Contribution of each modality, in logits"))
        strength = self.features["against the runner-up"].abs()
        columns = ["against the runner-up", "for the class", "modality", "value"]
        features = self.features[columns].map(_two_decimals).rename_axis("feature")
        title = f"Features that most favor {self.prediction} over {self.runner_up}, in logits"
        parts.append(html_table(features, title, strength / (strength.max() or 1)))
        weights = self.branches[self.branches > 0].sort_values(ascending=False)
        return "".join([*parts, html_weights(weights, "Branches")])


def _two_decimals(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


@check_arguments(train=[tuple, list, None], n=[at_least(1)])
def explain(
    model: BaseEstimator, X: Any, *, train: tuple[Any, Any] | None = None, n: int = 10
) -> Explanation:
    """Explain the prediction for one sample.

    Parameters
    ----------
    model : CrossModalAttentionClassifier, or a pipeline, search or wrapper that ends in one
        The fitted model.
    X : DataFrame or array of shape (1, n_features)
        The sample, ``X.iloc[[i]]``, with the columns seen in fit.
    train : (X, y), default=None
        The training samples and their class labels, to measure how typical the sample is.
    n : int, default=10
        Number of features to list.

    Returns
    -------
    Explanation
        Tables; :meth:`Explanation.to_text` makes them one page.

    Raises
    ------
    ValueError
        If X is not one sample or has other columns than in fit, or `train` lacks a class.

    Notes
    -----
    The distance to a class is the mean of those to its five nearest training samples, each the root
    mean square difference of the standardized features that both have. If nearly no sample of a
    class is farther from it (``"farther"`` near 0), the sample is not typical of the class.

    Examples
    --------
    >>> from xmodal_sklearn import CrossModalAttentionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.inspection import explain
    >>> X, y = make_multiomics(100, {"exp": 40, "mut": 10}, 2, return_X_y=True, random_state=0)
    >>> model = CrossModalAttentionClassifier(n_estimators=2, max_epochs=5, random_state=0)
    >>> explanation = explain(model.fit(X, y), X.iloc[[0]], train=(X, y))
    >>> explanation.shares.index.to_list()
    ['without', 'exp', 'mut']
    """
    view = view_model(model, X)
    if len(view.samples) != 1:
        raise ValueError(
            f"explain takes one sample, got {len(view.samples)}. Pass X.iloc[[i]] or X.loc[[name]]."
        )
    proba = pd.Series(view.classifier.predict_proba(view.table)[0], view.classifier.classes_)
    proba = proba.sort_values(ascending=False, kind="stable")
    prediction = view.classifier.predict(view.table)[0]
    runner_up = next(label for label in proba.index if label != prediction)
    by_class = shapley_values(view).droplevel(1)
    shares = _compare(by_class.loc[prediction], by_class.loc[runner_up])
    return Explanation(
        sample=view.samples[0],
        prediction=prediction,
        runner_up=runner_up,
        probabilities=proba,
        shares=shares,
        features=_rank_features(view, prediction, runner_up).head(n),
        branches=branch_weights(view),
        typicality=None if train is None else _typicality(model, view, *train),
    )


def _rank_features(view: ModelView, prediction: Any, runner_up: Any) -> pd.DataFrame:
    attributions = attribute_logits(view)
    best, second = (attributions.by_sample.loc[label].iloc[0] for label in (prediction, runner_up))
    modality = np.empty(len(view.inputs), dtype=object)
    for name in view.modalities:
        modality[view.input_columns(name)] = name
    table = _compare(best, second)
    table.insert(0, "modality", modality)
    table.insert(1, "value", view.input_values(0))
    table.insert(2, "standardized", attributions.x.iloc[0])
    return table.sort_values("against the runner-up", ascending=False, kind="stable")


def _compare(best: pd.Series, second: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"for the class": best, "against the runner-up": best - second})


def _typicality(model: Any, view: ModelView, X: Any, y: Any) -> pd.DataFrame:
    table = as_table(X)
    y = values_by_sample(y, table, "y of train")
    training = view_model(model, table).network.x
    scale = np.sqrt(training.shape[1])
    rows = {}
    for label in view.classifier.classes_:
        own = training[y == label]
        if not len(own):
            raise ValueError(f"train has no sample of class {label!r}, which the model predicts.")
        distance = _nearest(nan_euclidean_distances(view.network.x, own) / scale)[0]
        within = nan_euclidean_distances(own) / scale
        # A sample is not its own neighbor.
        np.fill_diagonal(within, np.nan)
        farther = (_nearest(within) > distance).mean() if len(own) > 1 else np.nan
        rows[label] = {"samples": len(own), "distance": distance, "farther": farther}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("class")


def _nearest(distances: np.ndarray) -> np.ndarray:
    """Average the distances to the nearest; NaN, for samples without common features, are last."""
    nearest = np.sort(distances, axis=1)[:, :N_NEAREST]
    valid = ~np.isnan(nearest)
    total = np.where(valid, nearest, 0).sum(axis=1)
    return np.divide(total, valid.sum(axis=1), out=np.full(len(total), np.nan), where=valid.any(1))


def _feature_text(features: pd.DataFrame) -> str:
    shown = features.assign(feature=[gene_name(str(name)) for name in features.index])
    shown["value"] = [
        f"{value:.4g}" if isinstance(value, Real) else str(value) for value in features["value"]
    ]
    shown = shown.rename(columns={"for the class": "for", "against the runner-up": "against next"})
    formats = dict.fromkeys(("standardized", "for", "against next"), "{:+.2f}".format)
    order = ["feature", "modality", "value", "standardized", "for", "against next"]
    return shown[order].to_string(index=False, formatters=formats)

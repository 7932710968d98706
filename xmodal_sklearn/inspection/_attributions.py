"""What each feature adds to the logit of each class, sample by sample."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.parallel import Parallel, delayed

from .._warnings import warn
from ._fitted import open_model, watched

__all__ = ["Attributions", "integrated_gradients"]

# On the sum of the attributions, beside the difference in logits.
TOLERANCE = 1e-3
# Samples at a time, so that a bar moves.
BATCH = 128


@dataclass(frozen=True)
class Attributions:
    """Attributions of logits to features, from :func:`integrated_gradients`.

    Parameters
    ----------
    by_sample : DataFrame of shape (n_classes * n_samples, n_features)
        Attributions; the index has the levels (class, sample), so ``by_sample.loc["LumA"]`` is one
        row per sample. Columns are the features that the classifier takes, by their first names.
    logits : DataFrame of shape (n_samples, n_classes)
        Logit of each class: its log-probability, less the mean over the classes.
    baseline : DataFrame of shape (n_samples, n_classes)
        The same for a sample whose features have their means in the training samples. The
        attributions of a sample sum to the difference.
    x : DataFrame of shape (n_samples, n_features)
        The values that were attributed to, standardised; NaN in absent modalities.
    """

    by_sample: pd.DataFrame
    logits: pd.DataFrame
    baseline: pd.DataFrame
    x: pd.DataFrame

    def importance(self) -> pd.DataFrame:
        """Summarise the attributions over samples, by class.

        Returns
        -------
        DataFrame of shape (n_features, n_classes)
            The mean size of a feature's attributions, over the samples that have it; positive
            where high values speak for the class, negative where low values do.
        """
        x = self.x.to_numpy()
        known = ~np.isnan(x)
        n_known = np.maximum(known.sum(axis=0), 1)
        by_class = {}
        for label in self.logits.columns:
            values = self.by_sample.loc[label].to_numpy()
            slope = np.einsum("nf,nf->f", values, np.where(known, x, 0))
            size = np.abs(values).sum(axis=0) / n_known
            by_class[label] = np.where(slope < 0, -size, size)
        return pd.DataFrame(by_class, index=self.by_sample.columns)


def integrated_gradients(model: Any, X: Any, *, n_jobs: int | None = None) -> Attributions:
    r"""Attribute the logits of each class to the features, through the whole classifier.

    Integrated gradients [1]_ through standardisation, all heads, their stacking and the average
    over members, computed by captum. They do not rest on attention.

    Parameters
    ----------
    model : CrossModalAttentionClassifier, or Pipeline or search that ends in one
        Fitted.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples with the columns seen in fit.
    n_jobs : int, default=None
        Threads that share the samples. None means 1, -1 all processors.

    Returns
    -------
    Attributions
        The attributions, and the logits that they explain.

    Raises
    ------
    ValueError
        If X has other columns than those seen in fit.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    TypeError
        If it is another model.

    Warns
    -----
    ConvergenceWarning
        If the attributions of a sample sum to the difference in logits by no better than 0.001.

    See Also
    --------
    permutation_importance : What a score loses without a feature.
    attention_map : What two features do together.

    Notes
    -----
    With :math:`z_c` the logit of class :math:`c` and standardised values :math:`x`, feature
    :math:`j` gets :math:`x_j \int_0^1 \partial z_c(\alpha x) / \partial x_j \, d\alpha`: the path
    begins where every feature has its mean in the training samples. An absent modality is absent
    along the whole path, and its features get zero. The integral is a Gauss-Legendre sum of 16
    terms, and of up to 256 where it is not yet exact.

    Attributions say what the classifier makes of a feature, not what the feature causes; of two
    that say the same, either may get the credit.

    References
    ----------
    .. [1] M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks", ICML 2017,
       arXiv:1703.01365.

    Examples
    --------
    >>> from xmodal_sklearn import CrossModalAttentionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.inspection import integrated_gradients
    >>> X, y = make_multiomics(100, {"exp": 40, "mut": 10}, 2, return_X_y=True, random_state=0)
    >>> model = CrossModalAttentionClassifier(n_estimators=2, max_epochs=5, random_state=0)
    >>> found = integrated_gradients(model.fit(X, y), X[:3])
    >>> found.by_sample.shape
    (6, 50)
    >>> difference = found.logits - found.baseline
    >>> bool(abs(found.by_sample.loc["class_1"].sum(axis=1) - difference["class_1"]).max() < 1e-3)
    True
    """
    fitted = open_model(model, X)
    classes = fitted.classifier.classes_
    opened = fitted.opened
    values = np.zeros((len(classes), *opened.x.shape), dtype=np.float32)
    gaps = np.zeros((len(opened.x), len(classes)))
    parts = np.array_split(np.arange(len(opened.x)), -(-len(opened.x) // BATCH))
    done = Parallel(n_jobs=n_jobs, backend="threading", return_as="generator")(
        delayed(opened.integrated_gradients)(rows, TOLERANCE) for rows in parts
    )
    for rows, (of_part, gap) in zip(
        parts, watched(done, "Integrated gradients", len(parts)), strict=True
    ):
        values[:, rows], gaps[rows] = of_part.transpose(1, 0, 2), gap
    if (gaps > TOLERANCE).any():
        warn(
            f"The attributions of {(gaps > TOLERANCE).any(axis=1).sum()} samples sum to the "
            f"difference in logits by no better than {gaps.max():.2g}.",
            ConvergenceWarning,
        )
    start = np.where(np.isnan(opened.x), np.float32(np.nan), np.float32(0))
    labels = pd.Index(classes, name="class")
    features = pd.Index(fitted.inputs, name="feature")
    samples = fitted.samples
    index = pd.MultiIndex.from_product([labels, samples], names=["class", samples.name or "sample"])
    return Attributions(
        pd.DataFrame(values.reshape(-1, len(features)), index, features),
        pd.DataFrame(opened.logits(opened.x), samples, labels),
        pd.DataFrame(opened.logits(start), samples, labels),
        pd.DataFrame(opened.x, samples, features),
    )

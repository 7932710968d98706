"""The network of the paper, to be compared as it is described."""

from typing import Any

from sklearn.pipeline import Pipeline, make_pipeline

from ..selection import MultiOmicsSelector

__all__ = ["paper_network"]


def paper_network(
    k: int | str | dict = 1000,
    *,
    memory: Any = None,
    random_state: Any = None,
    **parameters: Any,
) -> Pipeline:
    """Make the pipeline that the paper's abstract describes.

    The top K features of each modality by an elastic net; every feature a token in one shared
    embedding space; multi-head softmax attention of expression over each other modality; the
    enriched embeddings flattened and classified by a residual MLP. One network, without the plainer
    heads that :class:`~xmodal_sklearn.CrossModalAttentionClassifier` puts beside it by default.

    Parameters
    ----------
    k : int, "all" or dict, default=1000
        Features to keep per modality.
    memory : str, path or object with the joblib.Memory interface, default=None
        Where to cache rankings.
    random_state : int, RandomState instance or None, default=None
        Seed of the network.
    **parameters
        Further parameters of :class:`~xmodal_sklearn.CrossModalAttentionClassifier`.

    Returns
    -------
    Pipeline
        A selector and the network, not fitted.

    See Also
    --------
    compare_modalities : Makes the paper's table.

    Notes
    -----
    The abstract leaves open how features are projected, the width of the embedding, the number of
    attention heads, the size of the MLP, dropout, loss, optimiser, number of epochs, and what
    happens to features with zero coefficients. Here these are the defaults of
    :class:`~xmodal_sklearn.MultiOmicsSelector` and
    :class:`~xmodal_sklearn.CrossModalAttentionClassifier`: a value times a learned direction plus a
    learned identity per feature, width 32, 4 heads, 64 hidden units, half of which are dropped
    and a fifth of the input values, cross-entropy weighted by the inverse square root of the class
    size, AdamW for about 160 steps, and features ranked by where they enter the path. Tokens and
    what they find are added up, as in a transformer. At K=1000 a step takes seconds: softmax
    attention weighs every feature against every other.

    References
    ----------
    .. [1] Zhumagozhayev et al., "Cross-Modal Self-Attention Fusion for Breast Cancer Subtype
       Classification Using Multi-Omics Data", J Clin Med Kaz, 2026, doi:10.23950/jcmk/18568.

    Examples
    --------
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.paper import paper_network
    >>> X, y = make_multiomics(100, return_X_y=True, random_state=0)
    >>> model = paper_network(k=10, random_state=0, max_epochs=5).fit(X, y)
    >>> model[-1].stacking_weights_.columns.to_list()
    ['attention']
    """
    # Imported here because PyTorch takes seconds that other users need not wait for.
    from ..classifier import CrossModalAttentionClassifier

    network: dict[str, Any] = {
        "branches": ["attention"],
        "tokenizer": "feature",
        "attention": "softmax",
        "enrichment": "sum",
        "n_estimators": 1,
    }
    return make_pipeline(
        MultiOmicsSelector(k, memory=memory),
        CrossModalAttentionClassifier(random_state=random_state, **network | parameters),
    )

"""TabICL: a transformer, pretrained on simulated tables, that sees training samples as context.

Qu et al., "TabICLv2: a better, faster, scalable, and open tabular foundation model",
arXiv:2602.11139 (2026). Default settings. The first run downloads the weights from Hugging Face.
"""

import sys

import numpy as np
import pandas as pd

from benchmarks.peers.fold import Fold, run


def predict(fold: Fold) -> np.ndarray:
    """Return the probabilities, given the concatenated tables."""
    from tabicl import TabICLClassifier

    train, test = (pd.concat(tables.values(), axis=1) for tables in (fold.train, fold.test))
    classifier = TabICLClassifier(device="cpu", random_state=0)
    try:
        classifier.fit(train, fold.y)
    except Exception as error:  # of several libraries for downloads
        sys.exit(f"The weights of TabICL can't be loaded: {type(error).__name__}: {error}")
    return classifier.predict_proba(test)


if __name__ == "__main__":
    run(predict, __doc__)

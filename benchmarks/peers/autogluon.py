"""AutoGluon with its preset "best_quality": stacked trees, forests and networks.

Erickson et al., "AutoGluon-Tabular: robust and accurate AutoML for structured data",
arXiv:2003.06505 (2020). It has 240 seconds on one core, and optimizes what it does by default,
accuracy. It counts seconds, not CPU seconds: leave it a free core. Without ray it fits its inner
folds one after another.
"""

from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks.peers.fold import Fold, run

SECONDS, CORES = 240, 1


def predict(fold: Fold) -> np.ndarray:
    """Fit to the concatenated tables and return the probabilities."""
    from autogluon.tabular import TabularPredictor

    train, test = (pd.concat(tables.values(), axis=1) for tables in (fold.train, fold.test))
    with TemporaryDirectory() as folder:
        predictor = TabularPredictor("class", path=folder).fit(
            train.assign(**{"class": fold.y}),
            presets="best_quality",
            time_limit=SECONDS,
            num_cpus=CORES,
            num_gpus=0,
        )
        return predictor.predict_proba(test).sort_index(axis="columns").to_numpy()


if __name__ == "__main__":
    run(predict, __doc__)

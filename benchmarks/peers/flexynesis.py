"""DirectPred of flexynesis: an encoder per modality, whose embeddings are fused and classified.

Uyar et al., "Flexynesis: a deep learning toolkit for bulk multi-omics data integration for
precision oncology and beyond", Nature Communications (2025). Its license, PolyForm Noncommercial
1.0.0, allows only noncommercial use: run this program for research and nothing else.

The package tunes the network by Bayesian optimization on a fifth of the training samples, with the
patience of its command line; 20 iterations here, where the command line has 100. It keeps the best
network, trained on four fifths. Columns are scaled as its importer does. The importer itself is not
used, because it drops columns and the samples without a mutation, also those of the test.
"""

import numpy as np
import pandas as pd

from benchmarks.peers.fold import Fold, run

ITERATIONS = 20
EPOCHS_WITHOUT_GAIN, ITERATIONS_WITHOUT_GAIN = 10, 20


def predict(fold: Fold) -> np.ndarray:
    """Tune the network and return its probabilities."""
    import torch
    from flexynesis.data import MultiOmicDataset
    from flexynesis.main import HyperparameterTuning
    from flexynesis.models.direct_pred import DirectPred

    def dataset(tables: dict[str, pd.DataFrame], y: np.ndarray) -> MultiOmicDataset:
        return MultiOmicDataset(
            {
                name: torch.as_tensor(scaled(table, fold.train[name]), dtype=torch.float32)
                for name, table in tables.items()
            },
            {"class": torch.as_tensor(y, dtype=torch.float32)},
            {"class": "categorical"},
            {name: table.columns for name, table in tables.items()},
            [*map(str, next(iter(tables.values())).index)],
            {"class": {code: str(code) for code in range(fold.n_classes)}},
        )

    torch.set_num_threads(1)
    tuning = HyperparameterTuning(
        dataset(fold.train, fold.y),
        DirectPred,
        "DirectPred",
        ["class"],
        n_iter=ITERATIONS,
        early_stop_patience=EPOCHS_WITHOUT_GAIN,
        device_type="cpu",
        num_workers=0,
    )
    np.random.seed(0)  # noqa: NPY002 (the optimizer that it uses has no other seed)
    network, _ = tuning.perform_tuning(hpo_patience=ITERATIONS_WITHOUT_GAIN)
    n_test = len(next(iter(fold.test.values())))
    return network.predict(dataset(fold.test, np.zeros(n_test)))["class"]


def scaled(table: pd.DataFrame, train: pd.DataFrame) -> np.ndarray:
    """Return columns with mean 0 and standard deviation 1 in the training samples."""
    deviation = train.std(ddof=0)
    return ((table - train.mean()) / deviation.where(deviation > 0, 1)).to_numpy()


if __name__ == "__main__":
    run(predict, __doc__)

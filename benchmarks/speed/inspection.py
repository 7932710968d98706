"""Measure the cost of inspection at METABRIC's size: time and peak memory.

The peak is that of the whole process, including the cohort and the libraries; "before" is the peak
of a fit with two epochs.

    python -m benchmarks.speed.inspection
"""

import pandas as pd

from benchmarks.markdown import print_table
from benchmarks.shared import Timer, make_parser, peak_bytes
from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.inspection import attention_map, integrated_gradients, modality_shapley


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--samples", type=int, default=1584)
    parser.add_argument("--attributed", type=int, help="samples of integrated gradients")
    parser.add_argument("--features", type=int, default=1000, help="per modality, but mutations")
    arguments = parser.parse_args()
    sizes = {"exp": arguments.features, "cna": arguments.features, "mut": 100}
    X, y = make_multiomics(arguments.samples, sizes, return_X_y=True, random_state=0)
    model = CrossModalAttentionClassifier(max_epochs=2, random_state=0).fit(X, y)
    # Heads without weight cost nothing.
    model.net_.module_.combiner.weights[:] = 0.1
    rows = {"before": {"peak GB": peak_bytes() / 1e9}}
    questions = {
        "attention_map": lambda: attention_map(model, X, source="cna"),
        "attention_map by class": lambda: attention_map(model, X, source="cna", by="class"),
        "attention_map of a sample": lambda: attention_map(model, X[:1], source="cna"),
        "modality_shapley": lambda: modality_shapley(model, X),
        "integrated_gradients": lambda: integrated_gradients(
            model, X[: arguments.attributed], n_jobs=2
        ),
    }
    for name, ask in questions.items():
        with Timer() as timer:
            ask()
        rows[name] = {**timer.seconds(), "peak GB": peak_bytes() / 1e9}
    title = f"{arguments.samples} simulated patients, {X.shape[1]} features"
    print_table(title, pd.DataFrame(rows).T.rename_axis("computation"))


if __name__ == "__main__":
    main()

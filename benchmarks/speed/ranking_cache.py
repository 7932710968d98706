"""Time the selection in a grid search over four values of K, compared with one value.

Each fold is ranked once, and the other candidates reuse the ranking. A dummy replaces the
classifier, because only selection is timed; three seeds replace three numbers of attention heads.
CPU seconds are independent of other programs on the machine.

    python -m benchmarks.speed.ranking_cache --samples 1584 --features 20000 --repeats 5
"""

import tempfile

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from benchmarks.shared import Timer, compile_ranking, make_parser
from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.datasets import make_multiomics


class TimedSelector(MultiOmicsSelector):
    """A selector that adds up its run time over all clones."""

    timer = Timer()

    def fit_transform(self, X, y):
        with self.timer:
            return super().fit_transform(X, y)

    def transform(self, X):
        with self.timer:
            return super().transform(X)


def search_seconds(X: pd.DataFrame, y: np.ndarray, ks: list[int]) -> float:
    """Return the seconds that selection takes in a search with an empty cache."""
    TimedSelector.timer = Timer()
    with tempfile.TemporaryDirectory() as memory:
        pipeline = Pipeline(
            [("select", TimedSelector(memory=memory)), ("classify", DummyClassifier())]
        )
        grid = {"select__k": ks, "classify__random_state": [2, 4, 8]}
        GridSearchCV(pipeline, grid, cv=5, refit=False).fit(X, y)
    return TimedSelector.timer.processor


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--samples", type=int, default=1584)
    parser.add_argument("--features", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    X, y = make_multiomics(
        arguments.samples,
        {"exp": arguments.features},
        dtype="float32",
        return_X_y=True,
        random_state=0,
    )
    y = np.asarray(y)
    compile_ranking()
    rows = []
    for _ in range(arguments.repeats):
        single, four = search_seconds(X, y, [1000]), search_seconds(X, y, [300, 500, 1000, 1500])
        rows.append({"one K, s": single, "four Ks, s": four, "ratio": four / single})
    table = pd.DataFrame(rows)
    print(table.round(3).to_string())
    print(f"median ratio {table['ratio'].median():.3f}")


if __name__ == "__main__":
    main()

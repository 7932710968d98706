"""Time the selection in a grid search over K and heads against that over one K.

Every fold's ranking is made once and looked up by the other candidates. A dummy stands in for the
classifier, as only the selection is timed; three seeds stand in for three numbers of heads. Seconds
are of this process, so that other programs on the machine do not count.

    python benchmarks/search.py --samples 1584 --features 20000 --repeats 5
"""

import argparse
import tempfile
import time

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.datasets import make_multiomics


class TimedSelector(MultiOmicsSelector):
    """A selector that adds up the seconds that it takes."""

    seconds = 0.0

    def fit_transform(self, X, y):
        return timed(super().fit_transform, X, y)

    def transform(self, X):
        return timed(super().transform, X)


def timed(method, *tables):
    start = time.process_time()
    result = method(*tables)
    TimedSelector.seconds += time.process_time() - start
    return result


def search_seconds(X, y, ks):
    """Return the seconds that selection takes in a search with an empty cache."""
    TimedSelector.seconds = 0.0
    with tempfile.TemporaryDirectory() as memory:
        pipeline = Pipeline(
            [("select", TimedSelector(memory=memory)), ("classify", DummyClassifier())]
        )
        grid = {"select__k": ks, "classify__random_state": [2, 4, 8]}
        GridSearchCV(pipeline, grid, cv=5, refit=False).fit(X, y)
    return TimedSelector.seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1584)
    parser.add_argument("--features", type=int, default=20000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    X, y = make_multiomics(
        n_samples=arguments.samples,
        n_features={"exp": arguments.features},
        dtype="float32",
        return_X_y=True,
        random_state=0,
    )
    y = np.asarray(y)
    MultiOmicsSelector().fit(X.iloc[:, :100], y)  # compiles
    ratios = []
    for repeat in range(arguments.repeats):
        one, all_ks = search_seconds(X, y, [1000]), search_seconds(X, y, [300, 500, 1000, 1500])
        ratios.append(all_ks / one)
        print(f"pair {repeat}: one K {one:.2f} s, four Ks {all_ks:.2f} s, ratio {ratios[-1]:.3f}")
    print(f"median ratio {np.median(ratios):.3f}")


if __name__ == "__main__":
    main()

"""
A comparison on a Dask cluster
==============================

The comparison takes hours on one machine. How do you run it on a cluster? Within
``parallel_config("dask")``, every fold of every model is a task that any worker can run.
"""

# %%
# This example starts a cluster on the local machine. With your own cluster, connect to its
# scheduler instead: ``Client("tcp://HOST:8786")``. Start workers with one thread each.
import tempfile

import matplotlib.pyplot as plt
from distributed import Client, LocalCluster
from joblib import parallel_config
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.plotting import ComparisonDisplay

X, y = make_multiomics(200, {"exp": 200, "mut": 40}, return_X_y=True, random_state=0)
models = {
    f"logistic regression, K={k}": make_pipeline(
        MultiOmicsSelector(k), StandardScaler(), LogisticRegression(C=0.01, max_iter=1000)
    )
    for k in (5, 30)
}
settings = {
    "cv": RepeatedStratifiedKFold(n_splits=4, n_repeats=2, random_state=0),
    "scoring": ["f1_macro", "roc_auc_ovr"],
}


def on_cluster(folder):
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster),
        parallel_config("dask"),
    ):
        return compare(models, X, y, store=folder, **settings)


# %%
# Each completed fold is written to ``store``. A second call reads the completed folds, so an
# interrupted run resumes where it stopped.
if __name__ == "__main__":  # workers are new processes that import this file
    with tempfile.TemporaryDirectory() as folder:
        result = on_cluster(folder)
        again = compare(models, X, y, store=folder, **settings)
    seconds = [comparison.info["seconds"] for comparison in (result, again)]
    print("On the cluster: {:.1f} s; from the stored folds: {:.1f} s".format(*seconds))

    # The scores are bit-identical to those of a single machine.
    scores = compare(models, X, y, **settings).scores
    metrics = scores["metric"].isin(settings["scoring"])
    print("Same scores:", scores[metrics].equals(result.scores[metrics]))
    ComparisonDisplay.from_comparison(result)
    plt.show()

# %%
# **Answer.** Call :func:`~xmodal_sklearn.benchmark.compare` within ``parallel_config("dask")``. The
# scores are those of a single machine, and with ``store`` no completed fold is lost.

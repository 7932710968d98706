"""Measure the classifier, with its default settings, beside tuned classical models.

Every model sees the same outer folds; selection, scaling and tuning happen inside each training
fold. Finished folds are kept in --out, so a run can be broken off and taken up again.

    python benchmarks/accuracy.py tcga --repeats 5
    python benchmarks/accuracy.py metabric-pam50 metabric-intclust metabric-exp --repeats 1
    python benchmarks/accuracy.py tcga --repeats 1 --variants
    python benchmarks/accuracy.py simulated --sizes 100x50x2,1000x300x5x30,5000x50x11 --repeats 1

The real cohorts are read from $XMODAL_DATA (default ../shared/data).
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector, concat_modalities
from xmodal_sklearn.baselines import make_baselines
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.datasets import make_multiomics, read_cbioportal

DATA = Path(os.environ.get("XMODAL_DATA", "../shared/data"))
ATTENTION = "cross-modal attention"
MODELS = [
    "logistic regression",
    "RBF SVM",
    "random forest",
    "gradient boosting",
    "MLP",
    "nearest shrunken centroid",
]
METRICS = ["f1_macro", "roc_auc_ovr", "f1_weighted", "accuracy", "log_loss", "ece"]


def tcga():
    files = {"exp": "rna", "met": "methylation", "mir": "mirna"}
    tables = {
        modality: pd.read_csv(DATA / "tcga_brca" / f"{file}.csv", index_col=0)
        for modality, file in files.items()
    }
    X = concat_modalities(tables)
    y = pd.read_csv(DATA / "tcga_brca" / "target.csv", index_col=0)["target"]
    return X, y.astype(int).loc[X.index].to_numpy()


def metabric(*modalities, target="CLAUDIN_SUBTYPE"):
    data = read_cbioportal(DATA / "metabric", modalities=modalities, target=target)
    return data.data, data.target.to_numpy(dtype=object).astype(str)


def simulated(n_samples, k, n_classes, imbalance=None, seed=0):
    sizes = {"exp": 2 * k, "cna": 2 * k, "mut": min(k, 173)}
    weights = None if imbalance is None else np.geomspace(imbalance, 1, n_classes)
    X, y = make_multiomics(
        n_samples, sizes, n_classes=n_classes, weights=weights, return_X_y=True, random_state=seed
    )
    return X, np.asarray(y).astype(str)


def cohorts(names, sizes):
    """Yield name, table, labels and K of the cohorts asked for."""
    for name in names:
        if name == "tcga":
            yield name, *tcga(), "all"
        elif name == "metabric-pam50":
            yield name, *metabric("cna", "mut"), "all"
        elif name == "metabric-intclust":
            yield name, *metabric("cna", "mut", target="INTCLUST"), "all"
        elif name == "metabric-exp":
            yield name, *metabric("exp", "mut"), "all"
        else:
            for size in sizes.split(","):
                shape = [int(number) for number in size.split("x")]
                yield f"simulated {size}", *simulated(*shape), shape[1]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ["tcga", "metabric-pam50", "metabric-intclust", "metabric-exp", "simulated"]
    parser.add_argument("cohorts", nargs="+", choices=names)
    parser.add_argument(
        "--sizes", default="100x50x2,300x100x5,1000x300x5", help="N x K x classes [x imbalance]"
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--variants", action="store_true", help="compare tokens, attention and ensemble sizes"
    )
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--fusion", default="early,late")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    for name, X, y, k in cohorts(arguments.cohorts, arguments.sizes):
        measure(name, X, y, k, arguments)


def measure(name, X, y, k, arguments):
    models = variants() if arguments.variants else baselines(k, arguments)
    attention = make_pipeline(MultiOmicsSelector(k), CrossModalAttentionClassifier(random_state=0))
    result = compare(
        {ATTENTION: attention, **models},
        X,
        y,
        cv=RepeatedStratifiedKFold(n_splits=5, n_repeats=arguments.repeats, random_state=0),
        scoring=METRICS,
        store=arguments.out,
        n_jobs=arguments.jobs,
        verbose=1,
    )
    classes = np.unique(y, return_counts=True)[1]
    print(
        f"\n{name}: {X.shape[0]} samples, {X.shape[1]} features, K = {k}, classes of "
        f"{sorted(classes.tolist(), reverse=True)}, 5 folds x {arguments.repeats}"
    )
    print(table(result).to_string(), flush=True)


def baselines(k, arguments):
    return make_baselines(
        k=k,
        models=arguments.models.split(","),
        fusion=arguments.fusion.split(","),
        random_state=0,
    )


def variants():
    settings = [
        {"attention": "linear"},
        {"tokenizer": "feature", "attention": "linear"},
        {"n_estimators": 1},
        # Softmax over feature tokens takes too long for more than one member.
        {"n_estimators": 1, "tokenizer": "feature", "attention": "softmax"},
        {"n_estimators": 1, "tokenizer": "feature", "attention": "linear"},
        {"n_estimators": 4},
        {"n_estimators": 16},
    ]
    return {
        ", ".join(f"{name}={value}" for name, value in setting.items()): make_pipeline(
            MultiOmicsSelector("all"), CrossModalAttentionClassifier(random_state=0, **setting)
        )
        for setting in settings
    }


def table(result):
    """Return means and standard deviations, and how far attention is ahead."""
    summary = result.summary()
    metrics = [*METRICS, "fit_seconds"]
    columns = {
        metric: [
            f"{mean:.3f}±{std:.3f}"
            for mean, std in zip(summary[metric, "mean"], summary[metric, "std"], strict=True)
        ]
        for metric in metrics
    }
    for metric in METRICS[:2]:
        against = result.test(ATTENTION, metric).reindex(summary.index)
        columns[f"ahead in {metric}"] = against["difference"].map("{:+.3f}".format)
        columns[f"p ({metric})"] = against["p"].map("{:.3f}".format)
    return pd.DataFrame(columns, index=summary.index)


if __name__ == "__main__":
    main()

"""Measure the contribution of each branch: each omitted, and each alone.

There is one fit per fold. The stacking weights are then fitted again on the held-out samples of the
members, to some of the branches, as the classifier does with `branches=`; trained branches share no
parameters. Differences to all branches are paired, with their standard error over folds.

    python -m benchmarks.accuracy.branches tcga metabric-discovery-exp-cna-mut --repeats 5
    python -m benchmarks.accuracy.branches switch gate dosage cis additive --repeats 1

The real cohorts are read from $XMODAL_DATA (default ../shared/data). Of the microarrays, 100
genes are selected inside each fold. Each kind of interaction has three cohorts of 800 samples and
115 columns, with seeds 0 to 2.
"""

from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline

from benchmarks.accuracy.interactions import KINDS, SIZES, simulate
from benchmarks.markdown import print_table
from benchmarks.shared import COHORTS, MICROARRAYS, fold_parser, measure_folds, read_cohorts, scores
from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.classifier import _stacking, _trainer
from xmodal_sklearn.classifier._inspection import ClassifierView
from xmodal_sklearn.classifier.network import StackingCombiner


def main() -> None:
    parser = fold_parser(__doc__, repeats=5)
    choices = [*COHORTS, "simulated", *KINDS]
    parser.add_argument("cohorts", nargs="+", choices=choices, metavar="cohort")
    parser.add_argument("--sizes", default="300x100x5", help="of the simulated cohorts")
    arguments = parser.parse_args()
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=arguments.repeats, random_state=0)
    for name in arguments.cohorts:
        rows = measure_folds(measure_fold, tables(name, arguments.sizes), folds, arguments.jobs)
        print_table(
            f"{name}, 5 folds × {arguments.repeats}", table(pd.DataFrame(rows)), higher=(), lower=()
        )


def tables(name: str, sizes: str) -> Iterator[tuple[pd.DataFrame, np.ndarray, int | str]]:
    """Yield the table, labels and K of a cohort, or of the cohorts of a kind of interaction."""
    if name in MICROARRAYS:
        yield *COHORTS[name](), 100
        return
    if name not in KINDS:
        yield from (cohort[1:] for cohort in read_cohorts([name], sizes.split(",")))
        return
    for seed in range(3):
        cohort, y = simulate(name, 800, SIZES[115], seed)
        yield cohort.data, y, "all"


def measure_fold(
    X: pd.DataFrame, y: np.ndarray, k: int | str, train: np.ndarray, test: np.ndarray
) -> list[dict]:
    """Fit once, and score all branches and subsets of them."""
    model = make_pipeline(MultiOmicsSelector(k), CrossModalAttentionClassifier(random_state=0))
    fit_weights = _trainer.fit_stacking_weights
    with patch.object(_trainer, "fit_stacking_weights", wraps=fit_weights) as spy:
        model.fit(X.iloc[train], y[train])
    predict, held_out_present, target, _ = spy.call_args.args
    # All samples have all modalities, so there are no other patterns to weigh branches for.
    out_of_fold = predict(np.arange(len(target)), np.ones(held_out_present.shape[1], dtype=bool))
    no_patterns = torch.zeros(0, held_out_present.shape[1], dtype=torch.bool)
    selector, classifier = model
    net, classes = classifier.net_, classifier.classes_
    tested = torch.from_numpy(ClassifierView(classifier, selector.transform(X.iloc[test])).x)
    with torch.no_grad():
        log_proba = net.module_.branch_log_proba(tested).double()
    present = torch.stack(net.module_.present(tested), dim=1)
    rows = []
    for variant, kept in variants(net.module_.branches).items():
        branches = [net.module_.branches[position] for position in kept]
        start = _stacking.initial_stacking(branches, classifier.class_weights_)
        fitted = _stacking._fit_weights(out_of_fold[:, kept], target, start)
        weights, prior = torch.as_tensor(fitted)[None].split([len(kept), len(classes)], dim=1)
        combiner = StackingCombiner(no_patterns, weights, prior)
        proba = combiner(log_proba[:, :, kept], present).exp().mean(dim=(1, 2)).numpy()
        proba /= proba.sum(axis=1, keepdims=True)
        predicted = classes[(proba * classifier.class_weights_).argmax(axis=1)]
        rows.append({"branches": variant, **scores(y[test], proba, classes, predicted)})
    return rows


def variants(branches: list) -> dict[str, list[int]]:
    """Return the positions of the branches by the name of the subset."""
    kinds = list(dict.fromkeys(branch.kind for branch in branches))
    kept = {"all": [True] * len(branches)}
    kept |= {f"without {kind}": [branch.kind != kind for branch in branches] for kind in kinds}
    kept |= {f"{kind} alone": [branch.kind == kind for branch in branches] for kind in kinds}
    return {variant: np.flatnonzero(chosen).tolist() for variant, chosen in kept.items()}


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of all branches, and the differences of the subsets to them."""
    rows["fold"] = rows.groupby("branches").cumcount()
    by_part = rows.pivot_table(index="fold", columns="branches")
    shown = {}
    for metric in by_part.columns.unique(0):
        values = by_part[metric][rows["branches"].unique()]
        differences = values.sub(values["all"], axis=0).drop(columns="all")
        spread = zip(differences.mean(), differences.sem(), strict=True)
        shown[metric] = [
            f"{values['all'].mean():.3f}±{values['all'].std():.3f}",
            *(f"{mean:+.4f}±{error:.4f}" for mean, error in spread),
        ]
    return pd.DataFrame(shown, index=pd.Index(rows["branches"].unique(), name="branches"))


if __name__ == "__main__":
    main()

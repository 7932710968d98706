"""Ask what of feature tokens pays: attention, identities, or the bias that these add up to.

    python -m benchmarks.accuracy.hidden_bias metabric-discovery-exp tcga

Each trained branch alone, with small and with large initial biases of the hidden units; feature
tokens also without identities, whose sum is such a bias. Width 8, four members. The cohorts are
read from $XMODAL_DATA (default ../shared/data).
"""

from collections.abc import Iterator
from contextlib import ExitStack
from unittest.mock import patch

import numpy as np
import pandas as pd
from sklearn.model_selection import RepeatedStratifiedKFold
from torch import Tensor

from benchmarks.markdown import mean_spread, print_table
from benchmarks.shared import COHORTS, fold_parser, measure_folds, model_scores
from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.classifier.network import _attention, _network
from xmodal_sklearn.classifier.network._layers import HIDDEN_BIAS

FEATURE_TOKENS = {
    "branches": ["attention"],
    "tokenizer": "feature",
    "attention": "linear",
    "enrichment": "sum",
}
BRANCHES = {
    "MLPs": {"branches": ["mlp"]},
    "attention, patches": {"branches": ["attention"]},
    "attention, feature tokens": FEATURE_TOKENS,
}


def main() -> None:
    parser = fold_parser(__doc__, repeats=1)
    parser.add_argument("cohorts", nargs="+", choices=COHORTS, metavar="cohort")
    arguments = parser.parse_args()
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=arguments.repeats, random_state=0)
    for name in arguments.cohorts:
        cohort = [(*COHORTS[name](), None)]
        rows = measure_folds(measure_fold, cohort, folds, arguments.jobs)
        print_table(name, mean_spread(rows, "network"))


def measure_fold(
    X: pd.DataFrame, y: np.ndarray, _: None, train: np.ndarray, test: np.ndarray
) -> list[dict]:
    rows = []
    for name, parameters in variants():
        model = CrossModalAttentionClassifier(
            n_estimators=4, embed_dim=8, random_state=0, **parameters
        )
        model.fit(X.iloc[train], y[train])
        measured = model_scores(model, X.iloc[test], y[test])
        accuracy = model.score(X.iloc[test], y[test])
        rows.append({"network": name, **measured, "accuracy": accuracy})
    return rows


def variants() -> Iterator[tuple[str, dict]]:
    """Yield the name and parameters of each network, and patch it meanwhile."""
    for size, bound in {"small": None, "large": HIDDEN_BIAS}.items():
        with ExitStack() as patches:
            for module in (_attention, _network):
                patches.enter_context(patch.object(module, "HIDDEN_BIAS", bound))
            for name, parameters in BRANCHES.items():
                yield f"{name}, {size} biases", parameters
            patches.enter_context(
                patch.object(_attention.FeatureTokenizer, "forward", without_identities)
            )
            yield f"feature tokens without identities, {size} biases", FEATURE_TOKENS


def without_identities(
    tokenizer: _attention.FeatureTokenizer, values: Tensor
) -> _attention.FeatureTokens:
    identity = 0 * tokenizer.identity
    return _attention.FeatureTokens(values, tokenizer.direction, identity)


if __name__ == "__main__":
    main()

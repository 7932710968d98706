"""Measure whether attention maps recover the interactions that determine the classes.

Simulated cohorts (make_multiomics(interaction=…)) with two classes of equal size: the rank of the
best true pair, and the number of true pairs in the top 1%, by seed. On METABRIC's discovery cohort:
the share of pairs of the same gene (cis) among the top pairs of expression and copy number,
compared with their share among all pairs.

    python -m benchmarks.accuracy.attention_pairs
    python -m benchmarks.accuracy.attention_pairs --kinds gate --seeds 2 --branches attention
    python -m benchmarks.accuracy.attention_pairs --kinds --metabric
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.accuracy.interactions import SIZES, simulate
from benchmarks.markdown import print_table
from benchmarks.shared import COHORTS, Timer, make_parser, stored
from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.inspection import attention_map, top_pairs

KINDS = ["switch", "gate", "dosage", "cis"]


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=KINDS)
    parser.add_argument("--samples", type=int, default=800)
    parser.add_argument("--columns", type=int, choices=SIZES, default=115)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--branches", nargs="+", help="branches to have; all by default")
    parser.add_argument("--metabric", action="store_true", help="METABRIC's discovery cohort too")
    arguments = parser.parse_args()
    branches = arguments.branches or "all"
    size = arguments.samples, SIZES[arguments.columns]
    rows = [
        {"kind": kind, **stored(planted_ranks, kind, *size, seed, branches)}
        for kind in arguments.kinds
        for seed in range(arguments.seeds)
    ]
    if rows:
        title = f"Simulated pairs: {arguments.samples} samples, {arguments.columns} columns"
        print_table(title, by_kind(pd.DataFrame(rows)))
    if arguments.metabric:
        print_cis_shares(branches)


def by_kind(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each kind of interaction, with the values of all seeds."""
    by_seed = ["first rank", "in first 1%"]
    listed = rows.astype(dict.fromkeys(by_seed, "Int64")).astype(dict.fromkeys(by_seed, str))
    table = listed.groupby("kind", sort=False)[by_seed].agg(", ".join)
    table.insert(0, "pairs", rows.groupby("kind")["pairs"].first())
    table.insert(1, "simulated pairs", rows.groupby("kind")["of"].first())
    return table


def planted_ranks(
    kind: str, n_samples: int, sizes: dict[str, int], seed: int, branches: str | Sequence[str]
) -> dict[str, float]:
    """Return the ranks of the true pairs of a cohort in the map."""
    cohort, y = simulate(kind, n_samples, sizes, seed)
    model = CrossModalAttentionClassifier(branches=branches, random_state=seed).fit(cohort.data, y)
    planted = set(cohort.interactions[["primary", "other"]].itertuples(index=False, name=None))
    source = cohort.interactions["other"].iloc[0].partition("__")[0]
    with Timer() as timer:
        effects = attention_map(model, cohort.data, source=source)
    ordered = top_pairs(effects, effects.size)
    is_true = np.array(
        [pair in planted for pair in zip(ordered["primary"], ordered["source"], strict=True)]
    )
    n_first = effects.size // 100
    return {
        "seed": seed,
        "first rank": is_true.argmax() + 1 if is_true.any() else np.nan,
        "pairs": effects.size,
        "in first 1%": is_true[:n_first].sum(),
        "of": min(len(planted), n_first),
        "wall s": round(timer.wall, 1),
    }


def print_cis_shares(branches: str | Sequence[str]) -> None:
    """Print the share of pairs of the same gene among the top pairs of METABRIC."""
    X, y = COHORTS["metabric-discovery-exp-cna-mut"]()
    model = CrossModalAttentionClassifier(branches=branches, random_state=0).fit(X, y)
    print_table("METABRIC, discovery cohort: stacking weights", model.stacking_weights_.iloc[:1])
    effects = attention_map(model, X, source="cna")
    pairs = top_pairs(effects, effects.size, X=None)
    genes = [set(names.str.partition("__").get_level_values(2)) for names in effects.axes]
    chance = len(genes[0] & genes[1]) / effects.size
    print_table("Top pairs of expression and copy number", top_pairs(effects, 20, X=X))
    rows = [
        {"pairs": n, "of the same gene": pairs["same_gene"][:n].sum(), "by chance": n * chance}
        for n in (20, 100, 1000, 3000)
    ]
    print_table("Pairs of the same gene among the top pairs", pd.DataFrame(rows))


if __name__ == "__main__":
    main()

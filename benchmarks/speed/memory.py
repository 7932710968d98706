"""Measure peak memory from three full-size tables to a fitted selector.

After each step, prints the peak memory of the process so far, minus its memory after importing the
packages and compiling the ranking, also relative to the float32 expression table.

    python -m benchmarks.speed.memory
    python -m benchmarks.speed.memory --join outer --flags sparse --trace
"""

import argparse
import tracemalloc

import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks.shared import Timer, compile_ranking, peak_bytes, sample_names, study_parser
from xmodal_sklearn import MultiOmicsSelector, concat_modalities

N_CLASSES = 5


def main() -> None:
    parser = study_parser(__doc__)
    parser.add_argument(
        "--flags", choices=["bool", "int8", "sparse"], default="bool", help="type of the mutations"
    )
    parser.add_argument("--join", choices=["inner", "outer"], default="inner")
    parser.add_argument("--k", type=int, default=300)
    parser.add_argument("--trace", action="store_true", help="NumPy's own memory too; slower")
    arguments = parser.parse_args()
    print(
        f"{arguments.samples} samples: {arguments.exp} float32, {arguments.cna} int8, "
        f"{arguments.mut} {arguments.flags}; {arguments.join} join"
    )
    print(measure(arguments).round(2).to_string(index=False))


def measure(arguments: argparse.Namespace) -> pd.DataFrame:
    """Run the steps, and record time and memory after each."""
    compile_ranking()
    unit = arguments.samples * arguments.exp * np.dtype(np.float32).itemsize
    baseline, rows = peak_bytes(), []

    def record(step: str, spent: Timer) -> None:
        used = peak_bytes() - baseline
        row = {"step": step, **spent.seconds(), "peak MB so far": used / 1e6}
        row["x float32 table"] = used / unit
        if arguments.trace:
            row["traced x in this step"] = tracemalloc.get_traced_memory()[1] / unit
            tracemalloc.reset_peak()
        rows.append(row)

    if arguments.trace:
        tracemalloc.start()
    with Timer() as spent:
        tables, y = build(arguments)
    record("tables", spent)
    with Timer() as spent:
        X = concat_modalities(tables, join=arguments.join)
    record("concat_modalities", spent)
    del tables
    with Timer() as spent:
        selector = MultiOmicsSelector(arguments.k).fit(X, y)
    record("fit", spent)
    with Timer() as spent:
        selector.transform(X)
    record("transform", spent)
    return pd.DataFrame(rows)


def build(arguments: argparse.Namespace) -> tuple[dict[str, pd.DataFrame], np.ndarray]:
    """Simulate tables of METABRIC's size, without correlated modules (no effect on memory)."""
    n, rng = arguments.samples, np.random.default_rng(0)
    names = sample_names(n)
    y = rng.integers(N_CLASSES, size=n)
    exp = rng.standard_normal((n, arguments.exp), dtype=np.float32)
    exp[:, : arguments.exp // 10] += y[:, None]
    cna = rng.integers(-2, 3, size=(n, arguments.cna), dtype=np.int8)
    tables = {
        # Not copied: the arrays belong to nobody else.
        "exp": pd.DataFrame(exp, names, copy=False),
        "cna": pd.DataFrame(cna, names, copy=False),
        "mut": mutations(arguments.flags, names, arguments.mut, rng),
    }
    if arguments.join == "outer":
        tables["cna"], tables["mut"] = tables["cna"].iloc[n // 20 :], tables["mut"].iloc[: -n // 20]
    return {name: table.rename(columns="g{}".format) for name, table in tables.items()}, y


def mutations(kind: str, names: list[str], p: int, rng: np.random.Generator) -> pd.DataFrame:
    """Simulate a table of flags of the given kind."""
    flags = sparse.random(len(names), p, density=0.02, format="csr", rng=rng) > 0
    if kind == "sparse":
        return pd.DataFrame.sparse.from_spmatrix(flags, names)
    return pd.DataFrame(flags.toarray(), names).astype(kind)


if __name__ == "__main__":
    main()

"""Measure peak memory from three full-size tables to a fitted selector.

Prints after each step the most memory that the process has held so far, beyond what it held with
the packages imported and the ranking compiled, and relative to the float32 expression table::

    python benchmarks/memory.py
    python benchmarks/memory.py --join outer --mutations sparse --trace
"""

import argparse
import resource
import time
import tracemalloc

import numpy as np
import pandas as pd
from scipy import sparse

from xmodal_sklearn import MultiOmicsSelector, concat_modalities
from xmodal_sklearn.datasets import make_multiomics

N_CLASSES = 5


def peak_bytes() -> int:
    """Return the high-water mark of this process, on Linux."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def sample_names(n: int) -> list[str]:
    return [f"MB-{number}" for number in range(n)]


def mutations(kind: str, n: int, p: int, rng: np.random.Generator) -> pd.DataFrame:
    """Simulate a table of flags of the given kind."""
    flags = sparse.random(n, p, density=0.02, format="csr", rng=rng) > 0
    if kind == "sparse":
        return pd.DataFrame.sparse.from_spmatrix(flags, sample_names(n))
    return pd.DataFrame(flags.toarray(), sample_names(n)).astype(kind)


def build(arguments: argparse.Namespace) -> tuple[dict[str, pd.DataFrame], np.ndarray]:
    """Simulate tables of METABRIC's size; no module structure, which memory does not depend on."""
    n, rng = arguments.samples, np.random.default_rng(0)
    y = rng.integers(N_CLASSES, size=n)
    exp = rng.standard_normal((n, arguments.expression), dtype=np.float32)
    exp[:, : arguments.expression // 10] += y[:, None]
    cna = rng.integers(-2, 3, size=(n, arguments.copy_number), dtype=np.int8)
    tables = {
        # Not copied: the arrays belong to nobody else.
        "exp": pd.DataFrame(exp, sample_names(n), copy=False),
        "cna": pd.DataFrame(cna, sample_names(n), copy=False),
        "mut": mutations(arguments.mutations, n, arguments.mutated, rng),
    }
    if arguments.join == "outer":
        tables["cna"], tables["mut"] = tables["cna"].iloc[n // 20 :], tables["mut"].iloc[: -n // 20]
    return {name: table.rename(columns="g{}".format) for name, table in tables.items()}, y


def warm_up() -> None:
    """Import and compile what does not belong to the data."""
    X, y = make_multiomics(60, {"exp": 100, "mut": 20}, return_X_y=True, random_state=0)
    MultiOmicsSelector(k=5).fit(X, y)


def measure(arguments: argparse.Namespace) -> pd.DataFrame:
    """Run the steps, and record time and memory after each."""
    warm_up()
    unit = arguments.samples * arguments.expression * np.dtype(np.float32).itemsize
    baseline, rows, start = peak_bytes(), [], time.perf_counter()

    def record(step: str) -> None:
        nonlocal start
        used = peak_bytes() - baseline
        row = {"step": step, "seconds": time.perf_counter() - start, "peak MB so far": used / 1e6}
        row["x float32 table"] = used / unit
        if arguments.trace:
            row["traced x in this step"] = tracemalloc.get_traced_memory()[1] / unit
            tracemalloc.reset_peak()
        rows.append(row)
        start = time.perf_counter()

    if arguments.trace:
        tracemalloc.start()
    tables, y = build(arguments)
    record("tables")
    X = concat_modalities(tables, join=arguments.join)
    record("concat_modalities")
    del tables
    selector = MultiOmicsSelector(arguments.k).fit(X, y)
    record("fit")
    selector.transform(X)
    record("transform")
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1980)
    parser.add_argument("--expression", type=int, default=24_000, help="float32 columns")
    parser.add_argument("--copy-number", type=int, default=22_500, help="int8 columns")
    parser.add_argument("--mutated", type=int, default=173, help="columns of flags")
    parser.add_argument("--mutations", choices=["bool", "int8", "sparse"], default="bool")
    parser.add_argument("--join", choices=["inner", "outer"], default="inner")
    parser.add_argument("--k", type=int, default=300)
    parser.add_argument("--trace", action="store_true", help="NumPy's own memory too; slower")
    arguments = parser.parse_args()
    print(
        f"{arguments.samples} samples: {arguments.expression} float32, {arguments.copy_number} "
        f"int8, {arguments.mutated} {arguments.mutations}; {arguments.join} join"
    )
    print(measure(arguments).round(2).to_string(index=False))


if __name__ == "__main__":
    main()

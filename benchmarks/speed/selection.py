"""Time the ranking compared with adelie and scikit-learn, with growing data and for each fold.

Every section prints a table. On a machine shared with other programs, compare CPU seconds with
``--threads 1``. adelie needs numpy below 2, so it runs in its own environment:

    python3.11 -m venv /tmp/adelie && /tmp/adelie/bin/pip install adelie==1.1.52 "numpy<2"
    python -m benchmarks.speed.selection --adelie-python /tmp/adelie/bin/python --scikit-learn
"""

import argparse
import json
import os
import subprocess
import tempfile
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.linear_model import MultiTaskElasticNet
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from benchmarks.shared import (
    Timer,
    anonymous_bytes,
    compile_ranking,
    in_new_process,
    make_parser,
    sampled_peak,
)
from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.modalities._nested import nested_selection
from xmodal_sklearn.selection._elastic_net import PENALTY_STEP, score_features

CLOCKS = "wall s", "processor s"

# In single precision adelie 1.1.52 stops at the first penalty ("Newton-ABS max iterations"), so it
# is given doubles; its standardization is not timed, ours is.
ADELIE = """
import json, sys, time
import adelie as ad, numpy as np
X, Y, k = np.load(sys.argv[1]).astype(float), np.load(sys.argv[2]), int(sys.argv[3])
X = np.asfortranarray((X - X.mean(axis=0)) / X.std(axis=0))
glm = ad.glm.multigaussian(y=np.ascontiguousarray(Y - Y.mean(axis=0)), dtype=np.float64)
start = time.perf_counter(), time.process_time()
state = ad.grpnet(
    X=X, glm=glm, alpha=0.5, tol=1e-4, lmda_path_size=50, min_ratio=1e-2, intercept=False,
    n_threads=int(sys.argv[4]), progress_bar=False,
    exit_cond=lambda state: state.active_set_size >= k,
)
spent = time.perf_counter() - start[0], time.process_time() - start[1]
print(json.dumps({"seconds": spent, "features": int(state.active_set_size)}))
"""


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--samples", type=int, default=1584)
    parser.add_argument("--features", type=int, default=20_000)
    parser.add_argument("--k", type=int, default=1500, help="features at which the peers stop")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="of all tools")
    parser.add_argument("--adelie-python", help="interpreter of an environment with adelie")
    parser.add_argument("--scikit-learn", action="store_true", help="takes minutes")
    parser.add_argument(
        "--growth-features", type=int, nargs="*", default=[5_000, 20_000, 80_000, 450_000]
    )
    parser.add_argument("--growth-samples", type=int, nargs="*", default=[250, 500, 1000, 2000])
    parser.add_argument(
        "--probes", type=int, default=450_000, help="columns of the memory map; 0 for none"
    )
    arguments = parser.parse_args()
    with threadpool_limits(arguments.threads, user_api="blas"):
        compare_with_peers(arguments)
        time_two_modalities(arguments)
        time_nested(arguments)
        if arguments.growth_features or arguments.growth_samples:
            time_growth(arguments)
    if arguments.probes:
        time_probes(arguments.probes)


def expression(n: int, p: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Simulate METABRIC-like expression (float32) and one-hot subtypes, samples by subtype."""
    X, y = make_multiomics(n, {"exp": p}, dtype="float32", return_X_y=True, random_state=seed)
    names, codes = np.unique(y.to_numpy(), return_inverse=True)
    # Samples are sorted by subtype, so tables of other seeds match this one.
    order = np.argsort(codes, kind="stable")
    return X.to_numpy()[order], np.eye(len(names))[codes[order]]


def ranking_seconds(X: np.ndarray, Y: np.ndarray) -> dict[str, float]:
    """Time our ranking."""
    with Timer() as spent:
        score_features(X, Y)
    return spent.seconds()


def adelie_seconds(python: str, X: np.ndarray, Y: np.ndarray, k: int, threads: int) -> dict:
    """Time adelie's path on the same arrays, in its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/X.npy", X)
        np.save(f"{folder}/Y.npy", Y)
        command = [python, "-c", ADELIE, f"{folder}/X.npy", f"{folder}/Y.npy", str(k), str(threads)]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=environment
        )
    return json.loads(done.stdout)


def scikit_learn_seconds(X: np.ndarray, Y: np.ndarray, k: int) -> dict[str, float]:
    """Time MultiTaskElasticNet along our penalties, warm-started, until k features are kept."""
    standardized = np.asfortranarray((X - X.mean(axis=0)) / X.std(axis=0), dtype=np.float64)
    centered = Y - Y.mean(axis=0)
    largest = np.linalg.norm(standardized.T @ centered, axis=1).max() / len(X) / 0.5
    model = MultiTaskElasticNet(l1_ratio=0.5, tol=1e-3, warm_start=True, fit_intercept=False)
    with Timer() as spent:
        for share in PENALTY_STEP ** np.arange(1, 44):
            model.set_params(alpha=largest * share).fit(standardized, centered)
            if np.any(model.coef_, axis=0).sum() >= k:
                break
    return spent.seconds()


def compare_with_peers(arguments: argparse.Namespace) -> None:
    """Compare our ranking with the others' paths to the same number of features, run by run."""
    n, p = arguments.samples, arguments.features
    compile_ranking()
    compare_on("METABRIC-like", *expression(n, p), arguments.k, arguments)
    # Of weak modules the peers' whole paths, which end at 0.01 of the largest penalty.
    compare_on("weak, dense modules", *weak_modules(n, p), p, arguments)


def weak_modules(n: int, p: int, n_classes: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Simulate 60 modules that each touch a twentieth of the genes; ten are shifted by class."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, n_classes, n)
    modules = rng.standard_normal((n, 60))
    modules[:, :10] += 0.8 * rng.standard_normal((n_classes, 10))[codes]
    loadings = rng.standard_normal((60, p)) * (rng.random((60, p)) < 0.05)
    noise = 1.5 * rng.standard_normal((n, p))
    return (modules @ loadings + noise).astype(np.float32), np.eye(n_classes)[codes]


def compare_on(
    name: str, X: np.ndarray, Y: np.ndarray, k: int, arguments: argparse.Namespace
) -> None:
    """Compare them on one table."""
    rows = []
    for _ in range(arguments.runs):
        row = ranking_seconds(X, Y)
        if arguments.adelie_python:
            adelie = adelie_seconds(arguments.adelie_python, X, Y, k, arguments.threads)
            row |= {f"adelie {c}": s for c, s in zip(CLOCKS, adelie["seconds"], strict=True)}
            row |= {f"ratio {clock}": row[clock] / row[f"adelie {clock}"] for clock in CLOCKS}
            row["adelie features"] = adelie["features"]
        rows.append(row)
    table = pd.DataFrame(rows)
    medians = table.median()
    print(f"{name}: {X.shape[0]} x {X.shape[1]} x {Y.shape[1]}, peers up to {k} features")
    print(table.round(2).to_string(index=False))
    print("medians:", medians.round(3).to_dict())
    if arguments.scikit_learn:
        for clock, seconds in scikit_learn_seconds(X, Y, k).items():
            ratio = seconds / medians[clock]
            print(f"MultiTaskElasticNet: {seconds:.1f} {clock}, {ratio:.0f} x ours")


def time_two_modalities(arguments: argparse.Namespace) -> None:
    """Rank two modalities sequentially and in parallel."""
    n, p = arguments.samples, arguments.features // 2
    X, y = make_multiomics(
        n, {"exp": p, "cna": p}, dtype="float32", return_X_y=True, random_state=0
    )
    rows = []
    for _ in range(arguments.runs):
        for n_jobs in (1, 2):
            with Timer() as spent:
                MultiOmicsSelector(n_jobs=n_jobs).fit(X, y)
            rows.append({"n_jobs": n_jobs, **spent.seconds()})
    print(f"two modalities of {n} x {p}, medians:")
    print(pd.DataFrame(rows).groupby("n_jobs").median().round(2).to_string())


def time_nested(arguments: argparse.Namespace) -> None:
    """Compare a ranking and those of five folds, which a classifier asks for, with a ranking."""
    rows = []
    for n, p in [(arguments.samples, arguments.features), (768, 489), (120, 5_000)]:
        X, Y = expression(n, p)
        y = Y.argmax(axis=1)
        folds = [rows for rows, _ in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)]
        mostly_zero = sparse.csc_matrix(np.maximum(X - np.quantile(X, 0.9), 0))
        for kind, table in {"dense": X, "sparse": mostly_zero}.items():
            for k in (100, 300, 1500):
                seconds = [nested_seconds(table, y, k, folds) for _ in range(arguments.runs)]
                once, folds_only = np.min(seconds, axis=0)
                row = {"n": n, "p": p, "table": kind, "k": k, "ranking": once, "folds": folds_only}
                rows.append(row | {"ratio": (once + folds_only) / once})
    print("a ranking and those of five folds, processor seconds, best of the runs:")
    print(pd.DataFrame(rows).round(3).to_string(index=False))


def nested_seconds(X: Any, y: np.ndarray, k: int, folds: list[np.ndarray]) -> tuple[float, float]:
    """Return the processor seconds of fitting a selector, and of selecting for each fold."""
    with Timer() as once:
        selected = MultiOmicsSelector(k).fit_transform(X, y)
    with Timer() as nested:
        selection = nested_selection(selected, y, "weigh the branches")
        for rows in folds:
            selection(rows)
    return once.processor, nested.processor


def time_growth(arguments: argparse.Namespace) -> None:
    """Time the ranking for growing numbers of features and of samples."""
    sizes = [(1000, p) for p in arguments.growth_features]
    sizes += [(n, 20_000) for n in arguments.growth_samples]
    rows = []
    for n, p in sizes:
        X, Y = expression(n, p)
        medians = pd.DataFrame([ranking_seconds(X, Y) for _ in range(3)]).median()
        per_value = medians["processor s"] / n / p * 1e9
        rows.append({"n": n, "p": p, **medians, "processor ns per value": per_value})
    print(pd.DataFrame(rows).round(2).to_string(index=False))


def time_probes(n_probes: int) -> None:
    """Rank methylation probes from a memory map, in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        path, shape = f"{folder}/probes.npy", (1000, n_probes)
        mapped = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
        for start in range(0, n_probes, 50_000):
            stop = min(start + 50_000, n_probes)
            mapped[:, start:stop], Y = expression(shape[0], stop - start, seed=start)
        mapped.flush()
        del mapped
        print(in_new_process(rank_mapped, path, Y.argmax(axis=1)))


def rank_mapped(path: str, codes: np.ndarray) -> str:
    """Rank a mapped table and report time and memory."""
    X = np.load(path, mmap_mode="r")
    compile_ranking()
    with sampled_peak(anonymous_bytes, interval=0.02) as memory, Timer() as spent:
        MultiOmicsSelector(1500).fit(X, codes)
    return (
        f"memory map {X.shape[0]} x {X.shape[1]} float32 ({X.nbytes / 1e9:.2f} GB): "
        f"{spent.wall:.1f} s, {spent.processor:.1f} s of processor, "
        f"{(memory.peak - memory.before) / 1e9:.2f} GB beyond the mapped data"
    )


if __name__ == "__main__":
    main()

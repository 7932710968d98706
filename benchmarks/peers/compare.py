"""Compare the classifier, with its default settings, with published methods on the same folds.

Each method is a program in this folder, which runs in an environment of its own, made for the
requirements in the text file beside it. It reads the tables of a cohort, a fold and the classes of
its training samples from files, and writes class probabilities of the test samples, which are
scored here. All methods get all columns. DIABLO is the one of xmodal_sklearn.baselines, tuned. CPU
seconds are of fitting and predicting, with one thread.

    python -m benchmarks.peers.compare tcga metabric-discovery-exp-cna-mut --folds 2
    python -m benchmarks.peers.compare tcga --peers mogonet,autogluon --folds 5

Environments, tables, logs and finished predictions are kept in .benchmarks/peers. The cohorts are
read from $XMODAL_DATA (default ../shared/data).
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline

from benchmarks.markdown import mean_spread, print_table
from benchmarks.shared import COHORTS, STORE, Timer, make_parser, scores, stored
from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector, split_modalities
from xmodal_sklearn.baselines import make_baselines

__all__ = ["measure"]

PEERS = ("mogonet", "flexynesis", "autogluon", "tabicl")
MODELS = ATTENTION, DIABLO = "cross-modal attention", "DIABLO"
PROGRAMS = Path(__file__).parent
FOLDER = STORE / "peers"
Folds = Sequence[tuple[np.ndarray, np.ndarray]]


class PeerError(RuntimeError):
    """A peer could not be installed or run."""


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("cohorts", nargs="+", choices=COHORTS, metavar="cohort")
    parser.add_argument("--peers", default=",".join(PEERS), help="comma-separated")
    parser.add_argument("--folds", type=int, default=2, help="how many of the five")
    arguments = parser.parse_args()
    for name in arguments.cohorts:
        X, y = COHORTS[name]()
        measure(name, X, y, arguments.folds, arguments.peers.split(","))


def measure(name: str, X: pd.DataFrame, y: np.ndarray, n_folds: int, peers: Sequence[str]) -> None:
    """Print the scores of our models and of the peers that can be run, and why others can't."""
    all_folds = [*RepeatedStratifiedKFold(n_splits=5, n_repeats=1, random_state=0).split(X, y)]
    cohort = write_cohort(name, X, y, all_folds)
    folds = all_folds[:n_folds]
    rows = [
        {"model": model, **score(y, test, *stored(fit_model, model, X, y, train, test))}
        for model in MODELS
        for train, test in folds
    ]
    failures = []
    for peer in peers:
        try:
            rows += [
                {"model": peer, **score(y, test, *run_peer(peer, cohort, number))}
                for number, (_, test) in enumerate(folds)
            ]
        except PeerError as error:
            failures.append(f"{peer} was not measured: {error}")
    if rows:
        table = mean_spread(rows, "model")
        seconds = pd.DataFrame(rows).groupby("model")["CPU seconds"].mean()
        table["CPU seconds"] = seconds.map("{:,.0f}".format)
        title = f"{name}: {X.shape[0]} samples, {X.shape[1]} features, {len(folds)} of 5 folds"
        print_table(title, table)
    print("".join(f"\n{failure}\n" for failure in failures), flush=True)


def score(
    y: np.ndarray, test: np.ndarray, probabilities: np.ndarray, seconds: float
) -> dict[str, float]:
    """Return the metrics of the most probable classes, and of the probabilities."""
    classes = np.unique(y)
    accuracy = accuracy_score(y[test], classes[probabilities.argmax(axis=1)])
    measured = scores(y[test], probabilities, classes)
    return {**measured, "accuracy": accuracy, "CPU seconds": seconds}


def fit_model(
    name: str, X: pd.DataFrame, y: np.ndarray, train: np.ndarray, test: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return what one of our models predicts for the test samples, and its CPU seconds."""
    if name == DIABLO:
        model = make_baselines(k="all", models=[DIABLO], random_state=0)[DIABLO]
    else:
        attention = CrossModalAttentionClassifier(random_state=0)
        model = make_pipeline(MultiOmicsSelector("all"), attention)
    with Timer() as timer:
        probabilities = model.fit(X.iloc[train], y[train]).predict_proba(X.iloc[test])
    return probabilities, timer.processor


def write_cohort(name: str, X: pd.DataFrame, y: np.ndarray, folds: Folds) -> Path:
    """Return a folder with a table per modality, and folds with the classes of training samples."""
    cohort = FOLDER / f"{name}-{joblib.hash((X, y, folds))[:8]}"
    file = cohort / "folds.json"
    if not file.exists():
        cohort.mkdir(parents=True, exist_ok=True)
        for modality, table in split_modalities(X).items():
            table.to_csv(cohort / f"{modality}.csv")
        codes = np.unique(y, return_inverse=True)[1]
        positions = [
            {"train": train.tolist(), "test": test.tolist(), "classes": codes[train].tolist()}
            for train, test in folds
        ]
        file.write_text(json.dumps(positions))
    return cohort


def run_peer(name: str, cohort: Path, fold: int) -> tuple[np.ndarray, float]:
    """Return what a peer predicts for the test samples of a fold, and its CPU seconds."""
    sources = [
        (folder / file).read_text()
        for folder, file in (
            (PROGRAMS, f"{name}.py"),
            (PROGRAMS, f"{name}.txt"),
            (Path(__file__).parent, "fold.py"),
        )
    ]
    output = cohort / f"{name}-{fold}-{joblib.hash(sources)[:8]}.npz"
    if not output.exists():
        # -P: "import flexynesis" must not find our program of that name.
        program = [make_environment(name), "-P", PROGRAMS / f"{name}.py", cohort, fold, output]
        call(program, output.with_suffix(".log"))
    with np.load(output) as file:
        return file["probabilities"], float(file["seconds"])


def make_environment(name: str) -> Path:
    """Return the interpreter of the peer's environment, made anew if its requirements differ."""
    requirements = PROGRAMS / f"{name}.txt"
    environment = FOLDER.absolute() / "environments" / name
    interpreter, installed = environment / "bin" / "python", environment / "requirements.txt"
    if not installed.exists() or installed.read_text() != requirements.read_text():
        log = environment.with_suffix(".log")
        log.parent.mkdir(parents=True, exist_ok=True)
        call([sys.executable, "-m", "venv", "--clear", "--without-pip", environment], log)
        pip = [sys.executable, "-m", "pip", "--python", interpreter]
        call([*pip, "install", "--requirement", requirements], log)
        installed.write_text(requirements.read_text())
    return interpreter


def call(command: Sequence[object], log: Path) -> None:
    """Run a program with one thread; a failure is told by the last line that it prints."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "OMP_NUM_THREADS": "1",
    }
    with log.open("w") as file:
        ran = subprocess.run(
            [*map(str, command)], stdout=file, stderr=subprocess.STDOUT, env=environment
        )
    if ran.returncode:
        lines = log.read_text(errors="replace").splitlines()
        last = next((line for line in reversed(lines) if line.strip()), "no message")
        raise PeerError(f"{last.strip()} ({log})")


if __name__ == "__main__":
    main()

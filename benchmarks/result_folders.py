"""Publish results into one folder from several processes at once, while another reads it.

Prints how often the folder was written and read, and what failed:

    python -m benchmarks.result_folders --rounds 500
"""

import multiprocessing
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from sklearn.dummy import DummyClassifier

from benchmarks.shared import make_parser
from xmodal_sklearn.benchmark import Comparison, compare
from xmodal_sklearn.benchmark._result_folder import RESULT_FILES
from xmodal_sklearn.datasets import make_multiomics


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=500, help="how often each process writes")
    rounds = parser.parse_args().rounds
    rows = []
    for n_writers in (1, 2, 4):
        with TemporaryDirectory() as folder:
            rows.append({"writers": n_writers, **measure(Path(folder), n_writers, rounds)})
    table = pd.DataFrame(rows)
    print(table.to_string(index=False))
    sys.exit(int(table["failed"].sum() > 0))


def measure(folder: Path, n_writers: int, rounds: int) -> dict[str, float]:
    """Return how often a folder was written and read, what failed, and the seconds."""
    X, y = make_multiomics(30, {"exp": 4}, 2, return_X_y=True, random_state=0)
    runs = [compare({name: DummyClassifier()}, X, y, cv=2) for name in ("first", "second")]
    runs[0].save(folder)
    context = multiprocessing.get_context("fork")
    writers = [
        context.Process(target=save_often, args=(runs[index % 2], folder, rounds))
        for index in range(n_writers)
    ]
    start, n_read, n_failed = time.perf_counter(), 0, 0
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        try:
            n_failed += len(set(Comparison.load(folder).scores["estimator"])) != 1
        except (OSError, ValueError) as error:
            print(f"reader: {error}", file=sys.stderr)
            n_failed += 1
        n_read += 1
    for writer in writers:
        writer.join()
        n_failed += writer.exitcode != 0
    left = {path.name for path in folder.iterdir()} - set(RESULT_FILES)
    return {
        "written": n_writers * rounds,
        "read": n_read,
        "failed": n_failed + len(left),
        "seconds": round(time.perf_counter() - start, 1),
    }


def save_often(run: Comparison, folder: Path, rounds: int) -> None:
    for _ in range(rounds):
        run.save(folder)


if __name__ == "__main__":
    main()

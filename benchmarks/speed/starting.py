"""Time imports and help, compared with scikit-learn and pandas.

All are run in new processes, in turns, so changes in the load of the machine affect all of them.
Seconds are CPU seconds, user and system; the ratio is computed within each turn.

    python -m benchmarks.speed.starting
    python -m benchmarks.speed.starting --repeats 20
    python -m benchmarks.speed.starting --against HEAD~5
"""

import os
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import pandas as pd

from benchmarks.shared import checkouts, make_parser

BESIDE = "scikit-learn with pandas"
PROGRAMS = {
    BESIDE: ["-c", "import pandas, sklearn.linear_model, sklearn.pipeline"],
    "import xmodal_sklearn": ["-c", "import xmodal_sklearn"],
    "selector and data sets": ["-c", "from xmodal_sklearn import MultiOmicsSelector, datasets"],
    "classifier": ["-c", "from xmodal_sklearn import CrossModalAttentionClassifier"],
    "xmodal --help": ["-m", "xmodal_sklearn.cli", "--help"],
    "xmodal --version": ["-m", "xmodal_sklearn.cli", "--version"],
    "xmodal bench --help": ["-m", "xmodal_sklearn.cli", "bench", "--help"],
}


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--against", metavar="REV", help="also measure this commit")
    arguments = parser.parse_args()
    with checkouts(arguments.against) as folders:
        turns = [
            {
                (checkout, name): processor_seconds(program, folder)
                for checkout, folder in folders.items()
                for name, program in PROGRAMS.items()
            }
            # The first turn, which fills the caches of files and byte code, doesn't count.
            for _ in range(1 + arguments.repeats)
        ][1:]
    print(tabulate(pd.DataFrame(turns)).round(2).to_string())


def processor_seconds(program: list[str], folder: Path) -> float:
    """Run Python in a folder and return the seconds of the processor; NaN if it fails."""
    before = getrusage(RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
    )
    after = getrusage(RUSAGE_CHILDREN)
    if done.returncode:
        return float("nan")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def tabulate(seconds: pd.DataFrame) -> pd.DataFrame:
    """Return median and range of the seconds, and of their ratio to scikit-learn's."""
    ratios = seconds.div(seconds["here", BESIDE], axis=0)
    columns = {}
    for quantity, values in {"seconds": seconds, "ratio": ratios}.items():
        columns[quantity] = values.median()
        columns[f"{quantity}, least"], columns[f"{quantity}, most"] = values.min(), values.max()
    return pd.DataFrame(columns)


if __name__ == "__main__":
    main()

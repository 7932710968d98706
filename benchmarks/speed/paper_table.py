"""Time `xmodal paper` on a simulated study of METABRIC's size, and measure its memory.

Writes the study in cBioPortal's file formats, runs the command on it, and prints the table that it
makes, its minutes, and the peak memory of the command and its workers together, with shared pages
counted once.

    python -m benchmarks.speed.paper_table
    python -m benchmarks.speed.paper_table --samples 200 --exp 1000 --cna 800 --k 50 100 --folds 2
"""

import argparse
import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.shared import Timer, sampled_peak, study_parser, tree_bytes, write_study
from xmodal_sklearn.datasets import make_multiomics


def main() -> None:
    parser = study_parser(__doc__)
    parser.add_argument("--k", nargs="+", default=["300", "500", "1000", "1500"])
    parser.add_argument("--folds", default="5")
    parser.add_argument("--jobs", default="2")
    parser.add_argument("--out", help="folder to keep the results in, or to go on from")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        study = Path(name, "simulated")
        study.mkdir()
        with Timer() as spent:
            simulate(study, arguments)
        print(f"study written in {spent.wall:.0f} s", flush=True)
        command = [sys.executable, "-m", "xmodal_sklearn.cli", "paper", "--study", str(study)]
        command += ["--folds", arguments.folds, "--jobs", arguments.jobs]
        command += ["--out", arguments.out or f"{name}/out", "--k", *arguments.k]
        with Timer() as spent:
            running = subprocess.Popen(command)
            with sampled_peak(partial(tree_bytes, running.pid), interval=2) as memory:
                running.wait()
    print(f"{spent.wall / 60:.1f} minutes, {memory.peak / 1e9:.2f} GB at most")
    sys.exit(running.returncode)


def simulate(folder: Path, arguments: argparse.Namespace) -> None:
    sizes = {"exp": arguments.exp, "cna": arguments.cna, "mut": arguments.mut}
    X, y = make_multiomics(
        arguments.samples, sizes, dtype="float32", return_X_y=True, random_state=0
    )
    write_study(folder, X, y)


if __name__ == "__main__":
    main()

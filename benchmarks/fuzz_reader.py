"""Damage study files and tables in many ways; check that each is refused or read as it stands.

The checks are those of tests/datasets/cbioportal/test_fuzz.py and of the damaged and misspelt
tables of tests/test_inputs.py, on more inputs:

    python -m benchmarks.fuzz_reader --inputs 20000
"""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.shared import make_parser

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--inputs", type=int, default=20_000, help="number of damaged files")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    tests = ["tests/datasets/cbioportal/test_fuzz.py", "tests/test_inputs.py"]
    command = [sys.executable, "-m", "pytest", *tests, "-q", "-k", "spoilt or damaged or misspelt"]
    options = ["--hypothesis-show-statistics", f"--hypothesis-seed={arguments.seed}"]
    environment = os.environ | {"XMODAL_FUZZ_INPUTS": str(arguments.inputs)}
    sys.exit(subprocess.run(command + options, cwd=ROOT, env=environment).returncode)


if __name__ == "__main__":
    main()

"""Spoil study files in many ways and check that each is refused or read as it is.

The checks are those of tests/datasets/cbioportal/test_fuzz.py, on more inputs.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    command = [sys.executable, "-m", "pytest", "tests/datasets/cbioportal/test_fuzz.py", "-q"]
    options = ["--hypothesis-show-statistics", f"--hypothesis-seed={arguments.seed}"]
    environment = os.environ | {"XMODAL_FUZZ_INPUTS": str(arguments.inputs)}
    sys.exit(subprocess.run(command + options, cwd=ROOT, env=environment).returncode)


if __name__ == "__main__":
    main()

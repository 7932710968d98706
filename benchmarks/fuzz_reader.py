"""Damage study files and tables in many ways; check that each raises an error or is read correctly.

The checks are those of test_fuzz.py and test_fuzz_tables.py in tests/datasets, and of
test_fuzz_files.py in tests/persistence, on more inputs.
Prints how often each outcome occurred, and the first seeds of what is wrong:

    python -m benchmarks.fuzz_reader studies --inputs 20000
    python -m benchmarks.fuzz_reader tables --inputs 20000
    python -m benchmarks.fuzz_reader damaged --inputs 5000
    python -m benchmarks.fuzz_reader models --inputs 1000
"""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.shared import make_parser

ROOT = Path(__file__).parents[1]
TESTS = {
    "studies": ["tests/datasets/cbioportal/test_fuzz.py", "-k", "mutated_file"],
    "tables": ["tests/datasets/test_fuzz_tables.py", "-k", "mutated_table"],
    "models": ["tests/persistence/test_fuzz_files.py"],
    "damaged": ["tests/datasets/test_fuzz_tables.py", "-k", "damaged"],
}


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("kind", choices=TESTS)
    parser.add_argument("--inputs", type=int, default=20_000, help="number of damaged files")
    parser.add_argument("--seed", type=int, default=0, help="the first")
    arguments = parser.parse_args()
    # In memory, if there is such a folder.
    base = Path("/dev/shm") if Path("/dev/shm").is_dir() else ROOT
    command = [sys.executable, "-m", "pytest", "-q", "-rP", "--tb=short", "--durations=0"]
    command += [f"--basetemp={base / f'fuzz-{os.getpid()}'}", *TESTS[arguments.kind]]
    environment = os.environ | {
        "XMODAL_FUZZ_INPUTS": str(arguments.inputs),
        "XMODAL_FUZZ_SEED": str(arguments.seed),
    }
    sys.exit(subprocess.run(command, cwd=ROOT, env=environment).returncode)


if __name__ == "__main__":
    main()

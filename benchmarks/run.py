"""Remake tables of docs/results.md.

    python -m benchmarks.run --list            # names, commands, and how long each took
    python -m benchmarks.run nested branches
    python -m benchmarks.run nested --jobs 1   # options of the program

A table is what its programs print in Markdown. It is written to docs/results/NAME.md, with the
commands, commit, versions and seconds, once all of them have finished. Finished folds are kept in
.benchmarks, so an interrupted run resumes where it stopped; what it depends on, and so what makes
folds obsolete, is in `benchmarks.shared.stored`. Cohorts are read from $XMODAL_DATA (default
../shared/data).
"""

import json
import re
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import joblib

from benchmarks.shared import LIBRARIES, MICROARRAYS, STORE, make_parser
from xmodal_sklearn._store import source_hash
from xmodal_sklearn._version import installed_versions

__all__ = ["PROGRAMS", "remake"]

FOLDER = Path("docs/results")
DISCOVERY = [f"metabric-discovery-{tables}" for tables in ("exp", "exp-cna", "exp-mut")]
ALL_TABLES = "metabric-discovery-exp-cna-mut"
ACCURACY = "benchmarks.accuracy"
FOUR = "'logistic regression,RBF SVM,random forest,LightGBM'"
FIVE = "'logistic regression,RBF SVM,random forest,LightGBM,nearest shrunken centroid'"
PROGRAMS = {
    "nested": [f"{ACCURACY}.nested {' '.join(MICROARRAYS)} simulated-150 --models {FIVE}"],
    "wide": [
        f"{ACCURACY}.nested simulated-100 simulated-300 --seeds 1 --models {FIVE}",
        f"{ACCURACY}.nested simulated-150 gate-150 switch-150 --exp 20000 --seeds 1 "
        f"--models {FIVE}",
    ],
    "branches": [
        f"{ACCURACY}.branches metabric-discovery-exp {ALL_TABLES} tcga lgg --repeats 1",
        f"{ACCURACY}.branches breast_tcga gravier singh --repeats 1",
        f"{ACCURACY}.branches switch gate dosage cis additive --repeats 1",
    ],
    "hidden-bias": [f"{ACCURACY}.hidden_bias metabric-discovery-exp"],
    "metabric": [f"{ACCURACY}.baselines {DISCOVERY[0]} --repeats 1 --models all --fusion early"],
    "metabric-tables": [
        f"{ACCURACY}.baselines {' '.join([*DISCOVERY[1:], ALL_TABLES])} --repeats 1 --fusion early "
        f"--models {FOUR}",
    ],
    "tables": [f"{ACCURACY}.tables {ALL_TABLES} tcga --repeats 5"],
    "tcga-lgg": [f"{ACCURACY}.baselines tcga lgg --repeats 1 --fusion early --models {FOUR}"],
    "interactions": [f"{ACCURACY}.interactions --samples 800 300"],
    "missing-tables": [f"{ACCURACY}.missing_tables tcga --repeats 1"],
    "partial-overlap": [f"{ACCURACY}.missing_modality --repeats 5"],
    "missing-tables-metabric": [f"{ACCURACY}.missing_tables {ALL_TABLES} --repeats 1"],
    "cohorts-drift": [f"{ACCURACY}.cohorts alarms changed second sites"],
    "cost": [
        f"benchmarks.speed.fits tcga {ALL_TABLES} simulated",
        "benchmarks.speed.many_patients",
    ],
    "peers": [f"benchmarks.peers.compare tcga {ALL_TABLES} --folds 2"],
    "saturation": [f"{ACCURACY}.saturation metabric-discovery-exp {ALL_TABLES} tcga lgg"],
    "paper": [f"{ACCURACY}.paper --repeats 5"],
    "small-cohorts": [f"{ACCURACY}.many_cohorts --small"],
    "ten-cohorts": [f"{ACCURACY}.many_cohorts"],
    "explanations": [
        f"{ACCURACY}.attention_pairs",
        f"{ACCURACY}.faithfulness tcga {ALL_TABLES}",
        "benchmarks.speed.inspection",
    ],
}


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(PROGRAMS), metavar="name")
    parser.add_argument("--list", action="store_true", help="only show what there is")
    arguments, options = parser.parse_known_args()
    if unknown := set(arguments.names) - set(PROGRAMS):
        parser.error(f"no table is named {', '.join(sorted(unknown))}; choose from {[*PROGRAMS]}")
    if arguments.list or not arguments.names:
        show_programs()
        return
    for name in arguments.names:
        commands = [[*shlex.split(program), *options] for program in PROGRAMS[name]]
        print(f"{FOLDER / name}.md: {remake(name, commands, FOLDER)}", flush=True)


def show_programs() -> None:
    """Print the names of tables, the time that each took, and its commands."""
    for name, programs in PROGRAMS.items():
        file = FOLDER / f"{name}.md"
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        seconds = [int(n.replace(",", "")) for n in re.findall(r"([\d,]+) CPU seconds", text)]
        print(f"\n{name}: {f'{sum(seconds):,} CPU seconds' if seconds else 'time not measured'}")
        for program in programs:
            print(f"    python -m {program}")


def remake(name: str, commands: Sequence[Sequence[str]], folder: Path) -> str:
    """Run programs, and write what they print to a file; return how it was measured."""
    text = ""
    state = source_state()
    for command in commands:
        printed, seconds, processor = run_program(command)
        text += (
            f"{printed.strip()}\n\n"
            f"*Measured by `python -m {shlex.join(command)}`, {state}, "
            f"{seconds:,.0f} seconds, {processor:,.0f} CPU seconds.*\n\n"
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(text.rstrip() + "\n", encoding="utf-8")
    return state


def run_program(command: Sequence[str]) -> tuple[str, float, float]:
    """Return what a program prints, and its seconds, those of interrupted runs included."""
    clock = STORE / f"{joblib.hash([command, source_hash('**/*.py')])}.json"
    before = json.loads(clock.read_text()) if clock.exists() else [0.0, 0.0]
    start, processor = time.perf_counter(), processor_seconds()
    try:
        ran = subprocess.run(
            [sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True, check=True
        )
    finally:
        spent = [time.perf_counter() - start, processor_seconds() - processor]
        total = [sum(pair) for pair in zip(before, spent, strict=True)]
        STORE.mkdir(exist_ok=True)
        clock.write_text(json.dumps(total))
    return ran.stdout, *total


def processor_seconds() -> float:
    """Return the CPU seconds of all programs that have been run."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def source_state() -> str:
    """Return commit, date and versions, and whether the sources differ from the commit."""
    commit = git("rev-parse", "--short", "HEAD")
    # Not the tables themselves, which change with each run.
    changed = git("status", "--porcelain", "xmodal_sklearn", "benchmarks")
    libraries = [f"{name} {version}" for name, version in installed_versions(LIBRARIES).items()]
    return (
        f"commit {commit}{', with uncommitted changes' if changed else ''}, "
        f"{datetime.now(UTC):%Y-%m-%d}, {', '.join(libraries)}"
    )


def git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    main()

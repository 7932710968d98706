"""Time `xmodal paper` on a simulated study of METABRIC's size, and measure its memory.

Writes the study in cBioPortal's file formats, runs the command on it, and prints the table that it
makes, its seconds and the most memory that it and its workers held together, shared pages counted
once (Linux)::

    python benchmarks/paper.py
    python benchmarks/paper.py --samples 200 --exp 1000 --cna 800 --k 50 100 --folds 2
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from xmodal_sklearn import split_modalities
from xmodal_sklearn.datasets import make_multiomics

FILES = {"exp": "data_mrna_illumina_microarray.txt", "cna": "data_log2_cna.txt"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1980)
    parser.add_argument("--exp", type=int, default=24_000, help="genes with expression")
    parser.add_argument("--cna", type=int, default=22_500, help="genes with copy number")
    parser.add_argument("--mut", type=int, default=173, help="genes with mutations")
    parser.add_argument("--k", nargs="+", default=["300", "500", "1000", "1500"])
    parser.add_argument("--folds", default="5")
    parser.add_argument("--jobs", default="2")
    parser.add_argument("--out", help="folder to keep, or to go on from")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        study = Path(name, "simulated")
        start = time.perf_counter()
        write_study(study, arguments)
        print(f"study written in {time.perf_counter() - start:.0f} s", flush=True)
        command = [sys.executable, "-m", "xmodal_sklearn.cli", "paper", "--study", str(study)]
        command += ["--target", "SUBTYPE", "--folds", arguments.folds, "--jobs", arguments.jobs]
        command += ["--out", arguments.out or f"{name}/out", "--k", *arguments.k]
        start = time.perf_counter()
        running = subprocess.Popen(command)
        peak = 0
        while running.poll() is None:
            peak = max(peak, tree_bytes(running.pid))
            time.sleep(2)
    print(f"{(time.perf_counter() - start) / 60:.1f} minutes, {peak / 1e9:.2f} GB at most")
    sys.exit(running.returncode)


def tree_bytes(pid: int) -> int:
    """Return the memory of a process and its descendants, a shared page's parts adding up."""
    total = 0
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += 1024 * int(next(line for line in rollup.splitlines() if "Pss:" in line).split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for task in Path(f"/proc/{pid}/task").iterdir():
            if task.name != str(pid):
                children += (task / "children").read_text().split()
    except (OSError, StopIteration):  # it has just ended
        return total
    return total + sum(tree_bytes(int(child)) for child in children)


def write_study(folder: Path, arguments: argparse.Namespace) -> None:
    X, y = make_multiomics(
        arguments.samples,
        {"exp": arguments.exp, "cna": arguments.cna, "mut": arguments.mut},
        dtype="float32",
        return_X_y=True,
        random_state=0,
    )
    folder.mkdir()
    clinical = pd.DataFrame({"SAMPLE_ID": X.index, "PATIENT_ID": X.index, "SUBTYPE": y.to_numpy()})
    clinical.to_csv(folder / "data_clinical_sample.txt", sep="\t", index=False)
    tables = split_modalities(X)
    for modality, file_name in FILES.items():
        table = tables[modality]
        with (folder / file_name).open("w") as file:
            file.write("\t".join(["Hugo_Symbol", *table.index]) + "\n")
            for gene, values in zip(table.columns, table.to_numpy().T, strict=True):
                file.write("\t".join([gene, *np.char.mod("%.4f", values)]) + "\n")
    flags = tables["mut"]
    samples, genes = np.nonzero(flags.to_numpy())
    mutations = pd.DataFrame(
        {
            "Hugo_Symbol": flags.columns[genes],
            "Variant_Classification": "Missense_Mutation",
            "Tumor_Sample_Barcode": flags.index[samples],
        }
    )
    with (folder / "data_mutations.txt").open("w") as file:
        file.write(f"#Sequenced_Samples: {' '.join(flags.index)}\n")
        mutations.to_csv(file, sep="\t", index=False)


if __name__ == "__main__":
    main()

"""Read a simulated study of METABRIC's full size, beside plain pandas reading the same files."""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from xmodal_sklearn.datasets import read_cbioportal

EXP, CNA, MUT = "data_mrna_illumina_microarray.txt", "data_cna.txt", "data_mutations.txt"
KINDS = ["Missense_Mutation", "Nonsense_Mutation", "Silent", "Intron"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1980)
    parser.add_argument("--exp", type=int, default=24_000, help="genes with expression")
    parser.add_argument("--cna", type=int, default=22_500, help="genes with copy number")
    parser.add_argument("--mutations", type=int, default=17_000, help="rows of the MAF file")
    parser.add_argument("--log2", action="store_true", help="log2 copy number, not discrete calls")
    parser.add_argument("--read", nargs=2, metavar=("READER", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        read(arguments.read[0], Path(arguments.read[1]))
        return
    with TemporaryDirectory() as name:
        folder = Path(name)
        simulate(folder, arguments)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        print(f"{arguments.samples} samples, {size:.0f} MB of text", flush=True)
        # Each in a process of its own, since a peak of memory is that of a process.
        for reader in ("import", "read_cbioportal", "pandas"):
            subprocess.run([sys.executable, __file__, "--read", reader, name], check=True)


def read(reader: str, folder: Path) -> None:
    start = time.perf_counter(), time.process_time()
    if reader == "read_cbioportal":
        data = read_cbioportal(folder, target="SUBTYPE").data
        what = f"{data.shape[0]} x {data.shape[1]}"
    elif reader == "pandas":
        tables = [pd.read_csv(path, sep="\t", comment="#") for path in sorted(folder.iterdir())]
        what = f"{len(tables)} tables, neither checked nor joined"
    else:
        what = "no reading, the imports alone"
    seconds, processor = time.perf_counter() - start[0], time.process_time() - start[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{reader:16} {seconds:6.1f} s ({processor:.1f} s of processor) {peak:.2f} GB peak  {what}",
        flush=True,
    )


def simulate(folder: Path, arguments: argparse.Namespace) -> None:
    rng = np.random.default_rng(0)
    samples = [f"MB-{number:04}" for number in range(arguments.samples)]
    rows = "".join(f"{s}\t{s}\t{rng.choice(['LumA', 'LumB', 'Basal'])}\n" for s in samples)
    (folder / "data_clinical_sample.txt").write_text("SAMPLE_ID\tPATIENT_ID\tSUBTYPE\n" + rows)
    write_matrix(folder / EXP, samples, normal_rows(rng, arguments.exp, len(samples)))
    calls = (rng.integers(-2, 3, len(samples)).astype(str) for _ in range(arguments.cna))
    log2 = normal_rows(rng, arguments.cna, len(samples))
    write_matrix(folder / CNA, samples, log2 if arguments.log2 else calls)
    with (folder / MUT).open("w") as file:
        file.write(f"#Sequenced_Samples: {' '.join(samples)}\n")
        file.write("Hugo_Symbol\tEntrez_Gene_Id\tVariant_Classification\tTumor_Sample_Barcode\n")
        for _ in range(arguments.mutations):
            gene = rng.integers(173)
            file.write(f"G{gene}\t{gene + 1}\t{rng.choice(KINDS)}\t{rng.choice(samples)}\n")


def normal_rows(rng: np.random.Generator, n_rows: int, length: int) -> Iterator[np.ndarray]:
    return (np.char.mod("%.4f", rng.normal(6, 2, length)) for _ in range(n_rows))


def write_matrix(path: Path, samples: list[str], rows: Iterator[np.ndarray]) -> None:
    with path.open("w") as file:
        file.write("\t".join(["Hugo_Symbol", "Entrez_Gene_Id", *samples]) + "\n")
        for number, row in enumerate(rows):
            file.write("\t".join([f"G{number}", str(number + 1), *row]) + "\n")


if __name__ == "__main__":
    main()

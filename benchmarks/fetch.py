"""Time fetch_metabric on a simulated archive of METABRIC's size, served by this machine.

Prints seconds and peak memory (Linux only) of the first call, which downloads and parses, and of
the second, which reads what the first has kept. Each call is a process of its own.
"""

import argparse
import io
import json
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

STUDY = "brca_metabric"
CALL = """
import json, re, sys, time
from pathlib import Path
from xmodal_sklearn.datasets import fetch_metabric

def peak():
    # Not getrusage, which begins with the peak of the process that started this one.
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 2**20

imports = peak()
start = time.perf_counter(), time.process_time()
study = fetch_metabric(data_home=sys.argv[1], base_url=sys.argv[2])
seconds = time.perf_counter() - start[0], time.process_time() - start[1]
shape = {name: len(columns) for name, columns in study.modalities.items()}
print(json.dumps([seconds, peak(), imports, len(study.data), shape]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=1980)
    parser.add_argument("--expression", type=int, default=24_000, help="genes")
    parser.add_argument("--copy-number", type=int, default=22_500, help="genes")
    parser.add_argument("--mutations", type=int, default=17_000, help="rows, of 173 genes")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        archive = write_archive(folder, arguments)
        print(
            f"archive of {archive.stat().st_size / 2**20:.0f} MiB made in "
            f"{time.perf_counter() - start:.0f} s"
        )
        handler = partial(QuietHandler, directory=folder)
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}"
            for call in ("first", "second"):
                command = [sys.executable, "-c", CALL, folder / "home", url]
                done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
                seconds, peak, imports, patients, shape = json.loads(done.stdout)
                print(
                    f"{call} call: {seconds[0]:.1f} s ({seconds[1]:.1f} s of processor), "
                    f"peak memory {peak:.2f} GiB "
                    f"({imports:.2f} GiB before the call), {patients} patients x {shape}"
                )
            server.shutdown()
        for path in sorted((folder / "home" / "cbioportal").iterdir()):
            print(f"kept: {path.name}, {path.stat().st_size / 2**20:.0f} MiB")


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder without a log."""

    def log_message(self, *_):
        pass


def write_archive(folder: Path, arguments: argparse.Namespace) -> Path:
    rng = np.random.default_rng(0)
    samples = [f"MB-{number:04d}" for number in range(arguments.patients)]
    genes = [f"GENE{number}" for number in range(arguments.expression)]
    archive = folder / f"{STUDY}.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:

        def add(name: str, chunks: Iterator[bytes]) -> None:
            path = folder / "member"
            with path.open("wb") as file:
                file.writelines(chunks)
            tar.add(path, f"{STUDY}/{name}")
            path.unlink()

        expression = partial(rng.normal, 7.0, 1.0, arguments.patients)
        add("data_mrna_illumina_microarray.txt", matrix(genes, samples, expression, 6))
        ratio = partial(rng.normal, 0.0, 0.3, arguments.patients)
        add("data_log2_cna.txt", matrix(genes[: arguments.copy_number], samples, ratio, 4))
        add("data_mutations.txt", mutations(samples, genes[:173], arguments.mutations, rng))
        add("data_clinical_patient.txt", patients(samples, rng))
        add("data_clinical_sample.txt", clinical(["SAMPLE_ID"], [[s, s] for s in samples]))
        study = f"cancer_study_identifier: {STUDY}\n".encode()
        member = tarfile.TarInfo(f"{STUDY}/meta_study.txt")
        member.size = len(study)
        tar.addfile(member, io.BytesIO(study))
    return archive


def matrix(genes: list[str], samples: list[str], draw, digits: int) -> Iterator[bytes]:
    """Write genes in rows and samples in columns."""
    yield ("\t".join(["Hugo_Symbol", "Entrez_Gene_Id", *samples]) + "\n").encode()
    for number, gene in enumerate(genes):
        values = np.round(draw(), digits).tolist()
        yield ("\t".join([gene, str(number), *map(repr, values)]) + "\n").encode()


def mutations(samples: list[str], genes: list[str], n_rows: int, rng) -> Iterator[bytes]:
    yield f"#Sequenced_Samples: {' '.join(samples)}\n".encode()
    yield b"Hugo_Symbol\tEntrez_Gene_Id\tVariant_Classification\tTumor_Sample_Barcode\n"
    # The first rows name each gene once.
    numbers = np.arange(n_rows) % len(genes)
    numbers[len(genes) :] = rng.integers(len(genes), size=max(n_rows - len(genes), 0))
    for number in numbers:
        kind = rng.choice(["Missense_Mutation", "Frame_Shift_Del", "Silent"])
        yield f"{genes[number]}\t{number}\t{kind}\t{rng.choice(samples)}\n".encode()


def patients(samples: list[str], rng) -> Iterator[bytes]:
    subtypes = rng.choice(["LumA", "LumB", "Her2", "Basal", "claudin-low", "Normal"], len(samples))
    rows = [[sample, subtype] for sample, subtype in zip(samples, subtypes, strict=True)]
    return clinical(["CLAUDIN_SUBTYPE"], rows)


def clinical(columns: list[str], rows: list[list[str]]) -> Iterator[bytes]:
    """Write a clinical file with four comment lines and the patient first."""
    header = "\t".join(["PATIENT_ID", *columns])
    for comment in (header, header, "STRING\tSTRING", "1\t1"):
        yield f"#{comment}\n".encode()
    yield f"{header}\n".encode()
    for row in rows:
        yield ("\t".join(row) + "\n").encode()


if __name__ == "__main__":
    main()

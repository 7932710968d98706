"""Time fetch_metabric on a simulated archive of METABRIC's size, served by this machine.

Prints seconds and peak memory of the first call, which downloads and parses, and of the second,
which reads the cached tables. Each call is a new process.

    python -m benchmarks.speed.fetching
    python -m benchmarks.speed.fetching --samples 200 --exp 1000 --cna 800 --mutations 2000
"""

import argparse
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from benchmarks.shared import Timer, in_new_process, peak_bytes, study_parser, write_random_study
from xmodal_sklearn.datasets import fetch_metabric

STUDY = "brca_metabric"


def main() -> None:
    parser = study_parser(__doc__)
    parser.add_argument("--mutations", type=int, default=17_000, help="rows of the MAF file")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        with Timer() as spent:
            archive = write_archive(folder, arguments)
        size = archive.stat().st_size / 1e6
        print(f"archive of {size:.0f} MB made in {spent.wall:.0f} s", flush=True)
        handler = partial(QuietHandler, directory=folder)
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}"
            rows = [
                {"call": call, **in_new_process(fetch, folder / "home", url)}
                for call in ("first", "second")
            ]
            server.shutdown()
        print(pd.DataFrame(rows).round(2).to_string(index=False))
        for path in sorted((folder / "home" / "cbioportal").iterdir()):
            print(f"kept: {path.name}, {path.stat().st_size / 1e6:.0f} MB")


def fetch(data_home: Path, url: str) -> dict:
    before = peak_bytes()
    with Timer() as spent:
        study = fetch_metabric(data_home=data_home, base_url=url)
    return {
        **spent.seconds(),
        "peak GB": peak_bytes() / 1e9,
        "GB before the call": before / 1e9,
        "patients": len(study.data),
        **{modality: len(columns) for modality, columns in study.modalities.items()},
    }


class QuietHandler(SimpleHTTPRequestHandler):
    """Serve a folder without logging."""

    def log_message(self, *_: object) -> None:
        pass


def write_archive(folder: Path, arguments: argparse.Namespace) -> Path:
    study = folder / STUDY
    study.mkdir()
    write_random_study(study, arguments, n_mutations=arguments.mutations, log2=True)
    (study / "meta_study.txt").write_text(f"cancer_study_identifier: {STUDY}\n")
    archive = folder / f"{STUDY}.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(study, STUDY)
    return archive


if __name__ == "__main__":
    main()

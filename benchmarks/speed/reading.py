"""Time reading a simulated study of METABRIC's full size, compared with pandas.

python -m benchmarks.speed.reading
python -m benchmarks.speed.reading --samples 200 --exp 1000 --cna 800 --mutations 2000
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from benchmarks.shared import Timer, in_new_process, peak_bytes, study_parser, write_random_study
from xmodal_sklearn.datasets import read_cbioportal


def main() -> None:
    parser = study_parser(__doc__)
    parser.add_argument("--mutations", type=int, default=17_000, help="rows of the MAF file")
    parser.add_argument("--log2", action="store_true", help="log2 copy number, not discrete calls")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_random_study(folder, arguments, n_mutations=arguments.mutations, log2=arguments.log2)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        print(f"{arguments.samples} samples, {size:.0f} MB of text", flush=True)
        readers = [imports_alone, by_read_cbioportal, by_pandas]
        rows = [in_new_process(measure, reader, folder) for reader in readers]
    print(pd.DataFrame(rows).round(2).to_string(index=False))


def measure(reader: Callable[[Path], str], folder: Path) -> dict:
    with Timer() as spent:
        result = reader(folder)
    name = reader.__name__.removeprefix("by_")
    return {"reader": name, **spent.seconds(), "peak GB": peak_bytes() / 1e9, "result": result}


def imports_alone(folder: Path) -> str:
    return "nothing read"


def by_read_cbioportal(folder: Path) -> str:
    data = read_cbioportal(folder).data
    return f"{data.shape[0]} x {data.shape[1]}"


def by_pandas(folder: Path) -> str:
    tables = [pd.read_csv(path, sep="\t", comment="#") for path in sorted(folder.iterdir())]
    return f"{len(tables)} tables, neither checked nor joined"


if __name__ == "__main__":
    main()

"""Shared by the benchmarks: parser, cohorts, stored folds, timers, peaks of memory, studies.

Memory is read from /proc, so those figures are for Linux only.
"""

import argparse
import inspect
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import joblib
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.metrics import f1_score, log_loss, roc_auc_score

from xmodal_sklearn import MultiOmicsSelector, concat_modalities, split_modalities
from xmodal_sklearn._store import Store, source_hash
from xmodal_sklearn._version import installed_versions
from xmodal_sklearn.baselines import make_baselines
from xmodal_sklearn.datasets import make_multiomics, read_cbioportal

__all__ = [
    "COHORTS",
    "FOR_LOG_LOSS",
    "LIBRARIES",
    "MICROARRAYS",
    "STORE",
    "Timer",
    "anonymous_bytes",
    "checkouts",
    "compile_ranking",
    "fold_parser",
    "in_new_process",
    "make_parser",
    "measure_folds",
    "metabric",
    "model_scores",
    "peak_bytes",
    "read_cohorts",
    "sample_names",
    "sampled_peak",
    "scores",
    "stored",
    "study_parser",
    "tree_bytes",
    "tuned_baselines",
    "write_random_study",
    "write_study",
]

DATA = Path(os.environ.get("XMODAL_DATA", "../shared/data"))
# Finished folds, from which an interrupted program resumes.
STORE = Path(".benchmarks")
FOR_LOG_LOSS = ", for log loss"  # ends the names of models that are tuned for it
LIBRARIES = ("scikit-learn", "torch", "numpy", "lightgbm")
N_MUTATED = 173  # genes that METABRIC's panel sequenced
EXPRESSION = "data_mrna_illumina_microarray.txt"
LOG2_CNA, DISCRETE_CNA = "data_log2_cna.txt", "data_cna.txt"


def make_parser(docstring: str) -> argparse.ArgumentParser:
    """Return a parser that shows the docstring of the program as help."""
    return argparse.ArgumentParser(
        description=docstring, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def fold_parser(docstring: str, *, repeats: int) -> argparse.ArgumentParser:
    """Return a parser with options for repeated folds."""
    parser = make_parser(docstring)
    parser.add_argument("--repeats", type=int, default=repeats, help="of the five folds")
    parser.add_argument("--jobs", type=int, default=2, help="folds at a time")
    return parser


def study_parser(docstring: str) -> argparse.ArgumentParser:
    """Return a parser with options for the size of a cohort, by default that of METABRIC."""
    parser = make_parser(docstring)
    parser.add_argument("--samples", type=int, default=1980)
    parser.add_argument("--exp", type=int, default=24_000, help="genes with expression")
    parser.add_argument("--cna", type=int, default=22_500, help="genes with copy number")
    parser.add_argument("--mut", type=int, default=N_MUTATED, help="genes with mutations")
    return parser


def tcga() -> tuple[pd.DataFrame, np.ndarray]:
    """Read TCGA-BRCA: expression, methylation and microRNAs, with PAM50 subtypes."""
    files = {"exp": "rna", "met": "methylation", "mir": "mirna"}
    X, y = read_csv_tables("tcga_brca", files, "target")
    return X, y.astype(int).to_numpy()


def lgg() -> tuple[pd.DataFrame, np.ndarray]:
    """Read lower-grade glioma: four tables, with the histology as classes."""
    files = {"exp": "rna", "met": "meth", "mir": "mirna", "mut": "mut"}
    X, y = read_csv_tables("lgg", files, "histology")
    return X, y.to_numpy(object)


def breast_tcga() -> tuple[pd.DataFrame, np.ndarray]:
    """Read 150 breast tumors with three tables, the training samples of mixOmics' example."""
    files = {"exp": "train_mrna", "mir": "train_mirna", "prot": "train_protein"}
    X, y = read_csv_tables("breast_tcga", files, "train_subtype")
    return X, y.to_numpy(object)


def microarray(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Read a microarray study of few samples and thousands of genes."""
    with np.load(DATA / "wide" / f"{name}.npz", allow_pickle=True) as file:
        return pd.DataFrame(file["x"].T).add_prefix("exp__"), file["y"].astype(object)


def read_csv_tables(
    folder: str, files: Mapping[str, str], target: str
) -> tuple[pd.DataFrame, pd.Series]:
    """Read a table per modality, and the classes of its patients from a file of one column."""
    tables = {
        modality: pd.read_csv(DATA / folder / f"{file}.csv", index_col=0)
        for modality, file in files.items()
    }
    X = concat_modalities(tables)
    y = pd.read_csv(DATA / folder / f"{target}.csv", index_col=0).squeeze("columns")
    return X, y.loc[X.index]


def metabric(
    modalities: Iterable[str] = ("exp", "cna", "mut"),
    *,
    study: str = "metabric",
    target: str = "CLAUDIN_SUBTYPE",
    join: str = "inner",
) -> tuple[pd.DataFrame, np.ndarray]:
    """Read the public part of METABRIC, whose tables cover different patients."""
    data = read_cbioportal(DATA / study, modalities=modalities, target=target, join=join)
    return data.data, data.target.to_numpy(dtype=object).astype(str)


def metabric_discovery(modalities: Iterable[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """Read METABRIC's discovery cohort: 960 tumors with all three tables, six classes."""
    return metabric(modalities, study="metabric_discovery")


def simulated(
    n_samples: int, k: int, n_classes: int, imbalance: float | None = None
) -> tuple[pd.DataFrame, np.ndarray]:
    """Simulate twice `k` columns of expression and of copy number, up to `k` of mutations."""
    sizes = {"exp": 2 * k, "cna": 2 * k, "mut": min(k, N_MUTATED)}
    weights = None if imbalance is None else np.geomspace(imbalance, 1, n_classes)
    X, y = make_multiomics(
        n_samples, sizes, n_classes=n_classes, weights=weights, return_X_y=True, random_state=0
    )
    return X, np.asarray(y).astype(str)


def tuned_baselines(**options: Any) -> dict[str, Any]:
    """Make baselines tuned for macro-F1, and others tuned for log loss, without class weights."""
    for_log_loss = make_baselines(**options, scoring="neg_log_loss", class_weight=None)
    del for_log_loss["dummy"]
    renamed = {f"{name}{FOR_LOG_LOSS}": model for name, model in for_log_loss.items()}
    return make_baselines(**options) | renamed


MICROARRAYS = ("alon", "golub", "gravier", "khan", "pomeroy", "singh", "su")
COHORTS: dict[str, Callable[[], tuple[pd.DataFrame, np.ndarray]]] = {
    "tcga": tcga,
    "lgg": lgg,
    "breast_tcga": breast_tcga,
    **{name: partial(microarray, name) for name in MICROARRAYS},
    "metabric-pam50": partial(metabric, ("cna", "mut")),
    "metabric-intclust": partial(metabric, ("cna", "mut"), target="INTCLUST"),
    "metabric-exp": partial(metabric, ("exp", "mut")),
    **{
        f"metabric-discovery-{modalities}": partial(metabric_discovery, modalities.split("-"))
        for modalities in ("exp", "exp-cna", "exp-mut", "exp-cna-mut")
    },
}


def read_cohorts(
    names: Iterable[str], sizes: Iterable[str]
) -> Iterator[tuple[str, pd.DataFrame, np.ndarray, int | str]]:
    """Yield name, table, labels and K of the cohorts; ``"simulated"`` is one cohort per size."""
    for name in names:
        if name != "simulated":
            yield name, *COHORTS[name](), "all"
            continue
        for size in sizes:
            shape = [int(number) for number in size.split("x")]
            yield f"simulated {size}", *simulated(*shape), shape[1]


def stored(function: Callable[..., Any], *arguments: Any, program: Path | None = None) -> Any:
    """Return the result of a function, from an earlier run if nothing it depends on has changed.

    It depends on its arguments, the package, the versions of libraries, and the sources of the
    program and of this module.
    """
    program = program or Path(inspect.getfile(function))
    store = Store(STORE / program.stem, ".pickle", load=joblib.load, dump=joblib.dump)
    sources = [source_hash("**/*.py"), *(file.read_text() for file in (program, Path(__file__)))]
    key = [sources, installed_versions(LIBRARIES), function.__qualname__, arguments]
    return store.look_up(store.name(key, function.__name__), partial(function, *arguments))


def measure_folds(
    measure: Callable[..., list[dict]], cohorts: Iterable[tuple], folds: Any, n_jobs: int
) -> list[dict]:
    """Return the rows that ``measure(X, y, k, train, test)`` has for each fold of (X, y, k)."""
    # Workers do not know the file of a function of the main program.
    program = Path(inspect.getfile(measure))
    return [
        row
        for X, y, k in cohorts
        for rows in Parallel(n_jobs=n_jobs)(
            delayed(stored)(measure, X, y, k, train, test, program=program)
            for train, test in folds.split(X, y)
        )
        for row in rows
    ]


def scores(
    y: np.ndarray,
    probabilities: np.ndarray,
    classes: np.ndarray,
    predicted: np.ndarray | None = None,
) -> dict[str, float]:
    """Return macro-F1 of what is predicted, by default the most probable, ROC AUC and log loss."""
    class_scores = probabilities[:, 1] if len(classes) == 2 else probabilities
    if predicted is None:
        predicted = classes[probabilities.argmax(axis=1)]
    return {
        "macro-F1": f1_score(y, predicted, average="macro"),
        "ROC AUC": roc_auc_score(y, class_scores, multi_class="ovr", labels=classes),
        "log loss": log_loss(y, probabilities, labels=classes),
    }


def model_scores(model: Any, X: pd.DataFrame, y: np.ndarray) -> dict[str, float]:
    """Return the scores of what a model predicts."""
    return scores(y, model.predict_proba(X), model.classes_, model.predict(X))


@contextmanager
def checkouts(revision: str | None) -> Iterator[dict[str, Path]]:
    """Yield the folders of this working copy and, if a revision is given, of that revision."""
    here = Path.cwd()
    if revision is None:
        yield {"here": here}
        return
    with TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", revision, "xmodal_sklearn"], capture_output=True, check=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield {"here": here, revision: Path(folder)}


class Timer:
    """Add up wall time and CPU time of the blocks run under it."""

    def __init__(self) -> None:
        self.wall = self.processor = 0.0

    def __enter__(self) -> "Timer":
        self._start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall += time.perf_counter() - self._start[0]
        self.processor += time.process_time() - self._start[1]

    def seconds(self) -> dict[str, float]:
        """Return both as the columns of a table."""
        return {"wall s": self.wall, "processor s": self.processor}


def compile_ranking() -> None:
    """Compile the selector's solver before measuring."""
    for dtype in ("float32", "float64"):
        X, y = make_multiomics(
            60, {"exp": 100, "mut": 20}, dtype=dtype, return_X_y=True, random_state=0
        )
        MultiOmicsSelector(k=5).fit(X, y)


def peak_bytes() -> int:
    """Return the peak memory of this process so far.

    getrusage would include the peak of the parent process.
    """
    return _status_bytes("VmHWM")


def anonymous_bytes() -> int:
    """Return the memory of this process without that of mapped files."""
    return _status_bytes("RssAnon")


def _status_bytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def tree_bytes(pid: int) -> int:
    """Return the memory of a process and its descendants, counting shared pages once."""
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


@contextmanager
def sampled_peak(measure: Callable[[], int], interval: float) -> Iterator[SimpleNamespace]:
    """Call `measure` every `interval` seconds during a block; keep the first value and the peak."""
    first = measure()
    memory = SimpleNamespace(before=first, peak=first)
    done = threading.Event()

    def watch() -> None:
        while not done.wait(interval):
            memory.peak = max(memory.peak, measure())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield memory
    finally:
        done.set()
        watcher.join()


def in_new_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the result of a function run in a new process, because peaks are per process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def sample_names(n_samples: int) -> list[str]:
    """Return sample names like METABRIC's."""
    return [f"MB-{number:04}" for number in range(n_samples)]


def write_study(folder: Path, X: pd.DataFrame, y: pd.Series) -> None:
    """Write a simulated cohort with the modalities exp, cna and mut."""
    tables = split_modalities(X)
    _write_clinical(folder, X.index, y)
    for modality, file_name in {"exp": EXPRESSION, "cna": LOG2_CNA}.items():
        table = tables[modality]
        _write_matrix(folder / file_name, table.index, table.columns, table.to_numpy().T)
    flags = tables["mut"]
    samples, genes = np.nonzero(flags.to_numpy())
    _write_mutations(
        folder, flags.index, flags.columns[genes], "Missense_Mutation", flags.index[samples]
    )


def write_random_study(
    folder: Path, sizes: argparse.Namespace, *, n_mutations: int, log2: bool
) -> None:
    """Write a study of noise, gene by gene, with the size given by the options of `study_parser`.

    Copy number is log2 ratios or discrete calls; `n_mutations` is the number of rows.
    """
    rng = np.random.default_rng(0)
    samples = np.array(sample_names(sizes.samples))
    genes = np.array([f"GENE{number}" for number in range(max(sizes.exp, sizes.cna, sizes.mut))])
    _write_clinical(folder, samples, rng.choice(["LumA", "LumB", "Her2", "Basal"], len(samples)))
    expression = (rng.normal(7, 1, len(samples)) for _ in range(sizes.exp))
    _write_matrix(folder / EXPRESSION, samples, genes[: sizes.exp], expression, "%.6f")
    if log2:
        ratios = (rng.normal(0, 0.3, len(samples)) for _ in range(sizes.cna))
        _write_matrix(folder / LOG2_CNA, samples, genes[: sizes.cna], ratios)
    else:
        calls = (rng.integers(-2, 3, len(samples)) for _ in range(sizes.cna))
        _write_matrix(folder / DISCRETE_CNA, samples, genes[: sizes.cna], calls, "%d")
    # The first rows name each gene once.
    mutated = np.arange(n_mutations) % sizes.mut
    mutated[sizes.mut :] = rng.integers(sizes.mut, size=max(n_mutations - sizes.mut, 0))
    kinds = rng.choice(["Missense_Mutation", "Nonsense_Mutation", "Silent", "Intron"], n_mutations)
    _write_mutations(folder, samples, genes[mutated], kinds, rng.choice(samples, n_mutations))


def _write_clinical(folder: Path, samples: Iterable[str], subtypes: Iterable[str]) -> None:
    """Write the clinical files, with cBioPortal's four comment lines."""
    patient = {"PATIENT_ID": samples, "CLAUDIN_SUBTYPE": subtypes}
    sample = {"PATIENT_ID": samples, "SAMPLE_ID": samples}
    for kind, columns in {"patient": patient, "sample": sample}.items():
        names = "\t".join(columns)
        with (folder / f"data_clinical_{kind}.txt").open("w") as file:
            file.write(f"#{names}\n#{names}\n#STRING\tSTRING\n#1\t1\n")
            pd.DataFrame(columns).to_csv(file, sep="\t", index=False)


def _write_matrix(
    path: Path,
    samples: Iterable[str],
    genes: Iterable[str],
    rows: Iterable[np.ndarray],
    number: str = "%.4f",
) -> None:
    """Write genes in rows and samples in columns, each value in the format `number`."""
    with path.open("w") as file:
        file.write("\t".join(["Hugo_Symbol", "Entrez_Gene_Id", *samples]) + "\n")
        for entrez, (gene, row) in enumerate(zip(genes, rows, strict=True), start=1):
            values = "\t".join([number] * len(row)) % tuple(row.tolist())
            file.write(f"{gene}\t{entrez}\t{values}\n")


def _write_mutations(
    folder: Path,
    sequenced: Iterable[str],
    genes: Iterable[str],
    kinds: str | np.ndarray,
    samples: Iterable[str],
) -> None:
    rows = pd.DataFrame(
        {
            "Hugo_Symbol": genes,
            "Variant_Classification": kinds,
            "Tumor_Sample_Barcode": samples,
        }
    )
    with (folder / "data_mutations.txt").open("w") as file:
        file.write(f"#Sequenced_Samples: {' '.join(sequenced)}\n")
        rows.to_csv(file, sep="\t", index=False)

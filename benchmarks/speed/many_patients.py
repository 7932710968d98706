"""Time a default fit, and the prediction of 100,000 patients, as the number of patients grows.

    python -m benchmarks.speed.many_patients
    python -m benchmarks.speed.many_patients --sizes 10000x3x2000x5
    python -m benchmarks.speed.many_patients --against HEAD~20

A size is patients x modalities x features per modality x classes. Each runs in a new process with
one thread, compared with another commit and with one logistic regression that is not tuned. Memory
is the peak of the process, including the table of patients.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

from benchmarks.markdown import print_table
from benchmarks.shared import checkouts, make_parser, stored

SIZES = "500x2x500x10,1600x2x500x10,5000x2x500x10,16000x2x500x10,50000x2x500x10"
OURS, CLASSICAL = "cross-modal attention", "logistic regression"
PROGRAM = """
import json, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
from xmodal_sklearn import CrossModalAttentionClassifier
from sklearn.linear_model import LogisticRegression

def peak():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) / 1e6 for line in lines if line.startswith("VmHWM"))

model, (n, n_modalities, k, n_classes) = sys.argv[1], map(int, sys.argv[2].split("x"))
blocks = {f"m{number}": slice(number * k, (number + 1) * k) for number in range(n_modalities)}
def cohort(n, seed):
    # A tenth of the columns depend on the class; no other arrays are kept in memory.
    random = np.random.default_rng(seed)
    y = random.integers(n_classes, size=n)
    X = random.standard_normal((n, n_modalities * k), dtype=np.float32)
    X[:, ::10] += np.random.default_rng(0).standard_normal((n_classes, X[:, ::10].shape[1]))[y] / 8
    return X, y
if model == "logistic regression":
    model = LogisticRegression(C=0.01)
else:
    model = CrossModalAttentionClassifier(modalities=blocks, random_state=0)
    X, y = cohort(200, 0)
    model.set_params(max_epochs=1).fit(X, y).set_params(max_epochs=None)  # loads what it needs
X, y = cohort(n, 1)
start = time.process_time()
model.fit(X, y)
fit, fit_peak = time.process_time() - start, peak()
X, y = cohort(100_000, 2)
start = time.process_time()
right = (model.predict(X) == y).mean()
predict = time.process_time() - start
print(json.dumps([fit, fit_peak, predict, peak(), right]))
"""
COLUMNS = ["fit s", "fit GB", "predict 100,000 s", "predict GB", "accuracy"]


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--sizes", default=SIZES, help="comma-separated")
    parser.add_argument("--against", metavar="REV", help="also fit that commit's classifier")
    arguments = parser.parse_args()
    with checkouts(arguments.against) as folders:
        here, *others = folders.values()
        programs = {OURS: here, CLASSICAL: here}
        programs |= {f"{OURS}, {arguments.against}": folder for folder in others}
        for size in arguments.sizes.split(","):
            rows = {name: stored(measure, name, size, folder) for name, folder in programs.items()}
            table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)
            table.insert(1, "ratio", table["fit s"] / table.loc[OURS, "fit s"])
            print_table(size, table.rename_axis("model"), higher=[])


def measure(model: str, size: str, checkout: Path) -> list[float]:
    """Return the measurements of one model in a new process, with the code of a checkout."""
    threads = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], "1")
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, model, size],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout), **threads},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(ran.stdout)


if __name__ == "__main__":
    main()

"""Time a default fit, compared with tuned classical models and optionally with another commit.

All models are fitted to the same folds, each in a new process with one thread, in turns, so changes
in the load of the machine affect all of them. Times are CPU seconds, medians over the folds; a
first small fit, which loads and compiles, is not counted. Scores are differences to the classifier,
paired by fold, with their standard error: negative values are worse in macro-F1 and ROC AUC, and
better in log loss.

    python -m benchmarks.speed.fits tcga metabric-discovery-exp-cna-mut
    python -m benchmarks.speed.fits simulated --against HEAD~20 --models ""
    python -m benchmarks.speed.fits switch gate --against HEAD~20 --models "random forest"

"simulated" has 1,980 patients and 3 x 1,000 features; 1,584 patients are fitted. The real cohorts
are read from $XMODAL_DATA (default ../shared/data).
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from benchmarks.accuracy.interactions import KINDS, SIZES, simulate
from benchmarks.markdown import print_table
from benchmarks.shared import COHORTS, checkouts, make_parser, scores, stored
from xmodal_sklearn.baselines import make_baselines
from xmodal_sklearn.datasets import make_multiomics

ATTENTION = "cross-modal attention"
MODELS = [
    "logistic regression",
    "elastic net",
    "linear SVM",
    "RBF SVM",
    "k nearest neighbors",
    "random forest",
    "gradient boosting",
    "MLP",
    "nearest shrunken centroid",
]
# Run in a process of its own with the package of a checkout.
PROGRAM = """
import sys, time, warnings
import joblib
warnings.simplefilter("ignore")
model, X, y, train, test = joblib.load(sys.argv[1])
if model is None:
    from xmodal_sklearn import CrossModalAttentionClassifier
    model = CrossModalAttentionClassifier(random_state=0)
    model.set_params(max_epochs=1).fit(X.iloc[train], y[train]).set_params(max_epochs=None)
start = time.process_time()
model.fit(X.iloc[train], y[train])
seconds = time.process_time() - start
X = X.iloc[test]
joblib.dump((seconds, model.predict_proba(X), model.classes_, model.predict(X)), sys.argv[2])
"""


def main() -> None:
    parser = make_parser(__doc__)
    choices = [*COHORTS, "simulated", *KINDS]
    parser.add_argument("cohorts", nargs="+", choices=choices, metavar="cohort")
    parser.add_argument(
        "--models", default=",".join(MODELS), help="classical models, comma-separated"
    )
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--against", metavar="REV", help="also fit that commit's classifier")
    arguments = parser.parse_args()
    names = [name for name in arguments.models.split(",") if name]
    models = (
        make_baselines(k="all", models=names, fusion=["early"], random_state=0) if names else {}
    )
    with checkouts(arguments.against) as folders:
        here, *others = folders.values()
        programs = {ATTENTION: (None, here)}
        programs |= {f"{ATTENTION}, {arguments.against}": (None, folder) for folder in others}
        programs |= {name: (model, here) for name, model in models.items()}
        for name in arguments.cohorts:
            X, y = read(name)
            folds = StratifiedKFold(arguments.folds, shuffle=True, random_state=0)
            rows = [
                {"model": model, "fold": fold, **of_fit}
                for fold, (train, test) in enumerate(folds.split(X, y))
                for model, of_fit in stored(fits, programs, X, y, train, test)
            ]
            title = f"{name}: {len(X)} samples, {X.shape[1]} columns, {arguments.folds} folds"
            print_table(title, table(pd.DataFrame(rows)), higher=[], lower=[])


def read(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the table and the labels of a cohort."""
    if name in COHORTS:
        return COHORTS[name]()
    if name in KINDS:
        cohort, y = simulate(name, 800, SIZES[115], 0)
        return cohort.data, y
    sizes = {"exp": 1000, "cna": 1000, "mut": 1000}
    X, y = make_multiomics(1980, sizes, return_X_y=True, random_state=0)
    return X.astype(np.float32), np.asarray(y).astype(str)


def fits(
    programs: dict, X: pd.DataFrame, y: np.ndarray, train: np.ndarray, test: np.ndarray
) -> list[tuple[str, dict[str, float]]]:
    """Fit every model to the training samples; return its seconds and its scores."""
    measured = []
    for name, (model, checkout) in programs.items():
        with TemporaryDirectory() as folder:
            task, answer = Path(folder, "task"), Path(folder, "answer")
            joblib.dump((model, X, y, train, test), task)
            subprocess.run(
                [sys.executable, "-c", PROGRAM, task, answer],
                cwd=checkout,
                env={**os.environ, "PYTHONPATH": str(checkout), **ONE_THREAD},
                check=True,
            )
            seconds, *predictions = joblib.load(answer)
        fit = {"seconds": seconds, **scores(y[test], *predictions)}
        measured.append((name, fit))
    return measured


ONE_THREAD = dict.fromkeys(
    ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"], "1"
)


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the seconds of every model, and the differences of its scores."""
    by_model = rows.set_index(["model", "fold"])
    ours = by_model.loc[ATTENTION]
    shown = {}
    for model in rows["model"].unique():
        model_rows = by_model.loc[model]
        ratio = (model_rows["seconds"] / ours["seconds"]).median()
        shown[model] = {"seconds": f"{model_rows['seconds'].median():.2f}", "ratio": f"{ratio:.2f}"}
        for metric in ours.columns.drop("seconds"):
            if model == ATTENTION:
                shown[model][metric] = f"{model_rows[metric].mean():.3f}"
            else:
                away = model_rows[metric] - ours[metric]
                shown[model][metric] = f"{away.mean():+.4f}±{away.sem():.4f}"
    return pd.DataFrame(shown).T.rename_axis("model")


if __name__ == "__main__":
    main()

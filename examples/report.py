"""Compare three models on a simulated cohort and write the report.

The first argument is the file to write; without one, report.html in a temporary folder.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.learning import learning_curves
from xmodal_sklearn.report import write_report

X, y = make_multiomics(300, {"exp": 400, "cna": 300, "mut": 50}, return_X_y=True, random_state=0)
models = {
    "logistic regression": make_pipeline(
        MultiOmicsSelector(50), StandardScaler(), LogisticRegression(C=0.01, max_iter=1000)
    ),
    "random forest": make_pipeline(
        MultiOmicsSelector(50), RandomForestClassifier(100, random_state=0)
    ),
    "dummy": DummyClassifier(),
}
options = {"cv": RepeatedStratifiedKFold(n_splits=4, n_repeats=2, random_state=0), "n_jobs": 2}
result = compare(models, X, y, **options)
result = replace(result, learning=learning_curves(models, X, y, shares=[0.25, 0.5], **options))
path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()) / "report.html"
write_report(result, path, command=f"python {Path(__file__).name}", title="Simulated cohort")
print(f"Open {path} in a browser.")

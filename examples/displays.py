"""Draw every display on a simulated cohort: models, K, coefficient path, modalities.

The first argument is the file to draw to; without one, displays.png in a temporary folder.
"""

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.baselines import LateFusionClassifier
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.plotting import (
    CoefficientPathDisplay,
    ComparisonDisplay,
    KScoreDisplay,
    ModalityAblationDisplay,
)

X, y = make_multiomics(300, {"exp": 400, "cna": 300, "mut": 50}, return_X_y=True, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
folds = StratifiedKFold(5, shuffle=True, random_state=0)
classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
early = make_pipeline(MultiOmicsSelector(50), classifier)
late = make_pipeline(MultiOmicsSelector(50), LateFusionClassifier(classifier))
figure, axes = plt.subplots(2, 2, figsize=(13, 9), layout="constrained")

models = {"early fusion": early, "late fusion": late}
comparison = compare(models, X, y, cv=folds, scoring=["f1_macro"])
ComparisonDisplay.from_comparison(comparison, ax=axes[0, 0])

grid = {"multiomicsselector__k": [5, 20, 50, 200], "pipeline__logisticregression__C": [0.01, 1]}
search = GridSearchCV(early, grid, cv=folds, scoring="f1_macro").fit(X_train, y_train)
KScoreDisplay.from_estimator(search, ax=axes[0, 1])

CoefficientPathDisplay.from_estimator(
    MultiOmicsSelector(), X_train, y_train, modality="exp", ax=axes[1, 0]
)
ModalityAblationDisplay.from_estimator(
    search, X_test, y_test, scoring="f1_macro", random_state=0, ax=axes[1, 1]
)

path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()) / "displays.png"
figure.savefig(path, dpi=120)
print(f"Drawn to {path}")

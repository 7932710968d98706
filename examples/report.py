"""
An HTML report
==============

How do you show a comparison to colleagues who do not program? A report is a single HTML file that
needs no other file and no network. It has sortable tables, every fold, pairwise comparisons,
confusion matrices, ROC and reliability curves, and the selected features.
"""

# %%
# Compare two models and a dummy classifier on four folds, repeated twice, and compute learning
# curves.
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
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
from xmodal_sklearn.plotting import ComparisonDisplay
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
folds = RepeatedStratifiedKFold(n_splits=4, n_repeats=2, random_state=0)
result = compare(models, X, y, cv=folds)
curves = learning_curves(models, X, y, shares=[0.25, 0.5], cv=folds)
result = replace(result, learning=curves)

# %%
# Mean and standard deviation over folds, and whether the lead of the first model is significant.
print(result.summary()[["f1_macro", "roc_auc_ovr", "log_loss"]].round(3).to_string())
print(result.test("logistic regression").round(3))

# %%
# Write the file. From a folder saved with ``result.save(folder)``, you can write it later, also
# with the command ``xmodal report FOLDER``.
path = Path(tempfile.mkdtemp()) / "report.html"
write_report(result, path, title="Simulated cohort")
print(f"{path.stat().st_size / 1e6:.1f} MB: open it in a browser.")

# %%
# One of its figures:
ComparisonDisplay.from_comparison(result, metric="roc_auc_ovr")
plt.show()

# %%
# **Answer.** Send the file that ``write_report`` makes. Whoever opens it in a browser sees how the
# models compare on the same folds, and which differences exceed chance.

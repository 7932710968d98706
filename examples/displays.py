"""
All displays
============

Which figures are there for a talk or a paper? Displays work as in scikit-learn: ``from_…`` computes
and draws, on ``ax`` if given, and stores the numbers in attributes. This example uses classical
models on a simulated cohort.
"""

# %%
# Models on the same folds
# ------------------------
# Each point is a fold. The confidence interval of the mean accounts for overlapping training sets.
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

models = {"early fusion": early, "late fusion": late}
comparison = compare(models, X, y, cv=folds, scoring=["f1_macro"])
ComparisonDisplay.from_comparison(comparison)

# %%
# The score against K
# -------------------
# One line per setting of the other parameters of a search.
grid = {"multiomicsselector__k": [5, 20, 50, 200], "pipeline__logisticregression__C": [0.01, 1]}
search = GridSearchCV(early, grid, cv=folds, scoring="f1_macro").fit(X_train, y_train)
KScoreDisplay.from_estimator(search)

# %%
# The elastic-net path
# --------------------
# Features are ranked by the penalty at which they enter the elastic net, from left to right.
CoefficientPathDisplay.from_estimator(MultiOmicsSelector(), X_train, y_train, modality="exp")

# %%
# The importance of each modality
# -------------------------------
# The columns of one modality are permuted among the patients, ten times.
ModalityAblationDisplay.from_estimator(search, X_test, y_test, scoring="f1_macro", random_state=0)
plt.show()

# %%
# **Answer.** The four figures above are about comparison and selection. Those that explain a fitted
# network are in the examples on attention maps and METABRIC.

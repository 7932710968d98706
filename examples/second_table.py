"""
Does a second table help?
=========================

Copy-number arrays cost money. Do they improve the prediction, or would expression alone do? This
example compares the first table alone, both tables, and both with the second one shuffled, which
turns it into noise. The cohort is simulated.
"""

# %%
# :func:`~xmodal_sklearn.paper.compare_modalities` fits one pipeline for each set of modalities that
# includes the first one, on the same folds.
import matplotlib.pyplot as plt
from sklearn.model_selection import StratifiedKFold, train_test_split

from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.paper import compare_modalities
from xmodal_sklearn.plotting import ComparisonDisplay, ModalityAblationDisplay

X, y = make_multiomics(300, {"exp": 100, "cna": 60}, class_sep=0.6, return_X_y=True, random_state=0)
classifier = CrossModalAttentionClassifier(n_estimators=2, random_state=0)  # for speed
folds = StratifiedKFold(3, shuffle=True, random_state=0)
result = compare_modalities(X, y, classifier, ks=[40], cv=folds, n_jobs=2)
ComparisonDisplay.from_comparison(result)
print(result.test("EXP+CNA, K=40").round(3))

# %%
# Negative controls: ``controls=`` replaces each table by noise and also permutes the labels,
# which shows the score expected by chance on this cohort.
controlled = compare(
    {"both": classifier},
    X,
    y,
    cv=folds,
    scoring=["f1_macro"],
    controls="both",
    n_jobs=2,
    random_state=0,
)
ComparisonDisplay.from_comparison(controlled)

# %%
# How much a fitted model relies on each table: its score on test patients when one table is
# permuted among them.
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
ModalityAblationDisplay.from_estimator(
    classifier.fit(X_train, y_train), X_test, y_test, scoring="f1_macro", random_state=0
)
plt.show()

# %%
# **Answer.** Measure a second table if it beats its own shuffled copy on the same folds, by more
# than chance. The last figure answers another question: if two tables are redundant, a model may
# rely on a table that adds nothing to the other.

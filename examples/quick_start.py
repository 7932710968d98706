"""
Quick start
===========

You have expression, copy number and mutations of 300 tumors with known subtypes. How well can the
subtype of a new tumor be predicted, and from which genes? Selection and attention are
cross-validated in one pipeline. The tumors are simulated.
"""

# %%
# Simulate a cohort of 300 tumors. Expression, copy number and mutations are combined in one table;
# the prefix of each column names its modality.
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.datasets import make_multiomics

X, y = make_multiomics(n_samples=300, return_X_y=True, random_state=0)
print(X.iloc[:3, [0, 1, 1000, 1001, 1800, 1801]])
print(y.value_counts())

# %%
# The selector keeps the 50 best features of each modality; in the classifier, expression attends to
# the other modalities. Both are fitted inside each training fold, so test patients do not influence
# the selection.
model = make_pipeline(MultiOmicsSelector(k=50), CrossModalAttentionClassifier(random_state=0))
folds = StratifiedKFold(3, shuffle=True, random_state=0)
scores = cross_validate(
    model,
    X,
    y,
    cv=folds,
    scoring=["f1_macro", "roc_auc_ovr"],
    return_estimator=True,
    return_indices=True,
)
for metric in ("f1_macro", "roc_auc_ovr"):
    values = scores[f"test_{metric}"]
    print(f"{metric}: {values.mean():.3f} ± {values.std(ddof=1):.3f}")

# %%
# The selector ranks all features of a modality. Features in the top ten of all three folds do not
# depend on a particular split.
rankings = [fitted[0].rankings_ for fitted in scores["estimator"]]
for modality in rankings[0]:
    best = [set(ranking[modality][:10]) for ranking in rankings]
    print(f"{modality}, in the top ten of every fold:", *sorted(set.intersection(*best)))

# %%
# The confusion matrix of out-of-fold predictions: each patient is predicted by the model that was
# not fitted to them.
predicted = pd.Series(index=y.index, dtype=object)
for fitted, test in zip(scores["estimator"], scores["indices"]["test"], strict=True):
    predicted.iloc[test] = fitted.predict(X.iloc[test])
ConfusionMatrixDisplay.from_predictions(y, predicted, cmap="Blues", colorbar=False)
plt.show()

# %%
# **Answer.** The scores above are those to expect for new tumors of the same source, since no test
# tumor took part in selecting or fitting; the matrix shows which subtypes are confused.

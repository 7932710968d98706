"""
Quick start
===========

Selection and attention in one pipeline, cross-validated on a simulated cohort; then a look at what
was selected, and at which class is taken for which.
"""

# %%
# A cohort of 300 tumours: expression, copy number and mutations side by side in one table. The
# prefix of a column names its modality.
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
# The selector keeps the 50 best features of each modality, the classifier lets expression attend to
# the others. Both are fitted inside each training fold, so no test patient has a say in what is
# selected.
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
# The selector ranks every feature of a modality. A feature that is among the first ten in all three
# folds is not there by chance of the split.
rankings = [fitted[0].rankings_ for fitted in scores["estimator"]]
for modality in rankings[0]:
    best = [set(ranking[modality][:10]) for ranking in rankings]
    print(f"{modality}, in the first ten of every fold:", *sorted(set.intersection(*best)))

# %%
# The predictions of the three folds together: each patient was predicted by the model that had not
# seen them.
predicted = pd.Series(index=y.index, dtype=object)
for fitted, test in zip(scores["estimator"], scores["indices"]["test"], strict=True):
    predicted.iloc[test] = fitted.predict(X.iloc[test])
ConfusionMatrixDisplay.from_predictions(y, predicted, cmap="Blues", colorbar=False)
plt.show()

"""
Reading attention
=================

Which gene of one table goes with which of another? The map of a fitted classifier tells which pairs
of features move the prediction only together, beyond what each does alone.
"""

# %%
# In this cohort the expression of some genes counts only as far as their own copy number lets it:
# the pairs that decide are known.
import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.inspection import attention_map, modality_importance, top_pairs
from xmodal_sklearn.plotting import AttentionMapDisplay, ModalityImportanceDisplay

cohort = make_multiomics(
    500,
    {"exp": 60, "cna": 40},
    n_classes=2,
    interaction="cis",
    interaction_strength=2.0,
    random_state=0,
)
X, y = cohort.data, cohort.target
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
model = CrossModalAttentionClassifier(n_estimators=4, random_state=0).fit(X_train, y_train)
print(f"accuracy on unseen patients: {model.score(X_test, y_test):.2f}")

# %%
# The map has the features of expression in rows and those of copy number in columns. Ask about
# patients that the model was not fitted to.
effects = attention_map(model, X_test)
AttentionMapDisplay.from_estimator(model, X_test)
plt.show()

# %%
# The largest pairs, beside the pairs that decide in truth.
found = top_pairs(effects, 8, X=X_test)
print(found.to_string(index=False))
truth = set(zip(cohort.interactions["primary"], cohort.interactions["other"], strict=True))
hits = [pair in truth for pair in zip(found["primary"], found["source"], strict=True)]
print(f"{sum(hits)} of {len(hits)} are pairs that decide.")

# %%
# How much each table counts, by several measures that need not agree: each asks another question.
importance = modality_importance(model, X, y, cv=2, random_state=0)
print(importance.summary().round(3))
ModalityImportanceDisplay.from_importance(importance)
plt.show()

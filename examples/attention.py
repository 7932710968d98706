"""
Attention maps
==============

Which genes of two tables act together? The attention map of a fitted classifier shows which pairs
of features affect the prediction jointly, beyond their separate effects.
"""

# %%
# In this simulated cohort, the effect of some genes' expression depends on their own copy number,
# so the true interactions are known.
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
# The map has expression features in rows and copy-number features in columns. Use patients that
# were not in the training data.
effects = attention_map(model, X_test)
AttentionMapDisplay.from_estimator(model, X_test)
plt.show()

# %%
# The largest interactions, compared with the true ones.
largest = top_pairs(effects, 8, X=X_test)
print(largest.to_string(index=False))
truth = set(zip(cohort.interactions["primary"], cohort.interactions["other"], strict=True))
hits = [pair in truth for pair in zip(largest["primary"], largest["source"], strict=True)]
print(f"{sum(hits)} of {len(hits)} are true interactions.")

# %%
# The importance of each table, by several measures. They answer different questions, so they need
# not agree.
importance = modality_importance(model, X, y, cv=2, random_state=0)
print(importance.summary().round(3))
ModalityImportanceDisplay.from_importance(importance)
plt.show()

# %%
# **Answer.** The pairs with the largest entries of the map act together. In real data the truth is
# unknown, so trust only pairs that recur over folds and seeds.

"""
Patients without a modality
===========================

Sequencing fails, budgets end: patients lack whole tables. They train and predict too; their absent
table is a block of NaN, and nothing is filled in.
"""

# %%
# Of 360 patients, 40% lack copy number and 20% mutations; a patient keeps at least one table.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split

from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.datasets import make_multiomics

data = make_multiomics(
    360,
    {"exp": 80, "cna": 60, "mut": 20},
    missing={"cna": 0.4, "mut": 0.2},
    random_state=0,
)
X, y = data.data, data.target
whole = X.notna().all(axis=1)
print(f"{whole.sum()} of {len(X)} patients have all three tables.")

# %%
# Trained on all patients, or on those who have everything, and asked about the same unseen ones.
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=1 / 3, stratify=y, random_state=0
)
complete = X_train.notna().all(axis=1)
model = CrossModalAttentionClassifier(random_state=0)
fitted = {
    "all patients": model.fit(X_train, y_train),
    "complete patients": CrossModalAttentionClassifier(random_state=0).fit(
        X_train[complete], y_train[complete]
    ),
}
groups = {
    "complete": X_test.notna().all(axis=1).to_numpy(),
    "lacking a table": ~X_test.notna().all(axis=1).to_numpy(),
}
figure, ax = plt.subplots(figsize=(6.5, 3.5), layout="constrained")
for offset, (name, one) in zip((-0.15, 0.15), fitted.items(), strict=True):
    predicted = one.predict(X_test)
    scores = [
        f1_score(y_test[group], predicted[group], average="macro") for group in groups.values()
    ]
    bars = ax.barh(np.arange(2) + offset, scores, height=0.28, label=f"trained on {name}")
    ax.bar_label(bars, fmt="%.2f", padding=3)
ax.set_yticks(range(2), [f"{name} ({group.sum()})" for name, group in groups.items()])
ax.set(xlabel="macro-F1", ylabel="test patients", xlim=(0, 1))
figure.legend(loc="outside upper center", ncols=2, frameon=False)
plt.show()

# %%
# Each pattern of modalities has weights of its own for the heads of the network, learned from
# training patients that have it. The heads of an absent modality have no say.
print(model.stacking_weights_.round(2).T)

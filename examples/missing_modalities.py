"""
Patients without a modality
===========================

Forty percent of your patients have no copy-number data. Must you drop them? An absent table is a
block of NaN, which is masked, not imputed. The cohort is simulated.
"""

# %%
# Of 360 patients, 40% lack copy number and 20% lack mutations; each patient has at least one table.
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
has_all = X.notna().all(axis=1)
print(f"{has_all.sum()} of {len(X)} patients have all three tables.")

# %%
# Train on all patients or on complete patients only, and predict the same test patients.
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
    "lacking some tables": ~X_test.notna().all(axis=1).to_numpy(),
}
figure, ax = plt.subplots(figsize=(6.5, 3.5), layout="constrained")
for offset, (name, classifier) in zip((-0.15, 0.15), fitted.items(), strict=True):
    predicted = classifier.predict(X_test)
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
# Each pattern of modalities has its own weights of the branches, learned from training patients
# with that pattern. Branches of an absent modality have no weight.
print(model.stacking_weights_.round(2).T)

# %%
# **Answer.** No: patients who lack some tables can be used for training, and they are classified by
# the tables that they have.

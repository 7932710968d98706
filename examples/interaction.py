"""
An interaction
==============

A drug target matters only in patients with a certain mutation. Can a classifier find such an
effect, if neither the gene's expression nor the mutation predicts anything alone? Methods that
consider one column at a time miss the signal. The cohort is simulated.
"""

# %%
# There are two classes. An expression module separates them, but a frequent mutation reverses its
# effect. The simulated cohort includes the true interactions and the true probabilities of each
# patient, which bound the score of any model.
import matplotlib.pyplot as plt
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.inspection import attention_map, top_pairs

data = make_multiomics(
    600,
    {"exp": 80, "mut": 30},
    n_classes=2,
    interaction="switch",
    interaction_strength=2.0,
    random_state=0,
)
truth = data.interactions
print(truth[["kind", "primary", "other"]].to_string(index=False))
X_train, X_test, y_train, y_test, _, best = train_test_split(
    data.data, data.target, data.proba, stratify=data.target, random_state=0
)
print(f"ROC AUC of the true probabilities: {roc_auc_score(y_test, best.iloc[:, 1]):.3f}")

# %%
# On their own, the columns are uninformative. Given the mutation, the classes separate, in opposite
# directions.
gene, mutated = truth.loc[0, ["primary", "other"]]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True, layout="constrained")
for ax, value in zip(axes, (0, 1), strict=True):
    in_group = data.data[mutated] == value
    for label, color in zip(data.target_names, ("#0072B2", "#E69F00"), strict=True):
        values = data.data.loc[in_group & (data.target == label), gene]
        ax.hist(values, bins=20, density=True, alpha=0.6, color=color, label=label)
    ax.set(xlabel=gene, title=f"{mutated} = {value}")
axes[0].set_ylabel("density")
axes[1].legend()
plt.show()

# %%
# The network multiplies the tokens of the first table by the result of attention to the other, and
# the branch ``"pairs"`` screens all products of two features. With ``pairs=True``, the selector
# ranks interacting features first; a ranking of single columns selects them only by chance.
models = {
    "ranking of single columns": MultiOmicsSelector(k=15),
    "interactions first": MultiOmicsSelector(k=15, pairs=True),
}
fitted = {}
for name, selector in models.items():
    model = make_pipeline(selector, CrossModalAttentionClassifier(random_state=0))
    fitted[name] = model.fit(X_train, y_train)
    score = roc_auc_score(y_test, model.predict_proba(X_test)[:, 1])
    print(f"{name}: ROC AUC {score:.3f}")

# %%
# The 15 columns selected from 80 include some of the pairs by chance. With thousands of columns,
# they would not.

# %%
# The weights of the branches, learned from out-of-fold predictions. Much of the weight is on pairs
# and attention, which multiply features of the two tables.
weights = fitted["interactions first"][-1].stacking_weights_.loc["exp+mut"].sort_values()
figure, ax = plt.subplots(figsize=(6.5, 3), layout="constrained")
ax.barh(weights.index, weights)
ax.set(xlabel="weight")
plt.show()

# %%
# Which pairs does the model use? The map of interactions is zero for additive effects; its largest
# entries should be the true interactions above.
effects = attention_map(fitted["interactions first"], X_test)
print(top_pairs(effects, 6, X=X_test).to_string(index=False))

# %%
# **Answer.** Yes, if the selector keeps the features of the pair, as with ``pairs=True``, and the
# network multiplies them.

"""
An interaction, found and explained
===================================

What a gene's expression means may depend on a mutation. Then neither table tells anything alone,
and models that look at one column after another find nothing.
"""

# %%
# Two classes. An expression module tells them apart, but a frequent mutation turns its meaning
# round. The cohort comes with the truth: the pairs of columns that decide, and each patient's
# probabilities, beyond which no model can go.
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
# Seen alone, the columns tell nothing. Seen together, the classes change sides.
gene, mutated = truth.loc[0, ["primary", "other"]]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True, layout="constrained")
for ax, value in zip(axes, (0, 1), strict=True):
    here = data.data[mutated] == value
    for label, color in zip(data.target_names, ("#0072B2", "#E69F00"), strict=True):
        values = data.data.loc[here & (data.target == label), gene]
        ax.hist(values, bins=20, density=True, alpha=0.6, color=color, label=label)
    ax.set(xlabel=gene, title=f"{mutated} = {value}")
axes[0].set_ylabel("density")
axes[1].legend()
plt.show()

# %%
# Attention multiplies what it finds in the other table with the tokens of the first, and the head
# of pairs screens all products. ``pairs=True`` lets the selector put such pairs first, which a
# ranking of single columns finds only by luck.
models = {
    "single columns ranked": MultiOmicsSelector(k=15),
    "pairs ranked first": MultiOmicsSelector(k=15, pairs=True),
}
fitted = {}
for name, selector in models.items():
    model = make_pipeline(selector, CrossModalAttentionClassifier(random_state=0))
    fitted[name] = model.fit(X_train, y_train)
    score = roc_auc_score(y_test, model.predict_proba(X_test)[:, 1])
    print(f"{name}: ROC AUC {score:.3f}")

# %%
# Of 80 columns, 15 hold some of the pairs by luck. With thousands of columns they would not.

# %%
# How much say each head of the network got, from patients held out in training: that of pairs,
# which are products, has most of it.
weights = fitted["pairs ranked first"][-1].stacking_weights_.loc["exp+mut"].sort_values()
figure, ax = plt.subplots(figsize=(6.5, 3), layout="constrained")
ax.barh(weights.index, weights)
ax.set(xlabel="weight")
plt.show()

# %%
# Which pairs does the model use? The map of effects that two features have only together is zero
# for all that adds up; its largest entries should be the pairs of the truth above.
effects = attention_map(fitted["pairs ranked first"], X_test)
print(top_pairs(effects, 6, X=X_test).to_string(index=False))

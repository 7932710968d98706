"""
Comparing with baselines
========================

Is attention worth the effort, or does a logistic regression do as well? It depends on whether the
tables act independently or together. Both cohorts are simulated.
"""

# %%
# We simulate two cohorts of 400 patients. In the first, the effects of an expression module and of
# a copy-number segment add up; in the second, a mutation reverses the effect of the module.
# Four networks, half the default number, keep this example short.
import matplotlib.pyplot as plt
from sklearn.model_selection import StratifiedKFold

from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.baselines import make_baselines
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.plotting import ComparisonDisplay

models = {
    "cross-modal attention": CrossModalAttentionClassifier(n_estimators=4, random_state=0),
    **make_baselines(
        k="all", models=["logistic regression", "random forest"], fusion=["early"], random_state=0
    ),
}
folds = StratifiedKFold(3, shuffle=True, random_state=0)
sizes = {"exp": 60, "cna": 30, "mut": 25}
results = {}
for kind in ("additive", "switch"):
    X, y = make_multiomics(
        400,
        sizes,
        n_classes=2,
        interaction=kind,
        interaction_strength=2.0,
        return_X_y=True,
        random_state=0,
    )
    results[kind] = compare(models, X, y, cv=folds, scoring=["roc_auc_ovr", "log_loss"], n_jobs=2)
    print(kind, results[kind].summary().round(3).to_string(), sep="\n")

# %%
# Each point is a fold. On the left, the differences between models are within chance. On the right,
# the classical models perform near chance, because no column is informative alone.
figure, axes = plt.subplots(1, 2, figsize=(12, 3.5), layout="constrained")
for ax, (kind, result) in zip(axes, results.items(), strict=True):
    ComparisonDisplay.from_comparison(result, ax=ax)
    ax.locator_params(axis="x", nbins=5)
    ax.set_title({"additive": "additive effects", "switch": "interactions"}[kind])
plt.show()

# %%
# The corrected resampled t-test shows which differences are significant:
for kind, result in results.items():
    print(kind, result.test("cross-modal attention").round(3), sep="\n")

# %%
# **Answer.** If each table is informative on its own, use the simplest model. If classes depend on
# interactions between tables, classical models perform near chance, and attention does not.

"""
A search over K and attention heads
===================================

How many genes per table should a classifier use, and do more attention heads help?
``GridSearchCV`` tunes both together. With ``memory``, the selector ranks the features once per fold
and modality, however many values of K.
"""

# %%
import tempfile

import matplotlib.pyplot as plt
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.plotting import KScoreDisplay

X, y = make_multiomics(250, {"exp": 300, "cna": 200}, return_X_y=True, random_state=0)
# A single network per fit keeps this example short; the default is an ensemble of eight.
selector = MultiOmicsSelector(memory=tempfile.mkdtemp())
model = make_pipeline(selector, CrossModalAttentionClassifier(n_estimators=1, random_state=0))
grid = {
    "multiomicsselector__k": [5, 20, 80],
    "crossmodalattentionclassifier__n_heads": [2, 8],
}
folds = StratifiedKFold(3, shuffle=True, random_state=0)
search = GridSearchCV(model, grid, scoring="f1_macro", cv=folds, n_jobs=2).fit(X, y)
print(search.best_params_, f"{search.best_score_:.3f}")

# %%
# The grid as a heat map. K matters; the number of heads hardly does.
table = search.cv_results_
ks, heads = (table[f"param_{name}"] for name in sorted(grid, reverse=True))
scores = table["mean_test_score"].reshape(2, 3)  # heads in rows: parameters vary in sorted order
figure, ax = plt.subplots(layout="constrained")
image = ax.imshow(scores, cmap="viridis")
ax.set(xlabel="K per modality", ylabel="attention heads")
ax.set_xticks(range(3), grid["multiomicsselector__k"])
ax.set_yticks(range(2), grid["crossmodalattentionclassifier__n_heads"])
for row in range(2):
    for column in range(3):
        value = scores[row, column]
        color = "black" if value > scores.mean() else "white"
        ax.text(column, row, f"{value:.3f}", ha="center", va="center", color=color)
figure.colorbar(image, label="macro-F1, mean of 3 folds")
plt.show()

# %%
# The same scores as lines, with the standard deviation over folds, which exceeds the differences
# between numbers of heads.
KScoreDisplay.from_estimator(search)
plt.show()

# %%
# **Answer.** Choose K by a search; the number of heads can stay at its default. The score of the
# best setting is too optimistic, because it was selected for being the best. For an unbiased
# estimate, pass the search itself to ``cross_validate`` or ``compare``.

"""
Saving a model, and the next cohort
===================================

A fitted pipeline becomes one file that runs no code when it is loaded. The next hospital's table
has other columns in another order; it is brought to those of the model before it is classified.

Needs the extra ``models``.
"""

# %%
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector, align_features
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.persistence import load_model, read_manifest, save_model

X, y = make_multiomics(400, {"exp": 200, "mut": 50}, n_classes=4, return_X_y=True, random_state=0)
train, other = X[:300], X[300:]
model = make_pipeline(MultiOmicsSelector(k=50), CrossModalAttentionClassifier(random_state=0))
model.fit(train, y[:300])
path = save_model(model, Path(mkdtemp()) / "subtypes.xmodal")
print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")

# %%
# What the file says of itself, without loading the model.
manifest = read_manifest(path)
for part in ("model", "classes", "modalities", "versions"):
    print(part, manifest[part], sep=": ")

# %%
# Predictions are the same bit for bit.
loaded = load_model(path)
print(np.array_equal(loaded.predict_proba(other), model.predict_proba(other)))

# %%
# Only the selected features are needed, in any order. What lacks one of them is refused, unless it
# may be filled with the mean in training; the report counts what was done.
selected = loaded[0].get_feature_names_out()
next_cohort = other[np.random.default_rng(0).permutation(selected[2:])]
report = []
aligned = align_features(next_cohort, loaded, missing="impute", report=report)
for table, what, count in report:
    print(table, what, count, sep=", ")
agree = (loaded.predict(aligned) == model.predict(other)).mean()
print(f"{agree:.0%} of the predictions are those of the whole table")

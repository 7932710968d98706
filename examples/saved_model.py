"""
A saved model and the next cohort
=================================

A fitted model goes into one file that runs no code when it is loaded and says what it is. The next
cohort has its columns in another order, lacks some, and was measured on another platform.
"""

# %%
# Two cohorts of the same kind: one to fit, one that comes later.
import json
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay, f1_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector, align_features
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.inspection import drift
from xmodal_sklearn.persistence import load_model, read_manifest, save_model

X, y = make_multiomics(400, {"exp": 200, "cna": 100}, return_X_y=True, random_state=0)
X, X_next, y, y_next = train_test_split(X, y, test_size=0.4, stratify=y, random_state=0)
model = make_pipeline(
    MultiOmicsSelector(k=30), CrossModalAttentionClassifier(n_estimators=4, random_state=0)
).fit(X, y)

# %%
# The manifest is the card of the model: versions, columns, classes, what it was fitted to.
path = save_model(model, Path(tempfile.mkdtemp()) / "model.xmodal")
manifest = read_manifest(path)
print(f"{path.stat().st_size / 1e3:.0f} kB")
print(json.dumps(manifest, indent=1, default=str)[:1500], "…")

# %%
# The file predicts what the model did.
loaded = load_model(path)
print((loaded.predict_proba(X_next) == model.predict_proba(X_next)).all())

# %%
# The next laboratory orders its columns in another way and did not measure a tenth of the genes.
# :func:`~xmodal_sklearn.align_features` brings them to those of the model, and a warning counts
# what it filled.
theirs = X_next.sample(frac=0.9, axis=1, random_state=0)
aligned = align_features(theirs, loaded, missing="impute")
predicted = loaded.predict(aligned)
print(f"macro-F1 {f1_score(y_next, loaded.predict(X_next), average='macro'):.3f} with all columns,")
print(f"         {f1_score(y_next, predicted, average='macro'):.3f} with nine tenths of them")

# %%
# It measures expression in other units, too. :func:`~xmodal_sklearn.inspection.drift` needs no
# classes to tell, and a warning says what to do: with as many samples as these, of about the same
# classes, the modality can be standardised by itself.
genes = theirs.columns[theirs.columns.str.startswith("exp__")]
theirs[genes] = 0.5 * theirs[genes] + 3
print(drift(loaded, align_features(theirs, loaded, missing="impute")).to_string())
aligned = align_features(theirs, loaded, missing="impute", normalize={"exp": "within"})
print(drift(loaded, aligned).to_string())
predicted = loaded.predict(aligned)
print(f"macro-F1 {f1_score(y_next, predicted, average='macro'):.3f} once standardised")
ConfusionMatrixDisplay.from_predictions(y_next, predicted, cmap="Blues", colorbar=False)
plt.show()

"""
A saved model and a new cohort
==============================

Another hospital wants to apply your model. Its table has other columns, in another order, measured
on another platform. What do you send, and how do they know whether the predictions hold?
"""

# %%
# Split a simulated cohort into one for fitting and a new one.
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
# The manifest describes the model: versions, columns, classes, training data.
path = save_model(model, Path(tempfile.mkdtemp()) / "model.xmodal")
manifest = read_manifest(path)
print(f"{path.stat().st_size / 1e3:.0f} kB")
print(json.dumps(manifest, indent=1, default=str)[:1500], "…")

# %%
# The loaded model predicts the same as the original.
loaded = load_model(path)
print((loaded.predict_proba(X_next) == model.predict_proba(X_next)).all())

# %%
# The new laboratory uses another order of columns and did not measure a tenth of the genes.
# :func:`~xmodal_sklearn.align_features` matches the columns to those of the model, and a warning
# counts the imputed features.
X_lab = X_next.sample(frac=0.9, axis=1, random_state=0)
aligned = align_features(X_lab, loaded, missing="impute")
predicted = loaded.predict(aligned)
print(f"macro-F1 {f1_score(y_next, loaded.predict(X_next), average='macro'):.3f} with all columns,")
print(f"         {f1_score(y_next, predicted, average='macro'):.3f} with 90% of the columns")

# %%
# The laboratory also measures expression in other units. :func:`~xmodal_sklearn.inspection.drift`
# detects this without knowing the classes, and a warning suggests a remedy: with this many samples
# and similar class frequencies, the modality can be standardized within the cohort.
genes = X_lab.columns[X_lab.columns.str.startswith("exp__")]
X_lab[genes] = 0.5 * X_lab[genes] + 3
print(drift(loaded, align_features(X_lab, loaded, missing="impute")).to_string())
aligned = align_features(X_lab, loaded, missing="impute", normalize={"exp": "within"})
print(drift(loaded, aligned).to_string())
predicted = loaded.predict(aligned)
print(f"macro-F1 {f1_score(y_next, predicted, average='macro'):.3f} after standardization")
ConfusionMatrixDisplay.from_predictions(y_next, predicted, cmap="Blues", colorbar=False)
plt.show()

# %%
# **Answer.** Send the model file, which executes no code when it is loaded. ``align_features``
# reports what is missing, and ``drift`` whether the values resemble those of training.

"""
Any cBioPortal study
====================

A study of cBioPortal is read as it comes, from a folder or, by its name, from the web. What was
left out is in a report, and models compare on the folds of your choice.

This page was made from METABRIC's folder in ``$XMODAL_DATA`` (by default ``../shared/data``); where
it is missing, the script downloads the study once, as yours would.
"""

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.baselines import make_baselines
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.datasets import fetch_cbioportal, read_cbioportal
from xmodal_sklearn.inspection import PAM50_GENES, enrichment, integrated_gradients
from xmodal_sklearn.plotting import ComparisonDisplay

folder = Path(os.environ.get("XMODAL_DATA", "../shared/data")).absolute() / "metabric_discovery"
settings = {"modalities": ("exp", "mut"), "target": "CLAUDIN_SUBTYPE"}
if folder.is_dir():
    study = read_cbioportal(folder, **settings)
else:
    study = fetch_cbioportal("brca_metabric", **settings)

# %%
# Every patient is either in the data or counted in the report.
X, y = study.data, study.target
print({modality: len(columns) for modality, columns in study.modalities.items()})
print(y.value_counts())
print(study.report.to_string(index=False))

# %%
# Attention beside a logistic regression that is tuned by inner folds, each with its own selection
# of 100 features per modality inside the fold.
attention = make_pipeline(MultiOmicsSelector(k=100), CrossModalAttentionClassifier(random_state=0))
models = {
    "cross-modal attention": attention,
    **make_baselines(k=100, models=["logistic regression"], fusion=["early"], random_state=0),
}
folds = StratifiedKFold(3, shuffle=True, random_state=0)
result = compare(models, X, y, cv=folds, scoring=["f1_macro", "roc_auc_ovr", "log_loss"], n_jobs=2)
print(result.summary().round(3).to_string())
print(result.test("cross-modal attention").round(3))

# %%
# Three folds tell little about so small a difference. For figures to report take five folds,
# repeated five times, the default of :func:`~xmodal_sklearn.benchmark.compare`.
ComparisonDisplay.from_comparison(result)
plt.show()

# %%
# What does attention, fitted to all patients, look at? Features by how far they move the logits of
# a class, in 200 patients, and which of them are genes of PAM50: the classes were defined by them,
# so that they come first says that the definition was learned again.
model = attention.fit(X, y)
importance = integrated_gradients(model, X[:200]).importance()
first = importance.abs().max(axis=1).nlargest(30).index
print(importance.loc[first[:10]].round(2).to_string())
expressed = [name for name in first if name.startswith("exp__")]
measured = [name for name in X if name.startswith("exp__")]
print(enrichment(expressed, {"PAM50": PAM50_GENES}, background=measured).round(4).to_string())

"""
Explaining a model of METABRIC
==============================

Which genes, in which table, support which subtype of breast cancer, and do expression and copy
number interact? This example uses METABRIC's discovery cohort, 960 tumors with expression, copy
number and mutations. The stored figure was made from it:

.. image:: /_static/metabric.png
   :alt: Mean attribution of the most important genes to each subtype.

The study is read from ``$XMODAL_DATA`` (by default ``../shared/data``). Without it, METABRIC is
downloaded once, and this page was built without running the code.
"""

# %%
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.datasets import fetch_metabric, read_cbioportal
from xmodal_sklearn.inspection import (
    PAM50_GENES,
    attention_map,
    enrichment,
    integrated_gradients,
    top_pairs,
)
from xmodal_sklearn.plotting import FeatureImportanceDisplay

folder = Path(os.environ.get("XMODAL_DATA", "../shared/data")).absolute() / "metabric_discovery"
data = read_cbioportal(folder) if folder.is_dir() else fetch_metabric()
X, y = data.data, data.target
model = make_pipeline(MultiOmicsSelector(k=150), CrossModalAttentionClassifier(random_state=0))
model.fit(X, y)

# sphinx_gallery_thumbnail_path = "_static/metabric.png"

# %%
# Integrated gradients measure the contribution of each feature to the logit of each class, through
# all branches of the classifier. Orange marks features whose high values support a class, purple
# those whose low values do.
importance = integrated_gradients(model, X.sample(100, random_state=0)).importance()
FeatureImportanceDisplay.from_importance(importance)
plt.show()

# %%
# Where do well-known genes rank? The expression table has only 489 genes, so it lacks some of them.
ranks = importance.abs().max(axis=1).rank(ascending=False).astype(int)
for gene in ("ERBB2", "ESR1", "MKI67", "AURKA", "TP53", "PIK3CA", "GATA3"):
    places = {}
    for table in ("exp", "cna", "mut"):
        name = f"{table}__{gene}"
        missing = "not selected" if name in X else "not measured"
        places[table] = str(ranks.get(name, missing))
    print(f"{gene}: {places}")

# %%
# Are PAM50 genes, which define the classes, overrepresented among the top genes? The background
# consists of the measured expression genes, not of the whole genome.
top = importance.abs().max(axis=1).nlargest(30).index
expressed = [name for name in top if name.startswith("exp__")]
measured = [name for name in X if name.startswith("exp__")]
result = enrichment(expressed, {"PAM50": PAM50_GENES}, background=measured)
print(result[["overlap", "expected", "measured", "p"]].round(4).to_string())

# %%
# Interactions of expression and copy number, and whether both features belong to the same gene. A
# warning is issued if cross-modal branches did not improve out-of-fold predictions. That is the
# case here: these classes can be predicted from expression alone.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)
    pairs = top_pairs(attention_map(model, X, source="cna"), 10, X=X)
print(pairs.to_string(index=False, float_format="{:.2g}".format))

# %%
# **Answer.** See the figure: expression of a few known genes carries most of the prediction, and
# interactions with copy number add nothing to it.

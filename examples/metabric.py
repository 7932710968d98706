"""
What the model looks at on METABRIC
===================================

Which genes, in which table, speak for which class? And which pairs of features move the prediction
only together? On METABRIC's discovery cohort, with expression, copy number and mutations.

Needs the extra ``inspect``. The study is read from ``$XMODAL_DATA`` (by default
``../shared/data``); where it is missing, METABRIC is downloaded once.
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

# %%
# Integrated gradients say how far each feature moves the logit of each class, through all heads of
# the classifier. Orange marks features whose high values speak for a class, purple those
# whose low values do.
importance = integrated_gradients(model, X.sample(100, random_state=0)).importance()
FeatureImportanceDisplay.from_importance(importance)
plt.show()

# %%
# Where do genes known to matter stand? Only 489 genes of expression are in this table, so that some
# can't be found, whatever the model looks at.
ranks = importance.abs().max(axis=1).rank(ascending=False).astype(int)
for gene in ("ERBB2", "ESR1", "MKI67", "AURKA", "TP53", "PIK3CA", "GATA3"):
    places = {}
    for table in ("exp", "cna", "mut"):
        name = f"{table}__{gene}"
        missing = "not selected" if name in X else "not measured"
        places[table] = str(ranks.get(name, missing))
    print(f"{gene}: {places}")

# %%
# Are the first genes those of PAM50, by which the classes were defined? Against the genes of
# expression that were measured, not against the genome.
first = importance.abs().max(axis=1).nlargest(30).index
expressed = [name for name in first if name.startswith("exp__")]
measured = [name for name in X if name.startswith("exp__")]
found = enrichment(expressed, {"PAM50": PAM50_GENES}, background=measured)
print(found[["overlap", "expected", "measured", "p"]].round(4).to_string())

# %%
# Pairs of expression and copy number that move the logits only together, and whether both are of
# the same gene. The map warns where interactions told held-out patients nothing: these classes are
# seen in expression alone, as the results measure too.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)
    pairs = top_pairs(attention_map(model, X, source="cna"), 10, X=X)
print(pairs.to_string(index=False, float_format="{:.2g}".format))

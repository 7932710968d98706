"""Compare attention with classical models on METABRIC, and see what it looks at.

Reads the cBioPortal study folder.

The first argument is the folder; without one, metabric/ in $XMODAL_DATA (default ../shared/data).
"""

import os
import sys
import warnings
from pathlib import Path

from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.baselines import make_baselines
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.datasets import read_cbioportal
from xmodal_sklearn.inspection import (
    PAM50_GENES,
    attention_map,
    enrichment,
    integrated_gradients,
    top_pairs,
)

BASELINES = ["logistic regression"]

default = Path(os.environ.get("XMODAL_DATA", "../shared/data")) / "metabric"
study = Path(sys.argv[1]) if len(sys.argv) > 1 else default
if not study.is_dir():
    sys.exit(f"No study folder at {study}; give it as the first argument.")

for modalities in (("cna", "mut"), ("exp", "mut")):
    data = read_cbioportal(study, modalities=modalities)
    attention = make_pipeline(
        MultiOmicsSelector(k=100), CrossModalAttentionClassifier(random_state=0)
    )
    result = compare(
        {
            "cross-modal attention": attention,
            **make_baselines(k=100, models=BASELINES, random_state=0),
        },
        data.data,
        data.target,
        cv=RepeatedStratifiedKFold(n_splits=5, n_repeats=1, random_state=0),
        scoring=["f1_macro", "f1_weighted", "accuracy", "roc_auc_ovr"],
        n_jobs=2,
        verbose=1,
    )
    print(f"\nMETABRIC {' + '.join(modalities)}, {len(data.target)} patients, 5 folds:")
    print(result.summary().round(3).to_string(), "\n")

# Integrated gradients need the extra inspect. The cohort is expression and mutations, as read last.
model = attention.fit(data.data, data.target)
importance = integrated_gradients(model, data.data[:200]).importance()
first = importance.abs().max(axis=1).nlargest(30).index
print("Features that speak most for a class, + by high values, - by low ones, in logits:")
print(importance.loc[first[:15]].round(2).to_string(), "\n")

ranks = importance.abs().max(axis=1).rank(ascending=False).astype(int)
print(f"Ranks of genes known to matter, among the {len(ranks)} selected features:")
for gene in ("ERBB2", "ESR1", "MKI67", "AURKA", "CDK1", "TP53", "PIK3CA", "GATA3"):
    for name in (f"exp__{gene}", f"mut__{gene}"):
        measured = "not selected" if name in data.data else "not measured"
        print(f"  {name}: {ranks.get(name, measured)}")

expressed = [name for name in first if name.startswith("exp__")]
measured = [name for name in data.data if name.startswith("exp__")]
print("Genes of PAM50 among the genes of expression in the first 30 features:")
pam50 = enrichment(expressed, {"PAM50": PAM50_GENES}, background=measured)
print(pam50[["overlap", "expected", "measured", "p"]].round(4).to_string(), "\n")

with warnings.catch_warnings():
    # The map is zero where interactions told held-out patients nothing.
    warnings.simplefilter("ignore", UserWarning)
    pairs = top_pairs(attention_map(model, data.data), 10, X=data.data)
print("Pairs of expression and mutation that move the logits only together:")
print(pairs.round(3).to_string(index=False))

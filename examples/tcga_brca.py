"""Join three CSV tables of TCGA-BRCA and compare attention with classical models.

The first argument is the folder; without one, tcga_brca/ in $XMODAL_DATA (default ../shared/data).
"""

import os
import sys
from pathlib import Path

import pandas as pd
from sklearn.model_selection import StratifiedKFold

from xmodal_sklearn import CrossModalAttentionClassifier, concat_modalities
from xmodal_sklearn.baselines import make_baselines
from xmodal_sklearn.benchmark import compare

BASELINES = ["logistic regression"]

default = Path(os.environ.get("XMODAL_DATA", "../shared/data")) / "tcga_brca"
folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
if not folder.is_dir():
    sys.exit(f"No data at {folder}; give the folder as the first argument.")

tables = {
    modality: pd.read_csv(folder / f"{file}.csv", index_col=0)
    for modality, file in {"exp": "rna", "met": "methylation", "mir": "mirna"}.items()
}
X = concat_modalities(tables)
y = pd.read_csv(folder / "target.csv", index_col=0)["target"].astype(int).loc[X.index]

result = compare(
    {
        "cross-modal attention": CrossModalAttentionClassifier(random_state=0),
        **make_baselines(k="all", models=BASELINES, random_state=0),
    },
    X,
    y,
    cv=StratifiedKFold(5, shuffle=True, random_state=0),
    scoring=["f1_macro", "f1_weighted", "accuracy", "roc_auc_ovr"],
    n_jobs=2,
    verbose=1,
)
print(f"\nTCGA-BRCA, {X.shape[0]} patients, {X.shape[1]} features, 5 folds:")
print(result.summary().round(3).to_string(), "\n")

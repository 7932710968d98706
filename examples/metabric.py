"""Compare attention with classical models on METABRIC, from the cBioPortal study folder.

The first argument is the folder; without one, metabric/ in $XMODAL_DATA (default ../shared/data).
"""

import os
import sys
from pathlib import Path

from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.baselines import make_baselines
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.datasets import read_cbioportal

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

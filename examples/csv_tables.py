"""
Your own CSV tables
===================

The laboratory sent four CSV files. Not every patient is in every file, and half of them come from
another hospital. How do you get from the files to a comparison that you can trust?
"""

# %%
# We write four files as laboratories often deliver them: samples in rows with their names in the
# first column, in a different order in each file, and not every patient in every file.
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import (
    CrossModalAttentionClassifier,
    MultiOmicsSelector,
    concat_modalities,
    split_modalities,
)
from xmodal_sklearn.benchmark import compare
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.plotting import ComparisonDisplay

folder = Path(tempfile.mkdtemp())
rng = np.random.default_rng(0)
cohort = make_multiomics(240, {"exp": 200, "cna": 100, "mut": 30}, random_state=0)
sizes = {"exp": 230, "cna": 220, "mut": 240}
for modality, table in split_modalities(cohort.data).items():
    table.sample(sizes[modality], random_state=rng).to_csv(folder / f"{modality}.csv")
batch = np.where(cohort.target.isin(["LumA", "LumB"]), rng.random(240) < 0.6, rng.random(240) < 0.4)
clinical = pd.DataFrame({"subtype": cohort.target, "batch": np.where(batch, "Oslo", "Porto")})
clinical["age"] = rng.normal(60, 12, 240).round()
clinical["grade"] = np.where(cohort.target == "LumA", "low", rng.choice(["low", "high"], 240))
clinical.loc[clinical.sample(12, random_state=rng).index, "age"] = np.nan  # not recorded
clinical.to_csv(folder / "clinical.csv")
print(*sorted(path.name for path in folder.iterdir()))

# %%
# Read the files with pandas and combine them. With ``join="outer"``, patients who lack some of the
# tables are kept, and an absent table is a block of NaN. Clinical columns are a modality, too: the
# classifier encodes categories and imputes a missing age with the mean of the training patients.
tables = {name: pd.read_csv(folder / f"{name}.csv", index_col=0) for name in ("exp", "cna", "mut")}
clinical = pd.read_csv(folder / "clinical.csv", index_col=0)
X = concat_modalities({**tables, "clin": clinical[["age", "grade"]]}, join="outer")
clinical = clinical.loc[X.index]
y = clinical["subtype"]
present = pd.DataFrame({name: X.index.isin(table.index) for name, table in tables.items()})
print(present.value_counts())

# %%
# Pass the batch to the comparison, not to the model. If the batch predicted the classes, a warning
# would say so, because a model could then score above chance by recognizing the batch. Here the
# class frequencies in the two cities are similar. Four networks, half the default
# number, keep this example short.
print(pd.crosstab(clinical["batch"], y))
model = make_pipeline(
    MultiOmicsSelector(k={"exp": 30, "cna": 30, "mut": 30, "clin": "all"}),
    CrossModalAttentionClassifier(n_estimators=4, random_state=0),
)
expression = make_pipeline(
    MultiOmicsSelector(k={"exp": 30, "cna": 1, "mut": 1, "clin": 1}),
    CrossModalAttentionClassifier(n_estimators=4, random_state=0),
)
folds = StratifiedKFold(3, shuffle=True, random_state=0)
result = compare(
    {"30 features of each modality": model, "30 of expression, 1 of the others": expression},
    X,
    y,
    cv=folds,
    batch=clinical["batch"],
    scoring=["f1_macro", "roc_auc_ovr"],
    n_jobs=2,
)
print(result.summary().round(3).to_string())

# %%
# The same in a shell, with a report to open in a browser::
#
#     xmodal bench --table exp=exp.csv --table cna=cna.csv --table mut=mut.csv \
#         --target-file clinical.csv --target subtype --join outer --k 30
ComparisonDisplay.from_comparison(result)
plt.show()

# %%
# **Answer.** Combine the files with ``join="outer"``, keep every patient, pass the hospital as
# ``batch=``, and read the warnings before the scores.

"""
One patient explained
=====================

The prediction for one patient: its probabilities, the share of each table, the features that speak
for the class and against the runner-up, and how typical the patient is.

Needs the extra ``inspect``. ``xmodal explain`` prints the same page for a saved model.
"""

# %%
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.inspection import explain

X, y = make_multiomics(
    400, {"exp": 200, "cna": 200, "mut": 50}, n_classes=4, return_X_y=True, random_state=0
)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
model = make_pipeline(MultiOmicsSelector(k=50), CrossModalAttentionClassifier(random_state=0))
model.fit(X_train, y_train)

# %%
# A model carries no patients along, so the training samples are given again, to tell how far this
# patient is from those of each class.
page = explain(model, X_test.iloc[[0]], train=(X_train, y_train))
print(page.to_text())
print("true class:", y_test.iloc[0])

# %%
# The parts are DataFrames.
print(page.features.head(10).round(2).to_string())

# %%
# Without its expression, the same patient is classified by the two other tables.
blind = X_test.iloc[[0]].astype(float)
blind.loc[:, blind.columns.str.startswith("exp__")] = float("nan")
print(explain(model, blind).to_text())

"""
One patient explained
=====================

Why is this patient classified as they are, how sure is that, and is the patient like those that the
model has learned from?
"""

# %%
import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.inspection import explain

X, y = make_multiomics(300, {"exp": 200, "cna": 100, "mut": 30}, return_X_y=True, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
model = make_pipeline(
    MultiOmicsSelector(k=30), CrossModalAttentionClassifier(n_estimators=4, random_state=0)
).fit(X_train, y_train)

# %%
# The patient whose two most probable classes are closest to each other: the one to look at twice.
probabilities = model.predict_proba(X_test)
probabilities.sort(axis=1)
closest = (probabilities[:, -1] - probabilities[:, -2]).argmin()
explanation = explain(model, X_test.iloc[[closest]], train=(X_train, y_train))
print(f"{explanation.sample}: {y_test.iloc[closest]} in truth")
print(explanation.to_text())

# %%
# What each table adds to the logit of the class, and to its lead over the runner-up.
explanation.shares.plot.barh(figsize=(7, 3)).set_xlabel("logit")
plt.tight_layout()
plt.show()

# %%
# What speaks for the class in one patient is no cause, and no finding about all patients. The same
# command from a shell is ``xmodal explain``.

"""
Explaining one patient
======================

The tumor board asks: why is this patient classified this way, how certain is the prediction, and
does the patient resemble those in the training data? The patients are simulated.
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
# We choose the patient whose two most probable classes have the most similar probabilities.
probabilities = model.predict_proba(X_test)
probabilities.sort(axis=1)
closest = (probabilities[:, -1] - probabilities[:, -2]).argmin()
explanation = explain(model, X_test.iloc[[closest]], train=(X_train, y_train))
print(f"{explanation.sample}: true class {y_test.iloc[closest]}")
print(explanation.to_text())

# %%
# The contribution of each table to the logit of the class, and to its lead over the runner-up.
explanation.shares.plot.barh(figsize=(7, 3)).set_xlabel("logit")
plt.tight_layout()
plt.show()

# %%
# **Answer.** The tables above say which features decide between the two most probable classes, and
# how typical the patient is of each. They show neither a cause nor a finding about all patients.
# In a shell, use ``xmodal explain``.

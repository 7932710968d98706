"""Cross-validate selection and attention on a simulated cohort, and look at what was selected."""

from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.datasets import make_multiomics

data = make_multiomics(n_samples=300, random_state=0)
model = make_pipeline(
    MultiOmicsSelector(k=50), CrossModalAttentionClassifier(n_estimators=2, random_state=0)
)
scores = cross_validate(
    model,
    data.data,
    data.target,
    cv=StratifiedKFold(3, shuffle=True, random_state=0),
    scoring=["f1_macro", "roc_auc_ovr"],
    return_estimator=True,
    n_jobs=2,
)
for metric in ("f1_macro", "roc_auc_ovr"):
    values = scores[f"test_{metric}"]
    print(f"{metric}: {values.mean():.3f} ± {values.std(ddof=1):.3f}")

selector = scores["estimator"][0][0]
for modality, ranking in selector.rankings_.items():
    print(f"best of {modality} in the first fold:", ", ".join(ranking[:5]))

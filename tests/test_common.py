"""Every estimator goes through scikit-learn's own checks."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from xmodal_sklearn import (
    CrossModalAttentionClassifier,
    ModalityEncoder,
    ModalityImputer,
    MultiOmicsSelector,
)

# The checks fit hundreds of models; a small one has the same code paths.
SMALL = CrossModalAttentionClassifier(
    embed_dim=4, n_heads=2, hidden_dim=16, n_estimators=2, max_epochs=15
)


@parametrize_with_checks([MultiOmicsSelector(), SMALL, ModalityEncoder(), ModalityImputer()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)

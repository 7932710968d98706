"""Every estimator goes through scikit-learn's own checks."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector


@parametrize_with_checks([MultiOmicsSelector(), CrossModalAttentionClassifier()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)

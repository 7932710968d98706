"""Every estimator goes through scikit-learn's own checks."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from xmodal_sklearn import (
    CrossModalAttentionClassifier,
    ModalityImputer,
    MultiOmicsSelector,
)


def expected_failures(estimator):
    if not isinstance(estimator, CrossModalAttentionClassifier):
        return {}
    reason = "batches are drawn at random, so repeating a sample is not weighing it twice"
    return {
        "check_sample_weight_equivalence_on_dense_data": reason,
        "check_sample_weight_equivalence_on_sparse_data": reason,
    }


# The checks fit hundreds of models; a small one has the same code paths.
SMALL = CrossModalAttentionClassifier(
    embed_dim=8, n_heads=2, hidden_dim=16, n_estimators=3, max_epochs=30
)


@parametrize_with_checks(
    [MultiOmicsSelector(), SMALL, ModalityImputer()],
    expected_failed_checks=expected_failures,
    xfail_strict=True,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)

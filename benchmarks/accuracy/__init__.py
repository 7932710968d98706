"""Accuracy of the classifier, compared with classical models and variants."""

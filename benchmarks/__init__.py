"""Measure the accuracy and the speed of the estimators, compared with alternatives.

Run each from the repository's root, as a module: ``python -m benchmarks.speed.training --help``.
"""

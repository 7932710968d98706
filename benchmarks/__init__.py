"""Programs that measure how accurate and how fast the estimators are, beside their peers.

Run each from the repository's root, as a module: ``python -m benchmarks.speed.training --help``.
"""

"""Published methods on the folds of our benchmarks, each in an environment of its own."""

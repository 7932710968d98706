"""Simulated and real multi-omics cohorts."""

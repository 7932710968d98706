"""Runs the command as ``python -m xmodal_sklearn.cli``."""

from . import app

app()

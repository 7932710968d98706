"""A comparison as one HTML file to look at."""

from ._write import write_report

__all__ = ["write_report"]

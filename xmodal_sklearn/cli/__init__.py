"""The command ``xmodal``."""

from ._commands import app

__all__ = ["app"]

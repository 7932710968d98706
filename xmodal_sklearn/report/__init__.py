"""A comparison, or the card of a saved model, as one HTML file."""

from ._card import card_text, write_card
from ._write import write_report

__all__ = ["card_text", "write_card", "write_report"]

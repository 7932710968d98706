"""Names as they may be shown, and as they may be compared."""

import re
import unicodedata

# Characters that end lines, command terminals, or turn the direction of what follows them; and
# halves of characters, which can't be written.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)

# Spreadsheets drop the zeros in front of a number, pandas reads it as a float.
_NUMBER = re.compile(r"0*(\d+)(?:\.0+)?", re.ASCII)
# R puts it in front of a name that begins with a digit.
_R_PREFIX = re.compile(r"[xX](?=\d)", re.ASCII)
_DASHES = re.compile(r"[\s\u2010-\u2015\u2212._-]+")


def plain_name(name: object) -> str:
    """Return a name without what programs change: case, spaces, quotes, dots for dashes, zeros."""
    text = unicodedata.normalize("NFKC", str(name))
    text = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    text = text.strip("\"' ")
    text = text[1:] if _R_PREFIX.match(text) else text
    number = _NUMBER.fullmatch(text)
    return number[1] if number else _DASHES.sub("-", text).strip("-").casefold()


def visible(name: object) -> str:
    r"""Return a name on one line, with hidden characters escaped."""
    return _HIDDEN.sub(lambda match: repr(match[0])[1:-1], str(name))

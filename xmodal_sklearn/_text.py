"""Names as they may be shown: what is not printable is told, not sent to a terminal or a page."""

import re

__all__ = ["visible"]

# Characters that end lines, command terminals, or turn the direction of what follows them; and
# halves of characters, which can't be written.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def visible(name: object) -> str:
    r"""Return a name with every character that is not to be seen as its escape.

    Parameters
    ----------
    name : object
        The name, which is made a string.

    Returns
    -------
    str
        On one line.

    Examples
    --------
    >>> from xmodal_sklearn._text import visible
    >>> visible("two\nlines")
    'two\\nlines'
    """
    return _HIDDEN.sub(lambda found: repr(found[0])[1:-1], str(name))

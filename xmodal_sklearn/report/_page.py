"""What all pages have in common: how templates are filled in."""

from typing import Any

from .._text import visible
from ._format import (
    format_number,
    format_p,
    format_p_equals,
    format_seconds,
    format_share,
    format_signed,
)

__all__ = ["page_environment"]


def page_environment() -> Any:
    """Return the environment of the templates, which shows names whole and harmless.

    Returns
    -------
    jinja2.Environment
        With the filters of numbers.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("xmodal_sklearn.report"),
        autoescape=True,
        # Whatever is text and not markup of ours may be, or hold, a name.
        finalize=lambda value: visible(value) if type(value) is str else value,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": format_number,
        "signed": format_signed,
        "percent": "{:.0%}".format,
        "share": format_share,
        "p": format_p,
        "p_equals": format_p_equals,
        "seconds": format_seconds,
    }
    return environment

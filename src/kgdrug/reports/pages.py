"""Templates to HTML: the door to jinja2. Whatever comes from a graph is escaped."""

import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from kgdrug.reports.words import plain

NOTHING = "-"


def render(template: str, **values: Any) -> str:
    """The page that a template of this room makes of the values."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("kgdrug.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"breakable": breakable, "number": number, "percent": percent, "plain": plain}
    return environment


def breakable(text: str) -> Markup:
    """A long id in which lines may break after its signs, as in `GNBR::` and `Compound:`."""
    return Markup(re.sub(r"([:/_|+.-]+)", r"\1<wbr>", str(escape(text))))


def number(value: float | None, digits: int = 1) -> str:
    """A number with thousands separators; a fraction with so many digits; a dash where there is none."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.{digits}f}"


def percent(part: float, whole: float) -> str:
    """The share of a whole; a dash where the whole is nothing."""
    return f"{part / whole:.1%}" if whole else NOTHING

"""Templates, scripts and styles of the report: everything that a page carries with it."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from study import __version__
from study.report.look import DARK
from study.report.panel import Placed
from study.report.wording import SYMBOLS, level, percent

ASSETS: Final = Path(__file__).parent / "assets"
_SCRIPTS: Final = (
    "numbers.js",
    "selection.js",
    "brush.js",
    "parts.js",
    "figures.js",
    "trials.js",
    "page.js",
)
_STYLES: Final = ("style.css", "first_screen.css")


def render_page(template: str, panels: Iterable[Placed], /, **values: Any) -> str:
    """A template as one file that needs no network; every text in `values` is escaped.

    Args:
        template: Its file name.
        panels: The figures that the template draws.
        values: What else it shows.
    """
    return (
        _environment()
        .get_template(template)
        .render(
            figures={p.id: _figure_json(p) for p in panels if p.figure is not None},
            symbols=SYMBOLS,
            version=__version__,
            dark=embedded(json.dumps(DARK)),
            plotly=_plotly(),
            style=Markup("").join(_asset(name) for name in _STYLES),
            script=_script(),
            **values,
        )
    )


def embedded(text: str) -> Markup:
    """JSON that can stand in a script element: no text in it can end the element."""
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "level": level}
    return environment


def _figure_json(panel: Placed) -> Markup:
    figure: Any = panel.figure
    return embedded(figure.to_json())


@cache
def _plotly() -> Markup:
    return Markup(get_plotlyjs())


@cache
def _script() -> Markup:
    """The page's own scripts as one, so that they share nothing with Plotly's."""
    scripts = Markup("").join(_asset(name) for name in _SCRIPTS)
    return Markup('(() => {\n"use strict";\n%s})();') % scripts


@cache
def _asset(name: str) -> Markup:
    return Markup((ASSETS / name).read_text(encoding="utf-8"))

"""The page: every part of the report put into one HTML file that needs no network."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from study import __version__
from study.analysis import analyse_folder
from study.errors import TablesError
from study.factors import Factor
from study.report.audit import audit_data, majority_share
from study.report.curves import curves_panel
from study.report.findings import findings_data, is_analysed
from study.report.learning_rate import learning_rate_panel
from study.report.look import DARK, arm_marks
from study.report.overview import arms_data, budget_sentence, lead_sentence, progress_data
from study.report.panel import Panel
from study.report.parallel import parallel_panel
from study.report.sources import again, provenance_rows
from study.report.trial_table import trial_table_data
from study.report.wording import Measure, level, listed, percent
from study.tables import StudyTables, read_study, write_whole

FILE_NAME: Final = "report.html"
_HERE: Final = Path(__file__).parent


def write_report(folder: Path) -> Path:
    """Analyse a results folder, write its `report.html` and return the path of that.

    Raises:
        TablesError: A file in the folder is missing, damaged or does not fit the study.
        StudyError: The folder's study file is not valid.
        OSError: The folder cannot be written.
    """
    path = folder / FILE_NAME
    notes = analyse_folder(folder).notes
    # a folder's name may be no text
    write_whole(path, render(read_study(folder), notes=notes).encode(errors="backslashreplace"))
    return path


def render(tables: StudyTables, *, notes: Sequence[str] = ()) -> str:
    """The page as HTML; every text from the study is escaped.

    Args:
        tables: What the study's folder holds.
        notes: What the analysis left out and why.
    """
    study, measure = tables.study, Measure(tables.study.metric)
    with _naming_the_provenance(tables):
        majority, audit = majority_share(tables), audit_data(tables)
        progress, sources, commands = progress_data(tables), provenance_rows(tables), again(tables)
    arms = arms_data(tables)
    panels = [
        learning_rate_panel(tables, majority=majority),
        curves_panel(tables, majority=majority),
        parallel_panel(tables),
    ]
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            name=tables.folder.resolve().name,
            question=study.question or f"Study {study.name}",
            study=study,
            measure=measure,
            progress=progress,
            lead=lead_sentence(arms, measure),
            arms=arms,
            budget=budget_sentence(arms),
            majority=majority if study.metric == "val_accuracy" else None,
            marks=arm_marks(study),
            factors=[(f, _domain(f)) for f in study.factors],
            findings=findings_data(tables),
            is_analysed=is_analysed(tables),
            notes=notes,
            panels=panels,
            figures={p.id: _figure_json(p) for p in panels if p.figure is not None},
            trials=trial_table_data(tables),
            audit=audit,
            provenance=sources,
            again=commands,
            version=__version__,
            dark=_embedded(json.dumps(DARK)),
            plotly=_plotly(),
            style=_asset("style.css"),
            script=_asset("page.js"),
        )
    )


@contextmanager
def _naming_the_provenance(tables: StudyTables) -> Iterator[None]:
    """Name the file where a value in it is of another type than the run writes.

    Raises:
        TablesError: That is so.
    """
    try:
        yield
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise TablesError(
            f"{tables.folder / 'study.json'}: not as study.run writes it ({error}); restore it, "
            "or remove it for a report without what it says"
        ) from error


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "level": level}
    return environment


def _embedded(text: str) -> Markup:
    """JSON that can stand in a script element: no text in it can end the element."""
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _figure_json(panel: Panel) -> Markup:
    figure: Any = panel.figure
    return _embedded(figure.to_json())


@cache
def _plotly() -> Markup:
    return Markup(get_plotlyjs())


@cache
def _asset(name: str) -> Markup:
    return Markup((_HERE / name).read_text(encoding="utf-8"))


def _domain(factor: Factor) -> str:
    """The levels or intervals that a factor was given, in words."""
    if factor.levels:
        text = ", ".join(level(value) for value in factor.levels)
    else:
        text = "; ".join(
            f"{level(r.low)} to {level(r.high)}" + (f" where {_where(r.when)}" if r.when else "")
            for r in factor.ranges
        )
        text += " (log scale)" if factor.log else ""
    return text + (f"; exists only where {_where(factor.when)}" if factor.when else "")


def _where(when: Any) -> str:
    return listed([f"{name} is {level(value)}" for name, value in when.items()])

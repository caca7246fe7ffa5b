"""The report's figures as files of their own, for slides and papers: needs kaleido."""

from pathlib import Path
from typing import Final

import plotly.graph_objects as go

from agecls.files import write_whole
from study.analysis import conclude
from study.errors import StudyError
from study.folder.folder import Folder
from study.report.head.digest import digest_of
from study.report.look import SURFACE
from study.report.panel import Placed
from study.report.parts import Given
from study.report.sections import sections_data
from study.report.wording import inert

_WIDTH: Final = 900
_TITLE: Final = 44
"""Pixels above a figure for its question."""


class ImagesError(StudyError, RuntimeError):
    """Figures cannot be drawn outside a browser here."""


def write_images(folder: Path, suffix: str) -> Path:
    """Analyse a results folder, write its figures to `figures/` and return that.

    Args:
        folder: The study's.
        suffix: `svg` or `png`.

    Raises:
        ImagesError: kaleido or the browser that it needs is missing.
        StudyError: The folder is not a study's, or a file in it is damaged.
        OSError: The folder cannot be written.
    """
    try:
        import kaleido
    except ImportError as error:
        raise ImagesError(
            "kaleido is not installed, which draws figures outside a browser; "
            "pip install 'agecls-study[images]', or save them from report.html"
        ) from error
    concluded = conclude(folder)
    given = Given(digest=digest_of(concluded.tables), analysis=concluded.analysis)
    found = [panel for section in sections_data(given) for panel in section.panels]
    target = Folder(folder).figures
    target.mkdir(exist_ok=True)
    try:
        kaleido.start_sync_server(silence_warnings=True)  # one browser for all figures
        try:
            for panel in found:
                if panel.figure is not None:
                    drawn = kaleido.calc_fig_sync(
                        standalone(panel),
                        opts={"format": suffix, "scale": 2 if suffix == "png" else 1},
                    )
                    write_whole(target / f"{panel.id}.{suffix}", drawn)
        finally:
            kaleido.stop_sync_server(silence_warnings=True)
    except (RuntimeError, ValueError) as error:  # what kaleido and Plotly raise without a browser
        raise ImagesError(
            f"the figures cannot be drawn: {error}; kaleido needs Chrome or Chromium, whose path "
            "the variable BROWSER_PATH may give"
        ) from error
    return target


def standalone(panel: Placed) -> go.Figure:
    """A panel's figure with its question above, the arms' names below, and a background."""
    figure = go.Figure(panel.figure)
    named: set[str] = set()
    for trace in figure.data:
        arm = (trace.meta or {}).get("arm")
        trace.showlegend = False
        if arm is not None and trace.type != "heatmap":
            trace.legendgroup, trace.showlegend = arm, arm not in named
            named.add(arm)
    margin = figure.layout.margin
    figure.update_layout(
        title={"text": inert(panel.title), "x": 0, "xref": "paper", "font": {"size": 15}},
        margin={"t": (margin.t or 16) + _TITLE, "b": (margin.b or 48) + (40 if named else 0)},
        width=max(_WIDTH, panel.min_width),
        height=figure.layout.height + _TITLE + (40 if named else 0),
        showlegend=len(named) > 1,
        legend={"orientation": "h", "y": -0.16, "yanchor": "top", "x": 0},
        paper_bgcolor=SURFACE,
        plot_bgcolor=SURFACE,
    )
    return figure

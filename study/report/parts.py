"""What the rows of the page's table are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from study.analysis import Analysis, Predicted, TrainingTables, predicted_of, trained_of
from study.analysis.checks.recorded import search_majority
from study.folder.tables import StudyTables
from study.report.confirm.values import ConfirmedValues
from study.report.head.digest import Digest
from study.report.panel import Panel, Placed, Row
from study.report.settle.facts import Facts, settle_facts
from study.report.wording import ACCURACY


@dataclass(frozen=True, kw_only=True)
class Given:
    """What is known of a study when its page is made.

    Attributes:
        digest: Its tables and what the first screen says of them.
        analysis: What the analysis found in them; None: the figures of it are left out.
    """

    digest: Digest
    analysis: Analysis | None

    @property
    def tables(self) -> StudyTables:
        """What the study's folder holds."""
        return self.digest.tables

    @property
    def confirmed(self) -> ConfirmedValues | None:
        """What fresh seeds gave; None: nothing was confirmed."""
        return self.digest.confirmed

    @property
    def majority(self) -> float | None:
        """Share of the commonest class among images that the search's trials are validated on.

        None: unknown, or the metric is no accuracy.
        """
        is_accuracy = self.tables.study.measure == ACCURACY
        return search_majority(self.tables) if is_accuracy else None

    @cached_property
    def settled(self) -> Facts | None:
        """What was spent on verdicts; None: nothing."""
        return settle_facts(self.tables)

    @cached_property
    def predicted(self) -> Predicted | None:
        """What the confirmed models say image by image."""
        return predicted_of(self.tables) if self.confirmed else None

    @cached_property
    def trained(self) -> TrainingTables | None:
        """What each training of a confirm stage with folds has a part in; None without."""
        return trained_of(self.tables) if self.confirmed else None


FIGURES: Final = "figures.html.jinja"
"""The template of a section that is nothing but figures."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A row of the table: a section of the page.

    Attributes:
        id: Anchor in the page.
        name: What the page's list of parts calls it.
        title: The question that its figures answer together; empty where the template has it.
        figures: In reading order.
        intro: A sentence before the figures.
        template: Lays it out; one that lays out figures alone is left out if there are none.
        is_there: Whether a study has it.
        place: `top` stands before the selection and open, but for the recipes; all else is folded
            under its question; `linked` is what follows the reader's selection.
    """

    id: str
    name: str
    title: str = ""
    figures: tuple[Row[Given], ...] = ()
    intro: Callable[[Given], str] = lambda _: ""
    template: str = FIGURES
    is_there: Callable[[Given], bool] = lambda _: True
    place: Literal["top", "linked", "bottom"] = "linked"

    def section(self, given: Given) -> "Section":
        """It with the figures of one study."""
        panels = tuple(filter(None, (row.placed(given) for row in self.figures)))
        return Section(part=self, panels=panels, intro=self.intro(given))


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page with the figures of one study.

    Attributes:
        part: Its row in the table.
        panels: In reading order.
        intro: A sentence before them; may be empty.
    """

    part: Part
    panels: tuple[Placed, ...]
    intro: str


def of_confirmed(
    id_: str, title: str, make: Callable[[StudyTables, ConfirmedValues], Panel | None]
) -> Row[Given]:
    """The row of a figure of what fresh seeds gave."""
    return Row(id_, title, lambda g: make(g.tables, g.confirmed) if g.confirmed else None)


def of_nets(id_: str, title: str, make: Callable[[Given], Panel | None]) -> Row[Given]:
    """The row of a figure of what nets say of images, which a function's trainings do not."""
    return Row(id_, title, lambda g: None if g.tables.study.is_free else make(g))


def of_predicted(
    id_: str, title: str, make: Callable[[StudyTables, ConfirmedValues, Predicted], Panel]
) -> Row[Given]:
    """The row of a figure of what the confirmed models say image by image."""

    def draw(given: Given) -> Panel | None:
        confirmed, predicted = given.confirmed, given.predicted
        return make(given.tables, confirmed, predicted) if confirmed and predicted else None

    return Row(id_, title, draw)


def of_settled(id_: str, title: str, make: Callable[[Facts], Panel | None]) -> Row[Given]:
    """The row of a figure of what trainings spent on verdicts say."""
    return Row(id_, title, lambda given: make(given.settled) if given.settled else None)


def of_analysed(
    id_: str, title: str, make: Callable[[StudyTables, Analysis], Panel]
) -> Row[Given]:
    """The row of a figure of what the analysis found."""
    return Row(id_, title, lambda g: make(g.tables, g.analysis) if g.analysis else None)

"""The table of the page: its sections in their order, and the figures of each.

A new figure is a module in a room, whose function makes its `Panel`, and a row here.
"""

from dataclasses import replace
from typing import Final

from study.report.checks.fit import fit_panel, imputation_panel
from study.report.checks.power import power_panel
from study.report.confirm.arms import confirmed_arms_panel
from study.report.confirm.calibration import calibration_panel
from study.report.confirm.class_accuracy import class_accuracy_panel
from study.report.confirm.confusion import confusion_panel
from study.report.confirm.elsewhere import elsewhere_panel
from study.report.confirm.folds import folds_panel
from study.report.confirm.idle import idle_panel
from study.report.confirm.influence import influence_panel
from study.report.confirm.looks import looks_sentence
from study.report.confirm.metrics import metrics_panel
from study.report.confirm.seeds import seeds_panel
from study.report.factors.findings import findings_data, is_analysed
from study.report.factors.importance import importance_panel
from study.report.factors.interactions import interactions_panel
from study.report.factors.marginals import marginals_panel
from study.report.grounds import scope_sentence
from study.report.head.claims_figure import claims_panel
from study.report.panel import Panel, Placed, Row
from study.report.parts import (
    FIGURES,
    Given,
    Part,
    Section,
    of_analysed,
    of_confirmed,
    of_nets,
    of_predicted,
    of_settled,
)
from study.report.search.best import best_panel
from study.report.search.collapse import collapse_panel
from study.report.search.fidelity import fidelity_panel
from study.report.search.stopping import stopping_panel
from study.report.search.survival import survival_panel
from study.report.search.timeline import timeline_panel
from study.report.settle.design import design_panel
from study.report.settle.looks import looks_panel
from study.report.settle.pairs import pairs_panel
from study.report.settle.trainings import trainings_panel
from study.report.trials.curves import curves_panel
from study.report.trials.learning_rate import has_rate, learning_rate_panel
from study.report.trials.parallel import parallel_panel

_TITLES_WITHOUT_AGES: Final = {
    "classes": "How often is each class named right?",
    "confusion": "Which classes are taken for which?",
    "elsewhere": "Do the models hold on other pictures?",
}
"""What stands above a figure, by its id, where the classes are no ages."""


def sections_data(given: Given) -> list[Section]:
    """The sections that the study has."""
    found = [part.section(given) for part in PARTS if part.is_there(given)]
    if given.tables.study.classes.years is None:
        found = [replace(s, panels=tuple(map(_without_ages, s.panels))) for s in found]
    return [one for one in found if one.panels or one.part.template != FIGURES]


def _without_ages(panel: Placed) -> Placed:
    return replace(panel, title=_TITLES_WITHOUT_AGES.get(panel.id, panel.title))


def _looks(given: Given) -> str:
    confirmed = given.confirmed
    if confirmed is None or given.tables.study.is_free:
        return scope_sentence(given.tables.study) if confirmed else ""
    return looks_sentence(given.tables, confirmed, given.predicted)


def _classes(given: Given) -> Panel | None:
    """Drawn without predictions too, which only say how many images a class has."""
    confirmed = given.confirmed
    return class_accuracy_panel(given.tables, confirmed, given.predicted) if confirmed else None


CONFIRMED: Final[tuple[Row[Given], ...]] = (
    of_confirmed(
        "confirmed-arms",
        "How good is each arm on fresh seeds, and how much had the search flattered it?",
        confirmed_arms_panel,
    ),
    Row(
        "folds",
        "How good is each training, and how often does none come of it?",
        lambda given: (
            folds_panel(given.tables, given.trained, given.analysis)
            if given.trained and given.tables.study.folds
            else None
        ),
    ),
    of_nets(
        "hardly-learned",
        "Which trainings hardly learned, and how?",
        lambda given: idle_panel(given.tables, given.trained) if given.trained else None,
    ),
    Row(
        "influence",
        "Does a verdict hang on one training?",
        lambda given: influence_panel(given.tables, given.trained) if given.trained else None,
    ),
    of_confirmed("seeds", "How much of the result is the seed?", seeds_panel),
    of_nets(
        "metrics",
        "Does the order of the arms hold on other metrics?",
        lambda given: metrics_panel(given.tables, given.confirmed) if given.confirmed else None,
    ),
    of_nets("classes", "How often is each age class named right?", _classes),
    of_predicted(
        "confusion",
        "Which ages are taken for which?",
        lambda _, found, said: confusion_panel(said, split=found.split),
    ),
    of_predicted("calibration", "Can the models’ confidence be believed?", calibration_panel),
    of_confirmed(
        "elsewhere",
        "Do the models hold on other faces?",
        lambda tables, _: elsewhere_panel(tables),
    ),
)
SETTLED: Final = (
    of_settled("looks", "How did each claim’s interval shrink, look by look?", looks_panel),
    of_settled("design", "Which recipes were trained?", design_panel),
    of_settled("pairs", "Does what one factor does depend on another?", pairs_panel),
    of_settled("trainings", "What did every training score?", trainings_panel),
)
FACTORS: Final = (
    of_analysed(
        "importance", "Which factors matter, and which only look as if they did?", importance_panel
    ),
    of_analysed("interactions", "Which factors change what another one does?", interactions_panel),
    of_analysed(
        "marginals", "What does each setting do, all others averaged out?", marginals_panel
    ),
)
TRIALS: Final[tuple[Row[Given], ...]] = (
    Row(
        "lr",
        "At which learning rates does each arm learn, and where does it collapse?",
        lambda given: (
            learning_rate_panel(given.tables, majority=given.majority)
            if has_rate(given.tables.study)
            else None
        ),
    ),
    Row(
        "curves",
        "How fast does each arm learn, and does it level off?",
        lambda given: curves_panel(given.tables, majority=given.majority),
    ),
    Row(
        "parallel",
        "Which settings do the best trials share?",
        lambda given: parallel_panel(given.tables),
    ),
)
SEARCH: Final = (
    of_analysed(
        "best", "Is the search still finding, and what would random draws have found?", best_panel
    ),
    of_analysed("collapse", "Where does training collapse?", collapse_panel),
    of_analysed(
        "survival",
        "How many trials does each rung let pass?",
        lambda tables, _: survival_panel(tables),
    ),
    of_analysed(
        "stopping", "How often would stopping early throw away a good trial?", stopping_panel
    ),
    of_analysed("fidelity", "Does an early value tell the end?", fidelity_panel),
    of_analysed("timeline", "What ran when?", lambda tables, _: timeline_panel(tables)),
)
CHECKS: Final = (
    of_analysed(
        "fit", "How well does the analysis predict trials that it has not seen?", fit_panel
    ),
    of_analysed("imputation", "How well are the ends of stopped trials told?", imputation_panel),
    of_analysed("power", "What would settle what is still unresolved?", power_panel),
)

PARTS: Final = (
    Part(
        id="claims",
        name="Claims",
        figures=(
            Row(
                "claims-figure",
                "How far from its limit is each claim?",
                lambda given: claims_panel(given.digest.claims),
            ),
        ),
        template="claims.html.jinja",
        is_there=lambda given: bool(given.digest.claims),
        place="top",
    ),
    Part(
        id="left-out",
        name="Left out",
        template="notes.html.jinja",
        # else they stand below the claims
        is_there=lambda given: given.tables.study.imported is not None and not given.digest.claims,
        place="top",
    ),
    Part(id="arms", name="Arms", template="arms.html.jinja", place="top"),
    Part(
        id="recipe",
        name="Recipe",
        template="recipe.html.jinja",
        is_there=lambda given: bool(given.digest.recipes),
        place="top",
    ),
    Part(
        id="confirm",
        name="Confirmed",
        title="What do fresh seeds say?",
        figures=CONFIRMED,
        intro=_looks,
    ),
    Part(
        id="settled",
        name="Settled",
        title="What do trainings spent on verdicts say?",
        figures=SETTLED,
        intro=lambda given: scope_sentence(given.tables.study) if given.settled else "",
    ),
    Part(id="factors", name="Factors", title="Which factors matter?", figures=FACTORS),
    Part(id="figures", name="Figures", title="What happened in the trials?", figures=TRIALS),
    Part(
        id="search", name="Search", title="What did searching and stopping bring?", figures=SEARCH
    ),
    Part(
        id="checks",
        name="Checks",
        figures=CHECKS,
        template="checks.html.jinja",
    ),
    Part(id="trials", name="Trials", template="trials.html.jinja"),
    Part(
        id="findings",
        name="Tables",
        template="findings.html.jinja",
        is_there=lambda given: bool(findings_data(given.tables)) or not is_analysed(given.tables),
        place="bottom",
    ),
    Part(
        id="data",
        name="Data",
        template="data.html.jinja",
        is_there=lambda given: not given.tables.study.is_free,
        place="bottom",
    ),
    Part(id="provenance", name="Provenance", template="provenance.html.jinja", place="bottom"),
)
"""In reading order."""

"""The table of the page: its sections in their order, and the figures of each.

A new figure is a module in a room, whose function makes its `Panel`, and a row here.
"""

from typing import Final

from study.report.checks.fit import fit_panel, imputation_panel
from study.report.checks.power import power_panel
from study.report.confirm.arms import confirmed_arms_panel
from study.report.confirm.calibration import calibration_panel
from study.report.confirm.class_accuracy import class_accuracy_panel
from study.report.confirm.confusion import confusion_panel
from study.report.confirm.elsewhere import elsewhere_panel
from study.report.confirm.looks import looks_sentence
from study.report.confirm.metrics import metrics_panel
from study.report.confirm.seeds import seeds_panel
from study.report.factors.findings import findings_data, is_analysed
from study.report.factors.importance import importance_panel
from study.report.factors.interactions import interactions_panel
from study.report.factors.marginals import marginals_panel
from study.report.head.claims_figure import claims_panel
from study.report.panel import Panel, Row
from study.report.parts import (
    FIGURES,
    Given,
    Part,
    Section,
    of_analysed,
    of_confirmed,
    of_predicted,
)
from study.report.search.best import best_panel
from study.report.search.collapse import collapse_panel
from study.report.search.fidelity import fidelity_panel
from study.report.search.stopping import stopping_panel
from study.report.search.survival import survival_panel
from study.report.search.timeline import timeline_panel
from study.report.trials.curves import curves_panel
from study.report.trials.learning_rate import learning_rate_panel
from study.report.trials.parallel import parallel_panel


def sections_data(given: Given) -> list[Section]:
    """The sections that the study has."""
    found = (part.section(given) for part in PARTS if part.is_there(given))
    return [one for one in found if one.panels or one.part.template != FIGURES]


def _looks(given: Given) -> str:
    confirmed = given.confirmed
    return looks_sentence(given.tables, confirmed, given.predicted) if confirmed else ""


def _classes(given: Given) -> Panel | None:
    """Drawn without predictions too, which only say how many images a class has."""
    confirmed = given.confirmed
    return class_accuracy_panel(given.tables, confirmed, given.predicted) if confirmed else None


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
    Part(id="arms", name="Arms", template="arms.html.jinja", place="top"),
    Part(
        id="confirm",
        name="Confirmed",
        title="What do fresh seeds say?",
        figures=(
            Row(
                "confirmed-arms",
                "How good is each arm on fresh seeds, and how much had the search flattered it?",
                of_confirmed(confirmed_arms_panel),
            ),
            Row("seeds", "How much of the result is the seed?", of_confirmed(seeds_panel)),
            Row(
                "metrics",
                "Does the order of the arms hold on other metrics?",
                of_confirmed(metrics_panel),
            ),
            Row("classes", "How often is each age class named right?", _classes),
            Row(
                "confusion",
                "Which ages are taken for which?",
                of_predicted(lambda _, found, said: confusion_panel(said, split=found.split)),
            ),
            Row(
                "calibration",
                "Can the models’ confidence be believed?",
                of_predicted(calibration_panel),
            ),
            Row(
                "elsewhere",
                "Do the models hold on other faces?",
                of_confirmed(lambda tables, _: elsewhere_panel(tables)),
            ),
        ),
        intro=_looks,
    ),
    Part(
        id="factors",
        name="Factors",
        title="Which factors matter?",
        figures=(
            Row(
                "importance",
                "Which factors matter, and which only look as if they did?",
                of_analysed(importance_panel),
            ),
            Row(
                "interactions",
                "Which factors change what another one does?",
                of_analysed(interactions_panel),
            ),
            Row(
                "marginals",
                "What does each setting do, all others averaged out?",
                of_analysed(marginals_panel),
            ),
        ),
    ),
    Part(
        id="figures",
        name="Figures",
        title="What happened in the trials?",
        figures=(
            Row(
                "lr",
                "At which learning rates does each arm learn, and where does it collapse?",
                lambda given: learning_rate_panel(given.tables, majority=given.majority),
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
        ),
    ),
    Part(
        id="search",
        name="Search",
        title="What did searching and stopping bring?",
        figures=(
            Row(
                "best",
                "Is the search still finding, and what would random draws have found?",
                of_analysed(best_panel),
            ),
            Row("collapse", "Where does training collapse?", of_analysed(collapse_panel)),
            Row(
                "survival",
                "How many trials does each rung let pass?",
                of_analysed(lambda tables, _: survival_panel(tables)),
            ),
            Row(
                "stopping",
                "How often would stopping early throw away a good trial?",
                of_analysed(stopping_panel),
            ),
            Row("fidelity", "Does an early value tell the end?", of_analysed(fidelity_panel)),
            Row(
                "timeline", "What ran when?", of_analysed(lambda tables, _: timeline_panel(tables))
            ),
        ),
    ),
    Part(
        id="checks",
        name="Checks",
        title="How far can these numbers be trusted?",
        figures=(
            Row(
                "fit",
                "How well does the analysis predict trials that it has not seen?",
                of_analysed(fit_panel),
            ),
            Row(
                "imputation",
                "How well are the ends of stopped trials told?",
                of_analysed(imputation_panel),
            ),
            Row("power", "What would settle what is still unresolved?", of_analysed(power_panel)),
        ),
    ),
    Part(id="trials", name="Trials", template="trials.html.jinja"),
    Part(
        id="findings",
        name="Tables",
        template="findings.html.jinja",
        is_there=lambda given: bool(findings_data(given.tables)) or not is_analysed(given.tables),
        place="bottom",
    ),
    Part(id="data", name="Data", template="data.html.jinja", place="bottom"),
    Part(id="provenance", name="Provenance", template="provenance.html.jinja", place="bottom"),
)
"""In reading order."""

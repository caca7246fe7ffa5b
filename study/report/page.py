"""The page: every part of the report put into one HTML file that needs no network."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from agecls.files import write_whole
from study.analysis import Analysis, Conclusions
from study.analysis.checks.check import Checked
from study.analysis.checks.recorded import (
    majority_share,
    naming_the_provenance,
    search_majority,
)
from study.analysis.checks.table import run_checks
from study.analysis.recipes.told import settings, size_of
from study.asked.factors import Factor
from study.asked.study_text import include_text, levels_text
from study.folder.folder import Folder
from study.folder.tables import StudyTables
from study.report.checks.audit import audit_data
from study.report.checks.named import named_checks
from study.report.factors.findings import findings_data, is_analysed
from study.report.grounds import spread_over
from study.report.head.best_model import best_model
from study.report.head.digest import Digest, digest_of
from study.report.head.earlier import earlier_note
from study.report.head.ledger import STAGE_NAMES, note_of_stages
from study.report.head.overview import arms_n, budget_sentence, is_open, progress_data
from study.report.html import embedded, render_page
from study.report.look import arm_marks
from study.report.parts import Given
from study.report.sections import sections_data
from study.report.sources import again, provenance_rows
from study.report.trials.trial_table import trial_table_data
from study.report.wording import ACCURACY, level, listed


def write_page(found: Conclusions) -> Path:
    """Write the `report.html` of a study of which all is known, and return its path.

    Raises:
        TablesError: The provenance does not say what it should.
        OSError: The folder cannot be written.
    """
    path = Folder(found.tables.folder).report
    page = render(found.tables, analysis=found.analysis, checked=found.checked)
    # a folder's name may be no text
    write_whole(path, page.encode(errors="backslashreplace"))
    return path


def render(
    tables: StudyTables,
    *,
    analysis: Analysis | None = None,
    checked: Sequence[Checked] | None = None,
) -> str:
    """The page as HTML; every text from the study is escaped.

    Args:
        tables: What the study's folder holds.
        analysis: What the analysis found in them; None: the figures and notes of it are left out.
        checked: What the checks say of these; None: they are run.
    """
    study = tables.study
    with naming_the_provenance(tables):
        audit, progress = audit_data(tables), progress_data(tables)
        digest = digest_of(tables)
        sources, commands = provenance_rows(tables, digest.lock.lock), again(tables)
        live = datetime.now(UTC).isoformat() if is_open(tables) else ""
        confirmed, arms = digest.confirmed, digest.arms
        baseline = (
            majority_share(tables, split=confirmed.split) if confirmed else search_majority(tables)
        )
        checks = named_checks(run_checks(tables, analysis) if checked is None else checked)
    given = Given(digest=digest, analysis=analysis)
    sections = sections_data(given)
    panels = [panel for section in sections for panel in section.panels]
    trials = trial_table_data(tables, drawn=chain.from_iterable(p.drawn for p in panels))
    return render_page(
        "page.html.jinja",
        panels,
        name=digest.name,
        question=digest.question,
        study=study,
        measure=digest.measure,
        progress=progress,
        answer=digest.answer,
        claims=digest.claims,
        stages=STAGE_NAMES,
        note_of_stages=note_of_stages(digest.claims, is_confirmed=confirmed is not None),
        confirmed=confirmed,
        arms=arms,
        earlier_note=earlier_note(study),
        model=best_model(tables, arms),
        recipes=digest.recipes,
        recipe=digest.recipe,
        recipe_text=_recipe_text(digest),
        size_of=size_of,
        budget=budget_sentence(arms),
        majority=given.majority,
        baseline=baseline if study.measure == ACCURACY else None,
        arms_n=arms_n(arms),
        spread=spread_over(study),
        marks=arm_marks(study),
        factors=[(f, _domain(f)) for f in study.factors],
        n_design=int((tables.trials["origin"] == "design").sum()),
        findings=findings_data(tables),
        is_analysed=is_analysed(tables),
        notes=analysis.notes if analysis else (),
        sections=sections,
        trials=trials,
        trials_json=embedded(trials.embedded()),
        live=live,
        audit=audit,
        checks=checks,
        provenance=sources,
        again=commands,
    )


def _recipe_text(digest: Digest) -> str:
    """The recipe to use as a study file spells it; empty where there is none."""
    found, study = digest.recipe, digest.tables.study
    if found is None:
        return ""
    said = settings(found.recipe, study)
    # who trains nothing here has no study file to begin with it
    return levels_text(said) if study.imported else include_text(said)


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
    return listed([f"{name} is {_either(value)}" for name, value in when.items()])


def _either(asked: Any) -> str:
    return " or ".join(map(level, asked)) if isinstance(asked, tuple) else level(asked)

"""What settling asks: the design on disk, or one of the claims that are open, and its end.

The stage and its dry run ask here alike, so that what one tells the other does.
"""

from dataclasses import replace

import pandas as pd

from study.analysis.more_trials import by_more_trials
from study.analysis.untested import lacks_weights
from study.asked.claim import Claim
from study.asked.plans import DEFAULT_FOLDS
from study.asked.study import Study
from study.errors import StudyError
from study.folder.columns import names_of
from study.folder.folder import Folder
from study.folder.tables import StudyTables
from study.plan.settle_plan import Settling, read_settling, stated
from study.plan.settle_rows import SettleDesign, settle_design
from study.plan.streams import Stream, stream_seed
from study.quantities import count


def design_for(study: Study, tables: StudyTables, trainings: int) -> Settling:
    """The design on disk or one that is drawn now, with the end that so many trainings make.

    Args:
        study: The study file.
        tables: What the study's folder holds.
        trainings: That may be spent, those on record among them.

    Raises:
        StudyError: No trial ran to its end, the trainings make no block, a claim that the design
            asks or the number of folds has changed, or the design is lost.
    """
    folder = Folder(tables.folder)
    path = folder.settle.design
    found = read_settling(path)
    if found is None and tables.settle is not None:
        raise StudyError(
            f"{path}: missing, though settle.parquet has trainings of a design. A second one "
            "would spend its chance of a wrong verdict once more: copy the folder settle/ from "
            "where the study was settled."
        )
    if found is None:
        return _drawn(study, tables, trainings)
    if (k := _n_folds(study)) != found.folds:
        raise StudyError(
            f"{path}: drawn for {found.folds} folds, and [folds] k is {k} now. Undo the change."
        )
    found = _with_claims_of(study, folder, found)
    check_budget(found.design, trainings)
    return found.ending(found.blocks_of(trainings), begun=len(folder.settle.trials()))


def planned_design(study: Study, claims: pd.DataFrame | None) -> SettleDesign:
    """The design of the claims that are open, before recipes of its rows are known.

    Args:
        study: The study file.
        claims: The table; None: nothing is concluded yet.
    """
    asked, left_out = _asked(study, claims)
    design = settle_design(study, asked)
    return replace(design, unasked={**design.unasked, **left_out})


def check_settle(study: Study, folder: Folder) -> None:
    """Refuse `[settle] trainings` that make no block, before anything is searched for.

    Raises:
        StudyError: They do not.
    """
    if study.settle is not None and not folder.settle.design.exists():
        design = planned_design(study, folder.read_table("claims"))
        check_budget(design, study.settle.trainings)


def _drawn(study: Study, tables: StudyTables, trainings: int) -> Settling:
    design = planned_design(study, tables.claims)
    check_budget(design, trainings)
    design = replace(design, unasked={**design.unasked, **told_by_trials(study, tables)})
    from study.analysis.settle.recipes import row_recipes  # no study waits for it to begin

    seed = stream_seed(study, Stream.SETTLE)
    recipes = row_recipes(study, tables.trials, tables.epochs, design.levels, seed=seed)
    if recipes is None:
        raise StudyError(
            f"{tables.folder}: no trial ran to its end, so nothing tells the recipes of the rows. "
            "`error` in trials.parquet says why; change the study's factors and begin a new one "
            "with --name."
        )
    return Settling(
        design=design,
        recipes=recipes,
        folds=_n_folds(study),
        planned=max(trainings // len(design.rows_of(0)), 1),
        stated={claim.name: stated(claim) for claim in _asked(study, tables.claims)[0]},
        paired=False,
    )


def told_by_trials(study: Study, tables: StudyTables) -> dict[str, str]:
    """By open claim about shares of variance, why no row asks it, and which trials would do."""
    if not any(claim.unit == "share" for claim in study.every_claim):
        return {}
    from study.analysis.search.answers import analyse  # no study waits for it to begin

    found = analyse(study, tables.trials, tables.epochs, seed=study.seed)
    return by_more_trials(study, tables.folder, found.power)


def _n_folds(study: Study) -> int:
    if study.folds is not None:
        return study.folds.k
    return 1 if study.is_free else DEFAULT_FOLDS


def check_budget(design: SettleDesign, trainings: int) -> None:
    """Refuse trainings that make no block of a design that asks something.

    Raises:
        StudyError: They do not.
    """
    n_rows = len(design.rows_of(0))
    if trainings < n_rows and design.columns:
        raise StudyError(
            f"{count(trainings, 'training')} {'was' if trainings == 1 else 'were'} asked for, and "
            f"the first block takes {n_rows}, one a row of the design; give {n_rows} or more, "
            f"better {6 * n_rows} ([settle] trainings in the study file, --trainings of "
            "study.settle)"
        )


def _asked(study: Study, claims: pd.DataFrame | None) -> tuple[list[Claim], dict[str, str]]:
    """The claims that are open, and why the others are not asked.

    Open is also what fresh seeds have said and one training of theirs would turn.
    """
    asked, left_out = [], {}
    claims = pd.DataFrame(columns=names_of("claims")) if claims is None else claims
    is_fragile = claims["fragile"].fillna(False).astype(bool)
    confirmed = claims[(claims["stage"] == "confirm") & ~is_fragile]
    for claim in study.every_claim:
        missing = lacks_weights(study, claim)
        verdicts = set(confirmed.loc[confirmed["claim"] == claim.name, "verdict"])
        if missing is not None:
            left_out[claim.name] = missing.reason
        elif verdicts & {"supported", "refuted"} and claim.compares is not None:
            left_out[claim.name] = f"fresh seeds have settled it: {', '.join(sorted(verdicts))}"
        else:
            asked.append(claim)
    return asked, left_out


def _with_claims_of(study: Study, folder: Folder, settling: Settling) -> Settling:
    """The design, with claims that came later among those that it does not ask.

    Raises:
        StudyError: A claim says something else than when the design was drawn, or is gone.
    """
    there = {claim.name for claim in study.every_claim}
    if gone := sorted(set(settling.stated) - there):
        raise StudyError(
            f"{folder.study_file}: the design was drawn to settle {', '.join(gone)} too. "
            "Bring the claims back: to drop one after looking makes the others easier to settle."
        )
    later = {}
    for claim in study.every_claim:
        before = settling.stated.get(claim.name)
        if before is None and claim.name not in settling.design.unasked:
            later[claim.name] = "it was added after the design was drawn"
        elif before not in (None, stated(claim)):
            raise StudyError(
                f"{folder.study_file}: the claim {claim.name} has changed since the "
                f"design that tests it was drawn (it stated {before}). Undo the change, or add a "
                "claim of another name to a new study."
            )
    unasked = {**settling.design.unasked, **later}
    return replace(settling, design=replace(settling.design, unasked=unasked))

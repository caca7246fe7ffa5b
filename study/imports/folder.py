"""A search as a study's folder: a study file to edit, a table of trials and one of epochs."""

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from agecls.files import write_whole
from study.asked.factors import Factor
from study.asked.free import is_taken
from study.asked.plans import Imported
from study.asked.study import Study
from study.asked.study_file import dump_study
from study.errors import StudyError
from study.folder.columns import config_column
from study.folder.folder import Folder
from study.imports.directions import sounds_like_a_share
from study.imports.factors import Varied, varied
from study.imports.lengths import Lengths, Paced, with_lengths
from study.imports.search import Search
from study.measure import SHARE, Measure, Scale
from study.quantities import count, listed

_PART: Final = 0.025
"""Part of the spread of final values that the smallest effect is set to, if nobody says."""

_MOST_NAMED: Final = 12


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the importing person says; what is None is taken from the search.

    Attributes:
        smallest: The smallest effect that counts, in the metric's own unit.
        unit: Word behind the metric's numbers, or `share`.
        length: Step at which a trial is at its end.
        at_random: Whether configurations were drawn independently of results.
    """

    smallest: float | None = None
    unit: str | None = None
    length: float | None = None
    at_random: bool = False


def write_search(search: Search, home: Folder, wishes: Wishes) -> Study:
    """Write the folder of a study; the study as it is then read is returned.

    Raises:
        StudyError: The folder holds a study already, or the search holds nothing to report.
        OSError: The folder cannot be written.
    """
    kept = [home.study_file, home.table("trials"), home.table("epochs")]
    for path in kept:
        if path.exists():
            raise StudyError(f"{path}: it is there already; choose another NAME")
    if not search.trials:
        raise StudyError(f"{search.source}: it has no trial")
    search, of_curves = _with_fitting_curves(search)
    lengths, found = with_lengths(search, length=wishes.length), varied(search.trials)
    metric = _safe_name(search.metric)
    full = [_last(p) for p in lengths.trials if p.state == "completed"]
    values = np.array([v for v in full if v is not None], dtype=float)
    if not len(values):
        raise StudyError(
            f"{search.source}: no trial came to its end with a value of {search.metric}; "
            "say with --length at which step a trial is at its end"
        )
    scale = _scale(search, values, wishes)
    is_design = wishes.at_random and all(p.state != "stopped" for p in lengths.trials)
    notes = (*of_curves, *_notes(search, lengths, found, wishes, scale, is_design=is_design))
    study = Study(
        name=home.path.resolve().name,
        question="Which settings matter in this search?",
        metric=metric,
        trials=len(search.trials),
        epochs=lengths.epochs,
        seed=0,
        design_share=0.0,
        reduction=3,
        confirm_seeds=0,
        data="",
        size=0,
        deduplicate=False,
        weights=None,
        pretrain=None,
        factors=found.factors,
        claims=(),
        imported=Imported(
            source=search.source, scale=scale, epoch=_epoch(search, lengths), notes=notes
        ),
    )
    trials = _trials(study, lengths, found, origin="design" if is_design else "search")
    home.path.mkdir(parents=True, exist_ok=True)
    try:
        home.write_table("trials", trials, study)
        home.write_table("epochs", _epochs(metric, lengths), study)
        # last: a folder with this file is a study's
        write_whole(home.study_file, _text(study, found, wishes).encode())
        return home.read_study()
    except StudyError:
        # what cannot be read must not look like a study
        for path in kept:
            path.unlink(missing_ok=True)
        raise


def _with_fitting_curves(search: Search) -> tuple[Search, tuple[str, ...]]:
    """The search without curves that are of something else than the final values, and a note."""
    ends = [
        (trial.value, [value for _, value in trial.curve])
        for trial in search.trials
        if trial.curve and trial.value is not None
    ]
    pick = min if search.is_minimised else max
    is_last = [math.isclose(value, curve[-1], rel_tol=1e-6) for value, curve in ends]
    is_best = [math.isclose(value, pick(curve), rel_tol=1e-6) for value, curve in ends]
    if 2 * sum(is_last) >= len(ends):
        return search, ()
    if 2 * sum(is_best) >= len(ends):
        return search, (
            "The final value of a trial is the best of its curve, not the last one: it flatters.",
        )
    bare = tuple(replace(trial, curve=()) for trial in search.trials)
    return replace(search, trials=bare), (
        "Curves are left out: they do not end at the final values, so they tell something else. "
        "Trials that were stopped count for nothing.",
    )


def _safe_name(metric: str) -> str:
    """The metric's name as a column that means nothing else."""
    return f"metric_{metric}" if is_taken(metric) else metric


def _scale(search: Search, values: np.ndarray, wishes: Wishes) -> Scale:
    unit = wishes.unit
    lies_in_0_1 = bool((values >= 0).all() and (values <= 1).all())
    if unit is None:
        unit = SHARE if lies_in_0_1 and sounds_like_a_share(search.metric) else ""
    smallest = wishes.smallest
    if smallest is None and unit == SHARE:
        return Scale(unit=unit, is_minimised=search.is_minimised)
    if smallest is None:
        low, high = np.quantile(values, [0.05, 0.95])
        smallest = _one_digit(_PART * float(high - low)) or 1e-3
    return Scale(smallest=smallest, unit=unit, is_minimised=search.is_minimised)


def _one_digit(value: float) -> float:
    return float(f"{value:.0e}") if value > 0 else 0.0


def _epoch(search: Search, lengths: Lengths) -> str:
    unit = lengths.grid.unit
    return search.step if unit == 1 else f"{unit:g} {search.step}s"


def _trials(study: Study, lengths: Lengths, found: Varied, *, origin: str) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for number, paced in enumerate(lengths.trials):
        trial = paced.trial
        rows.append(
            {
                "trial_id": trial.name,
                "number": number,
                "origin": origin,
                "status": paced.state,
                "epochs_planned": paced.planned,
                "epochs_run": paced.run,
                study.metric: _last(paced),
                "error": trial.error or None,
                "started_at": _utc(trial.started_at),
                "ended_at": _utc(trial.ended_at),
            }
        )
    frame = pd.DataFrame(rows)
    for factor in study.factors:
        column = pd.Series(found.values[factor.name], dtype=object)
        frame[config_column(factor.name)] = _typed(column, factor)
    return frame


def _typed(column: pd.Series, factor: Factor) -> pd.Series:
    if not factor.is_numeric:
        return column
    return column.astype("Int64") if factor.is_whole else column.astype(float)


def _utc(time: datetime | None) -> pd.Timestamp | None:
    # a time without a zone is this machine's, as Optuna writes it
    return None if time is None else pd.Timestamp(time.astimezone(UTC))


def _last(paced: Paced) -> float | None:
    """The value after the last epoch that a trial ran."""
    if paced.state == "completed" and paced.trial.value is not None:
        return paced.trial.value
    return paced.curve[max(paced.curve)] if paced.curve else None


def _epochs(metric: str, lengths: Lengths) -> pd.DataFrame:
    rows = [
        {"trial_id": paced.trial.name, "epoch": epoch, metric: value}
        for paced in lengths.trials
        for epoch, value in sorted(paced.curve.items())
    ]
    return pd.DataFrame(rows, columns=["trial_id", "epoch", metric])


def _notes(
    search: Search,
    lengths: Lengths,
    found: Varied,
    wishes: Wishes,
    scale: Scale,
    *,
    is_design: bool,
) -> list[str]:
    """What the data cannot support, and what was done with them, in whole sentences."""
    notes = list(search.notes)
    notes += [f"Left out: {n:,} {reason}." for reason, n in search.left_out.items()]
    if lengths.n_cut:
        notes.append(
            f"{count(lengths.n_cut, 'trial')} called complete ended before the end of its plan "
            "and counts as stopped."
            if lengths.n_cut == 1
            else f"{count(lengths.n_cut, 'trial')} called complete ended before the end of their "
            "plan and count as stopped."
        )
    if not any(paced.curve for paced in lengths.trials):
        notes.append("There are no curves: nothing can be said of trials that were stopped.")
    if found.guessed:
        named = _some(sorted(found.guessed))
        notes.append(
            f"Ranges and levels of {named} are those that the trials tried, not those of the "
            "search: shares of variance are over what was tried. Set them in study.toml."
        )
    if found.left_out:
        parts = [f"{name} ({reason})" for name, reason in found.left_out.items()]
        notes.append(f"Settings that are no factors here: {_some(parts)}.")
    if wishes.at_random and not is_design:
        notes.append(
            "Configurations were drawn at random, but trials were stopped: those that came to "
            "their end are survivors, so no trial counts as drawn by design."
        )
    if wishes.smallest is None and scale.unit != SHARE:
        notes.append(
            "The smallest effect that counts was set by the spread of the values. "
            "Set `smallest` in study.toml to what matters to you."
        )
    return notes


def _some(names: list[str]) -> str:
    shown = names[:_MOST_NAMED]
    more = len(names) - len(shown)
    return listed([*shown, count(more, "other")] if more else shown)


def _text(study: Study, found: Varied, wishes: Wishes) -> str:
    """The study file, with what was guessed said where it stands."""
    measure = Measure(study.metric, study.imported.scale if study.imported else None)
    head = [
        "# Written by study.import_from; yours to edit: it is read at each study.report.",
        '# role = "arm" instead of "tuned" gives a factor a row and a colour for each level.',
        "# Claims: [claims.NAME] with text, factor, better, worse and least (in "
        f"{measure.effects}).",
    ]
    remarks = dict(found.remarks)
    for name in found.guessed:
        remarks[name] = "guessed: what the trials tried; set what the search could have tried"
    lines = [*head, ""]
    heads = {line.removesuffix("\n"): name for name in remarks for line in _heads(study, name)}
    for line in dump_study(study).splitlines():
        if line in heads:
            lines.append(f"# {remarks[heads[line]]}")
        if line.startswith("smallest") and wishes.smallest is None:
            lines.append("# a standard deviation over the ranges, in the metric's own unit")
        lines.append(line)
    return "\n".join(lines) + "\n"


def _heads(study: Study, name: str) -> list[str]:
    """The line that opens a factor's table."""
    alone = replace(study, factors=(study.factor(name),))
    return [line for line in dump_study(alone).splitlines() if line.startswith("[factors.")]

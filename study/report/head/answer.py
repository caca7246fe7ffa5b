"""The first screen: the study's answer in plain sentences with numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from study.analysis.checks.recorded import (
    are_claims_changed,
    fragile_claims,
    idle_models,
    looks_at_test,
)
from study.analysis.recipes.told import SimplestRecipe, recipe_line
from study.asked.study import Study
from study.folder.tables import StudyTables
from study.report.confirm.values import ConfirmedValues, Value
from study.report.head.ledger import Entry, tally
from study.report.head.overview import ArmRow, best_searched, is_running, lead_sentence
from study.report.wording import Measure, count, interval, listed, percent, signed, some_of

MOST_NAMED: Final = 5
"""Factors that one sentence names; more are counted."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the study found.

    Attributes:
        best: The best arm with its value, confirmed if it was.
        claims: How many claims stand how.
        settled: The claims that were supported or refuted, in the study's order.
        factors: Which factors matter, or that none is known to; empty without an analysis.
        recipe: The best arm's recipe to use, and whether a simpler one is as good; empty without
            an analysis.
        warnings: What a reader must know before quoting anything.
        can_confirm: Whether the search is over and nothing has been confirmed.
    """

    best: str
    claims: str
    settled: tuple[Entry, ...]
    factors: str
    recipe: str
    warnings: tuple[str, ...]
    can_confirm: bool


def answer_data(
    tables: StudyTables,
    arms: Sequence[ArmRow],
    entries: Sequence[Entry],
    recipes: Sequence[SimplestRecipe],
    *,
    confirmed: ConfirmedValues | None,
    problems: Sequence[str],
) -> Answer:
    """The answer, which claims nothing that no verdict supports; `problems` are of its lock."""
    if confirmed is None:
        best = lead_sentence(list(arms), tables.study.measure)
    else:
        best = _confirmed_best(arms, confirmed)
    return Answer(
        best=best,
        claims=_claims(entries, confirmed, tables.study),
        settled=tuple(entry for entry in entries if entry.is_settled),
        factors=_factors(tables),
        recipe=recipe_to_use(tables.study, arms, recipes),
        warnings=tuple(_warnings(tables, confirmed, problems)),
        can_confirm=(
            confirmed is None
            and not tables.study.is_free
            and not is_running(tables)
            and best_arm(arms, tables.study.measure) is not None
        ),
    )


def best_arm(arms: Sequence[ArmRow], measure: Measure) -> ArmRow | None:
    """The arm with the best confirmed value or, where none was confirmed, the search's best."""
    confirmed = [row for row in arms if row.confirmed is not None]
    if confirmed:
        return best_confirmed(confirmed, measure)[0]
    return best_searched(arms, measure)


def best_confirmed(arms: Sequence[ArmRow], measure: Measure) -> list[ArmRow]:
    """Arms that were confirmed, the best first."""
    values = [(row, row.confirmed.estimate) for row in arms if row.confirmed is not None]
    return [row for row, _ in sorted(values, key=lambda pair: -measure.gain(pair[1]))]


def _confirmed_best(arms: Sequence[ArmRow], confirmed: ConfirmedValues) -> str:
    measure = confirmed.measure(confirmed.split)
    order = best_confirmed(arms, measure)
    if not order:  # kappa, say, of nets that all name one class
        return f"No {measure.label} can be estimated from the nets on fresh seeds."
    best = order[0]
    value = best.confirmed
    if value is None:  # for the type checker: `order` has only confirmed rows
        return ""
    text = f"{value.text(measure)}{measure.name_after}"
    where = f"Arm {best.arm} reaches" if len(arms) > 1 else "The chosen configuration reaches"
    sentence = f"{where} {text} on fresh seeds ({value.n})"
    place = f"the {measure.best_word} of {count(len(order), 'arm')}"
    if len(order) < 2:
        return f"{sentence}."
    second = order[1]
    gap = confirmed.get(best.arm, split=confirmed.split, against=second.arm)
    if gap is None:
        return f"{sentence}, {place}."
    difference = _difference(gap, measure)
    if min(measure.gain(gap.low), measure.gain(gap.high)) > 0:
        apart = f"Next is {second.arm}; the difference is {difference}"
    else:
        apart = f"It is not told apart from {second.arm}: the difference is {difference}"
    return f"{sentence}, {place}. {apart}."


def _difference(gap: Value, measure: Measure) -> str:
    if measure.own is not None:
        scale, text = measure.scale, measure.effect
        ends = interval(gap.estimate * scale, gap.low * scale, gap.high * scale, text)
        return f"{ends}{measure.after_effect}"
    if not measure.suffix:
        return f"{gap.estimate:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"
    estimate, low, high = (signed(x * measure.scale) for x in (gap.estimate, gap.low, gap.high))
    return f"{estimate} points [{low}, {high}]"


def _claims(entries: Sequence[Entry], confirmed: ConfirmedValues | None, study: Study) -> str:
    if not entries:
        return "No claim was declared before the search, so none is judged."
    if study.imported:
        claims = count(len(entries), "claim")
        return f"Of {claims} about a search that was over, which is no test: {tally(entries)}."
    is_alone = confirmed is None and not any(entry.settled for entry in entries)
    stage = " by the search alone" if is_alone else ""
    settled = sum(entry.is_settled for entry in entries)
    added = sum(entry.is_added for entry in entries)
    if len(entries) == 1 and not added:
        (only,) = entries
        if settled:
            return f"The one claim declared before the search is {only.verdict}{stage}."
        return f"The one claim is not settled{stage}: {only.verdict}."
    if added:
        which = f"{added} of them added after the search"
        return f"Of {count(len(entries), 'claim')}, {which}: {tally(entries)}{stage}."
    if not settled:
        return f"None of the {len(entries)} claims is settled{stage}: {tally(entries)}."
    return f"Of {count(len(entries), 'claim')} declared before the search: {tally(entries)}."


def _factors(tables: StudyTables) -> str:
    frame = tables.importance
    if frame is None or frame.empty:
        return ""
    ranked = frame.sort_values("share", ascending=False, kind="stable").to_dict("records")
    matter = [row for row in ranked if row["verdict"] == "matters"]
    verdicts = frame["verdict"].value_counts()
    rest = [f"{verdicts[v]} {v}" for v in ("negligible", "unresolved") if v in verdicts]
    left = f"; {listed(rest)}" if rest else ""
    if not matter:
        reasons = set(frame["reason"].dropna())
        why = f" Why: {next(iter(reasons))}." if len(reasons) == 1 and len(frame) > 1 else ""
        return f"No factor is shown to matter ({listed(rest)}).{why}"
    named = [_factor(row) for row in matter[:MOST_NAMED]]
    more = len(matter) - len(named)
    named += [f"{count(more, 'other')}"] if more else []
    verb = (
        "Factor that matters, with its own share"
        if len(matter) == 1
        else "Factors that matter, with their own shares"
    )
    return f"{verb} of the variance, interactions apart: {listed(named)}{left}."


def _factor(row: dict[str, Any]) -> str:
    share, low, high = row["share"], row["low"], row["high"]
    if any(pd.isna(value) for value in (share, low, high)):
        return str(row["factor"])
    return f"{row['factor']} {percent(share)} [{low * 100:.1f}, {high * 100:.1f}]"


def recipe_of(arm: ArmRow | None, recipes: Sequence[SimplestRecipe]) -> SimplestRecipe | None:
    """An arm's simplest recipe that is as good; None where none was looked for."""
    return next((one for one in recipes if arm is not None and one.arm == arm.arm), None)


def recipe_to_use(study: Study, arms: Sequence[ArmRow], recipes: Sequence[SimplestRecipe]) -> str:
    """The best arm's simplest recipe that is as good, in words; empty where there is none."""
    best = best_arm(arms, study.measure)
    found = recipe_of(best, recipes)
    if best is None or found is None:
        return ""
    recipe = recipe_line(found.recipe or best.config or {}, study)
    arm = f" in arm {best.arm}" if len(study.arms) > 1 else ""
    return f"Recipe to use{arm}: {recipe}. {found.sentence}"


def _not_as_locked(problems: Sequence[str]) -> list[str]:
    """How the study differs from what was locked before its first trial."""
    if not problems:
        return []
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    return [
        "The study is not what was locked before its first trial, so its verdicts are no test of "
        f"that: {problems[0]}{more}."
    ]


def _hardly_learned(tables: StudyTables) -> list[str]:
    """Which confirmed nets are no better than naming how common each class is."""
    idle, n_trained = idle_models(tables)
    if idle.empty:
        return []
    named = [
        f"{row['arm']} with seed {row['seed']}{_on_fold(row)} ({percent(row['val_accuracy'])})"
        for row in idle.to_dict("records")
    ]
    if "fold" in idle and idle["fold"].notna().all():
        return [
            f"{count(len(idle), 'training')} of {n_trained} on fresh seeds hardly learned, no "
            "better on the faces kept from them than naming how common each class is, or far "
            f"behind the arm’s others: {some_of(named)}. Effects in points are told without them; "
            "how often nets learn stands beside, and an arm that surely learns less often beats "
            "none."
        ]
    return [
        f"{count(len(idle), 'net')} of {n_trained} on fresh seeds hardly learned, no better on "
        f"the validation split than naming how common each class is: {some_of(named)}. What is "
        "said of an arm counts such nets as they are, unless none of its nets learned: then no "
        "claim is judged by it."
    ]


def _lost(tables: StudyTables) -> list[str]:
    """Which trainings of a function on fresh seeds have no score."""
    if tables.confirm is None:
        return []
    lost = tables.confirm[tables.confirm["status"] == "failed"]
    if lost.empty:
        return []
    named = [
        f"{row['arm']} with seed {row['seed']}{_on_fold(row)}" for row in lost.to_dict("records")
    ]
    return [
        f"{count(len(lost), 'training')} of {len(tables.confirm)} on fresh seeds failed or "
        f"diverged: {some_of(named)}. Differences are told without them and their pairs, and an "
        "arm whose trainings surely fail more often beats none."
    ]


def _on_fold(row: dict[str, Any]) -> str:
    fold = row.get("fold")
    return "" if fold is None or pd.isna(fold) else f" on fold {int(fold)}"


def _fragile(tables: StudyTables) -> list[str]:
    """Which verdicts of fresh seeds hang on one training."""
    hang = fragile_claims(tables)
    if not hang:
        return []
    return [f"Fragile, for leaving out one training would turn it: the verdict on {listed(hang)}."]


def _warnings(
    tables: StudyTables, confirmed: ConfirmedValues | None, problems: Sequence[str]
) -> list[str]:
    looks = looks_at_test(tables)
    found = []
    if are_claims_changed(tables):
        found.append(
            "The claims are not those that were on record when the search began: they were "
            "changed since, and verdicts on them are no test."
        )
    found += _not_as_locked(problems)
    if len(looks) > 1:
        when = listed([look["at"] for look in looks])
        found.append(
            f"The test split was looked at {len(looks)} times ({when}). From the second look on, "
            "what was decided in between may have been decided by the first: its figures are no "
            "longer those of an untouched split."
        )
    found += _lost(tables) if tables.study.is_free else _hardly_learned(tables)
    found += _fragile(tables)
    if confirmed is not None and tables.study.is_free:
        chosen = "folds of these examples" if confirmed.has_folds else "the same examples"
        found.append(
            f"The configurations were chosen by scores on {chosen}: fresh seeds take away the "
            "luck of a seed, not that of the choice."
        )
    elif confirmed is not None and confirmed.split == "val" and confirmed.has_folds:
        found.append(
            "Confirmed figures are of folds of train and validation, each kept from the nets that "
            "are tested on it. The configurations were chosen on some of these faces: fresh seeds "
            "and folds take away the luck of a seed and of a split, not that of the choice."
        )
    elif confirmed is not None and confirmed.split == "val":
        found.append(
            "There is no test split here: confirmed figures are on the validation split, on which "
            "the configurations were chosen. Fresh seeds take away the luck of a seed, not that "
            "of the choice."
        )
    return found

"""What stages after the search say on the terminal of what follows from their facts."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from study.analysis.pilot import Share
from study.asked.study import Study
from study.folder.tables import StudyTables
from study.measure import NARROW, Measure
from study.quantities import count


def confirmed_lines(tables: StudyTables) -> list[str]:
    """Confirmed accuracy of each arm beside the search's best, then each claim's verdict."""
    if tables.confirm is None or not (tables.confirm["status"] == "completed").any():
        return ["No model was trained to its end on a fresh seed: nothing is confirmed"]
    assert tables.confirmed is not None
    assert tables.claims is not None
    found, measure = tables.confirmed, tables.study.measure
    split = "test" if (found["split"] == "test").any() else "val"
    is_shown = (found["split"] == split) & (found["images"] == "all")
    shown = measure.score if tables.study.is_free else "accuracy"
    is_shown &= found["against"].isna() & (found["metric"] == shown)
    best = tables.confirm.groupby("arm")["search_best_value"].first()
    lines = [
        f"{row['arm']}: {_score(row, split, measure)} over {count(row['n_seeds'], 'fresh seed')} "
        f"(the search's best trial: {measure.plain(best[row['arm']])}{measure.name_after})"
        for row in found[is_shown].to_dict("records")
    ]
    claims = tables.claims
    return lines + [
        f"{row['verdict']}: {row['text']} ({_difference(row, tables.study)})"
        for row in claims[claims["split"] == split].to_dict("records")
    ]


def shared_line(share: Share) -> str:
    """How further fresh seeds were given to arms, and why."""
    arms = [
        f"{arm} {n}{'' if share.spread[arm] is None else f' (spread {share.spread[arm]:.1f})'}"
        for arm, n in share.seeds.items()
    ]
    why = "by spread alone: no claim about arms is open"
    if share.open:
        why = f"for what is open: {', '.join(share.open)}"
    given = ", ".join(arms)
    return f"Seeds where the noise is: {given}; spreads in points from seed to seed; {why}"


def elsewhere_lines(tables: StudyTables) -> list[str]:
    """Accuracy of each arm on each set with its change, then what is said of claims."""
    assert tables.external is not None
    assert tables.claims is not None
    lines = []
    table, claims, subject = tables.external, tables.claims, tables.study.classes.subject
    is_shown = table["against"].isna() & (table["metric"] == "accuracy")
    for row in table[is_shown & (table["images"] == "all")].to_dict("records"):
        seen = f", {subject} that its weights were trained on" if row["is_seen"] is True else ""
        change = _scaled(row, "change", "change_low", "change_high")
        lines.append(
            f"{row['faces']}, {row['arm']}: {_percent(row)}{_interval(row)} accuracy; against the "
            f"study's own {row['own_split']} split {change[0]:+.1f} points "
            f"[{change[1]:.1f}, {change[2]:.1f}] ({row['n_seeds']} seeds, "
            f"{row['n_images']:,} images{seen})"
        )
    for row in claims[claims["split"].isin(table["faces"])].to_dict("records"):
        lines.append(f"{row['verdict']} on {row['split']}: {row['text']} ({row['reason']})")
    return lines


def settled_line(tables: StudyTables, done: int, planned: int) -> str:
    """How many claims are settled after so many trainings, and the widest interval."""
    last = last_look(tables)
    if last.empty:
        return f"{done} of {planned} trainings: no look yet"
    is_open = last["verdict"] == "unresolved"
    line = (
        f"{done} of {planned} trainings, {count(int(last['blocks'].max()), 'block')}: "
        f"{(~is_open).sum()} of {count(len(last), 'claim')} settled"
    )
    halves = ((last["adjusted_high"] - last["adjusted_low"]) / 2)[is_open]
    half = halves.max(skipna=False)
    if pd.isna(half):
        return line
    measure = _measure(last["claim"][halves.idxmax()], tables.study)
    width = f"{measure.effect(half, has_sign=False)}{measure.after_effect}".replace(NARROW, " ")
    return f"{line}, widest open interval ± {width}"


def settled_lines(tables: StudyTables) -> list[str]:
    """Each claim's verdict with its interval, whether one training turns it, or what it costs."""
    if tables.claims is None:
        return []
    rows = tables.claims[tables.claims["stage"] == "settle"].to_dict("records")
    return [
        f"{row['verdict']}{', fragile' if row['fragile'] is True else ''}: {row['text']} "
        f"({_difference(row, tables.study)}; {count(row['n_trainings'], 'training')})"
        f"{_price(row)}"
        for row in rows
    ]


def _price(row: Mapping[str, Any]) -> str:
    """What would settle an open claim; empty where it is settled, or the reason stands already."""
    is_priced = row["verdict"] == "unresolved" and not pd.isna(row["estimate"])
    return f": {row['reason']}" if is_priced and row["reason"] else ""


def last_look(tables: StudyTables) -> pd.DataFrame:
    """Rows of `looks` after most blocks; empty before the first look."""
    looks = tables.looks if tables.looks is not None else pd.DataFrame({"blocks": []})
    return looks[looks["blocks"] == looks["blocks"].max()]


def _measure(claim: str, study: Study) -> Measure:
    """The metric that a claim of this name was judged on."""
    named = {one.name: study.measure_of(one) for one in study.every_claim}
    return named.get(claim, study.measure)


def _difference(row: Mapping[str, Any], study: Study) -> str:
    """A claim's estimate with its interval, or why it is withheld."""
    if pd.isna(row["estimate"]):
        return str(row["reason"])
    measure = _measure(row["claim"], study)
    ends = [measure.within(row[end]) for end in ("low", "high")]
    if measure.own is None:
        told = f"[{ends[0]:.1f}, {ends[1]:.1f}]"
        return f"{row['estimate']:+.1f}{measure.after_effect} {told}"
    low, high = (measure.effect(end, has_sign=False) for end in ends)
    unit = measure.after_effect.replace(NARROW, " ")
    return f"{measure.effect(row['estimate'])}{unit} [{low}, {high}]"


def _score(row: Mapping[str, Any], split: str, measure: Measure) -> str:
    """An arm's score with its interval, as the terminal has it."""
    if measure.own is None:
        return f"{_percent(row)} {split} accuracy{_interval(row)}"
    ends = "" if pd.isna(row["low"]) else f" {measure.ends(row['low'], row['high'])}"
    return f"{measure.plain(row['estimate'])}{measure.name_after}{ends.replace(NARROW, ' ')}"


def _percent(row: Mapping[str, Any]) -> str:
    return f"{100 * row['estimate']:.1f} %"


def _interval(row: Mapping[str, Any]) -> str:
    low, high = _scaled(row, "low", "high")
    return f" [{low:.1f}, {high:.1f}]"


def _scaled(row: Mapping[str, Any], *names: str) -> list[float]:
    return [100 * float(row[name]) for name in names]

"""What an audit asks of a data set: every check, when it is a problem, and what it says.

Another check is a function here and its place in `checks`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from agecls.audit.findings import Findings, duplicates_by_place
from agecls.audit.wording import LEAK_WORDS, class_counts, counted, place_name, share

Level = Literal["problem", "note", "fine", "unknown"]

SMALL_SIDE: Final = 32
"""Pictures with a shorter side than this have no detail left to learn from."""

_SHOWN_REASONS: Final = 3


@dataclass(frozen=True)
class Check:
    """The outcome of one check: its subject, how bad it is, and a sentence or several."""

    title: str
    level: Level
    text: str


def checks(findings: Findings) -> tuple[Check, ...]:
    """Every check, in reading order."""
    return (
        _unusable(findings),
        *_reading(findings),
        _duplicates(findings, "identical"),
        _duplicates(findings, "near"),
        _conflicts(findings),
        _leaks(findings),
        *((_persons(findings), _impossible(findings)) if findings.is_of_people else ()),
        _classes(findings),
        _drift(findings),
        _sizes(findings),
    )


def _unusable(findings: Findings) -> Check:
    title = "Unusable files and rows"
    bad = findings.quarantine[findings.quarantine["is_bad"]]
    n_aside = len(findings.quarantine) - len(bad)
    aside = f"{counted(n_aside, 'image')} set aside for {findings.classes.gap}." if n_aside else ""
    if bad.empty:
        return Check(title, "note" if n_aside else "fine", aside or "Every image can be read.")
    reasons = bad["reason"].value_counts()
    shown = [f"{reason} ({n:,})" for reason, n in reasons.head(_SHOWN_REASONS).items()]
    rest = len(reasons) - _SHOWN_REASONS
    more = f"; {counted(rest, 'other reason')}" if rest > 0 else ""
    text = f"{len(bad):,} cannot be used: {'; '.join(shown)}{more}. {aside}".strip()
    return Check(title, "problem", text)


def _reading(findings: Findings) -> Iterator[Check]:
    """What the reader of the layout passed over or took from names, if anything."""
    if findings.notes:
        yield Check("How it was read", "note", f"{'; '.join(findings.notes)}.")


def _duplicates(findings: Findings, kind: str) -> Check:
    title, what = {
        "identical": ("Identical files", "byte-identical files"),
        "near": ("Near duplicates", "different files of one photograph"),
    }[kind]
    places = duplicates_by_place(findings.groups, findings.images)
    places = places[places["kind"] == kind]
    if places.empty:
        return Check(title, "fine", f"No {what}.")
    parts = [
        f"{counted(row.groups, 'group')} in {place_name(row.place)} ({row.images:,} images)"
        if " and " not in row.place
        else f"{counted(row.groups, 'group')} across {row.place}"
        for row in places.itertuples()
    ]
    return Check(title, "problem", f"{'; '.join(parts)} of {what}.")


def _conflicts(findings: Findings) -> Check:
    title = "Duplicates with different classes"
    torn = findings.groups[findings.groups["is_conflict"]]
    if torn.empty:
        return Check(title, "fine", "None.")
    parts = [
        f"{counted(len(part), 'group')} of {kind}"
        for kind, name in (("identical files", "identical"), ("near duplicates", "near"))
        if len(part := torn[torn["kind"] == name])
    ]
    n_images = len({row for rows in torn["rows"] for row in rows})
    text = f"{' and '.join(parts)}, {counted(n_images, 'image')} in all: some labels are wrong."
    return Check(title, "problem", text)


def _leaks(findings: Findings) -> Check:
    title = "Leaks between splits"
    if findings.leaks.empty:
        return Check(title, "unknown", "The set has no splits to leak between.")
    parts = [
        f"{row['other']} has {counted(n, 'image')} with {LEAK_WORDS[kind]} in {row['one']}"
        for row in findings.leaks.to_dict("records")
        for kind in LEAK_WORDS
        if (n := row[kind])
    ]
    if not parts:
        of_people = ", neither of files nor of persons nor of families"
        return Check(title, "fine", f"None{of_people if findings.is_of_people else ''}.")
    return Check(title, "problem", f"{'; '.join(parts).capitalize()}.")


def _persons(findings: Findings) -> Check:
    title = "Persons under several names"
    if findings.images["person_id"].isna().all():
        return Check(title, "unknown", "The set does not tell who is in a picture.")
    links = findings.persons
    if links.empty:
        return Check(title, "fine", "No two persons share a picture.")
    names = findings.images.drop_duplicates("person_id").dropna(subset="person_id")
    size = names.groupby("identity")["person_id"].transform("size")
    linked = names[size > 1]
    n_other = int(links["is_other_family"].sum())
    within = len(links) - n_other
    text = (
        f"{len(linked):,} of {counted(len(names), 'person')} share pictures with others; by them "
        f"they are {counted(linked['identity'].nunique(), 'person')}. "
    )
    text += f"{counted(n_other, 'pair')} of names in different families"
    text += f", {within:,} within one." if within else "."
    return Check(title, "problem", text)


def _impossible(findings: Findings) -> Check:
    title = "Classes above the person's age"
    n_known = int(findings.images["collected_age"].notna().sum())
    if n_known == 0:
        return Check(title, "unknown", "The set does not tell how old persons were.")
    n = len(findings.impossible)
    if n == 0:
        return Check(title, "fine", f"None in {counted(n_known, 'image')} with a known age.")
    years = findings.impossible["years_short"].max()
    text = (
        f"{counted(n, 'image')} of {n_known:,} with a known age, by up to "
        f"{counted(int(years), 'year')}: the age or the class is wrong."
    )
    return Check(title, "problem", text)


def _classes(findings: Findings) -> Check:
    counts = class_counts(findings)
    absent = [
        f"{place_name(split)} has no {', '.join(counts.index[counts[split] == 0])}"
        for split in counts
        if (counts[split] == 0).any()
    ]
    most = [
        f"{counts[split].idxmax()} with {share(counts[split].max() / counts[split].sum())} of "
        f"{place_name(split)}"
        for split in counts
    ]
    text = f"The commonest class is {', '.join(most)}."
    if not absent:
        return Check("Classes", "fine", text)
    return Check("Classes", "problem", f"{'; '.join(absent).capitalize()}. {text}")


def _drift(findings: Findings) -> Check:
    title = "Class shares between splits"
    if findings.drift.empty:
        return Check(title, "unknown", "The set has no splits to compare.")
    texts = [
        f"{row.one} and {row.other} differ by {share(row.distance)} (total variation; chance "
        f"alone gives {share(row.chance_low)} to {share(row.chance_high)}, p = {row.p:.3f}, "
        f"n = {row.clusters_one:,} and {row.clusters_other:,} clusters of related images)"
        for row in findings.drift.itertuples()
    ]
    # Holm's first step: any of several pairs may look odd by chance
    is_odd = findings.drift["p"].min() * len(findings.drift) < 0.05
    return Check(title, "note" if is_odd else "fine", f"{'; '.join(texts).capitalize()}.")


def _sizes(findings: Findings) -> Check:
    sides = findings.images[["width", "height"]].dropna()
    shapes = sides.value_counts()
    if shapes.empty:
        return Check("Sizes", "unknown", "No file could be measured.")
    (width, height), n = shapes.index[0], int(shapes.iloc[0])
    text = f"All images have {width} × {height} pixels."
    if len(shapes) > 1:
        short = sides.min(axis=1)
        text = (
            f"{len(shapes):,} sizes; {share(n / len(sides))} of the images have {width} × "
            f"{height} pixels, and shorter sides go from {short.min()} to {short.max()}."
        )
    n_small = int((sides.min(axis=1) < SMALL_SIDE).sum())
    if n_small:
        text += f" {counted(n_small, 'image')} with a side below {SMALL_SIDE} pixels."
    return Check("Sizes", "note" if n_small else "fine", text)

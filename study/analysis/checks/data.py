"""Checks of the data: splits, classes, copies, and how many groups they hold."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from scipy import stats

from study.analysis.checks.check import (
    Finding,
    absent,
    check,
    of_data,
    passed,
    raised,
)
from study.analysis.checks.seen import Seen
from study.folder.provenance import Known
from study.quantities import capital, count, listed, some_of

FEWEST_CLUSTERS: Final = 20
"""Groups below which intervals over them are too narrow (Cameron and Miller 2015, "A
Practitioner's Guide to Cluster-Robust Inference": few is less than 20 to 50)."""

MOST_DRIFT: Final = 0.1
"""Share of images that would have to change class for two splits to have equal shares."""

UNLIKELY: Final = 0.001
"""p of class shares as far apart if images of both splits were drawn alike."""

MOST_COPIES: Final = 0.02
"""Share of a split's images that other images of it repeat."""

MOST_UNUSABLE: Final = 0.01
"""Share of files and rows that cannot be used."""

MOST_OF_ONE: Final = 0.5
"""Share of one class above which the accuracy says little of the others."""


@check("D101", "issue", "Too few clusters")
def _clusters(seen: Seen) -> Finding:
    """Does the split that claims are judged on hold enough independent groups?"""
    # Of what was confirmed, where something was; else as the audit counted them.
    split = seen.split
    if len(seen.scores):
        own = seen.scores[seen.scores["metric"] == seen.metric]
        known = own["n_clusters"].max() if len(own) else None
    else:
        known = seen.summary.table("clusters").get(split)
    if not isinstance(known, int | float | np.integer) or known != known:
        return absent("How many groups of images belong together was not recorded.")
    text = f"{int(known)} independent groups of images in {split}"
    if known < FEWEST_CLUSTERS:
        return raised(f"{text}, fewer than {FEWEST_CLUSTERS}: intervals may be too narrow.")
    return passed(f"{text}.")


@check("D102", "issue", "Leak between splits")
@of_data
def _leaks(summary: Known) -> Finding:
    """Is an image, or a group that belongs together, in two splits?"""
    leaks = summary.table("leaks")
    if not leaks:
        return absent("Leaks between splits were not looked for.")
    found = [
        f"{n:,} images of {pair.replace('-', ' and ')} with the {kind.replace('_', ' ')}"
        for pair in leaks
        for kind, n in leaks.table(pair).items()
        if isinstance(n, int) and n
    ]
    if found:
        return raised(f"Found {listed(found)}: scores flatter.")
    return passed("No image, and no group of images that belong together, is in two splits.")


@check("D103", "tip", "Classes drift between splits")
@of_data
def _drift(summary: Known) -> Finding:
    """Are the classes as common in the other splits as in train?"""
    counts = {split: _whole(by) for split, by in summary.table("classes").items()}
    counts = {split: by for split, by in counts.items() if sum(by.values())}
    train = counts.pop("train", None)
    if train is None or not counts:
        return absent("The classes of train and of another split were not counted.")
    told, is_raised = [], False
    for split, other in counts.items():
        names = [c for c in {**train, **other} if train.get(c) or other.get(c)]
        table = np.array([[by.get(name, 0) for name in names] for by in (train, other)])
        share = table / table.sum(axis=1, keepdims=True)
        apart = float(np.abs(share[0] - share[1]).sum() / 2)
        p = float(stats.chi2_contingency(table).pvalue) if len(names) > 1 else 1.0
        is_raised |= apart > MOST_DRIFT and p < UNLIKELY
        told.append(f"{apart:.1%} of {split}")
    text = f"{listed(told)} would have to be of another class to have the class shares of train"
    return raised(f"{text}.") if is_raised else passed(f"{text}.")


@check("D104", "tip", "Duplicated images")
@of_data
def _copies(summary: Known) -> Finding:
    """Do copies of one picture count as several images?"""
    found = _whole(summary.table("duplicates"))
    if not found:
        return absent("Identical files were not looked for.")
    images = _whole(summary.table("images"))
    copies = {s: found.get(f"{s}_copies") or 0 for s in ("val", "test")}
    if not found.get("removed"):
        copies["train"] = found.get("copies") or 0
    many = {s: n for s, n in copies.items() if n > MOST_COPIES * images.get(s, 0)}
    if many:
        told = listed([f"{n:,} of {images.get(s, 0):,} in {s}" for s, n in many.items()])
        return raised(f"Byte-identical copies count as images of their own: {told}.")
    return passed("Hardly any image counts more than once.")


@check("D105", "tip", "One picture, two classes")
@of_data
def _conflicts(summary: Known) -> Finding:
    """Do copies of one picture carry different classes?"""
    found = summary.table("duplicates")
    if not found:
        return absent("Identical files were not looked for.")
    n = _whole(found).get("conflicting_images", 0)
    if n:
        images = count(n, "image")
        return raised(f"{images} of train have a byte-identical copy under another class.")
    return passed("No two copies of an image carry different classes.")


@check("D106", "tip", "A class without images")
@of_data
def _lacking(summary: Known) -> Finding:
    """Does every class have images in every split?"""
    lacking = summary.table("absent_classes")
    if not lacking:
        return absent("Whether every class has images was not recorded.")
    found = [
        f"{some_of(list(map(str, c)))} in {split}"
        for split in lacking
        if (c := lacking.array(split))
    ]
    if found:
        return raised(f"Without a single image: {'; '.join(found)}.")
    return passed("Every class has images in every split.")


@check("D107", "tip", "Many unusable files")
@of_data
def _unusable(summary: Known) -> Finding:
    """Is a part of the data missing because files or rows are damaged?"""
    bad = summary.table("quarantined").get("bad")
    if not isinstance(bad, int):
        return absent("Unusable files were not counted.")
    n = sum(_whole(summary.table("images")).values())
    text = f"{bad:,} of {n + bad:,} files and rows are unusable"
    return raised(f"{text}.") if bad > MOST_UNUSABLE * (n + bad) else passed(f"{text}.")


@check("D108", "tip", "One class is most of the data")
def _of_one_class(seen: Seen) -> Finding:
    """Would naming one class every time already score well?"""
    if seen.majority is None:
        return absent("The metric is no accuracy, or the commonest class was not recorded.")
    text = f"naming the commonest class every time scores {seen.majority:.1%} on val"
    if seen.majority > MOST_OF_ONE:
        return raised(f"{capital(text)}.")
    return passed(f"{capital(text)}.")


def _whole(counts: Mapping[str, Any]) -> dict[str, int]:
    """Those that are counts; whoever wrote them."""
    return {str(k): n for k, n in counts.items() if isinstance(n, int) and n >= 0}


DATA: Final = (_clusters, _leaks, _drift, _copies, _conflicts, _lacking, _unusable, _of_one_class)

"""Checks of what was confirmed: seeds, classes, confidence, and how often the test was read."""

from typing import Final

import pandas as pd

from study.analysis.checks.check import Finding, absent, check, of_fresh_seeds, passed, raised
from study.analysis.checks.recorded import fragile_claims, has_folds, idle_models, looks_at_test
from study.analysis.checks.seen import Seen
from study.quantities import capital, count, listed, some_of

FEWEST_SEEDS: Final = 3
"""Fresh seeds without which their spread is hardly known."""

MOST_ECE: Final = 0.05
"""Expected calibration error that an arm surely has."""

FEWEST_OF_CLASS: Final = 20
"""Images without which a class that is never named is no news."""


@check("C101", "tip", "Seeds’ spread over effects")
@of_fresh_seeds
def _seeds_spread(seen: Seen, models: pd.DataFrame) -> Finding:
    """Does one training of an arm differ from the next by more than the arms do?"""
    column = seen.confirmed_column
    if column not in models or models[column].isna().all():
        return absent(f"The models have no {column}.")
    by_arm = models.groupby("arm")[column]
    means, spread = by_arm.mean(), by_arm.std()
    freedom = by_arm.count() - 1
    if len(means) < 2 or freedom.sum() < 2:
        return absent("Fewer than two arms on fresh seeds, or seeds to compare.")
    luck = float((((spread.fillna(0) ** 2) * freedom).sum() / freedom.sum()) ** 0.5)
    first, second = (means.nsmallest(2) if seen.is_minimised else means.nlargest(2)).items()
    gap = abs(float(first[1] - second[1]))
    text = (
        f"the sd over {count(int(freedom.sum() + len(means)), 'model')} of one arm is {luck:.4f}, "
        f"between {first[0]} and {second[0]} lie {gap:.4f} of {column}"
    )
    if luck > gap:
        return raised(f"One training does not tell the best arms apart: {text}.")
    return passed(f"{capital(text)}.")


@check("C102", "issue", "One training turns a verdict")
def _fragile(seen: Seen) -> Finding:
    """Does a verdict hang on one training?"""
    claims = seen.tables.claims
    if claims is None or "fragile" not in claims or claims["fragile"].isna().all():
        return absent("No verdict was taken apart training by training, which folds allow.")
    found = fragile_claims(seen.tables)
    if found:
        return raised(f"Leaving out one training would turn the verdict on {some_of(found)}.")
    return passed("No verdict hangs on one training.")


@check("C103", "tip", "Calibration off")
def _calibration(seen: Seen) -> Finding:
    """Can the models’ confidence be believed?"""
    own = seen.scores[seen.scores["metric"] == "ece"]
    if own.empty:
        return absent("No confidence was measured on fresh seeds.")
    off = own[own["low"] > MOST_ECE]
    if len(off):
        told = [f"{r['arm']} {r['estimate']:.1%}" for r in off.to_dict("records")]
        return raised(f"Confidence and hits on {seen.split} are apart by {some_of(told)}.")
    return passed(f"No arm is surely more than {MOST_ECE:.0%} too sure or too modest.")


@check("C104", "tip", "A class never named")
def _never_named(seen: Seen) -> Finding:
    """Is every class named rightly now and then?"""
    own = seen.scores[seen.scores["metric"] == "recall"]
    own = own[own["n_images"] >= FEWEST_OF_CLASS]
    if own.empty:
        return absent("No class was scored on fresh seeds.")
    never = own[own["estimate"] <= 0]
    if len(never):
        told = [f"{r['class']} by {r['arm']}" for r in never.to_dict("records")]
        return raised(f"On {seen.split}, no image is named rightly of class {some_of(told)}.")
    n = own["class"].nunique()
    return passed(f"{n:,} of {n:,} classes are named rightly by every arm now and then.")


@check("C105", "tip", "Evaluation format unlike the deployed one")
def _number_format(seen: Seen) -> Finding:
    """Were trials scored in the number format that a kept model computes in?"""
    best = seen.best
    if "number_format" not in best or best["number_format"].isna().all():
        return absent("The number format of the trials’ products is not on record.")
    told = best["number_format"].dropna()
    formats = {name for both in told for name in str(both).split(" and ")}
    if formats != {"float32"}:
        return raised(
            f"The best trials were scored with products in {listed(sorted(formats))}; a kept "
            "model, as ONNX too, computes in float32."
        )
    return passed("Trials were scored in float32, as a kept model computes.")


@check("C106", "tip", "The search flattered")
@of_fresh_seeds
def _flattered(seen: Seen, models: pd.DataFrame) -> Finding:
    """Do fresh seeds give what the search had promised?"""
    frame = seen.tables.confirmed
    if frame is None or "search_value" not in models or models["search_value"].isna().all():
        return absent("What the search had given is not on record.")
    is_own = (frame["split"] == "val") & (frame["images"] == "all") & frame["against"].isna()
    own = frame[is_own & (frame["metric"] == seen.metric)].set_index("arm")
    searched = models.groupby("arm")["search_value"].first().dropna()
    arms = [arm for arm in searched.index if arm in own.index]
    if not arms:
        return absent("The confirmed arms have no score on val.")
    found = [
        f"{arm} {searched[arm]:.3f}, confirmed {own.loc[arm, 'estimate']:.3f}"
        for arm in arms
        if (
            searched[arm] < own.loc[arm, "low"]
            if seen.is_minimised
            else searched[arm] > own.loc[arm, "high"]
        )
    ]
    if found:
        beyond = "below" if seen.is_minimised else "above"
        return raised(f"The search’s value lies {beyond} what fresh seeds give: {some_of(found)}.")
    return passed(f"What the search gave lies within the intervals of {count(len(arms), 'arm')}.")


@check("C107", "issue", "Nets on fresh seeds hardly learned")
def _idle(seen: Seen) -> Finding:
    """Did every confirmed net learn?"""
    if seen.tables.study.is_free:
        return absent("A metric does not tell a training that hardly learned from a poor one.")
    idle, n = idle_models(seen.tables)
    if not n:
        return absent("Nothing was confirmed on fresh seeds, or who learned is not on record.")
    if len(idle):
        arms = list(dict.fromkeys(map(str, idle["arm"])))
        return raised(f"{len(idle):,} of {count(n, 'net')} hardly learned, of {some_of(arms)}.")
    return passed(f"All of {count(n, 'net')} learned.")


@check("C108", "issue", "Test split looked at again")
def _looks(seen: Seen) -> Finding:
    """Was the test split looked at once only?"""
    looks = looks_at_test(seen.tables)
    if not looks:
        return absent("No look at a test split is on record.")
    if len(looks) > 1:
        return raised(f"The test split was looked at {len(looks)} times; the first look counts.")
    return passed("The test split was looked at once.")


@check("C109", "tip", "Few fresh seeds")
@of_fresh_seeds
def _few_seeds(_: Seen, models: pd.DataFrame) -> Finding:
    """Are there enough fresh seeds to know their spread?"""
    n = models.groupby("arm")["seed"].nunique()
    seeds = count(int(n.min()), "fresh seed")
    if n.min() < FEWEST_SEEDS:
        return raised(f"Only {seeds} of {n.idxmin()}: how much is luck is hardly known.")
    return passed(f"Every arm has {seeds} or more.")


@check("C110", "tip", "Judged on the split that chose")
@of_fresh_seeds
def _chosen_on(seen: Seen, _: pd.DataFrame) -> Finding:
    """Are claims judged on images that had no part in choosing recipes?"""
    frame = seen.tables.confirmed
    if frame is None or frame.empty:
        return absent("The confirmed models were not scored.")
    if has_folds(frame):
        what = "examples" if seen.tables.study.is_free else "images"
        return raised(f"Claims are judged on folds of the {what} on which recipes were chosen.")
    if seen.tables.study.is_free:
        return raised("Claims are judged on the examples on which recipes were chosen.")
    if seen.split == "val":
        return raised("Without a test split, claims are judged on the split that chose recipes.")
    return passed("Claims are judged on a test split, which chose nothing.")


FRESH_SEEDS: Final = (
    _seeds_spread,
    _fragile,
    _calibration,
    _never_named,
    _number_format,
    _flattered,
    _idle,
    _looks,
    _few_seeds,
    _chosen_on,
)

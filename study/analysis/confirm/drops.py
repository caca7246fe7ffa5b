"""Claims that models hold on other faces, put to what other faces say."""

from collections.abc import Sequence
from typing import Final

import pandas as pd

from study.analysis.confirm.external import Elsewhere
from study.analysis.confirm.verdicts import Judged, Tested, judge, opened
from study.analysis.untested import lacks_weights
from study.asked.claim import Claim
from study.asked.study import Study
from study.folder.columns import names_of
from study.measure import metric_of

POINTS: Final = 100.0


def judge_drops(study: Study, found: Sequence[Elsewhere], *, alpha: float = 0.05) -> pd.DataFrame:
    """What other faces say of the claims that models hold elsewhere: a row per claim and set.

    The drop of the study's metric, own less elsewhere, averaged over the arms that learned and
    whose weights have not seen the set; see `verdicts`. Claims and sets are a family of their own,
    since they are judged at another time and on other images than the claims about arms.

    Returns:
        The columns of `claims`; `split` is the set's name.
    """
    claims = [c for c in study.claims if c.is_of_other_faces and not lacks_weights(study, c)]
    asked = [(claim, one) for claim in claims for one in found]
    tests = [_tested(claim, one, metric_of(study.metric)) for claim, one in asked]
    judged = iter(judge([test for test in tests if test], alpha=alpha))
    rows = []
    for (claim, one), test in zip(asked, tests, strict=True):
        if test is None:
            why = (
                "no arm is left whose nets learned and whose weights had not seen these faces"
                if one.judged_on is not None
                else f"{one.faces.name} has no image that the study does not hold"
            )
            rows.append(opened(claim, one.faces.name, f"not tested: {why}"))
        else:
            standing = next(judged)
            rows.append(standing.row(_reason(standing, one)))
    return pd.DataFrame(rows, columns=names_of("claims"))


def _asked(one: Elsewhere) -> list[str]:
    """The arms that learned, and whose weights saw none of the faces as far as anybody knows."""
    return [
        name
        for name, arm in one.own.arms.items()
        if one.faces.seen.get(name) is not True and any(arm.learned)
    ]


def _tested(claim: Claim, one: Elsewhere, metric: str) -> Tested | None:
    """The claim's test; None where there is nothing to test it on."""
    arms, there = _asked(one), one.judged_on
    if there is None or not arms:
        return None
    drop = one.change(there, dict.fromkeys(arms, -POINTS / len(arms)), metric)
    if drop is None:
        return None
    n_models = len(arms) * drop.n_seeds
    return Tested(claim=claim, estimate=drop, split=one.faces.name, n_models=n_models)


def _reason(standing: Judged, one: Elsewhere) -> str:
    there = one.judged_on
    assert there is not None  # there is an estimate
    arms = _asked(one)
    told = standing.told("tests", "one test", of=f" from the {one.own.split} split")
    parts = [
        f"{told}; {there.n_images:,} images of {one.faces.name} in {there.clusters.n:,} clusters"
    ]
    left_out = [arm for arm in there.arms if arm not in arms]
    if left_out:
        parts.append(f"left out, since their weights were trained on these: {', '.join(left_out)}")
    unknown = [arm for arm in arms if one.faces.seen.get(arm) is None]
    if unknown:
        parts.append(f"nobody can tell whether these saw them before: {', '.join(unknown)}")
    return "; ".join(parts)

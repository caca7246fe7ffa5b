"""Each arm's simplest recipe for programs."""

from typing import Any

from study.analysis.recipes.told import SimplestRecipe, Step
from study.report.head.digest import Digest
from study.report.programs.claims import LEVEL, unit_of
from study.report.programs.plain import number


def simplest_told(digest: Digest) -> list[dict[str, Any]]:
    """One object an arm that has trials, in the study's order."""
    trials, unit = digest.tables.trials, unit_of(digest.tables.study)
    numbers = dict(zip(trials["trial_id"], trials["number"], strict=True))
    return [_told(one, numbers, unit) for one in digest.recipes]


def _told(found: SimplestRecipe, numbers: dict[str, int], unit: str) -> dict[str, Any]:
    last = found.moved[-1] if found.moved else None
    trial = numbers.get(found.trial_id) if found.trial_id else None
    return {
        "arm": found.arm,
        "answer": found.sentence,
        "recipe": found.recipe or None,
        "trial": None if trial is None else int(trial),
        "gives_up": None if last is None else _size(last),
        "probability": None if last is None else number(last.probability),
        "margin": found.margin,
        "needed": found.sure,
        "level": LEVEL,
        "unit": unit,
        "moved": [_step(step) for step in found.moved],
        "kept": [{**_step(step), "reason": step.reason} for step in found.kept],
        "reason": found.reason or None,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "factor": step.factor,
        "from": step.before,
        "default": step.default,
        "gives_up": _size(step),
        "probability": number(step.probability),
    }


def _size(step: Step) -> dict[str, Any]:
    value, low, high = step.gives_up
    return {"estimate": number(value), "interval": [number(low), number(high)]}

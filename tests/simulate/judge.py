"""What an analysis said against what is true: the measures of the judge."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.analysis import Analysis
from study.analysis.maths.box import Box, drop_absent
from tests.simulate.worlds import FACTORS, World

IDLE = 0.25
CLEAR = 0.5
LEVELLED = {f.name: [str(v) for v in f.levels] for f in FACTORS if f.levels}


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Long frames of one study: a row per factor, pair and contrast."""

    factors: pd.DataFrame
    pairs: pd.DataFrame
    contrasts: pd.DataFrame


def score(analysis: Analysis, world: World, rng: np.random.Generator) -> Scored:
    """Answers beside the truth."""
    factors = analysis.importance.copy()
    names = list(factors["factor"])
    total = world.total_variance
    factors["true_share"] = [world.variance(n) / total for n in names]
    factors["true_total"] = [world.involving(n) / total for n in names]
    factors["true_sd"] = [np.sqrt(world.variance(n)) for n in names]
    factors["is_null"] = [n in world.nulls for n in names]
    pairs = analysis.interactions.copy()
    both = list(zip(pairs["factor_a"], pairs["factor_b"], strict=True))
    pairs["true_sd"] = [np.sqrt(world.variance(a, b)) for a, b in both]
    pairs["true_share"] = pairs["true_sd"] ** 2 / total
    contrasts = analysis.contrasts.copy()
    best = tuned(analysis.frames.box, world, rng)
    truths = []
    for row in contrasts.to_dict("records"):
        cells = [_cell(row["factor"], row[k]) for k in ("level_a", "level_b")]
        if row["kind"] == "average":
            truths.append(_mean(world, cells[0]) - _mean(world, cells[1]))
        else:
            truths.append(best(cells[0]) - best(cells[1]))
    contrasts["truth"] = truths
    return Scored(factors=factors, pairs=pairs, contrasts=contrasts)


def _cell(factor: str, level: str) -> dict[str, int]:
    """Level indices that a row of the contrasts holds."""
    if factor == "arm":
        return {
            name: LEVELLED[name].index(part)
            for name, part in zip(("variant", "init"), level.split("-"), strict=True)
        }
    return {factor: LEVELLED[factor].index(level)}


def _mean(world: World, cell: dict[str, int]) -> float:
    """Mean over the box given levels: exact, for parts are centred in each of their factors."""
    places = {name: np.array([float(level)]) for name, level in cell.items()}
    parts = [p for p in world.parts if set(p.factors) <= set(cell)]
    return world.base + float(sum(p(places)[0] for p in parts))


def tuned(box: Box, world: World, rng: np.random.Generator):  # type: ignore[no-untyped-def]
    """Levels -> the true maximum over the rest, by sampling and coordinate ascent."""
    names = [axis.name for axis in box.axes]
    seeds = np.nan_to_num(box.sample(400, rng))
    grid = np.linspace(0, 1, 21)
    known: dict[tuple[tuple[str, int], ...], float] = {}

    def value(x: np.ndarray) -> np.ndarray:
        x = drop_absent(box.axes, x)
        return world.surface({n: x[:, i] for i, n in enumerate(names)}) + np.zeros(len(x))

    def best(cell: dict[str, int]) -> float:
        key = tuple(sorted(cell.items()))
        if key in known:
            return known[key]
        x = seeds.copy()
        for name, level in cell.items():
            x[:, names.index(name)] = level
        if "zero_gamma" in cell:
            x[:, names.index("init")] = 0
        here = x[[int(np.argmax(value(x)))]]
        held = {names.index(n) for n in cell} | (
            {names.index("init")} if "zero_gamma" in cell else set()
        )
        for _ in range(3):
            for i, axis in enumerate(box.axes):
                if i in held:
                    continue
                tries = (
                    grid if axis.is_numeric else np.arange(len(axis.factor.levels), dtype=float)
                )
                many = np.repeat(here, len(tries), axis=0)
                many[:, i] = tries
                here = many[[int(np.argmax(value(many)))]]
        known[key] = float(value(here)[0])
        return known[key]

    return best


def summarise(
    scored: pd.DataFrame, pairs: pd.DataFrame, contrasts: pd.DataFrame
) -> dict[str, float]:
    """The measures over studies; each frame has a column `study`."""
    f, c = scored, contrasts
    by_study = f.groupby("study")
    error = (f["share"].astype(float) - f["true_share"]).abs().groupby(f["study"]).sum()
    total_error = (
        (f["total_share"].astype(float) - f["true_total"]).abs().groupby(f["study"]).sum()
    )
    scale_said = f["total_share"].astype(float) / by_study["total_share"].transform("sum")
    scale_true = f["true_total"] / by_study["true_total"].transform("sum")
    normed_error = (scale_said - scale_true).abs().groupby(f["study"]).sum()
    pair_error = (
        (pairs["share"].astype(float) - pairs["true_share"]).abs().groupby(pairs["study"]).sum()
    )
    covered = (f["low"] <= f["true_share"] + 1e-9) & (f["true_share"] <= f["high"])
    total_covered = (f["total_low"] <= f["true_total"] + 1e-9) & (
        f["true_total"] <= f["total_high"]
    )
    pair_covered = (pairs["low"] <= pairs["true_share"] + 1e-9) & (
        pairs["true_share"] <= pairs["high"]
    )
    printed = c[c["estimate"].notna()]
    inside = (printed["low"].astype(float) <= printed["truth"]) & (
        printed["truth"] <= printed["high"].astype(float)
    )
    average = printed["kind"] == "average"
    clear = f["true_sd"] >= CLEAR
    idle_pairs, clear_pairs = pairs["true_sd"] == 0, pairs["true_sd"] >= CLEAR
    width = (printed["high"] - printed["low"]).astype(float)
    return {
        "studies": float(by_study.ngroups),
        "l1_main": float(error.median()),
        "l1_total": float(total_error.median()),
        "l1_total_normed": float(normed_error.median()),
        "l1_main_and_pairs": float((error + pair_error).median()),
        "coverage_share": float(covered.mean()),
        "coverage_share_active": float(covered[f["true_share"] > 0].mean()),
        "coverage_total": float(total_covered.mean()),
        "coverage_pair": float(pair_covered.mean()),
        "coverage_average": float(inside[average].mean()),
        "width_average": float(width[average].median()),
        "coverage_tuned": float(inside[~average].mean()),
        "width_tuned": float(width[~average].median()),
        "withheld": float(1 - len(printed) / max(len(c), 1)),
        "false_matters": float((f.loc[f["is_null"], "verdict"] == "matters").mean()),
        "power": float((f.loc[clear, "verdict"] == "matters").mean()),
        "power_main": float((f.loc[clear, "low"] > 0).mean()),
        "wrong_negligible": float((f.loc[f["true_sd"] > IDLE, "verdict"] == "negligible").mean()),
        "unresolved": float((f["verdict"] == "unresolved").mean()),
        "false_pairs": float((pairs.loc[idle_pairs, "verdict"] == "matters").mean()),
        "power_pairs": float((pairs.loc[clear_pairs, "verdict"] == "matters").mean()),
        "wrong_negligible_pairs": float(
            (pairs.loc[pairs["true_sd"] > IDLE, "verdict"] == "negligible").mean()
        ),
    }

"""From a study's tables to everything that its report says: the adapter of the analysis."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from study.analysis.maths.basis import Basis, build_basis
from study.analysis.maths.effects import Surface, SurfaceFit
from study.analysis.maths.nulls import NullBand
from study.analysis.maths.sparse import SparsePairs
from study.analysis.maths.support import Support
from study.analysis.maths.units import as_measured, in_units
from study.analysis.search.best import ExpectedBest, Worth, best_so_far
from study.analysis.search.collapse import Collapse, how_often_learned
from study.analysis.search.contrasts import COLUMNS as CONTRAST_COLUMNS
from study.analysis.search.contrasts import Contrasts
from study.analysis.search.fidelity import Fidelity
from study.analysis.search.frames import Frames, by_metric, tidy
from study.analysis.search.importance import Rules, importance, interactions
from study.analysis.search.imputation import Imputation, Imputed
from study.analysis.search.marginals import COLUMNS as MARGINAL_COLUMNS
from study.analysis.search.marginals import Marginals
from study.analysis.search.others import other_importances
from study.analysis.search.power import COLUMNS as POWER_COLUMNS
from study.analysis.search.power import Power
from study.analysis.search.verdicts import Claims, Grounds
from study.asked.study import Study
from study.folder.columns import Kind, names_of
from study.quantities import count

FIT_COLUMNS = [
    "n_full",
    "n_imputed",
    "r2",
    "coverage",
    "rmse",
    "noise_sd",
    "repeat_sd",
    "n_repeats",
    "spread_sd",
]
HELD_OUT_COLUMNS = ["row", "arm", "seen", "predicted", "sd"]


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """All that is said of a study; every frame tidy, accuracies in points, shares 0..1.

    Points are those of `study.measure`: more is better in differences, while values (marginals,
    trials held out, the best) go as the metric goes.

    Attributes:
        frames: Trials as the analysis saw them.
        importance: See `importance.importance`; the contract's columns come first. `total_share`
            is that of `SparsePairs`, between the ends that come from the surface. With
            `null_share`: the main share below which a factor without effect stays in 95 of 100
            studies like this one, see `NullBand`.
        interactions: See `importance.interactions`.
        marginals: See `Marginals`.
        claims: See `Claims`.
        contrasts: See `Contrasts`; average and tuned differences between levels and arms.
        collapse: See `Collapse`.
        rungs: See `Fidelity.rungs`: rank correlation of early values with the end.
        stops: See `Fidelity.stops`: how often a stop would have been wrong, and what it saved.
        imputation: See `Imputation.check`: stopped trials' predicted ends, cross-validated.
        fit: One row: `n_full, n_imputed, r2` and `coverage` (of 95 % intervals) of each
            full-length trial predicted from the others, `rmse`, `noise_sd` (fitted), `repeat_sd`
            (from equal configurations, `n_repeats` degrees of freedom), `spread_sd` of the
            surface over the box; null where nothing could be fitted.
        held_out: The trials behind `fit`: `row` (position among the study's trials), `arm`,
            `seen, predicted, sd` (points, of the prediction by all the others).
        best: See `best_so_far`.
        expected_best: See `ExpectedBest`.
        worth: See `Worth`.
        power: See `Power`.
        counts: Trials by `origin` and `outcome`, with how many lie in the box.
        notes: Sentences that a reader must see: what was left out and why.
        seed: Of every draw.
        surface: The response surface that most of this is read from; None: none was fitted.
        support: The full-length trials behind it.
    """

    frames: Frames
    importance: pd.DataFrame
    interactions: pd.DataFrame
    marginals: pd.DataFrame
    claims: pd.DataFrame
    contrasts: pd.DataFrame
    collapse: pd.DataFrame
    rungs: pd.DataFrame
    stops: pd.DataFrame
    imputation: pd.DataFrame
    fit: pd.DataFrame
    held_out: pd.DataFrame
    best: pd.DataFrame
    expected_best: pd.DataFrame
    worth: pd.DataFrame
    power: pd.DataFrame
    counts: pd.DataFrame
    notes: tuple[str, ...]
    seed: int
    surface: Surface | None
    support: Support

    @cached_property
    def others(self) -> pd.DataFrame:
        """Other people's numbers, see `other_importances`; computed when first asked for."""
        return other_importances(self.frames, seed=self.seed)

    @cached_property
    def how_often_learned(self) -> pd.DataFrame:
        """How often design trials learn, by level; see `how_often_learned`."""
        return how_often_learned(self.frames)

    def table(self, kind: Kind) -> pd.DataFrame:
        """One of the contract's tables with its columns only: what `write_table` takes.

        Columns that only the confirm stage fills are null.
        """
        frame: pd.DataFrame = getattr(self, kind)
        told = in_units(frame, kind, self.frames.study.measure)
        return told.reindex(columns=names_of(kind))


def analyse(
    study: Study,
    trials: pd.DataFrame,
    epochs: pd.DataFrame,
    *,
    seed: int,
    rules: Rules | None = None,
) -> Analysis:
    """What a study's tables say, and what they do not.

    Args:
        study: The study file: factors, reference box, claims.
        trials: As `trials.parquet`; see `frames.tidy` for what may be absent.
        epochs: As `epochs.parquet`; may be empty, then stopped trials are left out.
        seed: Of every draw; equal seeds and tables give equal answers.
        rules: When verdicts are given; None: the defaults.
    """
    measure = study.measure
    rules = replace(rules or Rules(), measure=measure)
    frames = tidy(study, trials, epochs)
    # one stream per question, so that a change in one answer leaves the others alone
    streams = np.random.default_rng(seed).spawn(8)
    basis = build_basis(frames.box, n_blocks=frames.n_folds)
    fidelity = Fidelity(reduction=study.reduction)
    imputation = Imputation()
    imputed = imputation(frames, basis, streams[0])
    grounds = _grounds(frames, basis, imputed, streams[1])
    surface, support = grounds.surface, grounds.support
    contrasts = Contrasts(level=rules.level)
    others = _by_own_metrics(frames, epochs, basis, seed)
    claims = Claims(rules=rules, contrasts=contrasts)(grounds, others, streams[2])
    if surface is None:
        factors, pairs = _nothing_known(frames)
    else:
        pairs = interactions(surface, support, rules)
        factors = importance(surface, support, rules, pairs=pairs)
        factors["total_share"] = SparsePairs().total_shares(surface, factors, streams[7])
        factors["null_share"] = NullBand(level=rules.level)(surface, streams[6])
    held_out = _held_out(frames, surface)
    differences = (
        contrasts(surface, support, streams[3])
        if surface
        else pd.DataFrame(columns=CONTRAST_COLUMNS)
    )
    return Analysis(
        frames=frames,
        importance=factors,
        interactions=pairs,
        marginals=(
            as_measured(Marginals(level=rules.level)(surface, support), measure)
            if surface
            else pd.DataFrame(columns=MARGINAL_COLUMNS)
        ),
        claims=claims,
        contrasts=differences,
        collapse=Collapse(level=rules.level)(frames),
        rungs=fidelity.rungs(frames),
        stops=fidelity.stops(frames, streams[4]),
        imputation=imputation.check(frames, basis, streams[5]),
        fit=_fit_check(frames, surface, held_out),
        held_out=as_measured(held_out, measure),
        best=as_measured(best_so_far(frames), measure),
        expected_best=as_measured(ExpectedBest(level=rules.level)(frames), measure),
        worth=as_measured(Worth(rules=rules)(frames, surface), measure),
        power=(
            Power(measure=measure, looks=study.n_looks)(
                study.claims, surface, factors, claims, differences, others=others
            )
            if surface
            else pd.DataFrame(columns=POWER_COLUMNS)
        ),
        counts=_counts(frames),
        notes=_notes(frames, imputed, factors),
        seed=seed,
        surface=surface,
        support=support,
    )


def _grounds(frames: Frames, basis: Basis, imputed: Imputed, rng: np.random.Generator) -> Grounds:
    """The surface of the frames' metric, with the trials behind it."""
    full = frames.rows("full")
    is_design = frames.trials["origin"].isin(["design", "repeat"]).to_numpy(dtype=bool)
    is_fitted = frames.untold is None and bool(frames.box.axes)
    return Grounds(
        frames=frames,
        surface=_fit(frames, basis, imputed, rng) if is_fitted else None,
        support=Support(
            box=frames.box,
            x=frames.x[full],
            is_design=is_design[full],
            more=frames.study.way_to_more,
        ),
    )


def _by_own_metrics(
    frames: Frames, epochs: pd.DataFrame, basis: Basis, seed: int
) -> dict[str, Grounds]:
    """Likewise by each metric that a claim asks for and the study does not; those that are told.

    Each has streams of its own, so that a claim more leaves all other answers alone.
    """
    asked = {claim.metric for claim in frames.study.claims} - {None, frames.study.metric}
    found = {}
    for metric in sorted(filter(None, asked)):
        own = by_metric(frames, epochs, metric)
        if own is not None:
            of_ends, of_surface = np.random.default_rng([seed, *metric.encode()]).spawn(2)
            found[metric] = _grounds(own, basis, Imputation()(own, basis, of_ends), of_surface)
    return found


def _fit(frames: Frames, basis: Basis, imputed: Imputed, rng: np.random.Generator) -> Surface:
    """The surface from full-length trials and imputed ends."""
    full = frames.rows("full")
    seen = frames.trials["value"].to_numpy(dtype=float)[full]
    n_sets = imputed.draws.shape[1] if imputed.rows.any() else 1
    measured = np.repeat(seen[:, None], n_sets, axis=1)
    return SurfaceFit()(
        basis,
        np.vstack([frames.x[full], frames.x[imputed.rows]]),
        np.vstack([measured, imputed.draws[:, :n_sets]]),
        np.arange(len(seen) + int(imputed.rows.sum())) < len(seen),
        rng,
        blocks=np.concatenate([frames.folds[full], frames.folds[imputed.rows]]),
    )


def _nothing_known(frames: Frames) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Importance and interactions where the trials cannot tell."""
    names = [axis.name for axis in frames.box.axes]
    unknown: dict[str, object] = {
        "share": None,
        "low": 0.0,
        "high": 1.0,
        "verdict": "unresolved",
        "reason": frames.untold,
    }
    factors = pd.DataFrame([{"factor": name, **unknown} for name in names])
    pairs = pd.DataFrame(
        [
            {"factor_a": a, "factor_b": b, **unknown}
            for i, a in enumerate(names)
            for b in names[i + 1 :]
        ],
        columns=["factor_a", "factor_b", *unknown],
    )
    if factors.empty:
        factors = pd.DataFrame(columns=["factor", *unknown])
    return factors, pairs


def _held_out(frames: Frames, surface: Surface | None) -> pd.DataFrame:
    """Each full-length trial predicted from the others, scales as fitted to all."""
    if surface is None:
        return pd.DataFrame(columns=HELD_OUT_COLUMNS)
    rows = np.flatnonzero(frames.rows("full"))
    predicted, sd = (a[: surface.n_full] for a in surface.fitted.leave_one_out())
    return pd.DataFrame(
        {
            "row": rows,
            "arm": frames.trials["arm"].to_numpy()[rows],
            "seen": frames.trials["value"].to_numpy(dtype=float)[rows],
            "predicted": predicted + surface.centre,
            "sd": sd,
        }
    )


def _fit_check(frames: Frames, surface: Surface | None, held_out: pd.DataFrame) -> pd.DataFrame:
    """How well those predictions did, and the sizes of noise and surface."""
    repeat_sd, n_repeats = _repeat_noise(frames, surface)
    record: dict[str, object] = {"repeat_sd": repeat_sd, "n_repeats": n_repeats}
    if surface is not None:
        truth, sd = (held_out[name].to_numpy(dtype=float) for name in ("seen", "sd"))
        error = truth - held_out["predicted"].to_numpy(dtype=float)
        spread = sum(float(np.median(surface.variance(t))) for t in surface.basis.terms)
        record |= {
            "n_full": surface.n_full,
            "n_imputed": surface.n_imputed,
            "r2": float(1 - (error**2).mean() / max(truth.var(), 1e-12)),
            "coverage": float((np.abs(error) <= 1.96 * sd).mean()),
            "rmse": float(np.sqrt((error**2).mean())),
            "noise_sd": surface.fitted.sigma,
            "spread_sd": float(np.sqrt(spread)),
        }
    return pd.DataFrame([record], columns=FIT_COLUMNS)


def _repeat_noise(frames: Frames, surface: Surface | None) -> tuple[float | None, int]:
    """Sd between full-length trials of equal configuration, and its degrees of freedom.

    What the surface holds for the fold's part is taken off first.
    """
    rows = frames.rows("full")
    full = frames.trials.loc[rows, ["config_id", "value"]]
    if surface is not None:
        full["value"] -= surface.of_blocks(frames.folds[rows])
    groups = full.groupby("config_id")["value"]
    freedom = int((groups.count() - 1).sum())
    if freedom == 0:
        return None, 0
    squares = float(((full["value"] - groups.transform("mean")) ** 2).sum())
    return float(np.sqrt(squares / freedom)), freedom


def _counts(frames: Frames) -> pd.DataFrame:
    """Trials by origin and outcome."""
    grouped = frames.trials.groupby(["origin", "outcome"], observed=True)["inside"]
    return (
        grouped.agg(n_trials="count", n_inside="sum")
        .reset_index()
        .astype({"n_trials": int, "n_inside": int})
    )


def _notes(frames: Frames, imputed: Imputed, factors: pd.DataFrame) -> tuple[str, ...]:
    """What a reader must know about what was left out."""
    frame = frames.trials
    notes = list(frames.study.imported.notes) if frames.study.imported else []
    n_outside = int((~frame["inside"] & frame["outcome"].isin(["full", "stopped"])).sum())
    if n_outside:
        notes.append(
            f"{n_outside:,} of {count(len(frame), 'trial')} left out of effects: outside the "
            "reference box (a value out of range or missing)."
        )
    n_dropped = int((frames.rows("stopped") & ~imputed.rows).sum())
    if n_dropped:
        notes.append(
            f"{count(n_dropped, 'stopped trial')} left out of effects: too few trials reached "
            "their end to learn where a curve leads."
        )
    way_out = (
        "Trials drawn at random and run to their end would tell them."
        if frames.study.imported
        else f"{frames.study.way_to_more.capitalize()}."
    )
    n_design = int((frames.rows("full") & (frame["origin"] == "design").to_numpy()).sum())
    if n_design == 0 and len(frame):
        notes.append(
            "No trial was drawn by design: the search looked where it was good and stopped what "
            f"began badly, so most effects cannot be told from its choices. {way_out}"
        )
    n_lost = int(((frame["outcome"] == "lost") & (frame["origin"] != "scout")).sum())
    if n_lost:
        notes.append(f"{count(n_lost, 'trial')} failed or gave no usable value.")
    n_collapsed = int((frame["outcome"] == "collapsed").sum())
    if n_collapsed:
        notes.append(
            f"{count(n_collapsed, 'trial')} collapsed or diverged; counted in the collapse table, "
            "never in effects in points."
        )
    return tuple(notes)

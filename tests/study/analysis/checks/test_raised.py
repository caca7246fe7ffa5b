"""For each check a study that raises it, beside one that does not."""

from dataclasses import replace

import numpy as np
import pytest

from study.analysis.checks.table import CHECKS, run_checks
from study.asked.plans import Imported
from study.measure import Scale
from tests.study.analysis.checks.conftest import VERSIONS, known

OF_RECORD = {
    "D101": known(clusters={"val": 12}),
    "D102": known(leaks={"train-val": {"same_content": 0, "same_person": 2}}),
    "D103": known(classes={"train": {"a": 400, "b": 400}, "val": {"a": 150, "b": 50}}),
    "D104": known(duplicates={"removed": True, "copies": 0, "val_copies": 9}),
    "D105": known(duplicates={"removed": True, "conflicting_images": 2}),
    "D106": known(absent_classes={"train": [], "val": ["h"]}),
    "D107": known(quarantined={"bad": 40}),
    "D108": known(majority={"val": 0.62}),
    "R101": known() | {"sessions": [{"versions": v} for v in (VERSIONS, {"torch": "3.0.0"})]},
    "R102": known() | {"claims_hash": "00" * 16},
    "R103": known() | {"git_commit": "0123456789" * 4 + "-dirty"},
}
"""What `study.json` says of a study that raises the check."""

ELSEWHERE = Imported(source="elsewhere", scale=Scale())

OF_ITSELF = {"D108": {"S102", "S108"}}
"""What a check brings with it: no trial here is better than naming so common a class."""


def at_the_edge(analysis):
    """The best five trials of an arm have rates at the upper end."""
    frames, axis = analysis.frames, analysis.frames.box.index("lr")
    x, configs = frames.x.copy(), frames.configs.copy()
    is_own = (frames.trials["arm"] == "org-scratch").to_numpy() & frames.rows("full")
    best = frames.trials[is_own].nlargest(5, "value").index
    x[best, axis], configs.loc[best, "lr"] = 0.99, 0.29
    matters = analysis.importance.assign(verdict="matters")
    return replace(analysis, frames=replace(frames, x=x, configs=configs), importance=matters)


def with_trials(analysis, **columns):
    """The analysis with other columns of its trials; a function gets the frame."""
    frame = analysis.frames.trials
    values = {n: v(frame) if callable(v) else v for n, v in columns.items()}
    return replace(analysis, frames=replace(analysis.frames, trials=frame.assign(**values)))


def collapsing(frame):
    return frame["outcome"].mask(frame["arm"] == "bcd-pretrained", "collapsed")


def in_step(analysis):
    """Two numbers that move together."""
    frames, box = analysis.frames, analysis.frames.box
    x = frames.x.copy()
    x[:, box.index("weight_decay")] = 1 - x[:, box.index("lr")]
    return replace(analysis, frames=replace(frames, x=x))


def gaining(analysis, points):
    """Curves that are flat but for a gain in the last two of nine epochs."""
    curves = np.tile(analysis.frames.trials["value"].to_numpy(dtype=float)[:, None], 9)
    curves[:, :-2] -= points
    return replace(analysis, frames=replace(analysis.frames, curves=curves))


OF_SEARCH = {
    "S101": at_the_edge,
    "S102": lambda a: with_trials(a, outcome=collapsing),
    "S105": lambda a: with_trials(a, origin="search"),
    "S106": in_step,
    "S107": lambda a: with_trials(a, outcome=["lost"] * 30 + ["full"] * 66),
    "S109": lambda a: replace(a, importance=a.importance.assign(n_trials=3)),
    "T101": lambda a: gaining(a, 5.0),
    "A101": lambda a: replace(a, stops=a.stops.assign(wrong_low=0.6, wrong_share=0.8)),
    "A102": lambda a: replace(a, imputation=a.imputation.assign(n_trials=40, bias=5.0)),
    "A103": lambda a: replace(a, fit=a.fit.assign(coverage=0.6)),
    "A104": lambda a: replace(a, fit=a.fit.assign(r2=-0.1)),
    "A105": lambda a: replace(a, fit=a.fit.assign(noise_sd=9.0)),
}
"""What the analysis of a study that raises the check says."""


def fewer_of_one_arm(tables):
    is_kept = (tables.trials["arm"] != "bcd-scratch") | (tables.trials["number"] < 40)
    return tables.having(trials=tables.trials[is_kept])


def one_collapsed_winner(tables):
    """An arm of which no trial but a collapsed one came to its end."""
    trials = tables.trials.copy()
    own = trials["arm"] == "bcd-scratch"
    trials.loc[own & ~trials["collapsed"].fillna(False), "status"] = "failed"
    return tables.having(trials=trials)


def overfitted(tables):
    epochs = tables.epochs.assign(train_loss=2.0 / tables.epochs["epoch"])
    return tables.having(epochs=epochs.assign(val_loss=1.0 + 0.1 * epochs["epoch"]))


def better_before(tables):
    best = tables.trials["val_accuracy"] + 0.05
    return tables.having(trials=tables.trials.assign(best_val_accuracy=best))


OF_TRIALS = {
    "S103": fewer_of_one_arm,
    "S104": lambda t: t.having(provenance=known() | {"scout": [{"edge": 0.3, "n_diverged": 0}]}),
    "S108": one_collapsed_winner,
    "T102": overfitted,
    "T103": better_before,
    "C105": lambda t: t.having(trials=t.trials.assign(number_format="bfloat16")),
}
"""A study that raises the check, of a sound one."""


def scored(tables, metric, **columns):
    rows = tables.confirmed.copy()
    for name, value in columns.items():
        rows.loc[rows["metric"] == metric, name] = value
    return tables.having(confirmed=rows)


LOOKED_TWICE = {"test_reads": [{"started_at": when, "command": "x"} for when in ("a", "b")]}

OF_FRESH_SEEDS = {
    "C101": lambda t: t.having(
        confirm=t.confirm.assign(test_accuracy=[0.3, 0.5, 0.7, 0.31, 0.51, 0.71])
    ),
    "C102": lambda t: t.having(claims=t.claims.assign(fragile=True)),
    "C103": lambda t: scored(t, "ece", estimate=0.12, low=0.1, high=0.14),
    "C104": lambda t: scored(t, "recall", estimate=0.0, low=0.0),
    "C106": lambda t: t.having(confirm=t.confirm.assign(search_value=0.8)),
    "C107": lambda t: t.having(confirm=t.confirm.assign(learned=[False] + [True] * 5)),
    "C108": lambda t: t.having(provenance=known() | LOOKED_TWICE),
    "C109": lambda t: t.having(confirm=t.confirm[t.confirm["seed"] < 2]),
    "C110": lambda t: t.having(confirmed=t.confirmed[t.confirmed["split"] == "val"]),
}
"""A study that raises the check, of a sound confirmed one."""

SEVERITY = {check.code: check.severity for check in CHECKS}


def raised(tables, analysis):
    return {one.code for one in run_checks(tables, analysis) if one.outcome in ("issue", "tip")}


def test_a_sound_study_raises_nothing_of_its_record(tables, analysis):
    found = {one.code: one for one in run_checks(tables, analysis)}
    assert all(found[code].outcome == "passed" for code in OF_RECORD), found


def outcome(code, tables, analysis):
    (found,) = (one for one in run_checks(tables, analysis) if one.code == code)
    return found.outcome


def test_every_check_has_a_study_that_raises_it():
    assert {*OF_RECORD, *OF_SEARCH, *OF_TRIALS, *OF_FRESH_SEEDS} == set(SEVERITY)


@pytest.mark.parametrize("code", OF_SEARCH)
def test_what_the_analysis_found_raises_its_check(tables, analysis, code):
    assert outcome(code, tables, gaining(analysis, 0.5)) == "passed"
    assert outcome(code, tables, OF_SEARCH[code](analysis)) == SEVERITY[code]


@pytest.mark.parametrize("code", OF_TRIALS)
def test_trials_raise_their_check(tables, analysis, code):
    assert outcome(code, tables, analysis) in ("passed", "not applicable")
    assert outcome(code, OF_TRIALS[code](tables), analysis) == SEVERITY[code]


@pytest.mark.parametrize("code", OF_FRESH_SEEDS)
def test_what_fresh_seeds_gave_raises_its_check(confirmed, analysis, code):
    assert outcome(code, confirmed, analysis) == "passed"
    assert outcome(code, OF_FRESH_SEEDS[code](confirmed), analysis) == SEVERITY[code]


def test_numbers_that_do_not_matter_may_lie_at_an_edge(tables, analysis):
    idle = analysis.importance.assign(verdict="unresolved")
    found = replace(at_the_edge(analysis), importance=idle)
    assert outcome("S101", tables, found) == "not applicable"


def test_an_edge_that_no_recipe_can_pass_is_not_named(tables, analysis):
    found = at_the_edge(analysis)
    lr = tables.study.factor("lr")
    widest = replace(lr, ranges=(replace(lr.ranges[0], high=10.0),))
    axes = tuple(replace(a, factor=widest) if a.name == "lr" else a for a in found.frames.box.axes)
    frames = replace(found.frames, box=replace(found.frames.box, axes=axes))
    assert outcome("S101", tables, replace(found, frames=frames)) == "passed"
    other = replace(tables, study=replace(tables.study, imported=ELSEWHERE))
    assert outcome("S101", other, replace(found, frames=frames)) == "tip"  # no recipe of ours


def test_counts_that_cannot_be_are_no_error_of_a_check(tables):
    counts = {"train": {"a": -1, "b": 4}, "val": {"a": 2, "b": 3}}
    assert outcome("D103", replace(tables, provenance=known(classes=counts)), None) == "passed"


def test_formats_that_some_trials_mixed_are_told_once_each(tables, analysis):
    formats = ["bfloat16", "bfloat16 and float32"] * len(tables.trials)
    mixed = tables.trials.assign(number_format=formats[: len(tables.trials)])
    found = run_checks(tables.having(trials=mixed), analysis)
    [said] = [one.why for one in found if one.code == "C105"]
    assert "with products in bfloat16 and float32; a kept model" in said


def test_scouts_that_met_the_edge_are_no_tip(tables):
    cells = [{"when": {"variant": "org"}, "edge": 0.1, "n_diverged": 2}]
    assert outcome("S104", tables.having(provenance={"scout": cells}), None) == "passed"


def test_levels_that_always_come_together_are_aliased(tables, analysis):
    frames, box = analysis.frames, analysis.frames.box
    x = frames.x.copy()
    x[:, box.index("batch_size")] = x[:, box.index("optimizer")]
    rng = np.random.default_rng(0)
    assert outcome("S106", tables, replace(analysis, frames=replace(frames, x=x))) == "issue"
    x[:, box.index("batch_size")] = rng.permutation(x[:, box.index("batch_size")])
    assert outcome("S106", tables, replace(analysis, frames=replace(frames, x=x))) == "passed"


@pytest.mark.parametrize("code", OF_RECORD)
def test_a_record_raises_its_check_and_no_other(tables, analysis, code):
    bad = replace(tables, provenance=OF_RECORD[code])
    (found,) = (one for one in run_checks(bad, analysis) if one.code == code)
    assert found.outcome == SEVERITY[code]
    others = raised(bad, analysis) - raised(tables, analysis) - {code}
    assert others == OF_ITSELF.get(code, set())


def test_another_tool_s_folder_is_not_judged_by_what_it_does_not_hold(tables):
    found = {one.code: one.outcome for one in run_checks(replace(tables, provenance=None))}
    assert {found[code] for code in OF_RECORD} == {"not applicable"}


@pytest.mark.parametrize(
    "odd", [3, None, [], "x", {"classes": 3, "images": [], "leaks": {"a": 1}}]
)
def test_a_record_of_other_types_is_no_error(tables, odd):
    run_checks(replace(tables, provenance={"data": {"summary": odd}, "sessions": odd}))

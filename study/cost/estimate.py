"""`--dry-run`: what a study would do and cost."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from study.asked.factors import Factor, Level, When
from study.asked.plans import DEFAULT_FOLDS
from study.asked.study import Study
from study.cost.begun import NOTHING, Begun, by_origin
from study.cost.flops import ASSUMED_FLOPS, TRAINING, forward_flops
from study.cost.measured import seconds_per_image
from study.cost.settling import images_per_epoch, settle_lines
from study.plan.scouts import scout_plan
from study.plan.stopping import rung_epochs
from study.plan.trials import plan_trials
from study.running.terminal import duration
from study.trainables.study_faces import study_faces, study_folds


def describe_plan(
    study: Study, console: Console, *, at_a_time: int, begun: Begun = NOTHING
) -> None:
    """Print factors, plan and predicted cost; measures a few steps, trains nothing.

    Args:
        study: The resolved study.
        console: Where to print.
        at_a_time: Trials that will run side by side.
        begun: What is on record of it.
    """
    data = study_faces(study, console)
    console.print(factor_table(study))
    if study.after is not None:
        console.print(study.after.sentence, highlight=False, markup=False)
    for line in plan_lines(study, begun):
        console.print(line, highlight=False)
    if study.is_to_be_scouted:
        scouts = scout_plan(study)
        console.print(
            f"{len(scouts)} scouts of {_scout_epochs(study) // len(scouts)} epochs come first and "
            "set the ranges of lr",
            highlight=False,
        )
    n_train, n_val = len(data.train.labels), len(data.val.labels)
    n_images, k = n_train + n_val, DEFAULT_FOLDS if study.folds is None else study.folds.k
    times, on_average = "", " on average" if study.confirm_adaptive else ""
    if study.folds is not None:
        folds = study_folds(study, data).summary
        console.print(folds["how"], highlight=False)
        n_val = round(n_images / k)
        n_train = n_images - n_val
        times = f" times {k} folds"
    console.print(
        f"{n_train} training and {n_val} validation images at {study.size} px; "
        f"{study.confirm_seeds} seeds an arm{on_average}{times} to confirm",
        highlight=False,
    )
    per_image = max(seconds_per_image(study, *structure) for structure in study.structures)
    # an evaluation is a forward pass, a third of a training step's arithmetic; beside bfloat16,
    # which it does not use, about half of its time
    per_epoch = (n_train + n_val / 3) * per_image
    most, fewest = epochs_of(study, begun)
    confirm = begun.to_confirm(study) * study.epochs
    console.print(
        f"measured: {1 / per_image:.0f} images/s on one thread; an epoch takes "
        f"{duration(per_epoch)}; with {at_a_time} trials at a time {begun.the_search} takes "
        f"{duration(fewest * per_epoch / at_a_time)} (every stop at its first rung) to "
        f"{duration(most * per_epoch / at_a_time)} (no stop), the confirmation up to "
        f"{duration(confirm * per_epoch / at_a_time)}",
        highlight=False,
    )
    per_settled = images_per_epoch(n_images, k) * per_image
    for line in settle_lines(study, begun, folds=k, per_epoch=per_settled, at_a_time=at_a_time):
        console.print(line, highlight=False, markup=False)
    console.print(
        gpu_prediction(
            study, n_images=n_train + n_val / 3, search=(fewest, most), confirm=confirm
        ),
        highlight=False,
    )


def gpu_prediction(study: Study, *, n_images: float, search: tuple[int, int], confirm: int) -> str:
    """What one GPU would take, from arithmetic alone, in one line that says so.

    Args:
        study: The resolved study.
        n_images: Trained on in an epoch, evaluation included.
        search: Fewest and most epochs of the search.
        confirm: Most epochs of the confirm stage.
    """
    forward = max(forward_flops(*structure, study.size) for structure in study.structures)
    per_epoch = n_images * TRAINING * forward / ASSUMED_FLOPS
    fewest, most = (duration(n * per_epoch) for n in search)
    return (
        f"predicted, not measured: {TRAINING * forward / 1e9:.1f} GFLOP an image forward and "
        f"backward; a GPU that sustains {ASSUMED_FLOPS / 1e12:g} TFLOP/s (assumed) trains "
        f"{ASSUMED_FLOPS / (TRAINING * forward):.0f} images/s: the search takes {fewest} to "
        f"{most}, the confirmation up to {duration(confirm * per_epoch)}; --benchmark measures"
    )


def epochs_of(study: Study, begun: Begun = NOTHING) -> tuple[int, int]:
    """Most and fewest epochs that trials and scouts of the search can still take together."""
    lengths = [int(level) for level in study.factor("epochs").levels]
    most = fewest = _scout_epochs(study, begun)
    for planned in begun.left(plan_trials(study)):
        done = begun.epochs_of(planned.number)
        if planned.config is not None:
            most += int(planned.config["epochs"]) - done
            fewest += int(planned.config["epochs"]) - done
        else:
            most += max(lengths) - done
            first_rung = min((*rung_epochs(min(lengths), study.reduction), min(lengths)))
            fewest += max(0, first_rung - done)
    return most, fewest


def _scout_epochs(study: Study, begun: Begun = NOTHING) -> int:
    return begun.scout_epochs_left(scout_plan(study)) if study.is_to_be_scouted else 0


def plan_lines(study: Study, begun: Begun) -> Iterator[str]:
    """How many trials there are, of which origins, and how far a study that goes on has come."""
    plan = plan_trials(study)
    yield f"{len(plan)} trials in {len(study.arms)} arms: {by_origin(plan)}"
    if begun.search:
        yield begun.told(plan)


def factor_table(study: Study) -> Table:
    """What a study varies, for the terminal."""
    table = Table(box=None, title=study.question, title_justify="left")
    for name in ("factor", "role", "levels or range", "exists when"):
        table.add_column(name)
    for factor in study.factors:
        table.add_row(factor.name, factor.role, _values(factor), _when(factor.when))
    return table


def _values(factor: Factor) -> str:
    if not factor.is_numeric:
        return ", ".join(map(str, factor.levels))
    scale = " (log)" if factor.log else ""
    return "; ".join(
        f"{r.low:g} to {r.high:g}{scale}" + (f" if {_when(r.when)}" if r.when else "")
        for r in factor.ranges
    )


def _when(when: When) -> str:
    return " and ".join(f"{k} is {_either(v)}" for k, v in when.items())


def _either(asked: Level | tuple[Level, ...]) -> str:
    return " or ".join(map(str, asked)) if isinstance(asked, tuple) else str(asked)

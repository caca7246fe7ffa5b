"""Command line of pretraining."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agecls.command import (
    INTERRUPTED,
    Parser,
    add_classes,
    classes_of,
    positive,
    progress_on_stderr,
    seconds,
    share,
    status_of,
    usable_device,
    use_threads,
)
from agecls.errors import AgeclsError
from agecls.nets.families import family_of
from agecls.nets.source_names import file_of, has_other_braces, structure_name
from agecls.recipe import CHOICES, Recipe, is_choice

if TYPE_CHECKING:
    from agecls.training.state import EpochMetrics

MODULE = "agecls.pretrain"
BATCH_SIZE = 32

LICENCES = {
    "utkface": "trained on UTKFace, whose images are for non-commercial research only",
}
"""Terms of source sets that are known by their layout."""

EPILOG = """\
The backbone of the best epoch on validation is written without its head, as safetensors with a
JSON of how it was made. A validation split is made by person, family and identical files if the
set has none. Start a study from it:

  python -m agecls.pretrain UTKFACE --variant org,bcd --out 'source/{variant}-{depth}.safetensors'
  python -m study.run faces-cpu --data FACES --weights 'source/{variant}-{depth}.safetensors'

--target years draws each image's class anew every epoch, from a normal distribution about its age
cut at the class borders: in the mean, soft labels that know how near a border an age is.

exit status: 0 done, 1 failed, 2 wrong usage or bad input, 130 interrupted or out of time (go on
with --resume)
"""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    p = Parser(
        MODULE, "Train a backbone on a source set of images, such as faces with ages.", EPILOG
    )
    p.add_argument(
        "data",
        metavar="DATA",
        help="a folder or table of images, or synthetic-source (drawn faces)",
    )
    p.add_argument(
        "--out",
        metavar="FILE",
        required=True,
        help="the .safetensors; may hold {variant} and {depth}",
    )
    p.add_argument(
        "--variant", metavar="V", default="org", help="org, c, d, bcd; several: org,bcd"
    )
    p.add_argument("--depth", type=int, choices=CHOICES["depth"], default=50, help="default: 50")
    p.add_argument(
        "--size", metavar="PX", type=positive, default=64, help="side in pixels (default: 64)"
    )
    add_classes(p)
    p.add_argument("--target", choices=("classes", "years"), default="classes")
    p.add_argument("--epochs", metavar="N", type=positive, default=10, help="default: 10")
    p.add_argument(
        "--images", metavar="N", type=positive, help="at most so many training images (all)"
    )
    p.add_argument(
        "--max-bad-share",
        metavar="X",
        type=share,
        default=0.02,
        help="largest share of files and rows that may be unusable (default: 0.02)",
    )
    p.add_argument("--batch-size", metavar="N", type=positive, default=BATCH_SIZE)
    p.add_argument("--lr", metavar="X", type=float, default=0.05, help="default: 0.05 (SGD)")
    p.add_argument("--seed", metavar="N", type=int, default=0)
    p.add_argument(
        "--weights", metavar="SOURCE", help="start from these: a file, torchvision:IMAGENET1K_V2"
    )
    p.add_argument("--licence", metavar="TEXT", help="terms of the source set, for model cards")
    p.add_argument("--resume", action="store_true", help="go on with an unfinished run")
    p.add_argument("--time-budget", metavar="90m", type=seconds, help="as 45s, 90m or 6h")
    p.add_argument("--device", help="such as cpu or cuda (default: cuda where there is one)")
    p.add_argument("--threads", metavar="N", type=positive, help="of the CPU")
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    options = parser().parse_args(arguments)
    return status_of(
        MODULE,
        lambda: _pretrain(options),
        when_interrupted="finished epochs are kept, go on with --resume",
    )


def _pretrain(options: argparse.Namespace) -> int:
    # what is wrong with the words is told before torch and the faces are read
    runs = _runs(options)
    if not runs:
        _say("every backbone is there already")
        return 0

    from agecls.data.arrays import at_most
    from agecls.data.loading import Reading, load_data
    from agecls.training.pretraining import Backbone, train_backbone, years_of

    deadline = time.monotonic() + (options.time_budget or float("inf"))
    device = usable_device(options.device)
    use_threads(options.threads)
    classes = classes_of(options.classes, options.data)
    data = load_data(
        options.data,
        Reading(
            size=options.size,
            classes=classes,
            seed=options.seed,
            max_bad_share=options.max_bad_share,
        ),
        progress=progress_on_stderr(f"Reading {classes.subject}"),
    )
    years = years_of(data, options.data) if options.target == "years" else None
    rows = at_most(options.images, len(data.train.labels), seed=options.seed)
    arrays = data.arrays().trained_on(rows)
    layout = data.summary["layout"]
    licence = options.licence or LICENCES.get(layout, "as the source set's")
    _say(
        f"{options.data} ({layout}): {len(rows):,} images to train on, "
        f"{len(arrays.val_labels):,} to choose the epoch on (majority class "
        f"{data.summary['majority']['val']:.1%}); {data.summary['splits']['how']}"
    )
    for out, recipe in runs.items():
        backbone = Backbone(
            recipe=recipe,
            out=out,
            device=device,
            source={"path": options.data, "fingerprint": data.fingerprint},
            licence=licence,
            weights=options.weights,
            years=None if years is None else years[rows],
        )
        best = train_backbone(
            backbone, arrays, resume=options.resume, deadline=deadline, report=_reporter(recipe)
        )
        if best is None:
            sys.stderr.write(f"{MODULE}: the time budget is used up; go on with --resume\n")
            return INTERRUPTED
        _say(f"{out}: epoch {best.epoch}, validation accuracy {best.val_accuracy:.1%}")
    return 0


def backbone_recipe(variant: str, depth: int, *, init: str = "scratch", **others: Any) -> Recipe:
    """What a backbone is trained with: each block starts as its shortcut, where that can be said.

    Args:
        variant: Structure.
        depth: Of a net that has one; others do not look at it.
        init: As the recipe's.
        others: Further fields of a recipe.

    Raises:
        RecipeError: A value is not allowed.
    """
    # a recipe refuses what is no variant
    lacks = family_of(variant).lacks if is_choice("variant", variant) else frozenset()
    if init == "scratch" and "zero_gamma" not in lacks:
        others["zero_gamma"] = True
    if "depth" not in lacks:
        others["depth"] = depth
    return Recipe(variant=variant, init=init, **others)


def _runs(options: argparse.Namespace) -> dict[Path, Recipe]:
    """The recipe of each file that is still to be made.

    Raises:
        AgeclsError: An option's value is not allowed, or a file is there already.
    """
    if options.seed < 0:
        raise AgeclsError(f"--seed is {options.seed}; expected 0 or more")
    variants = [variant.strip() for variant in options.variant.split(",")]
    recipes = [
        backbone_recipe(
            variant,
            options.depth,
            init="scratch" if options.weights is None else "pretrained",
            lr=options.lr,
            batch_size=options.batch_size,
            epochs=options.epochs,
            seed=options.seed,
        )
        for variant in variants
    ]
    if has_other_braces(options.out):
        raise AgeclsError(f"--out {options.out}: only {{variant}} and {{depth}} are filled in")
    runs = {file_of(options.out, r.variant, r.depth): r for r in recipes}
    if len(runs) < len(recipes):
        raise AgeclsError(f"--out {options.out}: several variants need {{variant}} in the name")
    for out in list(runs):
        if out.suffix != ".safetensors":
            raise AgeclsError(f"--out {out}: a backbone is written as .safetensors")
        if out.exists() and out.with_suffix(".json").exists():
            if not options.resume:
                raise AgeclsError(f"--out {out} is there already; remove it or name another")
            del runs[out]
    return runs


def _reporter(recipe: Recipe) -> Any:
    net = structure_name(recipe.variant, recipe.depth)

    def report(metrics: "EpochMetrics") -> None:
        _say(
            f"{net} epoch {metrics.epoch}/{recipe.epochs}: training "
            f"loss {metrics.train_loss:.3f}, validation loss {metrics.val_loss:.3f}, accuracy "
            f"{metrics.val_accuracy:.1%}, {metrics.seconds:.0f} s"
        )

    return report


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

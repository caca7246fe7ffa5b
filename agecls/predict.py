"""Command line of prediction: models and pictures to a table of classes and probabilities."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agecls.command import (
    FAILED,
    Parser,
    positive,
    progress_on_stderr,
    status_of,
    usable_device,
    use_threads,
)
from agecls.standard_output import has_reader

if TYPE_CHECKING:
    from agecls.use.saved import Classifier

MODULE = "agecls.predict"

EPILOG = """\
MODEL is a folder that a study kept (results/NAME/models/ARM), its model.safetensors, or a folder
of such folders, whose probabilities are averaged: results/NAME/models/ARM/confirmed holds the
confirm stage's models, one per fresh seed and calibrated. PATHS are images, folders (with all
below), quoted patterns such as 'faces/**/*.jpg', or - for a list on standard input.

columns: path, class, a p_ of each class (of ages p_a .. p_h, or as the classes are named), error.
Ages have years and expected_years too, classes with an order expected_class (from 0), more than
ten classes class_2 .. class_5, the next most probable ones. A picture that cannot be used has its
reason in `error` and nothing else.

examples:
  python -m agecls.predict results/demo/models/ARM faces/ > predictions.csv
  python -m agecls.predict results/demo/models/ARM faces/ --no-flip --out predictions.parquet
  find faces -name '*.jpg' | python -m agecls.predict MODEL - --out predictions.jsonl

exit status: 0 done (also with unusable pictures among others), 1 failed or no picture usable,
2 wrong usage or bad input, 130 interrupted (nothing is written)
"""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    p = Parser(
        MODULE, "Predict the classes of pictures, such as ages of faces, to a table.", EPILOG
    )
    p.add_argument("model", metavar="MODEL", help="folder or weights file of a kept model")
    p.add_argument("paths", metavar="PATHS", nargs="+", help="images, folders, patterns or -")
    p.add_argument(
        "--out", metavar="FILE", type=Path, help=".csv, .parquet or .jsonl (default: CSV, stdout)"
    )
    p.add_argument(
        "--ensemble",
        metavar="MODEL",
        action="append",
        default=[],
        help="average with this model too; may be repeated",
    )
    p.add_argument(
        "--flip",
        action=argparse.BooleanOptionalAction,
        help="average with the mirrored picture, in twice the time (default: of ages, where it "
        "tells more)",
    )
    p.add_argument(
        "--detect",
        action="store_true",
        help="cut out the largest face first; needs `pip install 'opencv-python-headless<5'`",
    )
    p.add_argument(
        "--margin",
        metavar="X",
        type=float,
        help="with --detect: side of the crop in detected boxes (default 1.3)",
    )
    p.add_argument(
        "--contact-sheet",
        metavar="FILE",
        type=Path,
        help="also a .png or .jpg of the pictures with their classes. It shows what they show",
    )
    p.add_argument("--device", help="such as cpu or cuda (default: cuda where there is one)")
    p.add_argument("--threads", metavar="N", type=positive, help="of the CPU (torch's choice)")
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    options = parser().parse_args(arguments)
    return status_of(MODULE, lambda: _predict(options), when_interrupted="nothing was written")


def _predict(options: argparse.Namespace) -> int:

    from agecls.errors import AgeclsError
    from agecls.use import contact_sheet, detection, predictions, saved
    from agecls.use.image_paths import image_paths

    # what cannot be written is told before the work
    if options.out is not None:
        predictions.check_table_path(options.out)
    if options.contact_sheet is not None:
        contact_sheet.check_sheet_path(options.contact_sheet)
    margin = detection.DEFAULT_MARGIN if options.margin is None else options.margin
    if not 0.5 <= margin <= 4 or (options.margin is not None and not options.detect):
        raise AgeclsError(f"--margin is {margin:g}; expected 0.5 to 4, together with --detect")
    paths = image_paths(options.paths, sys.stdin)
    if not paths:
        raise AgeclsError("the list on standard input is empty; expected one path per line")
    use_threads(options.threads)
    crop = detection.face_cropper(margin) if options.detect else None
    classifier = saved.load(options.model, *options.ensemble, device=usable_device(options.device))

    for note in _notes(classifier, options):
        sys.stderr.write(f"note: {note}\n")
    table = classifier.predict(
        paths, flip=options.flip, crop=crop, progress=progress_on_stderr("Predicting")
    )
    if options.out is None:
        sys.stdout.write(predictions.as_csv(table))
        sys.stdout.flush()
        if not has_reader():  # such as `head`: not all of the table went out
            return FAILED
    else:
        predictions.write_predictions(options.out, table)
    is_bad = table["error"].notna()
    if is_bad.any():
        first = table[is_bad].iloc[0]
        sys.stderr.write(
            f"note: {int(is_bad.sum()):,} of {len(table):,} pictures could not be used; see the "
            f"column `error`. The first: {first['path']!r}: {first['error']}\n"
        )
    if is_bad.all():
        return FAILED
    if options.contact_sheet is not None:
        n = contact_sheet.write_contact_sheet(options.contact_sheet, paths, table, crop=crop)
        of_faces = ": faces of people, not for publishing without their consent"
        warning = "" if classifier.classes.years is None else of_faces
        sys.stderr.write(
            f"note: {options.contact_sheet} shows {n:,} of {len(table):,} pictures{warning}\n"
        )
    return 0


def _notes(classifier: "Classifier", options: argparse.Namespace) -> list[str]:
    """What a user should know before reading the numbers."""
    notes = []
    if not options.detect and classifier.classes.years is not None:
        notes.append(
            "pictures are taken to be crops of one face each, like the training images; --detect "
            "cuts faces out of larger pictures"
        )
    if classifier.flips and options.flip is None:
        notes.append(
            "probabilities are averaged with those of the mirrored picture; --no-flip takes half "
            "the time"
        )
    n = len(classifier.members)
    if n > 1:
        notes.append(f"probabilities are the mean of {n} models")
    if not classifier.is_calibrated:
        notes.append(
            "no temperature is stored with the model: probabilities are its own, not calibrated"
        )
    return notes


if __name__ == "__main__":
    sys.exit(main())

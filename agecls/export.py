"""Command line of the export: a kept model to ONNX and a model card."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agecls.command import Parser, status_of, use_threads

MODULE = "agecls.export"

EPILOG = """\
The ONNX model takes `images`, (N, size, size, 3) uint8 RGB, and gives `probabilities`, (N, 8):
normalisation and temperature are inside, and the file's metadata say what it needs. It is run by
onnxruntime and compared with PyTorch on noise and drawn faces before it is written; a difference
above 1e-4 is an error. Needs `pip install onnx onnxruntime onnxscript`.

exit status: 0 done, 1 failed, 2 wrong usage or bad input, 130 interrupted
"""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    p = Parser(MODULE, "Write a kept model as ONNX, and its model card.", EPILOG)
    p.add_argument("model", metavar="MODEL", help="folder or weights file of a kept model")
    p.add_argument(
        "--out", metavar="FILE", type=Path, help="the .onnx (default: model.onnx beside MODEL)"
    )
    p.add_argument(
        "--card", metavar="FILE", type=Path, help="the .md (default: --out with another suffix)"
    )
    p.add_argument("--card-only", action="store_true", help="no ONNX, which needs no package")
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    options = parser().parse_args(arguments)
    return status_of(
        MODULE, lambda: _export(options), when_interrupted="no half-written file is left"
    )


def _export(options: argparse.Namespace) -> int:
    from agecls.errors import AgeclsError
    from agecls.files import write_whole
    from agecls.use import onnx_model, saved
    from agecls.use.model_card import model_card

    if not options.card_only:
        onnx_model.require_packages()
    use_threads(None)
    members = saved.load(options.model).members
    if len(members) > 1:
        there = ", ".join(str(member.path.parent) for member in members)
        raise AgeclsError(f"{options.model} holds several models; export one of {there}")
    [member] = members
    out = options.out or member.path.with_suffix(".onnx")
    card = options.card or out.with_suffix(".md")
    for path, suffix in ((out, ".onnx"), (card, ".md")):
        if path.suffix != suffix:
            raise AgeclsError(f"{path}: expected a name that ends in {suffix}")

    note = None
    if not options.card_only:
        check = onnx_model.export_onnx(member, out)
        note = (
            f"ONNX: `{out.name}`, at most {check.largest:.1e} from PyTorch on {check.n_images} "
            f"images (onnxruntime {check.runtime})."
        )
        sys.stdout.write(
            f"{out}: at most {check.largest:.1e} from PyTorch on {check.n_images} images\n"
        )
    write_whole(card, model_card(member, onnx_note=note).encode())
    sys.stdout.write(f"{card}: the model card\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

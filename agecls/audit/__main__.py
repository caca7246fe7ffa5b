"""The command `python -m agecls.audit`: what is in a data set and what is wrong with it."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from agecls.command import Parser, add_classes, classes_of, progress_on_stderr, status_of

MODULE: Final = "agecls.audit"

_STYLES: Final = {"title": "bold", "problem": "red", "note": "yellow", "unknown": "dim"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    asked = parser().parse_args(arguments)
    return status_of(
        MODULE, lambda: _run(asked), when_interrupted="what was written by then is whole"
    )


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    p = Parser(
        MODULE,
        "Say what is in a data set and what is wrong with it: classes, sizes, unusable files,\n"
        "identical and nearly identical pictures, leaks between splits, persons under several\n"
        "names. The data are only read.",
    )
    p.add_argument(
        "data", metavar="DATA",
        help="a folder or table in any layout that agecls reads, or synthetic (drawn faces)",
    )  # fmt: skip
    add_classes(p)
    p.add_argument(
        "--out", metavar="FILE", type=Path, default=Path("audit.html"),
        help="the page, one file for offline use (default: audit.html)",
    )  # fmt: skip
    p.add_argument(
        "--json", metavar="FILE", type=Path, help="write all findings, without limits, as JSON too"
    )
    p.add_argument(
        "--show-faces", action="store_true", help="put pictures into the page; share it with care"
    )
    p.add_argument(
        "--fix", metavar="OUT", type=Path,
        help="write a set without duplicates and leaks to a new folder: CSVs, and links to the "
        "original images, which stay as they are",
    )  # fmt: skip
    return p


def _run(asked: argparse.Namespace) -> int:
    # imported here, so that --help need not wait for pandas and scipy
    from agecls.audit.as_json import findings_dict
    from agecls.audit.findings import audit_faces
    from agecls.audit.fix import counts_of_fix, plan_fix, refuse_used_folder, write_fix
    from agecls.audit.page import audit_page
    from agecls.audit.summary import summary_lines
    from agecls.data.loading import root_of
    from agecls.files import write_whole

    data = root_of(asked.data, progress=progress_on_stderr("drawing faces"))
    if asked.fix is not None:
        refuse_used_folder(asked.fix, data)
    classes = classes_of(asked.classes, asked.data)
    findings = audit_faces(data, classes=classes, progress=_progress())
    _print(summary_lines(findings))
    page = audit_page(findings, show_faces=asked.show_faces)
    write_whole(asked.out, page.encode())
    written = [("page", asked.out)]
    if asked.json is not None:
        text = json.dumps(findings_dict(findings), ensure_ascii=False, indent=1)
        write_whole(asked.json, f"{text}\n".encode())
        written.append(("findings", asked.json))
    if asked.fix is not None:
        fix = plan_fix(findings)
        write_fix(findings, fix, asked.fix)
        written.append((_fixed(counts_of_fix(findings, fix)), asked.fix))
    _print([("text", ""), *(("text", f"{what}: {path}") for what, path in written)])
    return 0


def _fixed(counts: dict[str, Any]) -> str:
    kept = ", ".join(f"{n:,} {split}" for split, n in counts["kept"].items())
    left_out = "".join(f", {n:,} left out ({kind})" for kind, n in counts["left_out"].items())
    made = f", {' and '.join(counts['made'])} made here" if counts["made"] else ""
    return f"fixed set ({kept}{left_out}{made})"


def _print(lines: Iterable[tuple[str, str]]) -> None:
    """Plain lines; in colour on a terminal."""
    if not sys.stdout.isatty():
        for _, line in lines:
            sys.stdout.write(f"{line}\n")
        return
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for kind, line in lines:
        console.print(Text(line, style=_STYLES.get(kind, "")))


def _progress() -> Callable[[str, int, int], None]:
    """Progress of each step on standard error, once it takes more than two seconds."""
    steps: dict[str, Callable[[int, int], None]] = {}

    def show(step: str, done: int, total: int) -> None:
        if step not in steps:
            steps[step] = progress_on_stderr(step)
        steps[step](done, total)

    return show


if __name__ == "__main__":
    sys.exit(main())

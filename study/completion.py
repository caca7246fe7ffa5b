"""The command `python -m study.completion`: completion of all commands by bash."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from agecls.command import Parser
from study.commands import COMMANDS

EPILOG = """\
For this shell, or, from ~/.bashrc, for every one:

  source <(python -m study.completion)

It completes what follows `python -m`: commands, options, presets and the studies in results/.
Other words of `python` complete as files. Needs shtab: pip install shtab
"""

_STUDIES: Final = """\
_study_names() {
  local folder
  for folder in results/*/; do
    [ -f "$folder/study.toml" ] && compgen -W "$(basename "$folder")" -- "$1"
  done
}

_study_presets() {
  compgen -W "PRESETS" -- "$1"
  compgen -f -X '!*.toml' -- "$1"
}
"""

_DISPATCH: Final = """
# `-m` is taken out, so that the command's name stands where a subcommand stands
_study_python() {
  COMPREPLY=()
  [ "${COMP_WORDS[1]}" = -m ] && [ "$COMP_CWORD" -ge 2 ] || return 0
  local known=" COMMANDS "
  [ "$COMP_CWORD" -eq 2 ] || [[ "$known" == *" ${COMP_WORDS[2]} "* ]] || return 0
  COMP_WORDS=(python "${COMP_WORDS[@]:2}")
  COMP_CWORD=$((COMP_CWORD - 1))
  _shtab_study
}

complete -o bashdefault -o default -F _study_python python python3
"""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    return Parser(
        "study.completion",
        "Print a script for bash that completes the commands of this project.",
        EPILOG,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser().parse_args(arguments)
    if find_spec("shtab") is None:
        sys.stderr.write("study.completion: shtab is not installed; pip install shtab\n")
        return 2
    sys.stdout.write(script())
    return 0


def script() -> str:
    """What bash has to read."""
    import shtab

    from study.asked.study_file import preset_names

    every = argparse.ArgumentParser(prog="python", add_help=False)
    commands = every.add_subparsers()
    for name, module in COMMANDS.items():
        options = import_module(module).parser()
        for action in options._actions:  # argparse has no public list of what it was given
            _complete_studies(name, action)
        # shtab leaves out commands without a help text
        commands.add_parser(name, parents=[options], add_help=False, help=options.description)
    generated = shtab.complete(
        every,
        shell="bash",
        root_prefix="study",
        preamble=_STUDIES.replace("PRESETS", " ".join(preset_names())),
    )
    return generated + _DISPATCH.replace("COMMANDS", " ".join(COMMANDS))


def _complete_studies(command: str, action: Any) -> None:
    """Let an argument that names a study, or the preset of one, complete as such."""
    if action.metavar == "NAME" and command.startswith("study.") and action.dest != "out":
        action.complete = {"bash": "_study_names"}
    elif action.dest == "study":
        action.complete = {"bash": "_study_presets"}


if __name__ == "__main__":
    sys.exit(main())

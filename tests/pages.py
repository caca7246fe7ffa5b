"""The pages that people read, as tests need them: code, commands, links, headings."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"(?<!`)`((?:[^`\n]|\n(?!\n))+)`(?!`)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_COMMAND = re.compile(
    r"python -m ((?:agecls|study|tests)(?:\.\w+)+)((?:\"[^\"\n]*\"|[^\n|>&);])*)"
)
_FILE = re.compile(r"[\w./-]*\w\.(?:html|md|onnx|db|parquet|csv)\b")


@dataclass(frozen=True)
class Page:
    """One Markdown file, named by its path in the repository."""

    name: str

    @cached_property
    def text(self) -> str:
        return (ROOT / self.name).read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """The text without blocks of code."""
        return _FENCE.sub("", self.text)

    @property
    def spans(self) -> list[str]:
        """Code inside sentences, on one line each."""
        return [" ".join(span.split()) for span in _SPAN.findall(self.prose)]

    @property
    def links(self) -> list[str]:
        """Links to files and headings of the repository."""
        return [link for link in _LINK.findall(self.prose) if "://" not in link]

    @property
    def anchors(self) -> set[str]:
        """What GitHub makes of the headings."""
        plain = (re.sub(r"[^\w\- ]", "", h.lower()) for h in _HEADING.findall(self.prose))
        return {heading.replace(" ", "-") for heading in plain}

    def blocks(self, language: str) -> list[str]:
        return [text for found, text in _FENCE.findall(self.text) if found == language]

    @property
    def shell_lines(self) -> list[str]:
        return [line for block in self.blocks("sh") for line in block.splitlines() if line]


def pages() -> list[Page]:
    """Every page of the repository."""
    rooms = ("docs", "agecls", "study", "tests", "results")
    found = [*ROOT.glob("*.md"), *(p for room in rooms for p in (ROOT / room).rglob("*.md"))]
    return [Page(path.relative_to(ROOT).as_posix()) for path in sorted(found)]


def guides() -> list[Page]:
    """The pages that say how to do things."""
    tops = {"README.md", "CONTRIBUTING.md"}
    return [page for page in pages() if page.name in tops or page.name.startswith("docs/")]


@dataclass(frozen=True)
class Command:
    """A call of one of the project's commands on a page.

    Attributes:
        module: What follows `python -m`.
        words: What follows the module, words in capitals filled in.
        promised: Files that the comment behind it names.
    """

    module: str
    words: tuple[str, ...]
    promised: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((self.module, *self.words))


def commands(text: str, filled_in: Mapping[str, str]) -> Iterator[Command]:
    """The commands in a line of shell or in a span of code.

    Args:
        text: The line.
        filled_in: What stands for words in capitals.
    """
    code, _, comment = text.partition(" #")
    promised = tuple(_FILE.findall(fill_in(comment, filled_in)))
    for module, rest in _COMMAND.findall(code):
        yield Command(module, tuple(shlex.split(fill_in(rest, filled_in))), promised)


def fill_in(text: str, filled_in: Mapping[str, str]) -> str:
    """The text with those words in capitals replaced that stand alone."""
    return re.sub(r"\b[A-Z]+\b", lambda word: filled_in.get(word[0], word[0]), text)

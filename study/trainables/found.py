"""A function that a study file names: found, told apart from a changed one, and imported.

Looking for it reads file names alone. Nothing is imported but what the study file names, and only
by a command that trains: a report needs neither the module nor what it imports.
"""

import ast
import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from study.asked.plans import Trainable
from study.asked.toml_values import did_you_mean
from study.errors import StudyError, StudyFileError

_CALLED: Final = {"seed": 0, "fold": None, "report": None}
"""What a function is called with by name, after its configuration."""

_OURS: Final = ("agecls", "study")
"""This tool's own packages, in whose folder somebody may work."""

CALL: Final = "(config, *, seed, fold, report)"


class FunctionChanged(StudyError):
    """The text of a study's module is another one than when its command began."""


def located(trainable: Trainable, *, near: Path) -> Trainable:
    """The trainable with the folder in which its module lies now; the first one counts.

    Looked for are the current folder, the one where it lay before, and that of the study file;
    then what is installed.

    Args:
        trainable: As the study file names it.
        near: The folder of the study file.

    Raises:
        StudyFileError: There is no such module, or none whose text can be read.
    """
    module = _module(trainable.function)
    before = [Path(trainable.folder)] if trainable.folder else []
    folders = list(dict.fromkeys(p.absolute() for p in (Path.cwd(), *before, near)))
    for folder in folders:
        if _source_below([folder], module) is not None:
            return replace(trainable, folder=str(folder))
    if _installed(module) is None:
        looked = ", ".join(map(str, folders))
        raise StudyFileError(
            f"{trainable.function}: there is no module `{module}` in {looked}, and none is "
            "installed; go to its folder, or name it as package.module:function"
        )
    return replace(trainable, folder="")


def fingerprint(trainable: Trainable) -> str:
    """SHA-256 of the text of its function's module, and of its examples' where that is another.

    So it is of the modules beside them that they import, and that these import in turn.

    Raises:
        StudyFileError: A module is not there.
    """
    named = [source_of(m, trainable.folder) for m in _modules(trainable)]
    beside = _beside(named, Path(trainable.folder)) if trainable.folder else []
    texts = [path.read_bytes() for path in (*named, *beside)]
    if len(texts) == 1:
        return hashlib.sha256(texts[0]).hexdigest()
    # the hash of hashes: where one text ends, another cannot begin elsewhere
    return hashlib.sha256(b"".join(hashlib.sha256(t).digest() for t in texts)).hexdigest()


def sources(trainable: Trainable) -> str:
    """Where the text lies that `fingerprint` is of, in words.

    Raises:
        StudyFileError: A module is not there.
    """
    return " or ".join(str(source_of(m, trainable.folder)) for m in _modules(trainable))


def check_unchanged(trainable: Trainable, begun: str) -> None:
    """Refuse to import a text that is not the one whose trials are on record.

    A process that has imported the module goes on with what it has.

    Args:
        trainable: Located.
        begun: `fingerprint` when the command began.

    Raises:
        FunctionChanged: It is another one, or gone.
    """
    if _module(trainable.function) in sys.modules:
        return
    try:
        now = fingerprint(trainable)
    except (StudyFileError, OSError) as error:
        raise FunctionChanged(
            f"while the study runs its module has gone ({error}). Bring it back, and "
            "--resume goes on."
        ) from error
    if now != begun:
        raise FunctionChanged(
            f"{sources(trainable)} has changed while the study runs (its SHA-256, with what it "
            f"imports beside it, was {begun} and is {now}), so new trials would not compare with "
            "those there are. Undo the change, and --resume goes on; or begin a new study with "
            "--name."
        )


def source_of(module: str, folder: str) -> Path:
    """The file of a module in a folder; of an installed one where the folder is empty.

    Raises:
        StudyFileError: There is none.
    """
    found = _source_below([Path(folder)], module) if folder else None
    found = found or _installed(module)
    if found is None:
        raise _no_module(module, folder)
    return found


def check_in_folder(trainable: Trainable) -> None:
    """Refuse a folder without the function's module, be another one of that name installed.

    Raises:
        StudyFileError: It does not lie there.
    """
    module = _module(trainable.function)
    if _source_below([Path(trainable.folder)], module) is None:
        raise _no_module(module, trainable.folder)


def load(function: str, folder: str) -> Callable[..., Any]:
    """The function, its module imported.

    Args:
        function: `package.module:function`.
        folder: Where the module lies; empty: it is installed.

    Raises:
        StudyFileError: The module cannot be imported, is another one of that name, leaves the
            current folder, or has no such function.
    """
    name, module = function.partition(":")[2], _module(function)
    source = source_of(module, folder)
    if folder and folder not in sys.path:
        sys.path.insert(0, folder)
    here = Path.cwd()
    try:
        found = importlib.import_module(module)
    except Exception as error:
        problem = f"{function}: {module} cannot be imported ({line_of(error, folder)}); mend it"
        raise StudyFileError(problem) from error
    if Path.cwd() != here:  # the study's own paths may be relative
        os.chdir(here)
        problem = "changes the current folder when it is imported; name files beside `__file__`"
        raise StudyFileError(f"{function}: {module} {problem} instead")
    there = Path(getattr(found, "__file__", None) or "")
    if there.resolve() != source.resolve():
        raise StudyFileError(
            f"{function}: `{module}` is already the name of {there}; rename {source}"
        )
    wanted = getattr(found, name, None)
    if not callable(wanted):
        known = [n for n, value in vars(found).items() if inspect.isfunction(value)]
        raise StudyFileError(f"{function}: {source} has no function `{name}`; "
                             f"{did_you_mean(name, known)}")  # fmt: skip
    result: Callable[..., Any] = wanted
    return result


def check_call(function: str, found: Callable[..., Any]) -> None:
    """Refuse a function that cannot be called as a trial calls it.

    Raises:
        StudyFileError: It wants something else.
    """
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):  # written in C, say
        return
    try:
        signature.bind({}, **_CALLED)
    except TypeError as error:
        name = function.partition(":")[2]
        problem = f"{function}{signature} cannot be called as a trial calls it ({error})"
        raise StudyFileError(f"{problem}; write it as {name}{CALL}") from None


def line_of(error: BaseException, folder: str) -> str:
    """An error in one line, with the place in the user's own code where it came from.

    Args:
        error: As it was raised.
        folder: Of the user's code; empty: it is installed.
    """
    said = str(error).strip().splitlines() or [""]
    place = place_of(traceback.extract_tb(error.__traceback__), folder)
    told = f"{type(error).__name__}: {said[0]}" if said[0] else type(error).__name__
    return f"{told} ({place})" if place else told


def place_of(frames: Iterable[traceback.FrameSummary], folder: str) -> str:
    """File and line of the innermost frame of the user's own code, else of any but this tool's."""
    machinery = (str(Path(__file__).parent), str(Path(importlib.__file__).parent), "<frozen")
    others = [f for f in frames if not f.filename.startswith(machinery)]
    own = [f for f in others if folder and Path(f.filename).is_relative_to(folder)]
    frame = next(iter([*own[::-1], *others[::-1]]), None)
    return f"{Path(frame.filename).name}:{frame.lineno}" if frame else ""


def _no_module(module: str, folder: str) -> StudyFileError:
    return StudyFileError(
        f"{module}: no such module in {folder or 'what is installed'}; go to the folder "
        "where it lies now"
    )


def _module(function: str) -> str:
    return function.partition(":")[0]


def _modules(trainable: Trainable) -> list[str]:
    """The function's module, and that of its examples where it is another."""
    functions = [trainable.function, *([trainable.examples] if trainable.examples else [])]
    return list(dict.fromkeys(map(_module, functions)))


def _beside(named: Iterable[Path], folder: Path) -> list[Path]:
    """Files of a folder that modules there import, in whatever place, by their order of path.

    Only statements of import are looked at; a name that a call makes at run time is none.
    """
    known = set(named)
    found, left = set(known), list(known)
    while left:
        path = left.pop()
        for module in _imported(path, folder):
            source = _source_below([folder], module)
            if source is not None and source not in found:
                found.add(source)
                left.append(source)
    return sorted(found - known)


def _imported(path: Path, folder: Path) -> Iterator[str]:
    """Names that may be modules and that a file imports, each with the packages it lies in."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # it cannot be imported either, which is told then
        return
    package = path.parent.relative_to(folder).parts
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = [*above, *([node.module] if node.module else [])]
            # what is imported from a package may be a module of it
            names = [".".join([*base, *more]) for more in ((), *((n.name,) for n in node.names))]
        for name in filter(None, names):
            parts = name.split(".")
            if parts[0] not in _OURS:
                yield from (".".join(parts[:n]) for n in range(1, len(parts) + 1))


def _source_below(folders: Iterable[Path], module: str) -> Path | None:
    for folder in folders:
        path = folder.joinpath(*module.split("."))
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


def _installed(module: str) -> Path | None:
    """The file of an installed module, which is not imported for it."""
    top, _, rest = module.partition(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not rest:
        is_text = spec.origin is not None and spec.origin.endswith(".py")
        return Path(str(spec.origin)) if is_text else None
    return _source_below(map(Path, spec.submodule_search_locations or ()), rest)

"""Study files: TOML or a preset's name in, a checked `Study` out, and back to text.

A `[scout]` table (`trials`, `epochs`, `widen`, all with defaults) asks for short trials that set
the ranges of `lr`; see `study.plan.scouts`. Once they have, the tool keeps those declared in it.
A `[settle]` table (`trainings`, `time_budget`) spends trainings where verdicts are missing; claims
in `[settle.claims.NAME]` were added after the search.
A table `[imported]` makes it a search that somebody else ran, `[study] trainable` a study of a
function of the user's; see `study.asked.free`.

A resolved study names every field of a recipe but the seed. What the file leaves out is fixed at
the recipe's default, `epochs` at `[study] epochs`, and `zero_gamma` at false where init is
scratch, so that dumped studies stay what they were when a default changes.
"""

import logging
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any, Final

from study.asked.after import OfEarlier, with_earlier
from study.asked.claim import Claim
from study.asked.class_words import OfFolders, classes_given
from study.asked.factors import Factor
from study.asked.free import (
    IMPORTED,
    TRAINABLE,
    ImportedTables,
    TrainableTables,
    is_imported,
    is_of_a_function,
    resolve_imported,
    resolve_trainable,
)
from study.asked.resolve import resolve
from study.asked.rules import check_study
from study.asked.study import Study
from study.asked.study_text import dump_study, grown_study, is_safe_change, study_diff
from study.asked.toml_tables import FileTables, parsed
from study.asked.toml_values import Place, Source, did_you_mean, shown
from study.errors import StudyFileError

__all__ = [
    "dump_study",
    "grown_study",
    "is_safe_change",
    "load_study",
    "preset_names",
    "study_diff",
]

logger = logging.getLogger(__name__)

MAX_BYTES: Final = 1_000_000
"""No study needs a larger file; a wrong path may well lead to one."""

OVERRIDES: Final[dict[str, Place]] = {
    "data": ("data", "path"),
    "classes": ("classes",),
    "size": ("data", "size"),
    "trials": ("study", "trials"),
    "added": ("study", "added"),
    "epochs": ("study", "epochs"),
    "seed": ("study", "seed"),
    "weights": ("weights", "source"),
    "design_share": ("study", "design_share"),
    "confirm_seeds": ("confirm", "seeds"),
    "name": ("study", "name"),
}
"""What the command line can replace, and where it stands in the file; `added` with `trials`."""

_OF_FACES: Final = ("data", "classes", "weights")
"""Tables of these that only a study of our recipe has."""


def preset_names() -> tuple[str, ...]:
    """The shipped studies, in alphabetical order."""
    folder = resources.files("study.asked") / "presets"
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


def preset_questions() -> dict[str, tuple[int, str]]:
    """Number of trials and question of each shipped study, by its name."""
    asked = {}
    for name in preset_names():
        _, shown_name, raw = _read(name)
        table = parsed(FileTables, raw, Source(shown_name)).study
        asked[name] = (table.trials, table.question or "")
    return asked


def load_study(
    name_or_path: str | Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    of_folders: OfFolders | None = None,
    of_earlier: OfEarlier | None = None,
) -> Study:
    """The study of a preset's name or a TOML file, with the command line's values in it.

    Args:
        name_or_path: A text without slash or `.toml` that is a preset's name means the preset.
        overrides: Values for the keys of OVERRIDES, of which None counts as not given, for a
            study that is going to train; None: it is only going to be read. `weights` replaces
            `[pretrain]`, `classes` all of `[classes]`. `epochs` replaces `[study] epochs` and
            shortens an `epochs` factor: its levels above N go, and if none of the rest is N, the
            longest becomes N. If one level is left, the factor is fixed at it, and claims about
            it, or about a level that went, are left out with a warning.
        of_folders: Who reads classes off the data where they are asked for so; None: nobody.
        of_earlier: Likewise who reads the study that this one goes on from.

    Raises:
        StudyFileError: The file cannot be read, or is not a valid study; one line.
    """
    given = {k: v for k, v in (overrides or {}).items() if v is not None}
    for key in given:
        if key not in OVERRIDES:
            raise StudyFileError(f"--{key}: no such override; {did_you_mean(key, OVERRIDES)}")
    name, shown_name, raw = _read(name_or_path)
    flags = {OVERRIDES[k]: f"--{k.replace('_', '-')}" for k in given}
    source = Source(shown_name, flags)
    raw, earlier = with_earlier(raw, source, of_earlier)
    # the file must be valid by itself before its epochs are shortened
    whole = _replaced(raw, {k: v for k, v in given.items() if k != "epochs"})
    if is_imported(whole) and overrides is not None:
        problem = "a search that was imported trains nothing; `python -m study.report` reads it"
        raise source.error((IMPORTED,), problem)
    study = _resolved(_parsed(whole, source), source, default_name=name, of_folders=of_folders)
    check_study(study, source)
    if "epochs" in given:
        _parsed(_replaced(raw, given), source)
        study = _with_epochs(study, given["epochs"])
        check_study(study, source)
    if earlier is None or study.after is None:
        return study
    study = replace(study, after=replace(study.after, recipes=earlier.begin(study)))
    check_study(study, source)
    return study


def _parsed(
    raw: Mapping[str, Any], source: Source
) -> FileTables | ImportedTables | TrainableTables:
    """The tables of a file of any form."""
    if is_imported(raw):
        return parsed(ImportedTables, raw, source)
    if not is_of_a_function(raw):
        return parsed(FileTables, raw, source)
    for place, flag in source.flags.items():
        if place[0] in _OF_FACES:
            problem = f"a study of a function ([study] {TRAINABLE}) has no [{place[0]}]"
            raise source.error(place, f"{problem}; drop {flag}")
    return parsed(TrainableTables, raw, source)


def _resolved(
    tables: FileTables | ImportedTables | TrainableTables,
    source: Source,
    *,
    default_name: str,
    of_folders: OfFolders | None,
) -> Study:
    """The study that they ask for, not yet checked."""
    if isinstance(tables, ImportedTables):
        return resolve_imported(tables, source, default_name=default_name)
    if isinstance(tables, TrainableTables):
        return resolve_trainable(tables, source, default_name=default_name)
    return resolve(tables, source, default_name=default_name, of_folders=of_folders)


def _read(name_or_path: str | Path) -> tuple[str, str, dict[str, Any]]:
    """The study's default name, the file's name for messages, and the parsed TOML."""
    text = str(name_or_path)
    if isinstance(name_or_path, str) and text in preset_names():
        preset = resources.files("study.asked") / "presets" / f"{text}.toml"
        return text, f"preset {text}", tomllib.loads(preset.read_text(encoding="utf-8"))
    path = Path(name_or_path)
    content = _bytes(path)
    try:
        # the mark that Windows editors write before UTF-8 is not TOML
        return path.stem, text, tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        problem = f"byte {error.start + 1} is not UTF-8; save the file as UTF-8"
    except tomllib.TOMLDecodeError as error:
        problem = f"not TOML: {error}; fix the syntax there"
    except RecursionError:
        problem = "lists or tables are nested too deep for a study; flatten them"
    except ValueError:
        problem = "it holds a number of thousands of digits; write a shorter one"
    raise StudyFileError(f"{text}: {problem}")


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        known = ", ".join(preset_names())
        problem = f"there is no such file and no such preset; the presets are {known}"
        raise StudyFileError(f"{path}: {problem}") from None
    except (OSError, ValueError) as error:
        # a ValueError is a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        problem = f"it cannot be read ({reason}); give the path of a TOML file"
        raise StudyFileError(f"{path}: {problem}") from None
    if len(content) > MAX_BYTES:
        problem = f"it is larger than {MAX_BYTES:,} bytes, so no study; give a study's path"
        raise StudyFileError(f"{path}: {problem}")
    return content


def _replaced(raw: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The file's values with the command line's over them."""
    result = dict(raw)
    plain_keys = {key: value for key, value in given.items() if key != "classes"}
    for key, value in plain_keys.items():
        table, inner = OVERRIDES[key]
        old = result.get(str(table), {})
        if isinstance(old, Mapping):
            plain = str(value) if isinstance(value, Path) else value
            result[str(table)] = {**old, str(inner): plain}
    if "weights" in given:
        result.pop("pretrain", None)
    if "classes" in given:
        result["classes"] = classes_given(given["classes"])
    return result


def _with_epochs(study: Study, epochs: int) -> Study:
    """The study with `epochs` as its longest schedule; see `load_study`."""
    old = study.factor("epochs")
    kept = [level for level in old.levels if int(level) <= epochs]
    if epochs not in kept:
        kept = [*kept[:-1], epochs] if kept else [epochs]
    if len(kept) > 1:
        new = replace(old, levels=tuple(kept))
    elif old.role == "arm":
        raise StudyFileError(
            f"--epochs {epochs} leaves the arm factor `epochs` one level; "
            f"expected more than {shown(min(old.levels))}"
        )
    else:
        new = replace(old, role="fixed", levels=tuple(kept))

    def testable(claims: Sequence[Claim]) -> tuple[Claim, ...]:
        kept = tuple(claim for claim in claims if _can_be_tested(claim, new))
        for claim in claims:
            if claim not in kept:
                logger.warning(
                    "claim %s is left out: --epochs %d took its levels", claim.name, epochs
                )
        return kept

    settle = study.settle and replace(study.settle, claims=testable(study.settle.claims))
    included = tuple(
        {**c, "epochs": epochs} if "epochs" in c and c["epochs"] not in kept else c
        for c in study.included
    )
    return replace(
        study,
        epochs=epochs,
        factors=tuple(new if f is old else f for f in study.factors),
        claims=testable(study.claims),
        settle=settle,
        included=included,
    )


def _can_be_tested(claim: Claim, factor: Factor) -> bool:
    """Whether a claim still makes sense after `factor` lost levels."""
    is_missed = factor.role == "fixed" and factor.name in claim.varied
    levels = [level for name, level in claim.named if name == factor.name]
    return not is_missed and all(level in factor.levels for level in levels)

"""What a user of a kept model must know, as Markdown: from its JSON and its study's folder."""

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from agecls.nets.families import family_of
from agecls.nets.source_names import file_of, structure_name
from agecls.study_files import PRETRAINED, PROVENANCE, STUDY, table_file
from agecls.use.saved import Member
from agecls.use.slices import LEVEL, slices

_LEVELS_UP: Final = 4
_NUMBERS: Final = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
"""Numbers from 2 on, as prose has them."""

MOST_NAMED: Final = 20
"""Classes up to which the card names each one."""

LIMITS: Final = """\
- It tells one of {number} age classes as people of the training images look in pictures, not an
  age, and nothing about a person beyond the picture.
- Pictures unlike the training images (other populations, cameras, crops, make-up, masks, drawings)
  give answers that look as sure as any other. Measure on pictures of your own before use.
- Accuracy differs between classes and groups of people, most where training images were few; see
  the slices, and measure the groups that you care about.
- A class is a range of years: one year at a border is a whole class of error, 15 years within the
  widest are none.
"""

LIMITS_OF_PICTURES: Final = """\
- It tells one of {number} classes as the training images were labelled; a picture of none of them
  is named as one of them all the same.
- Pictures unlike the training images (other places, cameras, crops, drawings) give answers that
  look as sure as any other. Measure on pictures of your own before use.
- Accuracy differs between classes, most where training images were few; see the slices, and
  measure the classes that you care about.
"""

NOT_FOR: Final = """\
- decisions about a person: access, age checks by law, work, credit, insurance, care, policing,
  borders, asylum;
- identifying, watching or profiling people, or any use on pictures of people, children above all,
  who or whose parents have not agreed to it;
- medical or forensic statements of an age.
"""


NOT_FOR_PICTURES: Final = """\
- decisions that nobody looks at again where a wrong class does harm;
- decisions about people, or identifying, watching or profiling them, if pictures show any.
"""


def model_card(member: Member, *, onnx_note: str | None = None) -> str:
    """The card of one model, in Markdown.

    Args:
        member: From `agecls.use.saved.load`.
        onnx_note: A sentence on the exported file; None: there is none.
    """
    described, folder = member.described, _study_folder(member)
    head, limits, not_for = "Age classes from faces", LIMITS, NOT_FOR
    if member.classes.years is None:
        head, limits, not_for = "Classes of pictures", LIMITS_OF_PICTURES, NOT_FOR_PICTURES
    title = f"{described.get('arm', member.path.parent.name)} of study {described.get('study')}"
    if _is_confirmed(described):
        title += f", fresh seed {described.get('seed')}"
    sections = {
        "What it is": _what(member, onnx_note),
        "Data": _data(member, folder),
        "Recipe": _table(
            ("field", "value"),
            [
                (name, _plain(value))
                for name, value in member.recipe.to_dict().items()
                if name not in family_of(member.recipe.variant).lacks
            ],
        ),
        "Metrics": _metrics(described, folder),
        "Slices": _slices(member, folder),
        "Calibration": _calibration(member),
        "Limits": limits.format(number=_number(len(member.classes))).strip(),
        "Not to be used for": not_for.strip(),
        "Licence": _licence(member, folder),
    }
    parts = [f"# {head}: {title}"]
    parts += [f"## {name}\n\n{text}" for name, text in sections.items()]
    return "\n\n".join(parts) + "\n"


def _study_folder(member: Member) -> Path | None:
    """The folder of the study that kept the model, if the model still lies in it."""
    for folder in list(member.path.resolve().parents)[1 : 1 + _LEVELS_UP]:
        provenance = _json(folder / PROVENANCE)
        found = provenance.get("data", {}).get("fingerprint")
        if found is not None and found == member.described.get("data_fingerprint"):
            return folder
    return None


def _json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, {} where there is no file."""
    if not path.is_file():
        return {}
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


def _what(member: Member, onnx_note: str | None) -> str:
    recipe, classes = member.recipe, member.classes
    kind = family_of(recipe.variant).kind(recipe.depth)
    captions = list(classes.captions)
    if len(captions) > MOST_NAMED:
        captions = [*captions[:8], f"{len(captions) - 8} others, which model.json names"]
    named, shown = "classes", "picture"
    if classes.years is not None:
        captions[-1] += " years"
        named, shown = "age classes", "picture of one face"
    lines = [
        f"A {kind} (`{recipe.variant}`) that gives probabilities of "
        f"{_number(len(classes))} {named} ({', '.join(captions)}) for a "
        f"{shown} of {member.size} × {member.size} pixels, RGB, upright and cropped "
        "like the training images. "
        f"Normalisation: mean {_plain(member.mean)}, deviation {_plain(member.std)} of values in "
        "0..1.",
        f"Weights: `{member.path.name}`, SHA-256 `{member.sha256}`, torch "
        f"{member.described.get('torch', 'unknown')}, trial "
        f"`{member.described.get('trial_id', 'unknown')}`.",
    ]
    return "\n\n".join(lines + ([onnx_note] if onnx_note else []))


def _data(member: Member, folder: Path | None) -> str:
    fingerprint = f"Fingerprint `{member.described.get('data_fingerprint', 'unknown')}`"
    if folder is None:
        return f"{fingerprint}; the study's folder is not beside the model, so no more is known."
    summary = _json(folder / PROVENANCE)["data"]["summary"]
    names = member.classes.names
    are_named = len(names) <= MOST_NAMED
    header = names if are_named else ("fewest of a class", "most of a class")
    rows = []
    for split, n in summary["images"].items():
        counts = [summary["classes"][split][name] for name in names]
        shown = counts if are_named else (min(counts), max(counts))
        rows.append((split, f"{n:,}", *(f"{count:,}" for count in shown)))
    duplicates, leaks = summary["duplicates"], summary["leaks"]
    leaking = [
        f"{pair}: {count:,} {kind.replace('_', ' ')}"
        for pair, kinds in leaks.items()
        for kind, count in kinds.items()
        if count
    ]
    return "\n\n".join(
        [
            f"{fingerprint}, layout {summary['layout']}. Splits: {summary['splits']['how']}.",
            _table(("split", "images", *header), rows),
            f"Duplicates in train: {duplicates['copies']:,} copies, "
            f"{'left out' if duplicates['removed'] else 'kept'}. Shared between splits: "
            f"{'; '.join(leaking) or 'nothing found'}.",
        ]
    )


def _metrics(described: Mapping[str, Any], folder: Path | None) -> str:
    measured = described.get("metrics", {})
    rows = [(name, f"{value:.4f}") for name, value in measured.items()]
    n = _n_completed(described, folder)
    of_how_many = "" if n is None else f", the best of {n} completed trials of its arm"
    origin = (
        "Of these weights, one of several fresh seeds, before their temperature. The recipe was "
        "chosen on the validation split, so `val_` numbers flatter a little; the test split chose "
        "nothing. One seed has no interval: see the seeds below."
        if _is_confirmed(described)
        else f"On the validation split, on which the model was chosen{of_how_many}. **These "
        "numbers flatter**: the best of many looks at one split is too good, so they have no "
        "interval."
    )
    parts = [origin, _table(("metric (accuracies 0..1, loss in nats)", "value"), rows)]
    confirmed = _confirmed(described, folder)
    if confirmed is None:
        parts.append(
            "There is no other measurement: the study has not been confirmed "
            "(`python -m study.confirm`), so nothing is known of pictures it was not chosen on."
        )
    else:
        parts.append(
            f"The same recipe trained again on {len(confirmed)} fresh seeds (n is seeds; the "
            "spread is that of training alone, on one set of images):"
        )
        names = [c for c in confirmed.columns if c.startswith(("val_", "test_"))]
        values = {c: confirmed[c].dropna() for c in names}
        spread = [
            (c, f"{v.mean():.4f}", f"{v.min():.4f}", f"{v.max():.4f}", str(len(v)))
            for c, v in values.items()
            if len(v)
        ]
        parts.append(_table(("metric", "mean", "lowest", "highest", "n"), spread))
    return "\n\n".join(parts)


def _is_confirmed(described: Mapping[str, Any]) -> bool:
    """Whether the model was trained by the confirm stage, not chosen among a search's trials."""
    return described.get("stage") == "confirm"


def _n_completed(described: Mapping[str, Any], folder: Path | None) -> int | None:
    trials = _table_of(folder, "trials", columns=["arm", "status"])
    if trials is None:
        return None
    is_own = trials["arm"] == described.get("arm")
    return int((is_own & (trials["status"] == "completed")).sum())


def _confirmed(described: Mapping[str, Any], folder: Path | None) -> pd.DataFrame | None:
    """The arm's rows of the confirm table, None where there are none."""
    table = _table_of(folder, "confirm")
    if table is None:
        return None
    own = table[table["arm"] == described.get("arm")]
    return own if len(own) else None


def _table_of(
    folder: Path | None, kind: str, *, columns: list[str] | None = None
) -> pd.DataFrame | None:
    """A table of the study, None where it is not there."""
    path = None if folder is None else folder / table_file(kind)
    return pd.read_parquet(path, columns=columns) if path and path.is_file() else None


def _slices(member: Member, folder: Path | None) -> str:
    described = member.described
    confirmed = _confirmed(described, folder)
    none = (
        "None: the study kept no predictions. `python -m study.confirm` measures each class and "
        "role on pictures that chose nothing."
    )
    table = None if confirmed is None else _table_of(folder, "predictions")
    if confirmed is None or table is None:
        return none
    table = table[table["model"].isin(confirmed["model"])]
    splits = [name for name in ("test", "val") if (table["split"] == name).any()]
    if not splits:
        return none
    found = slices(table[table["split"] == splits[0]], member.classes)
    header = ["slice", "accuracy", "at most one class off", "images", "clusters"]
    rows = [
        [s.name, str(s.accuracy), str(s.one_off), f"{s.n_images:,}", f"{s.n_clusters:,}"]
        for s in found
    ]
    if not member.classes.is_ordered:
        for row in (header, *rows):
            del row[2]
    related = "copies" if member.classes.years is None else "families, persons, copies"
    drawn = "images" if member.classes.years is None else "people"
    n_models = table["model"].nunique()
    which = "these weights among them" if _is_confirmed(described) else "not of these weights"
    return "\n\n".join(
        [
            f"On the {splits[0]} split, mean over {n_models} models of this recipe on fresh "
            f"seeds, {which}. Intervals: {LEVEL:.0%}, over clusters ({related}) "
            f"and seeds; they cover the choice of {drawn} and of seeds, one interval at a time, "
            "not the choice of data set.",
            _table(header, rows),
        ]
    )


def _calibration(member: Member) -> str:
    measured = member.described.get("metrics", {}).get("val_ece")
    ece = "" if measured is None else f" Expected calibration error on validation: {measured:.3f}."
    if member.temperature is None:
        return (
            "None: no temperature is stored, so probabilities are the network's own, usually too "
            f"sure of themselves.{ece}"
        )
    return (
        f"Temperature {member.temperature:.3f}: probabilities are p^(1/T), scaled to sum to 1. "
        f"It was fitted on validation pictures and holds for pictures like them.{ece}"
    )


def _licence(member: Member, folder: Path | None) -> str:
    parts = [str(member.described.get("licence", "The terms of the training images apply."))]
    if member.recipe.init == "pretrained":
        parts.append(f"It started from pretrained weights: {_start(member, folder)}.")
    parts.append(
        "Weights inherit the terms of all images that they were trained on: a set for research "
        "makes a model for research. The code is under the MIT licence."
    )
    return "\n\n".join(parts)


def _start(member: Member, folder: Path | None) -> str:
    """Source and licence of the weights that the model started from, as far as it is known."""
    recipe = member.recipe
    if folder is None:
        return "which ones, only the study's folder knows"
    made_here = folder / PRETRAINED / f"{structure_name(recipe.variant, recipe.depth)}.json"
    settings = tomllib.loads((folder / STUDY).read_text("utf-8"))
    source = str(settings.get("weights", {}).get("source", "unknown"))
    given = file_of(source, recipe.variant, recipe.depth)
    own = _json(made_here) or _json(given.with_suffix(".json"))
    if own:
        data = own.get("made_by", {}).get("data", {})
        return (
            f"a backbone trained on `{Path(str(data.get('path'))).name}` (fingerprint "
            f"`{data.get('fingerprint')}`); licence: {own['licence']}"
        )
    return f"`{given.name}`, whose licence applies"


def _number(n: int) -> str:
    return _NUMBERS[n - 2] if n - 2 < len(_NUMBERS) else str(n)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"{v:g}" for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)

"""A study as text: the resolved study.toml, and what differs between two studies.

The standard library reads TOML but does not write it; a study needs only tables, lists of
tables, texts, numbers, booleans, and lists and inline tables of these.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from agecls.classes import EIGHT
from study.asked.claim import Claim
from study.asked.class_words import classes_table
from study.asked.factors import Config, Factor, Range
from study.asked.plans import After, Imported, Trainable
from study.asked.study import MAX_BAD_SHARE, Study

_SETTLE: Final = "settle"
_OF_TABLES: Final = ("factors", "claims", f"{_SETTLE}.claims")
"""Tables that hold a table per name."""


def dump_study(study: Study) -> str:
    """The study as the text of a study file; loading it gives an equal study."""
    tables = _tables(study)
    included = tables.pop("include", [])
    lines: list[str] = []
    for name, table in tables.items():
        if name in _OF_TABLES:
            for key, inner in table.items():
                lines += _table_lines(f"{name}.{_key(key)}", inner)
        else:
            lines += _table_lines(name, table)
    for config in included:
        lines += [include_text(config), ""]
    return "\n".join(lines)


def include_text(config: Config) -> str:
    """A configuration as a study file has it that begins with it: `[[include]]` and its levels."""
    return f"[[include]]\n{levels_text(config)}"


def levels_text(config: Config) -> str:
    """A configuration's levels, a line each, as a study file spells them."""
    return "\n".join(_pairs(config))


def study_diff(old: Study, new: Study) -> list[str]:
    """One line for each value that differs, as in `[study] trials: 48 became 60`."""
    before, after = (dict(_flat(_tables(study.as_declared))) for study in (old, new))
    lines = differences(before, after)
    orders = [[f.name for f in s.factors] for s in (old, new)]
    if orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1]):
        lines.append("[factors]: the reading order changed")
    return lines


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """One line for each place whose text differs."""
    lines = []
    for place in {**before, **after}:
        if place not in after:
            lines.append(f"{place}: {before[place]} is gone")
        elif place not in before:
            lines.append(f"{place}: {after[place]} is new")
        elif before[place] != after[place]:
            lines.append(f"{place}: {before[place]} became {after[place]}")
    return lines


def lasting(study: Study) -> dict[str, str]:
    """What stays as it is from a study's start to its end, text by place in the file.

    All but the faces' path, for they may move, what may grow, what scouts find, and what is
    spent after the search: trials are those planned at first, ranges those declared.
    """
    return dict(_flat(lasting_tables(study)))


def lasting_tables(study: Study) -> dict[str, Any]:
    """What `lasting` says, as nested values, spelled as in the file."""
    declared = study.as_declared
    first = replace(declared, trials=study.trials - study.added, added=0, added_design=())
    tables = _tables(first)
    for name in ("confirm", _SETTLE, f"{_SETTLE}.claims"):
        tables.pop(name, None)
    if "data" in tables:  # a free study has none
        tables["data"].pop("path")
    tables["study"].pop("folder", None)  # the function's module may move, too
    return tables


def factor_tables(factors: Iterable[Factor]) -> dict[str, Any]:
    """Factors by their names, as nested values, spelled as in the file."""
    return {factor.name: _factor_table(factor) for factor in factors}


def claim_tables(claims: Iterable[Claim]) -> dict[str, Any]:
    """Claims by their names, as nested values, spelled as in the file."""
    return {claim.name: _claim_table(claim) for claim in claims}


def is_safe_change(old: Study, new: Study) -> bool:
    """Whether a run of `old` can go on as `new`: only more trials, seeds, or other settling.

    Where faces lie, or a function's module, the caller has made the same.
    """
    # scouts may have set the ranges of the one and not yet of the other, its file for instance
    is_same = old.as_declared == replace(
        new.as_declared,
        trials=old.trials,
        added=old.added,
        added_design=old.added_design,
        confirm_seeds=old.confirm_seeds,
        settle=old.settle,
    )
    return is_same and new.trials >= old.trials and new.confirm_seeds >= old.confirm_seeds


def grown_study(old: Study, new: Study, *, by_design: bool = False) -> Study:
    """The study to go on with after a safe change: new trials are appended to the plan of `old`.

    A study planned with more trials from the start would have a larger design; here the trials
    run so far keep their numbers.

    Args:
        old: As it was run so far.
        new: As it is asked for now.
        by_design: Whether what comes on top is a design; otherwise it is searched for.
    """
    more = new.trials - old.trials
    design = ((old.trials, more),) if by_design and more else ()
    return replace(
        old,
        trials=new.trials,
        added=old.added + more,
        added_design=old.added_design + design,
        confirm_seeds=new.confirm_seeds,
        settle=new.settle,
    )


def _tables(study: Study) -> dict[str, Any]:
    """The study as plain nested values, spelled as in the file; what is None is left out."""
    if study.imported is not None:
        return _imported_tables(study, study.imported)
    tables: dict[str, Any] = {
        "study": {
            "name": study.name,
            "question": study.question,
            **_trained(study.trainable),
            "metric": study.metric,
            **_read_as(study.trainable),
            "trials": study.trials,
            **({"added": study.added} if study.added else {}),
            **_added_design(study),
            "epochs": study.epochs,
            "seed": study.seed,
            "design_share": study.design_share,
            "reduction": study.reduction,
        },
        "confirm": {"seeds": study.confirm_seeds},
    }
    if study.trainable is None:
        tables["data"] = {
            "path": study.data,
            "size": study.size,
            "deduplicate": study.deduplicate,
        }
    # not in the texts of older studies, with which a study that goes on is compared
    if study.confirm_adaptive:
        tables["confirm"]["adaptive"] = True
    if study.max_bad_share != MAX_BAD_SHARE:
        tables["data"]["max_bad_share"] = study.max_bad_share
    if study.classes != EIGHT:
        tables["classes"] = classes_table(study.classes)
    if study.folds is not None:
        tables["folds"] = {"k": study.folds.k, "search": study.folds.search}
    if study.weights is not None:
        tables["weights"] = {"source": study.weights}
    if study.pretrain is not None:
        plan = study.pretrain
        tables["pretrain"] = {"data": plan.data, "epochs": plan.epochs}
        if plan.images is not None:
            tables["pretrain"]["images"] = plan.images
    if study.scout is not None:
        scout = study.scout
        tables["scout"] = {"trials": scout.trials, "epochs": scout.epochs, "widen": scout.widen}
        if scout.declared:
            tables["scout"]["declared"] = [_range_table(r) for r in scout.declared]
    if study.settle is not None:
        settle = study.settle
        tables[_SETTLE] = {"trainings": settle.trainings}
        if settle.time_budget is not None:
            tables[_SETTLE]["time_budget"] = f"{settle.time_budget!r}".removesuffix(".0") + "s"
    if study.after is not None:
        tables["after"] = _after_table(study.after)
    tables["factors"] = factor_tables(study.factors)
    tables["claims"] = claim_tables(study.claims)
    if study.settle is not None and study.settle.claims:
        tables[f"{_SETTLE}.claims"] = claim_tables(study.settle.claims)
    if study.included:
        tables["include"] = [dict(config) for config in study.included]
    return tables


def _added_design(study: Study) -> dict[str, Any]:
    """Which trials are designs that were appended; empty where none was."""
    parts = [list(part) for part in study.added_design]
    return {"added_design": parts} if parts else {}


def _trained(trainable: Trainable | None) -> dict[str, Any]:
    """Which function a study trains; empty where it is our recipe."""
    if trainable is None:
        return {}
    table = {"trainable": trainable.function}
    if trainable.examples is not None:
        table["examples"] = trainable.examples
    return table | ({"folder": trainable.folder} if trainable.folder else {})


def _read_as(trainable: Trainable | None) -> dict[str, Any]:
    """How its metric is read, likewise."""
    if trainable is None:
        return {}
    scale = trainable.scale
    return {
        "direction": "minimize" if scale.is_minimised else "maximize",
        **({"unit": scale.unit} if scale.unit else {}),
        "smallest": scale.smallest,
    }


def _imported_tables(study: Study, imported: Imported) -> dict[str, Any]:
    scale = imported.scale
    return {
        "study": {
            "name": study.name,
            "question": study.question,
            "metric": study.metric,
            "direction": "minimize" if scale.is_minimised else "maximize",
            "trials": study.trials,
            "epochs": study.epochs,
            "seed": study.seed,
            "reduction": study.reduction,
        },
        "imported": {
            "source": imported.source,
            **({"unit": scale.unit} if scale.unit else {}),
            "smallest": scale.smallest,
            "epoch": imported.epoch,
            **({"notes": list(imported.notes)} if imported.notes else {}),
        },
        "factors": factor_tables(study.factors),
        "claims": claim_tables(study.claims),
    }


def _after_table(after: After) -> dict[str, Any]:
    names = ("path", "study", "sha256", "metric")
    table: dict[str, Any] = {name: getattr(after, name) for name in names}
    for name in ("factors", "narrowed", "claims"):
        if values := getattr(after, name):
            table[name] = list(values)
    return table | ({"recipe": [dict(c) for c in after.recipes]} if after.recipes else {})


def _factor_table(factor: Factor) -> dict[str, Any]:
    table: dict[str, Any] = {"role": factor.role}
    if factor.role == "fixed":
        table["value"] = factor.levels[0]
    elif factor.levels:
        table["levels"] = list(factor.levels)
    if factor.when:
        table["when"] = {
            name: list(asked) if isinstance(asked, tuple) else asked
            for name, asked in factor.when.items()
        }
    if factor.log:
        table["log"] = True
    if factor.whole:
        table["whole"] = True
    if factor.ranges:
        table["range"] = [_range_table(r) for r in factor.ranges]
    return table


def _range_table(declared: Range) -> dict[str, Any]:
    when = {"when": dict(declared.when)} if declared.when else {}
    return {**when, "low": declared.low, "high": declared.high}


def _claim_table(claim: Claim) -> dict[str, Any]:
    needs = {"needs": claim.needs} if claim.needs is not None else {}
    return {"text": claim.text, **needs, **claim.stated}


def _table_lines(name: str, table: Mapping[str, Any]) -> list[str]:
    """`[name]` with its pairs; lists of tables go below it, as TOML demands."""
    plain = {k: v for k, v in table.items() if not _is_tables(v)}
    lines = [f"[{name}]", *_pairs(plain), ""]
    for key in table.keys() - plain.keys():
        for inner in table[key]:
            lines += [f"[[{name}.{_key(key)}]]", *_pairs(inner), ""]
    return lines


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(value)}" for key, value in table.items()]


def _key(key: str) -> str:
    is_bare = key.isascii() and key.replace("_", "a").replace("-", "a").isalnum()
    return key if is_bare else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(_pairs(value))} }}"
    # repr is the shortest text that reads back as the same number
    return repr(value)


def _text(value: str) -> str:
    # JSON's escapes are TOML's, except that TOML wants DEL escaped too
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _flat(tables: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each place in the tables, spelled for people, with its value's text."""
    for name, table in tables.items():
        if name == "include":
            yield from ((f"[[include]] {n + 1}", _value(c)) for n, c in enumerate(table))
        elif name in _OF_TABLES:
            for key, inner in table.items():
                yield from _flat_table(f"{name}.{key}", inner)
        else:
            yield from _flat_table(name, table)


def _flat_table(name: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if _is_tables(value):
            yield from ((f"[[{name}.{key}]] {n + 1}", _value(v)) for n, v in enumerate(value))
        else:
            yield f"[{name}] {key}", _value(value)

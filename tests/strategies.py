"""Hypothesis strategies that several test files share."""

from typing import Any

from hypothesis import strategies as st

from agecls.recipe import BOUNDS, CHOICES
from study.asked.resolve import resolve
from study.asked.rules import check_study
from study.asked.study import Study
from study.asked.toml_tables import FileTables, parsed
from study.asked.toml_values import Source

FREE_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(
    lambda text: bool(text.strip())
)
"""Texts that a TOML file may hold anywhere, control characters and quotes included."""

_NUMBERS = ("lr", "weight_decay", "momentum", "warmup", "label_smoothing", "augmentation", "ema")


@st.composite
def study_tables(draw: st.DrawFn) -> dict[str, Any]:
    """The tables of a valid study file, of every shape that a factor or claim can have."""
    factors = {**draw(_arms()), **draw(_tuned_levels()), **draw(_ranges())}
    if "zero_gamma" not in factors and draw(st.booleans()):
        factors["zero_gamma"] = {
            "role": "tuned",
            "levels": [False, True],
            "when": {"init": "scratch"},
        }
    epochs = draw(st.integers(2, 40))
    lengths = st.lists(st.integers(1, epochs), min_size=2, max_size=3, unique=True)
    factors["epochs"] = {"role": "tuned", "levels": draw(lengths)}
    names = draw(st.permutations(sorted(factors)))
    factors = {name: factors[name] for name in names}
    return {
        "study": {
            "name": "drawn",
            "question": draw(FREE_TEXT),
            "metric": draw(st.sampled_from(["val_accuracy", "val_qwk"])),
            "trials": draw(st.integers(9, 60)),
            "epochs": epochs,
            "seed": draw(st.integers(0, 2**32 - 1)),
            "design_share": draw(st.floats(0, 1)),
            "reduction": draw(st.integers(2, 5)),
        },
        "confirm": {"seeds": draw(st.integers(0, 9))},
        "data": {
            "path": draw(FREE_TEXT),
            "size": draw(st.integers(16, 512)),
            "deduplicate": draw(st.booleans()),
            "max_bad_share": draw(st.sampled_from([0.0, 0.02, 0.05, 1.0])),
        },
        **draw(
            st.one_of(
                st.just({"weights": {"source": "backbones/{variant}-{depth}.safetensors"}}),
                st.fixed_dictionaries(
                    {
                        "pretrain": st.fixed_dictionaries(
                            {"data": FREE_TEXT, "epochs": st.integers(1, 9)},
                            optional={"images": st.integers(1, 999)},
                        )
                    }
                ),
            )
        ),
        **draw(st.one_of(st.just({}), _scouts())),
        "factors": factors,
        "claims": draw(_claims(factors)),
    }


def _scouts() -> st.SearchStrategy[dict[str, Any]]:
    table = {
        "trials": st.integers(2, 4),
        "epochs": st.integers(1, 2),
        "widen": st.floats(1, 100),
    }
    return st.fixed_dictionaries({"scout": st.fixed_dictionaries({}, optional=table)})


@st.composite
def _arms(draw: st.DrawFn) -> dict[str, Any]:
    arms: dict[str, Any] = {
        "init": {"role": "arm", "levels": draw(st.permutations(["scratch", "pretrained"]))}
    }
    if draw(st.booleans()):
        levels = st.lists(st.sampled_from(CHOICES["variant"]), min_size=2, max_size=4, unique=True)
        arms["variant"] = {"role": "arm", "levels": draw(levels)}
    return arms


@st.composite
def _tuned_levels(draw: st.DrawFn) -> dict[str, Any]:
    factors: dict[str, Any] = {}
    for name in draw(st.sets(st.sampled_from(["scheduler", "loss", "depth", "batch_size"]))):
        if name in CHOICES:
            options: st.SearchStrategy[Any] = st.sampled_from(CHOICES[name])
        else:
            options = st.integers(2, 512)
        if draw(st.booleans()):
            levels = draw(st.lists(options, min_size=2, max_size=4, unique=True))
            factors[name] = {"role": "tuned", "levels": levels}
        else:
            factors[name] = {"role": "fixed", "value": draw(options)}
    return factors


@st.composite
def _ranges(draw: st.DrawFn) -> dict[str, Any]:
    """Numeric factors; the rate's range hangs on the tuned optimizer and the arm `init`."""
    factors: dict[str, Any] = {"optimizer": {"role": "tuned", "levels": ["sgd", "adamw"]}}
    for name in draw(st.sets(st.sampled_from(_NUMBERS), max_size=3)) | {"lr"}:
        log = draw(st.booleans())
        factors[name] = {"role": "tuned", "log": log}
        shape = draw(st.sampled_from(["plain", "optimizer", "both"]))
        whens: list[dict[str, Any]] = {
            "plain": [{}],
            "optimizer": [{"optimizer": "sgd"}, {"optimizer": "adamw"}],
            "both": [{"optimizer": "sgd", "init": "scratch"}, {"optimizer": "sgd"}, {}],
        }[shape]
        ends = [draw(_ends(name, log=log)) for _ in whens]
        if shape == "plain":
            factors[name].update(ends[0])
        else:
            factors[name]["range"] = [
                {"when": when, **end} for when, end in zip(whens, ends, strict=True)
            ]
    return factors


@st.composite
def _ends(draw: st.DrawFn, name: str, *, log: bool) -> dict[str, float]:
    low, high = BOUNDS[name]
    lowest = max(low, 1e-6) if log else low
    ends = st.lists(st.floats(lowest, high), min_size=2, max_size=2, unique=True)
    first, second = sorted(draw(ends))
    return {"low": first, "high": second}


@st.composite
def _claims(draw: st.DrawFn, factors: dict[str, Any]) -> dict[str, Any]:
    init = draw(st.permutations(["scratch", "pretrained"]))
    points = st.floats(0.01, 100)
    forms = {
        "better": {"factor": "init", "better": init[0], "worse": init[1], "least": draw(points)},
        "equal": {"factor": "init", "equal": init, "within": draw(points)},
        "more": {"factor": "lr", "more_than": "optimizer"},
        "length": {
            "factor": "epochs",
            "equal": factors["epochs"]["levels"][:2],
            "within": draw(points),
        },
    }
    chosen = draw(st.lists(st.sampled_from(sorted(forms)), unique=True))
    return {name: {"text": draw(FREE_TEXT), **forms[name]} for name in chosen}


def study_of_tables(tables: dict[str, Any]) -> Study:
    """The checked study of a file's tables."""
    source = Source("drawn.toml")
    study = resolve(parsed(FileTables, tables, source), source, default_name="drawn")
    check_study(study, source)
    return study


def studies() -> st.SearchStrategy[Study]:
    """Valid studies of every shape."""
    return study_tables().map(study_of_tables)

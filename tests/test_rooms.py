"""The walls of the house: which room may know which, and how large rooms, modules and signatures
may grow."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1]

KNOWS = {
    "agecls.faces": set(),
    "agecls.data": {"agecls.faces"},
    "agecls.data.layouts": set(),
    "agecls.audit": {"agecls.data", "agecls.data.layouts"},
    "agecls.nets.kernels": set(),
    "agecls.nets": set(),
    "agecls.training": {"agecls.data", "agecls.nets", "agecls.nets.kernels"},
    "agecls.use": {
        "agecls.data", "agecls.data.layouts", "agecls.faces", "agecls.nets", "agecls.training",
    },
    "study.asked": {"agecls.nets"},
    "study.asked.claims": set(),
    "study.folder": {"study.asked"},
    "study.locks": {"study.asked", "study.folder", "study.plan"},
    "study.plan": {"study.asked", "study.folder"},
    "study.running": {
        "agecls.data", "agecls.nets.kernels", "agecls.training", "study.asked", "study.folder",
        "study.plan",
    },
    "study.trainables": {
        "agecls.data", "agecls.nets", "study.asked", "study.folder", "study.plan",
        "study.running",
    },
    "study.analysis": {"study.asked", "study.folder", "study.plan"},
    "study.analysis.maths": {"study.asked"},
    "study.analysis.search": {"study.analysis.maths", "study.asked", "study.folder", "study.plan"},
    "study.analysis.confirm": {"study.analysis.maths", "study.asked", "study.folder"},
    "study.analysis.recipes": {
        "study.analysis.maths", "study.analysis.search", "study.asked", "study.folder",
        "study.locks",
    },
    "study.analysis.checks": {
        "study.analysis.maths", "study.analysis.search", "study.asked", "study.folder",
    },
    "study.analysis.settle": {
        "study.analysis.maths", "study.analysis.confirm", "study.analysis.search", "study.asked",
        "study.plan",
    },
    "study.report": {
        "agecls.data", "study.analysis", "study.analysis.checks", "study.analysis.recipes",
        "study.asked", "study.folder", "study.locks",
    },
    "study.report.head": {
        "study.analysis.checks", "study.analysis.recipes", "study.asked", "study.folder",
        "study.locks", "study.report.confirm",
    },
    "study.report.checks": {"study.analysis", "study.analysis.checks", "study.folder"},
    "study.report.compare": {"study.analysis", "study.asked", "study.report.head"},
    "study.report.confirm": {
        "study.analysis", "study.analysis.checks", "study.analysis.confirm", "study.folder",
    },
    "study.report.factors": {
        "study.analysis", "study.analysis.maths", "study.analysis.search", "study.folder",
        "study.report.head",
    },
    "study.report.programs": {
        "study.analysis", "study.analysis.recipes", "study.asked", "study.folder", "study.locks",
        "study.report.confirm", "study.report.head",
    },
    "study.report.search": {
        "study.analysis", "study.analysis.search", "study.folder", "study.plan",
    },
    "study.report.settle": {"study.asked", "study.folder"},
    "study.report.trials": {"study.asked", "study.folder"},
    "study.cost": {
        "agecls.data", "agecls.nets", "agecls.nets.kernels", "agecls.training", "study.analysis",
        "study.analysis.settle", "study.asked", "study.folder", "study.plan", "study.running",
        "study.trainables",
    },
    "study.stages": {
        "agecls.data", "agecls.nets", "agecls.training", "agecls.use", "study.analysis",
        "study.analysis.confirm", "study.analysis.search", "study.asked", "study.folder",
        "study.locks", "study.plan", "study.report", "study.report.head", "study.running",
        "study.trainables",
    },
    "study.exporters": {"study.asked", "study.folder"},
    "study.imports": {"study.asked", "study.folder"},
}  # fmt: skip
"""By room, the other rooms that its modules may import. Every room may know the floors that it
stands on (`agecls.errors` is for all of agecls), and a floor's own modules the rooms on it."""

HALLS = {"agecls", "study"}
MOST_MODULES = 14
MOST_LINES = 400
MOST_PARAMETERS = 6


@cache
def modules() -> Mapping[str, Path]:
    """Path of every module of both packages, by its dotted name."""
    found = {}
    for path in sorted(p for top in HALLS for p in (HOUSE / top).rglob("*.py")):
        name = ".".join(path.relative_to(HOUSE).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


def room_of(module: str) -> str:
    return ".".join(modules()[module].parent.relative_to(HOUSE).parts)


def imported_by(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(modules()[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                yield whole if whole in modules() else node.module


@cache
def arrows() -> Mapping[str, frozenset[str]]:
    """By module, the modules of the house that it imports, wherever in its text."""
    return {
        name: frozenset(m for m in imported_by(name) if m in modules() and m != name)
        for name in modules()
    }


def others_known(room: str) -> set[str]:
    """Rooms that a room's modules import, without the floors it stands on and the rooms on it."""
    known = {room_of(t) for m in modules() if room_of(m) == room for t in arrows()[m]} - {room}
    kin = {k for k in known if room.startswith(f"{k}.") or k.startswith(f"{room}.")}
    # agecls is below study, whose rooms may all use its hall
    return known - kin - ({"agecls"} if room.startswith("study") else set())


def test_every_room_has_its_row():
    assert {room_of(name) for name in modules()} - HALLS == set(KNOWS)


def test_agecls_knows_nothing_of_the_study():
    of_agecls = [name for name in modules() if name.split(".")[0] == "agecls"]
    assert not {t for m in of_agecls for t in arrows()[m] if t.split(".")[0] == "study"}


def test_nothing_imports_a_command():
    commands = {
        "study.run",
        "study.confirm",
        "study.settle",
        "study.check",
        "study.query",
        "study.export_to",
        "study.import_from",
        "agecls.predict",
        "agecls.export",
    }
    assert not {t for targets in arrows().values() for t in targets} & commands


@pytest.mark.parametrize("room", KNOWS)
def test_a_room_knows_no_more_than_its_row(room):
    assert others_known(room) <= KNOWS[room]


@pytest.mark.parametrize("room", KNOWS)
def test_a_row_names_no_room_that_nobody_visits(room):
    assert KNOWS[room] <= others_known(room)


def test_arrows_between_rooms_form_no_circle():
    list(TopologicalSorter(KNOWS).static_order())


def test_arrows_between_modules_form_no_circle():
    tops = {name: {t for t in targets if t not in HALLS} for name, targets in arrows().items()}
    list(TopologicalSorter(tops).static_order())


@pytest.mark.parametrize("room", sorted({*KNOWS, *HALLS}))
def test_a_room_holds_at_most_fourteen_modules(room):
    inside = [m for m in modules() if room_of(m) == room and modules()[m].name != "__init__.py"]
    assert 1 <= len(inside) <= MOST_MODULES


@pytest.mark.parametrize("room", KNOWS)
def test_a_room_says_in_one_line_what_it_is_for(room):
    text = ast.get_docstring(ast.parse((modules()[room]).read_text(encoding="utf-8")))
    assert text


def test_a_module_has_at_most_four_hundred_lines():
    lengths = {
        path.relative_to(HOUSE).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules().values()
    }
    assert not {name for name, n in lengths.items() if n > MOST_LINES}


def test_a_function_takes_at_most_six_parameters():
    """More than that travel together: they are a value that has a name in the field."""
    taken = {}
    for name, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                asked = node.args
                parameters = {p.arg for p in (*asked.posonlyargs, *asked.args, *asked.kwonlyargs)}
                taken[f"{name}.{node.name}:{node.lineno}"] = len(parameters - {"self", "cls"})
    assert not {function for function, n in taken.items() if n > MOST_PARAMETERS}


FILES = (
    r"study\.(toml|json)|record\.jsonl|journal\.log|report\.(html|md)"
    r"|(choice|set|design|lock)\.json|mlflow\.db"
)
FOLDERS = (
    r"checkpoints|models|pretrained|scout|confirm|settle|predictions|external|figures|tensorboard"
)
OTHER_OWNERS = {
    "agecls.study_files",  # those that both packages read
    "agecls.nets.weight_sources",  # torch.hub calls its own folder `checkpoints`
}


def names_of_the_study_s_folder(text):
    """What a module calls files and folders of a study's folder by.

    A file's name is found wherever it stands for itself or ends a path; a folder's, which is a
    word like any other, where something is joined to it: written there, or as a constant.
    """
    tree = ast.parse(text)
    constants = {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.fullmatch(rf"([^\s]*/)?({FILES}|\w+\.parquet)", node.value):
                yield node.value
        elif isinstance(node, ast.JoinedStr) and re.fullmatch(r"\S+\.parquet'", ast.unparse(node)):
            yield ast.unparse(node)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            part = node.right
            named = constants.get(part.id) if isinstance(part, ast.Name) else None
            named = part.value if isinstance(part, ast.Constant) else named
            if isinstance(named, str) and re.fullmatch(FOLDERS, named):
                yield named


@pytest.mark.parametrize("module", sorted(modules()))
def test_names_of_the_study_s_folder_have_one_owner(module):
    if room_of(module) == "study.folder" or module in OTHER_OWNERS:
        return
    assert list(names_of_the_study_s_folder(modules()[module].read_text())) == []


def test_every_way_to_write_such_a_name_is_seen():
    text = """
FOLDER: Final = "confirm"
home = folder / FOLDER
other = folder / "scout"
path = folder / f"{kind}.parquet"
table = Path("results/x/trials.parquet")
stage = "confirm"
"""
    assert len(list(names_of_the_study_s_folder(text))) == 4

"""What README, CONTRIBUTING and docs/ say, done or compared with the program.

Lines of shell that only look (list, plan, audit, report, export, predict) run on drawn faces and
on the tables of committed studies. Those that train are parsed by the command's own parser: tiny
studies run in tests/study; docs/tutorial.md is done whole in tests/test_tutorial.py, and
docs/own-classes.md in tests/test_own_classes_page.py, docs/your-function.md in
tests/test_your_function_page.py.
"""

import ast
import re
import shlex
import shutil
import tomllib
from importlib import import_module
from importlib.util import find_spec
from typing import get_args

import pytest
from PIL import Image
from ray.scripts.scripts import cli as ray

from agecls.faces.face_set import FaceSet, draw_face_set
from agecls.recipe import BOUNDS, CHOICES, Recipe
from study.asked.after import EarlierStudy
from study.asked.study_file import load_study
from study.asked.toml_tables import ClaimTable, FileTables
from study.commands import COMMANDS
from study.folder.columns import Kind
from tests.agecls.kept import keep, trained
from tests.agecls.pictures import draw_zoo
from tests.pages import ROOT, Command, Page, commands, fill_in, guides, pages
from tests.study.imports.searches import optuna_study, ray_state, ray_trial
from tests.test_rooms import KNOWS

DONE_WHOLE = (
    *("docs/tutorial.md", "docs/own-classes.md", "docs/your-function.md"),
    *("docs/digits.md", "docs/letters.md"),
)
"""Pages that have tests of their own."""
MOST_LINES = {"README.md": 120, "docs/checks.md": 180}  # of the latter, an entry a check
MOST_LINES_OF_A_PAGE = 150

FILLED_IN = {
    "FACES": "faces",
    "OTHERS": "others",
    "UTKFACE": "others",
    "ADIENCE": "adience",
    "ZOO": "zoo",
    "LABELS": "labels.csv",
    "DRAWN": "drawn",
    "OUT": "clean",
    "PICTURES": "faces/val_images",
    "NAME": "faces-cpu",
    "OTHER": "seed-32",
    "ARM": "bcd-scratch",
    "JOURNAL": "journal.log",
    "EXPERIMENT": "experiment",
    "RUNS": "runs.csv",
}

TRAINING = {"study.confirm", "study.settle", "agecls.pretrain"}
EXTRAS = {
    "study.query": "duckdb",
    "study.export_to tensorboard": "tensorboard",
    "study.export_to mlflow": "mlflow",
    "study.completion": "shtab",
    "agecls.export": "onnxscript",
    "--format svg": "kaleido",
}
"""What a command needs beside the plain install, by what it contains."""

ANSWERS = {"study.check": {0, 3, 4}}
"""Exit statuses of commands that answer with them; all others end with 0."""

TOOLS = {
    *("pip", "pytest", "ruff", "mypy", "python", "source", "optuna-dashboard", "ray", "sbatch"),
    "for",  # tests/test_adience_protocol.py
}
"""What a line of shell may begin with; each is looked at below, or has tests of its own."""

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def named(found: list[Page]) -> list:
    return [pytest.param(page, id=page.name) for page in found]


def trains(command: Command) -> bool:
    looks = {"--dry-run", "--list"} & set(command.words)
    return command.module in TRAINING or (command.module == "study.run" and not looks)


def lines_that_run() -> list:
    """Each command of the guides' lines of shell that trains nothing, once."""
    found = {
        str(command): command
        for page in guides()
        if page.name not in DONE_WHOLE
        for line in page.shell_lines
        for command in commands(line, FILLED_IN)
        if not trains(command)
    }
    return [pytest.param(command, id=words) for words, command in found.items()]


def command_module(name: str):
    return import_module(COMMANDS.get(name, name))


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A reader's folder: faces, a picture, a study file, two studies' tables, a kept model."""
    folder = tmp_path_factory.mktemp("desk")
    for name in ("faces", "others"):
        drawn = FaceSet(families=6, val_families=3, test_families=0, size=32, seed=len(name))
        draw_face_set(folder / name, drawn)
    Image.new("RGB", (32, 32)).save(folder / "a.jpg")
    draw_zoo(folder / "zoo")
    own = Page("docs/study-files.md").blocks("toml")[0]
    (folder / "my-study.toml").write_text(own, encoding="utf-8")
    _searches_of_others(folder)
    for name in ("faces-cpu", "seed-32"):
        made = shutil.ignore_patterns("report.*", "figures", "models", "checkpoints")
        shutil.copytree(ROOT / "results" / name, folder / "results" / name, ignore=made)
    keep(trained(), folder / "results" / "faces-cpu" / "models" / FILLED_IN["ARM"])
    confirmed = folder / "results" / "faces-cpu" / "models" / FILLED_IN["ARM"] / "confirmed"
    keep(trained(seed=1), confirmed / "seed-1", temperature=1.2)
    return folder


def _searches_of_others(folder):
    """A journal of Optuna, an experiment of Ray Tune, and a table of runs."""
    optuna_study(folder / "journal.log", trials=12)
    configs = [{"lr": 0.1 / k, "net": ["a", "b"][k % 2]} for k in range(1, 13)]
    names = {ray_trial(folder / "experiment", k, c, [1.0, 0.5]): c for k, c in enumerate(configs)}
    ray_state(folder / "experiment", {name: ("TERMINATED", c) for name, c in names.items()})
    rows = [f"{c['lr']},{c['net']},{0.5 + c['lr']}" for c in configs]
    (folder / "runs.csv").write_text("\n".join(["lr,net,val_acc", *rows]))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the trackers' own packages
@pytest.mark.parametrize("command", lines_that_run())
def test_a_command_does_what_its_line_says(command, desk, monkeypatch):
    for part, package in EXTRAS.items():
        if part in str(command):
            pytest.importorskip(package, reason=f"pip install {package}")
    monkeypatch.chdir(desk)
    status = command_module(command.module).main(list(command.words))
    assert status in ANSWERS.get(command.module, {0})
    for name in command.promised:
        assert list(desk.rglob(name)), f"{command} left no {name}"


@pytest.mark.parametrize("page", named(guides()))
def test_a_command_on_a_page_is_one_that_its_parser_takes(page):
    in_sentences = [span for span in page.spans if "…" not in span]
    for text in (*page.shell_lines, *in_sentences):
        for command in commands(text, FILLED_IN):
            if command.module.startswith("tests."):
                source = ROOT / command.module.replace(".", "/") / "__main__.py"
                assert all(word in source.read_text() for word in command.words)
            elif command.words or text in page.shell_lines:
                command_module(command.module).parser().parse_args(command.words)


@pytest.mark.parametrize("page", named(guides()))
def test_an_option_in_a_sentence_is_one_that_a_command_has(page):
    of_commands = {
        option
        for name in COMMANDS
        for action in command_module(name).parser()._actions
        for option in action.option_strings
    }
    asked = {span.split()[0] for span in page.spans if span.startswith("--")}
    assert asked <= of_commands


@pytest.mark.parametrize("page", named(guides()))
def test_a_command_of_ray_has_the_options_that_a_page_gives_it(page):
    for text in (*page.shell_lines, *page.spans):
        if text.startswith("ray "):
            words = shlex.split(text, comments=True)
            known = {option for p in ray.commands[words[1]].params for option in p.opts}
            own = words[: words.index("--")] if "--" in words else words
            assert {word.partition("=")[0] for word in own if word[0] == "-"} <= known, text


@pytest.mark.parametrize("page", named(guides()))
def test_a_line_of_shell_begins_with_what_a_test_knows(page):
    for line in page.shell_lines:
        parts = [shlex.split(part) for part in line.partition(" #")[0].split(" && ")]
        tools = {next(word for word in part if "=" not in word) for part in parts}
        assert tools <= TOOLS, line


@pytest.mark.parametrize("page", named(guides()))
def test_an_extra_is_one_of_the_project(page):
    assert set(re.findall(r"\.\[(\w+)\]", page.text)) <= set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("page", named(pages()))
def test_a_link_leads_to_a_file_and_a_heading(page):
    for link in page.links:
        target, _, anchor = link.partition("#")
        path = (ROOT / page.name).parent / target if target else ROOT / page.name
        assert path.exists(), link
        if anchor:
            assert anchor in Page(path.resolve().relative_to(ROOT).as_posix()).anchors, link


@pytest.mark.parametrize("page", named(pages()))
def test_a_path_on_a_page_is_there(page):
    spans = [span for span in page.spans if fill_in(span, FILLED_IN) == span]
    for span in spans:
        if re.fullmatch(r"(agecls|study|tests|docs|results|\.ci|\.github)/[\w./-]*", span):
            assert (ROOT / span).exists(), span
        elif re.fullmatch(r"(agecls|study|tests)(\.\w+)+", span) and not span.endswith(
            (".toml", ".json")
        ):
            assert is_there(span), span


def is_there(dotted: str) -> bool:
    """Whether it is a module, or a name in one."""
    try:
        if find_spec(dotted):
            return True
    except ModuleNotFoundError:
        pass
    module, _, name = dotted.rpartition(".")
    return find_spec(module) is not None and hasattr(import_module(module), name)


@pytest.mark.parametrize(
    ("page", "text"),
    [
        pytest.param(page, text, id=f"{page.name}-{k}")
        for page in guides()
        for k, text in enumerate(page.blocks("toml"))
        if page.name not in DONE_WHOLE
    ],
)
def test_a_study_file_loads(page, text, tmp_path):
    """A part of one, once the tables that every study has are beside it."""
    if not re.search(r"^(?:\[study\]|study =)", text, re.MULTILINE):
        text = f'study = {{trials = 48, epochs = 9}}\ndata = {{path = "faces", size = 32}}\n{text}'
    path = tmp_path / "asked.toml"
    path.write_text(text, encoding="utf-8")
    # one that goes on from another has that one's factors
    known = EarlierStudy(study=load_study("faces-cpu"), sha256="ab", begin=lambda _: ())
    assert load_study(path, of_earlier=lambda _: known).factors


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, id=f"{page.name}-{k}")
        for page in guides()
        for k, text in enumerate(page.blocks("python"))
        if page.name not in DONE_WHOLE
    ],
)
def test_a_block_of_python_runs(text, desk, monkeypatch):
    monkeypatch.chdir(desk)
    exec(compile(fill_in(text, FILLED_IN), "page", "exec"), {})


def test_the_two_commands_are_the_first_that_a_newcomer_reads():
    assert Page("README.md").shell_lines[:2] == [
        "pip install -e . && python -m study.run",
        "pip install -e '.[test]' && pytest",
    ]


@pytest.mark.parametrize("page", named(guides()))
def test_a_page_is_short(page):
    lines = len(page.text.splitlines())
    assert lines <= MOST_LINES.get(page.name, MOST_LINES_OF_A_PAGE)


def test_the_index_has_every_page():
    index = Page("docs/README.md")
    linked = {link.partition("#")[0] for link in index.links}
    assert {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"} <= linked


def rows(page: Page, first: str) -> list[list[str]]:
    """Cells of the table whose first column has that head."""
    table = page.prose.partition(f"| {first} |")[2].partition("\n\n")[0]
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def test_the_factors_and_their_bounds_are_the_recipe_s():
    found = rows(Page("docs/study-files.md"), "factor")
    said = {name.strip("`"): levels for name, levels, _ in found}
    for name, levels in CHOICES.items():
        assert re.findall(r"[\w.]+", said[name]) == [str(level) for level in levels]
    for name, (low, high) in BOUNDS.items():
        assert [float(end) for end in said[name].split(" to ")] == [low, high]
    assert set(said) == set(Recipe().to_dict()) - {"seed"}


def test_every_key_of_a_study_file_is_explained():
    page = Page("docs/study-files.md")
    for table, field in FileTables.model_fields.items():
        assert f"[{table}" in page.text, table
        keys = getattr(field.annotation, "model_fields", {})
        assert not {key for key in keys if f"`{key}`" not in page.prose}, table


def test_every_key_of_a_claim_is_explained():
    page = Page("docs/claims.md")
    assert not {key for key in ClaimTable.model_fields if f"`{key}" not in page.prose}


def test_every_package_has_a_reason():
    said = Page("docs/dependencies.md").text
    extras = PROJECT["optional-dependencies"]
    asked = [*PROJECT["dependencies"], *(p for packages in extras.values() for p in packages)]
    names = {re.split(r"[<>=]", package)[0] for package in asked}
    ours = {name for name in names if name.startswith(PROJECT["name"])}
    assert not {name for name in names - ours if name not in said}
    assert not {extra for extra in extras if f"[`{extra}`]" not in said}


def test_each_stop_of_the_walk_is_defined_in_its_file():
    stops = rows(Page("CONTRIBUTING.md"), "stop")
    assert (stops[0][0], stops[-1][0]) == ("image folder", "one HTML")
    for _, file, who, _ in stops:
        source = (ROOT / file.strip("`")).read_text(encoding="utf-8")
        assert re.search(rf"^(?:class |def )?{who.strip('`')}\b", source, re.MULTILINE), who


def test_a_table_of_the_code_stands_where_contributing_says():
    found = re.findall(r"`([A-Z]+)` in\s+`([\w/]+\.py)`", Page("CONTRIBUTING.md").prose)
    assert len(found) >= 5
    for name, file in found:
        assert re.search(rf"^{name}\b", (ROOT / file).read_text("utf-8"), re.MULTILINE), name


def test_the_rooms_are_described_as_they_describe_themselves():
    said = {room.strip("`/"): words for room, words in rows(Page("CONTRIBUTING.md"), "room")}
    for room in {name.replace(".", "/") for name in KNOWS}:
        text = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text("utf-8")))
        assert said.pop(room) == text.partition("\n")[0]
    assert not said


def test_every_table_that_a_study_leaves_is_named():
    page = Page("docs/what-a-study-leaves.md")
    said = {name.removesuffix(".parquet") for name in page.spans if name.endswith(".parquet")}
    assert said == set(get_args(Kind))

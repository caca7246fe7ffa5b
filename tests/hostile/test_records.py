"""A damaged record or journal: whole lines count, anything else is said in one line."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from study.asked.study import Study
from study.asked.study_file import load_study
from study.errors import RecordError, StudyError
from study.folder.record import FILE_NAME, Record, replay
from study.folder.record_lines import read_events
from study.folder.tabulate import epochs_frame, trials_frame
from study.running.search_state import Search
from tests.hostile.cases import EDITS, JSON, Edit, cases, damaged, is_one_line, try_out
from tests.small_studies import study_toml


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    path = tmp_path_factory.mktemp("study") / "tried.toml"
    path.write_text(study_toml(trials=10, lengths=(2, 4), reduction=2))
    return load_study(path)


def metrics(number: int, rate: float, epoch: int) -> dict[str, Any]:
    """What a trainer reports, all of it a function of the trial's number and learning rate."""
    value = (0.2 + rate) * epoch / 4 + number / 1e4
    return {
        "epoch": epoch,
        "learning_rate": rate,
        "train_loss": 2 - value,
        "train_accuracy": value,
        "val_loss": 2 - value,
        "val_accuracy": value,
        "val_accuracy_1off": value,
        "val_qwk": value,
        "val_mae": 1 - value,
        "val_macro_f1": value,
        "val_ece": 0.1,
        "seconds": 1.0,
        "images_per_second": 9.0,
        "collapsed": False,
        "node": "here",
        "device": "cpu",
        "peak_memory_mib": 1.0,
    }


def search_on(study: Study, folder: Path, *, events: int | None = None) -> dict[int, Any]:
    """Go on with the search in a folder to its end, or for some epochs; the trials by number."""
    done = 0
    with Record(folder) as record:
        search = Search(study, record, folder)
        while (assignment := search.next()) is not None:
            if assignment.number == 3 and not record.trials[3].failures:
                search.failed(3, "the worker died", "died")
                continue
            goes_on, epoch = True, assignment.epochs_done
            while goes_on:
                if done == events:
                    return dict(record.trials)
                done, epoch = done + 1, epoch + 1
                number, rate = assignment.number, float(assignment.config["lr"])
                goes_on = search.finished_epoch(number, metrics(number, rate, epoch))
        assert search.is_over
        return dict(record.trials)


@pytest.fixture(scope="module")
def unbroken(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken")
    search_on(study, folder)
    return folder


def content(trials: dict[int, Any]) -> list[Any]:
    """All that must not depend on interruptions: everything but the times."""
    return [
        (
            t.number, t.arm, t.origin, t.config, t.seed, t.status, len(t.failures),
            [{k: v for k, v in e.items() if k != "at"} for e in t.epochs],
        )
        for t in trials.values()
    ]  # fmt: skip


def recorded(folder: Path) -> dict[int, Any]:
    return replay(read_events(folder / FILE_NAME))


def without_checksums(folder: Path) -> list[str]:
    """The lines of a record as earlier versions wrote them, which can be changed unnoticed."""
    return [json.dumps(event) for event in read_events(folder / FILE_NAME)]


def copy_of(folder: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(folder, target))


@cases(20, 150)
def test_a_record_cut_anywhere_goes_on_from_its_whole_lines_to_the_same_end(
    n: int, study: Study, unbroken: Path, tmp_path: Path
) -> None:
    whole = (unbroken / FILE_NAME).read_bytes()
    expected = content(recorded(unbroken))

    def check(at: int, has_journal: bool) -> None:
        folder = copy_of(unbroken, tmp_path / "cut")
        (folder / FILE_NAME).write_bytes(whole[:at])
        if not has_journal:
            (folder / "journal.log").unlink()
        assert content(search_on(study, folder)) == expected

    try_out(n, check, at=st.integers(0, len(whole)), has_journal=st.booleans())


@cases(300, 5000)
def test_of_a_damaged_record_nothing_is_believed_but_lines_as_they_were_written(
    n: int, unbroken: Path, tmp_path: Path
) -> None:
    whole = (unbroken / FILE_NAME).read_bytes()
    written = list(read_events(unbroken / FILE_NAME))
    path = tmp_path / FILE_NAME

    def check(edits: list[Edit]) -> None:
        path.write_bytes(damaged(whole, edits))
        try:
            believed = replay(read_events(path))
        except RecordError as error:
            assert is_one_line(str(error))  # noqa: PT017 - a cut is no damage
            return
        n_lines = path.read_bytes().count(b"\n")
        assert believed == replay(iter(written[:n_lines]))

    try_out(n, check, edits=EDITS)


def resumes_or_says_why(study: Study, folder: Path) -> dict[int, Any] | None:
    """The trials after going on to the end and into tables, or None if refused in one line."""
    try:
        trials = search_on(study, folder)
        trials_frame(study, trials.values())
        epochs_frame(trials.values())
    except StudyError as error:
        assert is_one_line(str(error))  # noqa: PT017 - the damage may be harmless
        return None
    return trials


@cases(60, 600)
def test_a_damaged_record_goes_on_or_is_refused_in_one_line(
    n: int, study: Study, unbroken: Path, tmp_path: Path
) -> None:
    whole = (unbroken / FILE_NAME).read_bytes()

    def check(edits: list[Edit]) -> None:
        folder = copy_of(unbroken, tmp_path / "damaged")
        (folder / FILE_NAME).write_bytes(damaged(whole, edits))
        trials = resumes_or_says_why(study, folder)
        assert trials is None or len(trials) == study.trials

    try_out(n, check, edits=EDITS)


@cases(60, 1500)
def test_a_record_with_any_value_anywhere_goes_on_or_is_refused_in_one_line(
    n: int, study: Study, unbroken: Path, tmp_path: Path
) -> None:
    lines = without_checksums(unbroken)

    @st.composite
    def changed(draw: st.DrawFn) -> list[str]:
        new = list(lines)
        for _ in range(draw(st.integers(1, 3))):
            at = draw(st.integers(0, len(new) - 1))
            event: Any = json.loads(new[at])
            kind = draw(st.sampled_from(["value", "value", "inner", "key", "gone", "any", "line"]))
            if kind == "line":
                new.insert(draw(st.integers(0, len(new))), new.pop(at))
                continue
            if not isinstance(event, dict) or not event or kind == "any":
                new[at] = json.dumps(draw(JSON))
                continue
            inner = event.get("config") or event.get("rung")
            place = inner if kind == "inner" and isinstance(inner, dict) and inner else event
            key = draw(st.sampled_from(sorted(place)))
            value = place.pop(key)
            if kind == "key":
                place[key.upper()] = value
            elif kind != "gone":
                values = st.one_of(JSON, st.integers(-3, 20), st.floats(-1, 2))
                place[key] = draw(values)
            new[at] = json.dumps(event)
        return new

    def check(changed: list[str]) -> None:
        folder = copy_of(unbroken, tmp_path / "changed")
        (folder / FILE_NAME).write_text("\n".join(changed) + "\n")
        resumes_or_says_why(study, folder)

    try_out(n, check, changed=changed())


EVENTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "of another plan's seed": lambda e: e.update(seed=e["seed"] + 1),
    "of another arm": lambda e: e.update(arm="d"),
    "of no known origin": lambda e: e.update(origin="guess"),
    "with a rate as text": lambda e: e["config"].update(lr="0.01"),
    "with a factor that is none": lambda e: e["config"].update(colour="red"),
    "without its rate": lambda e: e["config"].pop("lr"),
    "of another length": lambda e: e.update(epochs_planned=e["epochs_planned"] + 1),
    "beyond the plan": lambda e: e.update(number=10),
    "of a negative number": lambda e: e.update(number=-1),
}


@pytest.mark.parametrize("case", EVENTS)
def test_a_trial_that_is_not_the_plans_is_refused_by_name(
    study: Study, unbroken: Path, tmp_path: Path, case: str
) -> None:
    folder = copy_of(unbroken, tmp_path / "foreign")
    lines = without_checksums(folder)
    first = json.loads(lines[0])
    EVENTS[case](first)
    (folder / FILE_NAME).write_text("\n".join([json.dumps(first), *lines[1:]]) + "\n")
    with pytest.raises(RecordError, match=r"record\.jsonl, (line \d+|trial t00000)") as caught:
        search_on(study, folder)
    assert is_one_line(str(caught.value))


def test_a_record_that_is_a_folder_or_unreadable_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises((RecordError, OSError), match=r"record\.jsonl"):
        Record(tmp_path)


@cases(20, 200)
def test_a_damaged_journal_is_made_again_from_the_record(
    n: int, study: Study, unbroken: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half"
    half.mkdir()
    search_on(study, half, events=9)
    journal = (half / "journal.log").read_bytes()
    expected = content(recorded(unbroken))

    def check(edits: list[Edit]) -> None:
        folder = copy_of(half, tmp_path / "journal")
        (folder / "journal.log").write_bytes(damaged(journal, edits))
        assert content(search_on(study, folder)) == expected

    try_out(n, check, edits=EDITS)


@pytest.mark.parametrize(
    "content_of_journal",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[]\n" * 3,
        b"null\n",
        b"\xff\xfe\n",
        b'{"op_code": 99}\n',
        b"[" * 9999,
    ],
    ids=range(8),
)
def test_a_journal_of_anything_else_is_made_again(
    study: Study, unbroken: Path, tmp_path: Path, content_of_journal: bytes
) -> None:
    half = tmp_path / "half"
    half.mkdir()
    search_on(study, half, events=9)
    (half / "journal.log").write_bytes(content_of_journal)
    assert content(search_on(study, half)) == content(recorded(unbroken))

"""What a study file takes from the study that it goes on from, and what it does not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from study.asked.after import EarlierStudy, before_as_earlier
from study.asked.factors import Config, Range
from study.asked.study import Study
from study.asked.study_file import dump_study, load_study
from study.errors import StudyFileError, TablesError

EARLIER = """
[study]
name = "first"
metric = "val_qwk"
trials = 12
epochs = 9
[data]
path = "synthetic"
size = 32
[factors.variant]
role = "arm"
levels = ["org", "bcd"]
[factors.optimizer]
role = "tuned"
levels = ["sgd", "adamw"]
[factors.lr]
role = "tuned"
log = true
[[factors.lr.range]]
when = { optimizer = "sgd" }
low = 0.01
high = 1.0
[[factors.lr.range]]
when = { optimizer = "adamw" }
low = 0.0001
high = 0.01
[factors.warmup]
role = "tuned"
low = 0.0
high = 0.5
[factors.batch_size]
role = "fixed"
value = 32
[claims.bcd]
text = "BCD beats ORG"
factor = "variant"
better = "bcd"
worse = "org"
least = 1.0
[claims.adamw]
text = "AdamW beats SGD"
factor = "optimizer"
better = "adamw"
worse = "sgd"
least = 0.5
[claims.long_warmup]
text = "A long warm-up saves training"
factor = "warmup"
better = [0.3, 0.5]
worse = [0.0, 0.1]
least = 1.0
"""
NEXT = """
[study]
trials = 12
epochs = 5
after = "results/first"
[data]
path = "synthetic"
size = 48
"""
NARROW = (
    Range(low=0.02, high=0.2, when={"optimizer": "sgd"}),
    Range(low=0.001, high=0.005, when={"optimizer": "adamw"}),
)
RECIPE: Config = {"variant": "bcd", "optimizer": "sgd", "lr": 0.1, "warmup": 0.2}


def earlier_of(folder: Path, text: str = EARLIER, **known: Any) -> EarlierStudy:
    path = folder / "earlier.toml"
    path.write_text(text)
    values = {"sha256": "ab" * 32, "begin": lambda _: (RECIPE,), "narrowed": {"lr": NARROW}}
    return EarlierStudy(study=load_study(path), **{**values, **known})


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Study]:
    """Load the text of a study file that goes on from the earlier study."""

    def of(text: str = NEXT, overrides: dict[str, Any] | None = None, **known: Any) -> Study:
        path = tmp_path / "next.toml"
        path.write_text(text)
        given = earlier_of(tmp_path, **known)
        return load_study(path, overrides=overrides or {}, of_earlier=lambda _: given)

    return of


def test_factors_and_claims_that_the_file_lacks_come_from_the_earlier_study(
    load: Callable[..., Study],
) -> None:
    study = load()
    varied = [f.name for f in study.factors if f.role != "fixed"]
    assert varied == ["variant", "optimizer", "lr", "warmup"]
    assert study.factor("batch_size").levels == (32,)
    assert [claim.name for claim in study.claims] == ["bcd", "adamw", "long_warmup"]
    assert study.after is not None
    assert study.after.factors == tuple(varied)
    assert study.after.claims == ("bcd", "adamw", "long_warmup")
    assert (study.after.path, study.after.study) == ("results/first", "first")
    assert study.after.recipes == (RECIPE,)
    # what is asked, on which data, for how long, is the file's own
    assert (study.name, study.epochs, study.size, study.metric) == ("next", 5, 48, "val_accuracy")
    assert study.factor("epochs").levels == (5,)


def test_only_ranges_that_the_file_does_not_write_are_narrowed(load: Callable[..., Study]) -> None:
    assert load().factor("lr").ranges == NARROW
    own = NEXT + '[factors.lr]\nrole = "tuned"\nlow = 0.001\nhigh = 0.9\nlog = true\n'
    study = load(own)
    assert study.factor("lr").ranges == (Range(low=0.001, high=0.9),)
    assert study.after is not None
    assert study.after.narrowed == ()
    assert "lr" not in study.after.factors


def test_a_range_whose_parts_a_claim_compares_stays_as_it_was(load: Callable[..., Study]) -> None:
    narrow = {"lr": NARROW, "warmup": (Range(low=0.2, high=0.4),)}
    study = load(narrowed=narrow)
    assert study.factor("warmup").ranges == (Range(low=0.0, high=0.5),)
    assert study.after is not None
    assert study.after.narrowed == ("lr",)
    own = NEXT + '[claims.long_warmup]\ntext = "W"\nfactor = "warmup"\nmore_than = "variant"\n'
    assert load(own, narrowed=narrow).factor("warmup").ranges == (Range(low=0.2, high=0.4),)


def test_a_claim_of_the_file_counts_and_one_that_nothing_here_tests_is_left_out(
    load: Callable[..., Study],
) -> None:
    text = (
        NEXT
        + """
[factors.optimizer]
role = "fixed"
value = "sgd"
[claims.bcd]
text = "My own"
factor = "variant"
better = "org"
worse = "bcd"
least = 2.0
"""
    )
    study = load(text, begin=lambda _: ())
    assert {claim.name: claim.text for claim in study.claims} == {
        "bcd": "My own",
        "long_warmup": "A long warm-up saves training",
    }
    assert study.after is not None
    assert study.after.claims == ("long_warmup",)
    # of the rate, the range of the optimizer that is left
    assert study.factor("lr").ranges == NARROW[:1]


def test_what_came_from_it_is_written_out_so_that_its_folder_is_read_once(
    load: Callable[..., Study], tmp_path: Path
) -> None:
    study = load()
    written = tmp_path / "study.toml"
    written.write_text(dump_study(study))
    assert "after = " not in written.read_text()
    assert load_study(written) == study  # nobody there to read an earlier study


def test_the_file_itself_goes_on_though_the_earlier_folder_is_gone(
    load: Callable[..., Study], tmp_path: Path
) -> None:
    before = load(narrowed={"lr": NARROW, "warmup": (Range(low=0.2, high=0.4),)})
    known = before_as_earlier(before)
    assert known is not None
    again = load_study(tmp_path / "next.toml", overrides={}, of_earlier=lambda _: known)
    assert again == before


def test_recipes_are_asked_for_as_the_command_line_has_the_study(
    load: Callable[..., Study],
) -> None:
    def begin(study: Study) -> tuple[Config, ...]:
        return (RECIPE,) if study.epochs == 3 else ()

    study = load(overrides={"epochs": 3}, begin=begin)
    assert study.after is not None
    assert study.after.recipes == (RECIPE,)


def gone(_: str) -> EarlierStudy:
    raise TablesError("results/first: no such folder")


@pytest.mark.parametrize(
    ("text", "reader", "told"),
    [
        (NEXT, None, "`python -m study.run`"),
        (NEXT, gone, "results/first: no such folder"),
        (NEXT + '[after]\npath = "x"\n', gone, "drop one of them"),
        (NEXT.replace("after", 'trainable = "m:f"\nafter'), gone, "only a study of recipes"),
        (NEXT.replace('"results/first"', "3"), gone, "expected a text in quotes"),
    ],
)
def test_what_it_cannot_go_on_from_is_told_in_one_line(
    text: str, reader: Any, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "next.toml"
    path.write_text(text)
    with pytest.raises(StudyFileError) as error:
        load_study(path, of_earlier=reader)
    assert "after" in str(error.value)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_study_that_shares_no_factor_is_refused(load: Callable[..., Study]) -> None:
    fixed = "".join(f'[factors.{n}]\nrole = "fixed"\nvalue = {v}\n' for n, v in VALUES.items())
    with pytest.raises(StudyFileError, match="results/first shares no factor that varies here"):
        load(NEXT + fixed + '[factors.loss]\nrole = "arm"\nlevels = ["focal", "corn"]\n')


VALUES = {"variant": '"org"', "optimizer": '"sgd"', "lr": 0.1, "warmup": 0.1}


def test_an_earlier_study_may_have_another_metric_and_it_is_said(
    load: Callable[..., Study],
) -> None:
    after = load().after
    assert after is not None
    assert after.sentence == (
        "After first (results/first, the best by val_qwk): 4 factors (ranges narrowed: lr), "
        "3 claims and 1 recipe to begin the search with come from it; no verdict does"
    )
    assert replace(after, factors=(), claims=(), recipes=()).sentence.endswith(
        ": nothing that fits here come from it; no verdict does"
    )

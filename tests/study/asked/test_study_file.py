import json
import logging
import re
import tomllib
from copy import deepcopy
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agecls.data.loading import Reading
from agecls.data.packing import open_pack
from agecls.data.whole_set import load_whole
from agecls.pretrain import parser as pretrain_parser
from study.asked.claims.importance import ImportanceClaim
from study.asked.factors import Factor, Range
from study.asked.study import MAX_BAD_SHARE
from study.asked.study_file import dump_study, load_study, preset_names, preset_questions
from study.errors import StudyError, StudyFileError
from tests.small_studies import some_folders
from tests.strategies import studies, study_of_tables

VALID = """
[study]
trials = 12
epochs = 9
[data]
path = "synthetic"
size = 32
[weights]
source = "torchvision:IMAGENET1K_V1"
[factors.variant]
role = "arm"
levels = ["org", "bcd"]
[factors.init]
role = "arm"
levels = ["scratch", "pretrained"]
[factors.optimizer]
role = "tuned"
levels = ["sgd", "adamw"]
[factors.lr]
role = "tuned"
log = true
[[factors.lr.range]]
when = { optimizer = "sgd", init = "scratch" }
low = 1e-2
high = 0.2
[[factors.lr.range]]
when = { optimizer = "sgd", init = "pretrained" }
low = 1e-3
high = 0.1
[[factors.lr.range]]
when = { optimizer = "adamw" }
low = 1e-4
high = 1e-2
[factors.augmentation]
role = "tuned"
low = 0
high = 1
[factors.zero_gamma]
role = "tuned"
levels = [false, true]
when = { init = "scratch" }
[factors.epochs]
role = "tuned"
levels = [3, 6, 9]
[factors.label_smoothing]
role = "fixed"
value = 0
[claims.transfer_helps]
text = "Transfer helps"
factor = "init"
better = "pretrained"
worse = "scratch"
least = 1
[claims.nine_as_six]
text = "Nine as six"
factor = "epochs"
equal = [6, 9]
within = 1.0
[claims.structure_minor]
text = "Structure is minor"
factor = "lr"
more_than = "variant"
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "mine.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def error_of(folder: Path, text: str | bytes, **overrides: Any) -> str:
    """The message that a file is refused with, which must be one line that names the file."""
    path = write(folder, text)
    with pytest.raises(StudyFileError) as caught:
        load_study(path, overrides=overrides)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message or message.startswith("--")
    return message.replace(str(path), "FILE")


def valid_with(old: str, new: str) -> str:
    assert VALID.count(old) == 1, old
    return VALID.replace(old, new)


def test_a_valid_file_becomes_a_study(tmp_path):
    study = load_study(write(tmp_path, VALID))

    assert (study.name, study.trials, study.epochs) == ("mine", 12, 9)
    assert (study.metric, study.seed, study.design_share) == ("val_accuracy", 0, 0.4)
    assert (study.reduction, study.confirm_seeds, study.deduplicate) == (3, 0, True)
    assert (study.data, study.size) == ("synthetic", 32)
    assert study.weights == "torchvision:IMAGENET1K_V1"
    assert study.factor("lr").ranges[1] == Range(
        low=1e-3, high=0.1, when={"optimizer": "sgd", "init": "pretrained"}
    )
    assert study.factor("augmentation") == Factor(
        name="augmentation", role="tuned", ranges=(Range(low=0.0, high=1.0),)
    )
    assert study.claims[2] == ImportanceClaim(
        name="structure_minor", text="Structure is minor", factor="lr", more_than="variant"
    )


def test_levels_take_the_type_of_the_field(tmp_path):
    value = load_study(write(tmp_path, VALID)).factor("label_smoothing").levels[0]

    assert (value, type(value)) == (0.0, float)


def test_a_resolved_study_lists_every_field_of_a_recipe_in_reading_order_then_the_fixed_rest(
    tmp_path,
):
    study = load_study(write(tmp_path, VALID))

    assert [f.name for f in study.factors] == [
        *("variant", "init", "optimizer", "lr", "augmentation", "zero_gamma", "epochs"),
        *("label_smoothing", "depth", "init_scheme", "normalisation", "weight_decay", "momentum"),
        *("batch_size", "scheduler", "schedule_per", "warmup", "loss", "augmentation_kind", "ema"),
        "precision",
    ]
    assert study.factor("batch_size") == Factor(name="batch_size", role="fixed", levels=(64,))


def test_an_unnamed_length_is_the_longest_and_an_unnamed_zero_gamma_exists_from_scratch_only(
    tmp_path,
):
    text = valid_with('[factors.epochs]\nrole = "tuned"\nlevels = [3, 6, 9]\n', "")
    text = text.replace(VALID[VALID.index("[claims.nine") : VALID.index("[claims.struct")], "")
    gamma = VALID[VALID.index("[factors.zero_gamma]") : VALID.index("[factors.epochs]")]

    study = load_study(write(tmp_path, text.replace(gamma, "")))

    assert study.factor("epochs") == Factor(name="epochs", role="fixed", levels=(9,))
    assert study.factor("zero_gamma") == Factor(
        name="zero_gamma", role="fixed", levels=(False,), when={"init": "scratch"}
    )


def test_a_windows_editors_byte_order_mark_is_no_obstacle(tmp_path):
    path = write(tmp_path, b"\xef\xbb\xbf" + VALID.encode())

    assert load_study(path).trials == 12


EDITS = {
    # keys, types, syntax
    "a misspelled key": (
        ("trials = 12", "trails = 12"),
        r"^FILE, \[study\] trails: this key is not known; did you mean `trials`\?$",
    ),
    "a misspelled table": (
        ("[weights]", "[weihgts]"),
        r"^FILE, \[weihgts\]: this key is not known; did you mean `weights`\?$",
    ),
    "a misspelled key of a factor": (
        ("low = 0\n", "lowest = 0\n"),
        r"\[factors.augmentation\] lowest: .*did you mean `low`",
    ),
    "a misspelled key of a range": (
        ("low = 1e-3", "lo = 1e-3"),
        r"\[\[factors.lr.range\]\] 2 lo: this key is not known; did you mean `low`",
    ),
    "a missing key": (("epochs = 9\n[data]", "[data]"), r"\[study\] epochs: this is missing"),
    "bad syntax": (("[data]", "[data"), r"^FILE: not TOML: .*line 5.*; fix the syntax there$"),
    "a text for a number": (
        ("trials = 12", 'trials = "many"'),
        r"\[study\] trials: 'many' is not what belongs here; expected a whole number",
    ),
    "a fraction for a whole number": (("trials = 12", "trials = 12.5"), r"expected a whole numb"),
    "a boolean for a number": (("size = 32", "size = true"), r"size: true is not .*whole number"),
    "a date for a text": (
        ('path = "synthetic"', "path = 2024-01-01"),
        r"\[data\] path: .* expected a text in quotes",
    ),
    "an empty path": (('path = "synthetic"', 'path = " "'), r"path: .*not empty"),
    "a value for a table": (
        ('[weights]\nsource = "torchvision:IMAGENET1K_V1"', "[weights]\nsource = 3"),
        r"\[weights\] source: 3 is not what belongs here; expected a text",
    ),
    "an unknown role": (
        ('[factors.optimizer]\nrole = "tuned"', '[factors.optimizer]\nrole = "tune"'),
        r"\[factors.optimizer\] role: 'tune' .* expected 'arm', 'tuned' or 'fixed'",
    ),
    "NaN": (("low = 1e-3", "low = nan"), r"range\]\] 2 low: nan .* expected a finite number"),
    "infinity": (("high = 0.1", "high = inf"), r"range\]\] 2 high: inf .* a finite number"),
    "NaN as a level": (("value = 0", "value = nan"), r"label_smoothing\] value: nan .*finite"),
    # bounds
    "too many trials": (("trials = 12", "trials = 1000001"), r"trials: 1000001 .*1,000,000"),
    "no trials": (("trials = 12", "trials = 0"), r"\[study\] trials: 0 .*1 or more"),
    "fewer trials than arms": (
        ("trials = 12", "trials = 3"),
        r"\[study\] trials: 3 trials cannot reach 4 arms; expected 4 or more",
    ),
    "too many added trials": (
        ("trials = 12", "trials = 12\nadded = 9"),
        r"\[study\] added: 9 added trials leave fewer than 4, one for each arm",
    ),
    "an added design of trials that were not added": (
        ("trials = 12", "trials = 12\nadded = 4\nadded_design = [[7, 4]]"),
        r"\[study\] added_design, item 1: trials 7 to 10 are not of the 4 added; expected 8 to 11",
    ),
    "added designs of the same trials": (
        ("trials = 12", "trials = 12\nadded = 4\nadded_design = [[8, 2], [9, 2]]"),
        r"\[study\] added_design, item 2: trials 9 to 10 .*; expected 10 to 11",
    ),
    "an added design of no trials": (
        ("trials = 12", "trials = 12\nadded = 4\nadded_design = [[8, 0]]"),
        r"\[study\] added_design, item 1: trials 8 to 7 are not of the 4 added",
    ),
    "an added design that is no pair": (
        ("trials = 12", "trials = 12\nadded = 4\nadded_design = [[8]]"),
        r"\[study\] added_design, item 1: ",
    ),
    "a share above one": (
        ("trials = 12", "trials = 12\ndesign_share = 1.5"),
        r"design_share: 1.5 .* at most 1",
    ),
    "a negative share": (
        ("trials = 12", "trials = 12\ndesign_share = -0.1"),
        r"design_share: -0.1 .* 0.0 or more",
    ),
    "a size too small": (("size = 32", "size = 8"), r"\[data\] size: 8 .* 16 or more"),
    "a size too large": (("size = 32", "size = 1024"), r"\[data\] size: 1024 .* at most 512"),
    "a metric to minimise": (
        ("trials = 12", 'trials = 12\nmetric = "val_loss"'),
        r"metric: 'val_loss' .* expected 'val_accuracy' or 'val_qwk'",
    ),
    "a name with a slash": (
        ("trials = 12", 'trials = 12\nname = "../x"'),
        r"\[study\] name: '../x' cannot name a folder",
    ),
    # factors
    "a factor that is no field": (
        ("[factors.label_smoothing]", "[factors.label_smothing]"),
        r"\[factors.label_smothing\]: a recipe has no such field; did you mean `label_smoothing`",
    ),
    "the seed as a factor": (
        ("[factors.label_smoothing]", "[factors.seed]"),
        r"\[factors.seed\]: the plan gives the seeds; set \[study\] seed",
    ),
    "a level that no recipe takes": (
        ('levels = ["sgd", "adamw"]', 'levels = ["sgd", "lion"]'),
        r"\[factors.optimizer\] levels, item 2: 'lion' .* expected one of sgd, adamw, adam$",
    ),
    "a level out of bounds": (
        ("value = 0", "value = 0.95"),
        r"label_smoothing\] value: 0.95 .* expected a?.?number from 0 to 0.9",
    ),
    "a fractional length": (
        ("levels = [3, 6, 9]", "levels = [3, 6.5, 9]"),
        r"\[factors.epochs\] levels, item 2: 6.5 .* a whole number from 1 to 1000",
    ),
    "a number for a boolean": (
        ("levels = [false, true]", "levels = [0, 1]"),
        r"\[factors.zero_gamma\] levels, item 1: 0 .* true or false",
    ),
    "a boolean for a level": (("value = 0", "value = false"), r"value: false .* number from 0"),
    "a huge level": (("value = 0", f"value = {'9' * 400}"), r"value: a huge number .*0.9"),
    "a range out of bounds": (
        ("low = 0\nhigh = 1", "low = 0\nhigh = 2"),
        r"augmentation\] high: 2.0 .* number from 0 to 1",
    ),
    "low above high": (
        ("low = 1e-3\nhigh = 0.1", "low = 0.1\nhigh = 1e-3"),
        r"\[\[factors.lr.range\]\] 2: low 0.1 is not below high 0.001; expected low < high",
    ),
    "an empty range": (
        ("low = 1e-3\nhigh = 0.1", "low = 0.1\nhigh = 0.1"),
        r"low 0.1 is not below high 0.1",
    ),
    "a logarithm of zero": (
        ("low = 0\nhigh = 1", "low = 0\nhigh = 1\nlog = true"),
        r"\[factors.augmentation\] low: 0 has no logarithm",
    ),
    "half a range": (("low = 0\nhigh = 1", "low = 0"), r"augmentation\]: .* no `high`; add it"),
    "a list of no ranges": (
        ("low = 0\nhigh = 1", "range = []"),
        r"\[factors.augmentation\] range: the list of ranges is empty",
    ),
    "low beside ranges": (
        ("log = true", "log = true\nlow = 1e-3"),
        r"\[factors.lr\]: it has low or high beside \[\[range\]\]; keep one",
    ),
    "a range of words": (
        ('levels = ["sgd", "adamw"]', "low = 0\nhigh = 1"),
        r"\[factors.optimizer\]: `optimizer` takes levels, not a range",
    ),
    "a range of lengths": (
        ("levels = [3, 6, 9]", "low = 3\nhigh = 9"),
        r"\[factors.epochs\]: `epochs` takes levels, not a range",
    ),
    "levels and a range": (
        ("low = 0\nhigh = 1", "low = 0\nhigh = 1\nlevels = [0, 1]"),
        r"\[factors.augmentation\]: it has both levels and a range",
    ),
    "neither levels nor a range": (
        ("low = 0\nhigh = 1\n", ""),
        r"\[factors.augmentation\]: give `levels`, or `low` and `high`",
    ),
    "one tuned level": (
        ("levels = [3, 6, 9]", "levels = [9]"),
        r"\[factors.epochs\] levels: one level cannot be tuned",
    ),
    "too many levels": (
        ("levels = [3, 6, 9]", f"levels = {list(range(1, 102))}"),
        r"\[factors.epochs\] levels: a list of 101 .* at most 100 items",
    ),
    "a level twice": (
        ('levels = ["sgd", "adamw"]', 'levels = ["sgd", "sgd"]'),
        r"\[factors.optimizer\] levels: 'sgd' is there twice",
    ),
    "a logarithm of levels": (
        ("levels = [3, 6, 9]", "levels = [3, 6, 9]\nlog = true"),
        r"\[factors.epochs\] log: only a range can be logarithmic",
    ),
    "an arm without levels": (
        ('levels = ["org", "bcd"]\n', ""),
        r"\[factors.variant\]: arms are crossed levels; give at least two",
    ),
    "an arm of one level": (
        ('levels = ["org", "bcd"]', 'levels = ["org"]'),
        r"\[factors.variant\]: arms are crossed levels; give at least two",
    ),
    "a conditional arm": (
        ('levels = ["org", "bcd"]', 'levels = ["org", "bcd"]\nwhen = { init = "scratch" }'),
        r"\[factors.variant\] when: an arm always exists",
    ),
    "a conditional length": (
        ("levels = [3, 6, 9]", 'levels = [3, 6, 9]\nwhen = { init = "scratch" }'),
        r"\[factors.epochs\] when: every trial has a length",
    ),
    "a fixed factor without value": (
        ("value = 0\n", ""),
        r"\[factors.label_smoothing\]: a fixed factor needs its one `value`",
    ),
    "a fixed factor with levels": (
        ("value = 0", "value = 0\nlevels = [0, 0.1]"),
        r"\[factors.label_smoothing\]: a fixed factor has only a `value`",
    ),
    "a tuned factor with a value": (
        ("levels = [3, 6, 9]", "value = 3"),
        r"\[factors.epochs\] value: a value is for fixed factors, this one is tuned",
    ),
    "a length beyond the longest": (
        ("levels = [3, 6, 9]", "levels = [3, 6, 9, 12]"),
        r"\[factors.epochs\] levels: 12 is more than \[study\] epochs = 9",
    ),
    # conditions
    "a condition on no factor": (
        ('when = { optimizer = "adamw" }', 'when = { optimiser = "adamw" }'),
        r"range\]\] 3 when: `optimiser` is no factor of this study; did you mean `optimizer`",
    ),
    "a condition on no level": (
        ('when = { optimizer = "adamw" }', 'when = { optimizer = "adam" }'),
        r"range\]\] 3 when: 'adam' is no level of `optimizer`; expected one of 'sgd', 'adamw'",
    ),
    "a condition on a number's range": (
        ('when = { optimizer = "adamw" }', "when = { augmentation = 0.5 }"),
        r"range\]\] 3 when: 0.5 is no level of `augmentation`; it has a range and no levels",
    ),
    "a condition on 1 for true": (
        (
            "levels = [3, 6, 9]",
            'levels = [3, 6, 9]\n[factors.ema]\nrole = "tuned"\n'
            "levels = [0, 0.9]\nwhen = { zero_gamma = 1 }",
        ),
        r"\[factors.ema\] when: 1 is no level of `zero_gamma`; expected one of false, true",
    ),
    "a circle": (
        (
            'levels = ["sgd", "adamw"]',
            'levels = ["sgd", "adamw"]\nwhen = { loss = "focal" }\n'
            '[factors.loss]\nrole = "tuned"\nlevels = ["focal", "corn"]\n'
            'when = { optimizer = "sgd" }',
        ),
        r"\[factors\]: the conditions of .*optimizer.*loss.* run in a circle",
    ),
    "a gap between ranges": (
        ('when = { optimizer = "adamw" }', 'when = { optimizer = "adamw", init = "scratch" }'),
        r"\[factors.lr\]: no range covers init = 'pretrained', optimizer = 'adamw'; add a "
        r"\[\[factors.lr.range\]\]",
    ),
    "a range that another hides": (
        ('when = { optimizer = "sgd", init = "scratch" }', "when = {}"),
        r"\[\[factors.lr.range\]\] 2: it never applies",
    ),
    "a factor that never exists": (
        (
            "levels = [3, 6, 9]",
            'levels = [3, 6, 9]\n[factors.ema]\nrole = "tuned"\n'
            'levels = [0, 0.9]\nwhen = { zero_gamma = true, init = "pretrained" }',
        ),
        r"\[factors.ema\]: it never exists",
    ),
    "zero gamma over loaded weights": (
        ('levels = [false, true]\nwhen = { init = "scratch" }', "levels = [false, true]"),
        r'\[factors.zero_gamma\]: under init pretrained .*add when = \{ init = "scratch" \}',
    ),
    "pretrained without weights": (
        ('[weights]\nsource = "torchvision:IMAGENET1K_V1"\n', ""),
        r"\[factors.init\]: pretrained needs weights; add \[weights\] .* or \[pretrain\]",
    ),
    "weights twice": (
        ("[weights]", '[pretrain]\ndata = "synthetic"\nepochs = 3\n[weights]'),
        r"\[pretrain\]: \[weights\] and \[pretrain\] both say where pretrained starts",
    ),
    "a weight name that is empty": (
        ("torchvision:IMAGENET1K_V1", "torchvision:"),
        r"\[weights\] source: torchvision: is followed by no name",
    ),
    "an unknown brace in weights": (
        ("torchvision:IMAGENET1K_V1", "{variant}-{init}.pt"),
        r"\[weights\] source: .* brace that is not \{variant\} or \{depth\}",
    ),
    "an open brace in weights": (
        ("torchvision:IMAGENET1K_V1", "{variant-.pt"),
        r"\[weights\] source: .* brace that is not",
    ),
    # claims
    "a claim on no factor": (
        ('factor = "lr"', 'factor = "learning_rate"'),
        r"\[claims.structure_minor\] factor: `learning_rate` is no factor of this study",
    ),
    "a claim against no factor": (
        ('more_than = "variant"', 'more_than = "variants"'),
        r"more_than: `variants` is no factor of this study; did you mean `variant`",
    ),
    "a claim on a fixed factor": (
        ('more_than = "variant"', 'more_than = "label_smoothing"'),
        r"more_than: `label_smoothing` is fixed, so nothing can be learned",
    ),
    "a claim on an unlisted fixed factor": (
        ('more_than = "variant"', 'more_than = "depth"'),
        r"more_than: `depth` is fixed",
    ),
    "a claim on an absent level": (
        ('better = "pretrained"', 'better = "imagenet"'),
        r"\[claims.transfer_helps\] better: no trial has init = 'imagenet'; its levels are",
    ),
    "a claim on a level of a range": (
        ('factor = "init"', 'factor = "augmentation"'),
        r"better: no trial has augmentation = 'pretrained'; its levels are none, it has a range",
    ),
    "a claim of an absent equal": (
        ("equal = [6, 9]", "equal = [6, 8]"),
        r"\[claims.nine_as_six\] equal, item 2: no trial has epochs = 8",
    ),
    "a claim of three equals": (("equal = [6, 9]", "equal = [3, 6, 9]"), r"two different levels"),
    "a claim of a level with itself": (("equal = [6, 9]", "equal = [9, 9]"), r"two different"),
    "a claim better than itself": (
        ('worse = "scratch"', 'worse = "pretrained"'),
        r"\[claims.transfer_helps\]: better and worse are the same level",
    ),
    "a factor above itself": (('more_than = "variant"', 'more_than = "lr"'), r"outweigh itself"),
    "a claim in two forms": (
        ("within = 1.0", 'within = 1.0\nmore_than = "lr"'),
        r"\[claims.nine_as_six\]: it has equal, more_than, within; a claim has better",
    ),
    "a claim that states nothing": (
        ('more_than = "variant"\n', ""),
        r"\[claims.structure_minor\]: it has no statement",
    ),
    "a margin of zero": (("within = 1.0", "within = 0"), r"nine_as_six\] within: .*more than 0"),
    "a claim named with spaces": (
        ("[claims.structure_minor]", '[claims."structure is\\nminor"]'),
        r"a claim's name is of letters",
    ),
}


@pytest.mark.parametrize(("edit", "message"), EDITS.values(), ids=EDITS.keys())
def test_a_file_is_refused_in_one_line_with(tmp_path, edit, message):
    assert re.search(message, error_of(tmp_path, valid_with(*edit)))


INCLUDED = {
    "variant": "org",
    "init": "pretrained",
    "optimizer": "sgd",
    "lr": 5.0,
    "augmentation": 0.5,
    "epochs": 9,
}


def including(*configs: dict[str, Any]) -> str:
    lines = [VALID]
    for config in configs:
        lines += ["[[include]]"]
        lines += [f"{k} = {json.dumps(v)}" for k, v in config.items() if v is not None]
    return "\n".join(lines)


def test_an_included_configuration_may_lie_outside_the_ranges(tmp_path):
    study = load_study(write(tmp_path, including({**INCLUDED, "label_smoothing": 0})))

    assert study.included == ({**INCLUDED, "label_smoothing": 0.0},)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variants": "org"}, r"\[\[include\]\] 1 variants: .*did you mean `variant`"),
        ({"lr": None}, r"\[\[include\]\] 1: it has no lr; add one"),
        ({"init": "scratch"}, r"\[\[include\]\] 1: it has no zero_gamma; add one"),
        ({"zero_gamma": True}, r"1 zero_gamma: the factor does not exist under the other levels"),
        ({"label_smoothing": 0.1}, r"1 label_smoothing: 0.1 is not the fixed 0.0"),
        ({"epochs": 5}, r"1 epochs: 5 is no level of `epochs`; expected one of 3, 6, 9"),
        ({"optimizer": "adam"}, r"1 optimizer: 'adam' is no level of `optimizer`"),
        ({"lr": 100}, r"1 lr: 100 is nothing that a recipe's lr can be"),
    ],
)
def test_an_included_configuration_is_refused_with_its_number_and_key(tmp_path, change, message):
    assert re.search(message, error_of(tmp_path, including({**INCLUDED, **change})))


def test_included_configurations_must_fit_into_the_trials_of_their_arm(tmp_path):
    four = [{**INCLUDED, "lr": lr} for lr in (0.1, 0.2, 0.3, 0.4)]

    assert load_study(write(tmp_path, including(*four[:3]))).included
    assert "4 configurations of one arm do not fit into its 3 trials" in error_of(
        tmp_path, including(*four)
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"^FILE, \[study\]: this is missing; add it$"),
        (b"\xff\xfe", r"^FILE: byte 1 is not UTF-8; save the file as UTF-8$"),
        (b"a = \x00", r"^FILE: not TOML"),
        (b"a = " + b"[" * 100_000, r"^FILE: "),
        (b"a = " + b"9" * 5_000, r"^FILE: it holds a number of thousands of digits; write a shor"),
        (b"a" * 5_000 + b" = 1", r"^FILE, \[a{57}\.\.\.\]: this key is not known"),
        (b"# " + b"x" * 1_000_000, r"^FILE: it is larger than 1,000,000 bytes"),
        (b"study = 3", r"^FILE, \[study\]: 3 is not what belongs here; expected a table$"),
        (b"[factors]\nlr = 3", r"\[factors.lr\]: 3 .* expected a table|this is missing"),
        ("'clé\u2028' = 1".encode(), r"did you|there are"),
    ],
)
def test_a_hostile_file_is_refused_in_one_line(tmp_path, content, message):
    assert re.search(message, error_of(tmp_path, content))


def test_a_study_that_varies_nothing_is_refused(tmp_path):
    text = VALID[: VALID.index("[factors.variant]")] + "[factors.lr]\nrole='fixed'\nvalue=0.1"

    assert "[factors]: nothing varies" in error_of(tmp_path, text)


def test_a_missing_file_is_answered_with_the_presets(tmp_path):
    with pytest.raises(StudyFileError, match=r"no such file and no such preset.* demo, faces-cpu"):
        load_study("dmeo")


def test_a_folder_is_no_study_file(tmp_path):
    with pytest.raises(StudyFileError, match=r"cannot be read"):
        load_study(tmp_path)
    with pytest.raises(StudyFileError, match=r"cannot be read \(embedded null byte\)"):
        load_study("a\0b")


def test_a_study_error_is_caught_as_one_of_the_package_and_as_a_value_error():
    assert issubclass(StudyFileError, StudyError)
    assert issubclass(StudyFileError, ValueError)


def test_a_message_escapes_what_would_break_the_line():
    assert str(StudyFileError("a\nb\x1b[31m é")) == "a\\nb\\x1b[31m é"


def test_the_command_line_replaces_values(tmp_path):
    study = load_study(
        write(tmp_path, VALID),
        overrides={
            "data": Path("/faces"),
            "size": 64,
            "trials": 20,
            "seed": 7,
            "weights": "mine.safetensors",
            "design_share": 1,
            "confirm_seeds": 5,
            "name": "other",
            "epochs": None,
        },
    )

    assert (study.data, study.size, study.trials, study.seed) == ("/faces", 64, 20, 7)
    assert (study.weights, study.design_share, study.confirm_seeds) == ("mine.safetensors", 1.0, 5)
    assert (study.name, study.epochs) == ("other", 9)


def test_given_weights_replace_pretraining(tmp_path):
    text = valid_with(
        '[weights]\nsource = "torchvision:IMAGENET1K_V1"',
        '[pretrain]\ndata = "synthetic-source"\nepochs = 3',
    )

    assert load_study(write(tmp_path, text)).pretrain is not None
    study = load_study(write(tmp_path, text), overrides={"weights": "w.pt"})
    assert (study.pretrain, study.weights) == (None, "w.pt")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"size": 8}, r"^--size \(over FILE\): 8 .* 16 or more$"),
        ({"trials": 3}, r"^--trials \(over FILE\): 3 trials cannot reach 4 arms"),
        ({"epochs": 0}, r"^--epochs \(over FILE\): 0 .* 1 or more$"),
        ({"epochs": "x"}, r"^--epochs \(over FILE\): 'x' .* a whole number$"),
        ({"design_share": 2.0}, r"^--design-share \(over FILE\): 2.0 .* at most 1"),
        ({"weights": "{x}"}, r"^--weights \(over FILE\): .*brace"),
        ({"sise": 8}, r"^--sise: no such override; did you mean `size`\?$"),
    ],
)
def test_a_wrong_value_of_the_command_line_is_named_by_its_flag(tmp_path, overrides, message):
    assert re.search(message, error_of(tmp_path, VALID, **overrides))


@pytest.mark.parametrize(
    ("epochs", "levels"),
    [(9, (3, 6, 9)), (6, (3, 6)), (7, (3, 7)), (12, (3, 6, 12))],
)
def test_shorter_studies_keep_the_lengths_up_to_theirs_and_the_longest_becomes_it(
    tmp_path, epochs, levels
):
    study = load_study(write(tmp_path, VALID), overrides={"epochs": epochs})

    assert study.epochs == epochs
    assert study.factor("epochs").levels == levels
    assert study.factor("epochs").role == "tuned"


@pytest.mark.parametrize(("epochs", "level"), [(3, 3), (2, 2), (5, 5), (1, 1)])
def test_a_length_that_cannot_vary_any_more_is_fixed_and_claims_on_it_go_with_a_warning(
    tmp_path, epochs, level, caplog
):
    with caplog.at_level(logging.WARNING):
        study = load_study(write(tmp_path, VALID), overrides={"epochs": epochs})

    assert study.factor("epochs") == Factor(name="epochs", role="fixed", levels=(level,))
    assert [claim.name for claim in study.claims] == ["transfer_helps", "structure_minor"]
    assert caplog.messages == [f"claim nine_as_six is left out: --epochs {epochs} took its levels"]


def test_a_claim_on_a_length_that_went_is_left_out_while_the_others_stay_tuned(tmp_path):
    study = load_study(write(tmp_path, VALID), overrides={"epochs": 6})

    assert [claim.name for claim in study.claims] == ["transfer_helps", "structure_minor"]


def test_an_importance_claim_on_a_length_that_cannot_vary_is_left_out(tmp_path):
    text = valid_with('more_than = "variant"', 'more_than = "epochs"')

    names = [c.name for c in load_study(write(tmp_path, text), overrides={"epochs": 3}).claims]

    assert names == ["transfer_helps"]


def test_arms_of_lengths_cannot_be_shortened_to_one(tmp_path):
    text = valid_with('[factors.epochs]\nrole = "tuned"', '[factors.epochs]\nrole = "arm"')

    assert load_study(write(tmp_path, text), overrides={"epochs": 6}).arms[1]["epochs"] == 6
    assert error_of(tmp_path, text, epochs=3) == (
        "--epochs 3 leaves the arm factor `epochs` one level; expected more than 3"
    )


def test_an_included_length_that_went_becomes_the_longest(tmp_path):
    study = load_study(write(tmp_path, including(INCLUDED)), overrides={"epochs": 6})

    assert study.included[0]["epochs"] == 6


@settings(max_examples=150, deadline=None)
@given(study=studies())
def test_a_written_study_reads_back_as_itself(study, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "written.toml"
    path.write_text(dump_study(study), encoding="utf-8", newline="")

    assert load_study(path) == study


def test_an_included_configuration_and_added_trials_survive_writing(tmp_path):
    text = including(INCLUDED).replace("trials = 12", "trials = 14\nadded = 2")
    study = load_study(write(tmp_path, text))
    (tmp_path / "again.toml").write_text(dump_study(study))

    assert (study.added, len(study.included)) == (2, 1)
    assert load_study(tmp_path / "again.toml") == study


PATHS = (
    "study", "trials", "epochs", "seed", "design_share", "data", "path", "size", "factors", "lr",
    "init", "role", "levels", "range", "when", "low", "high", "log", "value", "claims", "text",
    "factor", "better", "equal", "within", "include", "weights", "source", "pretrain", "0", "1",
)  # fmt: skip
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["arm", "tuned", "fixed", "scratch", "sgd", "lr", "init", 10**400]),
    st.lists(st.one_of(st.integers(0, 9), st.sampled_from(["org", "sgd"])), max_size=3),
    st.dictionaries(st.sampled_from(PATHS), st.integers(0, 3), max_size=2),
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_file_with_any_value_anywhere_is_a_study_or_one_line(data):
    tables = deepcopy(tomllib.loads(VALID))
    for _ in range(data.draw(st.integers(1, 3))):
        table: Any = tables
        while True:
            keys = list(table) if isinstance(table, dict) else list(range(len(table)))
            key = data.draw(st.sampled_from([*keys, *PATHS] if isinstance(table, dict) else keys))
            inner = table[key] if key in keys else None
            if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
                break
            table = inner
        value = data.draw(VALUES)
        if value is None and isinstance(table, dict):
            table.pop(key, None)
        else:
            table[key] = value
    problem = "drawn.toml"
    try:
        study_of_tables(tables)
    except StudyFileError as error:
        problem = str(error)
    # any other exception fails the test
    assert problem.startswith("drawn.toml")
    assert problem.isprintable()


def test_the_presets_are_the_four_of_the_contract_and_two_of_other_classes():
    assert preset_names() == ("decades", "demo", "faces-cpu", "faces-gpu", "folders", "seed")
    assert {name: question for name, (_, question) in preset_questions().items()} == {
        name: load_study(name, of_folders=some_folders).question for name in preset_names()
    }


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_loads_under_its_name_and_reads_back(name, tmp_path):
    study = load_study(name, of_folders=some_folders)
    (tmp_path / "again.toml").write_text(dump_study(study), encoding="utf-8")

    assert study.name == name
    assert load_study(tmp_path / "again.toml") == study


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_bears_a_small_run_of_three_epochs(name):
    small = {"trials": 12, "epochs": 3, "size": 32, "data": "x"}
    study = load_study(name, overrides=small, of_folders=some_folders)

    assert max(study.factor("epochs").levels) == 3


def test_the_demo_is_four_arms_on_drawn_faces():
    study = load_study("demo")

    assert (study.data, study.size, study.factor("depth").levels) == ("synthetic", 32, (50,))
    assert len(study.arms) == 4
    assert study.pretrain is not None


def test_the_seed_preset_holds_the_four_models_of_the_earlier_study():
    study = load_study("seed")

    assert [tuple(config.values()) for config in study.included] == [
        ("org", "scratch", 0.1),
        ("org", "pretrained", 0.01),
        ("bcd_seed", "scratch", 0.1),
        ("bcd_seed", "pretrained", 0.01),
    ]
    protocol = {
        "optimizer": "adam",
        "init_scheme": "earlier",
        "normalisation": "half",
        "augmentation_kind": "flip",
        "precision": "float32",
        "zero_gamma": False,
        "batch_size": 32,
        "epochs": 10,
        "scheduler": "cosine",
        "schedule_per": "epoch",
        "warmup": 0.0,
        "weight_decay": 0.0,
    }
    assert {name: study.factor(name).levels[0] for name in protocol} == protocol
    assert study.factor("lr").ranges == (Range(low=1e-5, high=0.3),)


def test_the_earlier_claims_about_levels_and_shares_are_declared_on_real_faces():
    stated = {
        *("transfer_helps", "bcd_equal", "structure_minor", "zero_gamma_helps"),
        *("cosine_beats_step", "augmentation_underfits", "few_epochs_enough"),
        "focal_for_imbalance",
    }

    for name in ("faces-cpu", "faces-gpu"):
        assert stated <= {claim.name for claim in load_study(name).claims}


def test_the_share_of_bad_files_is_that_of_every_reader_and_can_be_asked_for(tmp_path):
    study = load_study(write(tmp_path, VALID))
    defaults = [
        signature(reader).parameters["max_bad_share"].default
        for reader in (Reading, load_whole, open_pack)
    ]
    command = pretrain_parser().parse_args(["faces", "--out", "x.safetensors"])
    assert {study.max_bad_share, command.max_bad_share, *defaults} == {MAX_BAD_SHARE}
    # older studies' texts do not have it, and are compared with what is written now
    assert "max_bad_share" not in dump_study(study)
    asked = load_study(write(tmp_path, valid_with("size = 32", "size = 32\nmax_bad_share = 0.1")))
    assert asked.max_bad_share == 0.1
    assert load_study(write(tmp_path, dump_study(asked))).max_bad_share == 0.1
    with pytest.raises(StudyFileError, match=r"\[data\] max_bad_share"):
        load_study(write(tmp_path, valid_with("size = 32", "size = 32\nmax_bad_share = 2")))


def test_seeds_that_go_where_the_noise_is_need_folds_and_seeds_to_give(tmp_path):
    study = load_study(write(tmp_path, VALID))
    assert not study.confirm_adaptive
    # older studies' texts do not have it, and are compared with what is written now
    assert "adaptive" not in dump_study(study)
    asked = "[confirm]\nseeds = {}\nadaptive = true\n"
    text = VALID + "[folds]\nk = 5\n" + asked.format(3)
    study = load_study(write(tmp_path, text))
    assert (study.confirm_seeds, study.confirm_adaptive) == (3, True)
    assert load_study(write(tmp_path, dump_study(study))) == study
    message = error_of(tmp_path, VALID + asked.format(3))
    assert "[confirm] adaptive: seeds go to arms by their spread over folds; add" in message
    message = error_of(tmp_path, text.replace("seeds = 3", "seeds = 2"))
    assert "every arm has 2 seeds first; ask for 3 or more" in message

"""What each factor is where nobody has a reason for anything else."""

from dataclasses import replace

import pandas as pd
import pytest

from study.analysis.recipes.defaults import Defaults, is_at
from study.asked.factors import Factor, Range
from study.asked.plans import Imported
from study.asked.study import Study
from study.measure import Scale
from tests.study.analysis.conftest import small_study

OPTIMIZER = Factor(name="optimizer", role="tuned", levels=("adamw", "sgd"))
RATE = Factor(
    name="lr",
    role="tuned",
    log=True,
    ranges=(
        Range(low=1e-2, high=1.0, when={"optimizer": "sgd"}),
        Range(low=3e-4, high=3e-3, when={"optimizer": "adamw"}),
    ),
)
MOMENTUM = Factor(
    name="momentum", role="tuned", ranges=(Range(low=0.5, high=0.99),), when={"optimizer": "sgd"}
)
DECAY = Factor(name="weight_decay", role="tuned", log=True, ranges=(Range(low=1e-3, high=0.1),))
EPOCHS = Factor(name="epochs", role="tuned", levels=(9, 3))
LOSS = Factor(name="loss", role="tuned", levels=("focal", "corn"))
ADAMW = {"optimizer": "adamw", "lr": 0.002, "weight_decay": 0.05, "epochs": 9, "loss": "corn"}


@pytest.fixture
def study() -> Study:
    return small_study(OPTIMIZER, RATE, MOMENTUM, DECAY, EPOCHS, LOSS)


def of(study: Study, name: str, config: dict[str, object]) -> object:
    return Defaults(study=study).of_factor(study.factor(name), config)  # type: ignore[arg-type]


def test_the_recipe_s_own_default_counts_where_the_study_has_it(study: Study) -> None:
    assert of(study, "optimizer", ADAMW) == "sgd"
    assert of(study, "momentum", {"optimizer": "sgd"}) == 0.9
    assert of(study, "weight_decay", ADAMW) == 0.01  # 5e-4 lies outside: the middle
    assert of(study, "loss", ADAMW) == "focal"  # it has no cross-entropy: the first


def test_a_rate_has_the_middle_of_its_range_with_one_digit(study: Study) -> None:
    assert of(study, "lr", ADAMW) == 0.0009
    assert of(study, "lr", {"optimizer": "sgd"}) == 0.1  # though 0.05 lies inside


def test_the_shortest_schedule_is_the_simplest(study: Study) -> None:
    assert of(study, "epochs", ADAMW) == 3


def test_a_middle_that_no_digit_of_the_range_rounds_to_stays(study: Study) -> None:
    narrow = replace(DECAY, ranges=(Range(low=0.0124, high=0.0126),))
    assert of(small_study(narrow, EPOCHS), "weight_decay", {}) == pytest.approx(0.0125, abs=1e-6)


def test_what_hangs_on_a_moved_factor_has_its_default(study: Study) -> None:
    moved = Defaults(study=study).moved(ADAMW, "optimizer")
    assert moved == ADAMW | {"optimizer": "sgd", "lr": 0.1, "momentum": 0.9}
    back = Defaults(study=study).moved({**moved, "lr": 0.5}, "epochs")
    assert back == moved | {"lr": 0.5, "epochs": 3}


def test_what_no_longer_exists_is_gone() -> None:
    first = replace(OPTIMIZER, levels=("adamw", "adam"))  # without sgd: the first level
    gone = replace(MOMENTUM, when={"optimizer": "adam"})
    study = small_study(first, gone, EPOCHS)
    config = {"optimizer": "adam", "momentum": 0.6, "epochs": 9}
    assert Defaults(study=study).moved(config, "optimizer") == {"optimizer": "adamw", "epochs": 9}


def test_of_an_imported_search_the_commonest_level_counts(study: Study) -> None:
    imported = replace(study, imported=Imported(source="a table", scale=Scale()))
    tried = pd.DataFrame({"loss": ["corn", "focal", "corn"], "epochs": [9, 9, 3]})
    defaults = Defaults.of(imported, tried)
    assert defaults.of_factor(LOSS, ADAMW) == "corn"
    assert defaults.of_factor(EPOCHS, ADAMW) == 9
    assert defaults.of_factor(OPTIMIZER, ADAMW) == "adamw"  # nobody tried any: the first
    assert defaults.of_factor(DECAY, ADAMW) == 0.01
    own = Defaults.of(study, tried)
    assert own.of_factor(LOSS, ADAMW) == "focal"


def test_a_number_is_at_its_default_to_the_last_digits() -> None:
    assert is_at(0.1 + 0.2, 0.3)
    assert not is_at(0.31, 0.3)
    assert is_at(False, False)
    assert not is_at("sgd", "adamw")

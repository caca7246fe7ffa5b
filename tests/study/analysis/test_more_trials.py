from pathlib import Path

import pandas as pd

from study.analysis.more_trials import by_more_trials
from study.asked.claims.difference import DifferenceClaim
from study.asked.claims.importance import ImportanceClaim
from tests.study.analysis.conftest import INIT, RATE, small_study

RATE_FIRST = ImportanceClaim(name="rate", text="", factor="lr", more_than="init")
TRANSFER = DifferenceClaim(
    name="transfer", text="", factor="init", better="pretrained", worse="scratch", least=1.0
)


def told(folder="results/small", trials=48, **plan):
    study = small_study(INIT, RATE, claims=(RATE_FIRST, TRANSFER), trials=trials)
    each = {
        "n_now": 32,
        "n_needed": 40,
        "n_at_next_look": 48,
        "advice": "about 16 more design trials",
    } | plan
    rows = [{"kind": "claim", "name": name} | each for name in ("rate", "transfer")]
    power = pd.DataFrame([*rows, {"kind": "factor", "name": "lr"} | each])
    return by_more_trials(study, Path(folder), power)


def test_a_claim_about_shares_is_told_with_its_price_and_the_command_that_pays_it():
    found = told()
    assert list(found) == ["rate"]
    assert "about 16 more design trials at full length, 48 in all" in found["rate"]
    assert found["rate"].endswith("study.run --resume small --trials 64 --by-design")


def test_every_arm_gets_as_many_more():
    assert told(n_at_next_look=49)["rate"].endswith("--trials 66 --by-design")


def test_a_study_that_lies_elsewhere_is_found_there():
    command = "study.run --resume small --out '/my data' --trials 64 --by-design"
    assert told("/my data/small")["rate"].endswith(command)


def test_what_no_number_of_trials_settles_has_no_command():
    found = told(n_needed=None, advice="out of reach here: more than 20 times the trials")
    assert found["rate"].endswith("out of reach here: more than 20 times the trials")
    assert "study.run" not in found["rate"]


def test_a_claim_that_the_search_has_settled_costs_nothing():
    study = small_study(INIT, RATE, claims=(RATE_FIRST,))
    assert (
        by_more_trials(study, Path("results/small"), pd.DataFrame({"kind": [], "name": []})) == {}
    )

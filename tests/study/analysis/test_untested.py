from pathlib import Path

from study.analysis.untested import lacks_faces, lacks_weights
from study.asked.claims.difference import DifferenceClaim
from study.asked.plans import PretrainPlan
from tests.study.analysis.conftest import INIT, RATE, small_study

IMAGENET = "torchvision:IMAGENET1K_V1"


def transfer(needs=IMAGENET):
    return DifferenceClaim(
        name="transfer", text="", needs=needs, factor="init", better="pretrained",
        worse="scratch", least=1.0,
    )  # fmt: skip


def test_a_claim_about_weights_is_tested_only_where_the_study_starts_from_them():
    assert lacks_weights(small_study(INIT, RATE, weights=IMAGENET), transfer()) is None
    assert lacks_weights(small_study(INIT, RATE), transfer(needs=None)) is None
    missing = lacks_weights(small_study(INIT, RATE, weights="source/{variant}.pt"), transfer())
    assert missing is not None
    assert missing.reason == (
        f"not tested here: the claim is about {IMAGENET}, and this study starts from "
        "source/{variant}.pt"
    )
    assert missing.command.endswith(f"--weights {IMAGENET}")
    assert "results/small/study.toml" in missing.command


def test_what_a_study_starts_from_instead_is_named():
    own = small_study(INIT, RATE, pretrain=PretrainPlan(data="synthetic-source", epochs=3))
    missing = lacks_weights(own, transfer())
    assert missing is not None
    assert "backbones trained on synthetic-source" in missing.reason


def test_other_faces_need_confirmed_models_first():
    command = "python -m study.confirm small --external OTHER_FACES"
    unconfirmed, confirmed = small_study(INIT, RATE), small_study(INIT, RATE, confirm_seeds=3)
    assert lacks_faces(unconfirmed).command == f"python -m study.confirm small && {command}"
    assert lacks_faces(confirmed).command == command


def test_commands_find_a_study_that_lies_elsewhere():
    folder = Path("/data/my studies/small")
    study = small_study(INIT, RATE)
    assert lacks_faces(study, folder).command == (
        "python -m study.confirm small --out '/data/my studies' && "
        "python -m study.confirm small --out '/data/my studies' --external OTHER_FACES"
    )
    missing = lacks_weights(study, transfer(), folder)
    assert missing is not None
    assert missing.command == (
        "python -m study.run '/data/my studies/small/study.toml' --name NEW "
        f"--out '/data/my studies' --data FACES --weights {IMAGENET}"
    )


def test_a_pattern_of_weights_is_no_pattern_of_the_shell():
    missing = lacks_weights(small_study(INIT, RATE), transfer(needs="source/{variant}.pt"))
    assert missing is not None
    assert missing.command.endswith("--weights 'source/{variant}.pt'")

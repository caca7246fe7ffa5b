"""Claims that a study cannot test with what it has: why not, and the command that would."""

from dataclasses import dataclass

from study.asked.claim import Claim
from study.asked.factors import Study


@dataclass(frozen=True)
class Untested:
    """Why a claim is not tested here.

    Attributes:
        reason: Begins with "not tested here".
        command: Tests it where what it needs is there; capitals stand for the user's own words.
    """

    reason: str
    command: str


def lacks_weights(study: Study, claim: Claim) -> Untested | None:
    """What a claim about certain weights lacks in a study that starts from others."""
    if claim.needs is None or study.weights == claim.needs:
        return None
    source = study.weights or (
        f"backbones trained on {study.pretrain.data}" if study.pretrain else "no weights"
    )
    return Untested(
        f"not tested here: the claim is about {claim.needs}, and this study starts from {source}",
        f"python -m study.run results/{study.name}/study.toml --name NEW "
        f"--data {study.classes.subject.upper()} --weights {claim.needs}",
    )


def lacks_faces(study: Study) -> Untested:
    """What a claim about other faces lacks before any were scored."""
    subject = study.classes.subject
    models = "" if study.confirm_seeds else f"python -m study.confirm {study.name} && "
    return Untested(
        f"not tested here: the search sees the study's own {subject} only; confirmed models have "
        "to score others",
        f"{models}python -m study.confirm {study.name} --external OTHER_{subject.upper()}",
    )

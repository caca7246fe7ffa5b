"""Claims that a study cannot test with what it has: why not, and the command that would."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from study.asked.claim import Claim
from study.asked.study import Study
from study.folder.folder import Folder


@dataclass(frozen=True)
class Untested:
    """Why a claim is not tested here.

    Attributes:
        reason: Begins with "not tested here".
        command: Tests it where what it needs is there; capitals stand for the user's own words.
    """

    reason: str
    command: str


def untested(study: Study, claim: Claim, folder: Path | None = None) -> Untested | None:
    """What a claim lacks before models were confirmed; None: the search can test it.

    Args:
        study: The study file.
        claim: One of its claims.
        folder: Where the study lies, for the command; None: where it does unless told otherwise.
    """
    lacking = lacks_weights(study, claim, folder)
    if lacking is None and claim.is_of_other_faces:
        return lacks_faces(study, folder)
    return lacking


def lacks_weights(study: Study, claim: Claim, folder: Path | None = None) -> Untested | None:
    """What a claim about certain weights lacks in a study that starts from others."""
    if claim.needs is None or study.weights == claim.needs:
        return None
    source = study.weights or (
        f"backbones trained on {study.pretrain.data}" if study.pretrain else "no weights"
    )
    folder = folder or _usual(study)
    study_file = shlex.quote(str(Folder(folder).study_file))
    return Untested(
        f"not tested here: the claim is about {claim.needs}, and this study starts from {source}",
        f"python -m study.run {study_file} --name NEW{out_option(folder)} "
        f"--data {study.classes.subject.upper()} --weights {shlex.quote(claim.needs)}",
    )


def lacks_faces(study: Study, folder: Path | None = None) -> Untested:
    """What a claim about other faces lacks before any were scored."""
    subject, folder = study.classes.subject, folder or _usual(study)
    confirm = f"python -m study.confirm {shlex.quote(folder.name)}{out_option(folder)}"
    models = "" if study.confirm_seeds else f"{confirm} && "
    return Untested(
        f"not tested here: the search sees the study's own {subject} only; confirmed models have "
        "to score others",
        f"{models}{confirm} --external OTHER_{subject.upper()}",
    )


def _usual(study: Study) -> Path:
    return Path("results", study.name)


def out_option(folder: Path) -> str:
    """The option that a command needs to find the folder; empty where it looks by itself."""
    return "" if folder.parent == Path("results") else f" --out {shlex.quote(str(folder.parent))}"

"""A finished search with a lock, as the stage leaves it, that nobody ran."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from study.asked.claims.difference import DifferenceClaim
from study.asked.factors import PretrainPlan, SettlePlan, Study
from study.asked.study_file import dump_study
from study.folder.folder import Folder
from study.folder.provenance import claims_hash
from study.locks.lock import HASH, Lock, new_lock, with_additions, write_lock
from tests.study.report.simulated import a_study, provenance, simulate, written

AT = "2026-01-02T03:04:05+00:00"


def claim(name: str, better: str, least: float) -> DifferenceClaim:
    worse = {"pretrained": "scratch", "scratch": "pretrained"}[better]
    return DifferenceClaim(
        name=name, text=f"{better} is better", factor="init", better=better, worse=worse,
        least=least,
    )  # fmt: skip


CLAIMS = (
    claim("helps", "pretrained", 1.0),
    claim("hurts", "scratch", 1.0),
    claim("helps_a_lot", "pretrained", 9.0),
)
"""Of a difference of about nine points: supported, refuted, unresolved."""


def searched(folder: Path, *, n: int = 96, **changes: Any) -> Path:
    """Tables and provenance; no lock."""
    plan = PretrainPlan(data="synthetic-source", epochs=1)
    study = a_study(**{"claims": CLAIMS, "trials": n, "pretrain": plan} | changes)
    known = provenance() | {"claims_hash": claims_hash(study)}
    return written(folder, study, *simulate(study, n), known)


def locked(folder: Path, **changes: Any) -> Path:
    """The same with the lock that it would have."""
    path = searched(folder, **changes)
    lock_it(Folder(path))
    return path


def lock_it(folder: Folder) -> Lock:
    """Write the lock, and its hash into study.json."""
    known = json.loads(folder.provenance.read_text())
    lock = new_lock(
        folder.read_study(),
        fingerprint=known["data"]["fingerprint"],
        folds=known.get("folds", {}).get("digest"),
        at=AT,
    )
    write_lock(folder, lock)
    folder.provenance.write_text(json.dumps(known | {"lock": lock[HASH]}))
    return lock


def add_claim(folder: Folder, name: str = "later") -> Study:
    """Add a claim to the study file and to the lock."""
    from study.locks.lock import read_lock

    study = folder.read_study()
    plan = SettlePlan(trainings=8, claims=(claim(name, "pretrained", 2.0),))
    study = replace(study, settle=plan)
    folder.study_file.write_text(dump_study(study))
    lock = read_lock(folder)
    assert lock is not None
    write_lock(folder, with_additions(lock, study, at="2026-02-03T00:00:00+00:00"))
    return study

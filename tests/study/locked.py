"""A finished search with a lock, as the stage leaves it, that nobody ran."""

import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from study.asked.claims.difference import DifferenceClaim
from study.asked.plans import PretrainPlan, SettlePlan
from study.asked.study import Study
from study.asked.study_file import dump_study
from study.folder.folder import Folder
from study.folder.provenance import claims_hash
from study.folder.record_lines import sealed
from study.folder.tables import configurations
from study.locks.lock import HASH, Lock, new_lock, with_additions, write_lock
from study.stages.search import write_tables
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


def record_it(folder: Folder) -> None:
    """Write the record that the tables would follow from, and the tables as they follow from it.

    Trials that failed have then failed before their first epoch.
    """
    study = folder.read_study()
    trials, epochs = (folder.read_table(kind) for kind in ("trials", "epochs"))
    assert trials is not None
    assert epochs is not None
    values = epochs.groupby("trial_id")["val_accuracy"].agg(list)
    lines = b""
    for row, config in zip(trials.to_dict("records"), configurations(trials), strict=True):
        number, at = {"number": int(row["number"])}, {"at": 1.0}
        start = {"event": "start", **number, "arm": row["arm"], "origin": row["origin"]}
        start |= {"config": config, "seed": int(row["seed"]), "started_at": 1.0}
        start |= {"epochs_planned": int(row["epochs_planned"])}
        end = {"event": "end", **number, "status": row["status"], **at}
        ran = [] if row["status"] == "failed" else values.get(row["trial_id"], [])
        told = [
            {"event": "epoch", **number, "epoch": n, "val_accuracy": value, **at, **SPENT}
            | {"collapsed": bool(row["collapsed"])}
            for n, value in enumerate(ran, start=1)
        ]
        for event in (start, *told, end):
            lines += sealed(event, zlib.crc32(lines))
    folder.record.write_bytes(lines)
    write_tables(study, folder.trials().values(), folder)


SPENT = {"seconds": 1.0, "images_per_second": 1.0, "peak_memory_mib": 1.0, "learning_rate": 0.1}


def lock_it(folder: Folder) -> Lock:
    """Write record and lock, and the lock's hash into study.json."""
    record_it(folder)
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

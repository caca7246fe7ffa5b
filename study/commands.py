"""Every command of both packages but `study.completion`, which completes them.

Another is a module with `parser` and `main`, and a row below.
"""

from typing import Final

COMMANDS: Final = {
    "study.run": "study.run",
    "study.confirm": "study.confirm",
    "study.settle": "study.settle",
    "study.report": "study.report.__main__",
    "study.check": "study.check",
    "study.query": "study.query",
    "study.export_to": "study.export_to",
    "study.import_from": "study.import_from",
    "agecls.audit": "agecls.audit.__main__",
    "agecls.pretrain": "agecls.pretrain",
    "agecls.predict": "agecls.predict",
    "agecls.export": "agecls.export",
    "agecls.faces": "agecls.faces.__main__",
}
"""What follows `python -m`, and the module whose `parser` says its options."""

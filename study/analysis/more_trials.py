"""Claims about shares of variance: what further trials would settle them, and the command.

Shares live on the whole box, so that no row of a settling design tells of them: trials drawn over
the box do. They are judged at a further look at the search, at a stricter level than today's.
"""

import shlex
from math import ceil
from pathlib import Path
from typing import Any

import pandas as pd

from study.analysis.untested import out_option
from study.asked.study import Study
from study.quantities import count


def by_more_trials(study: Study, folder: Path, power: pd.DataFrame) -> dict[str, str]:
    """By open claim about shares, what it takes, as the end of a sentence.

    Args:
        study: The study file.
        folder: Where the study lies.
        power: As `Power` returns.
    """
    of_claims = power[power["kind"] == "claim"].set_index("name")
    return {
        claim.name: _said(study, folder, of_claims.loc[claim.name].to_dict())
        for claim in study.every_claim
        if claim.unit == "share" and claim.name in of_claims.index
    }


def _said(study: Study, folder: Path, plan: dict[str, Any]) -> str:
    where = "it is about shares of variance, which trials over the whole box tell"
    if pd.isna(plan["n_needed"]):
        return f"{where}: {plan['advice']}"
    needed, now = int(plan["n_at_next_look"]), int(plan["n_now"])
    more = needed - now
    trials = study.trials + len(study.arms) * ceil(more / len(study.arms))
    return (
        f"{where}: about {count(more, 'more design trial')} at full length, {needed} in all, "
        f"would settle it if the estimate were true: python -m study.run --resume "
        f"{shlex.quote(folder.name)}{out_option(folder)} --trials {trials} --by-design"
    )

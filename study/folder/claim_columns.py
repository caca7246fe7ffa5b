"""The columns of tables about factors, levels and claims, and of trainings that settle them."""

from typing import Final

from study.folder.column import (
    FLAG,
    REAL,
    TEXT,
    TIME,
    WHOLE,
    Column,
    columns,
    fractions,
    interval,
    keys,
    scores,
    share,
    word,
)

ADJUSTED: Final[tuple[Column, ...]] = columns(
    REAL,
    adjusted_low="lower end at the level that the look, and Holm's step-down over the claims that "
    "were open, gave this claim",
    adjusted_high="upper end likewise; verdicts follow from these two",
)

SETTLE: Final[tuple[Column, ...]] = (
    *keys(TEXT, trial_id="the training's identity, which survives restarts"),
    *columns(
        WHOLE,
        number="place in the plan, from 0: row after row, block after block",
        row="row of the design, from 0",
        block="block, from 0: every row once, on one fold and from one seed",
        fold="fold that was held out, from 0",
        seed="root of the random streams, the same in a whole block",
    ),
    *columns(TEXT, arm="as in trials"),
    *columns(WHOLE, epochs_planned="as in trials", epochs_run="as in trials"),
    word(
        "status",
        "completed: ran its planned length; failed: see error; interrupted: unfinished when this "
        "was written",
        "completed",
        "failed",
        "interrupted",
        is_needed=True,
    ),
    *columns(
        FLAG,
        collapsed="as in trials",
        learned="whether the model is better on its fold than naming how common each class is, "
        "and not far behind the others of its row; false: effects in points are without it",
    ),
    *columns(WHOLE, n_images="images of its fold", n_clusters="independent groups of them"),
    *scores("val", "the images of its fold"),
    *columns(TEXT, error="as in trials"),
    *columns(TIME, started_at="as in trials", ended_at="as in trials"),
    *columns(REAL, train_seconds="as in trials"),
    *columns(TEXT, device="as in trials"),
)
"""A row a training; a column per factor stands before `epochs_planned`."""

LOOKS: Final[tuple[Column, ...]] = (
    *keys(TEXT, claim="name in the study file"),
    *keys(WHOLE, blocks="blocks that were finished when it was looked"),
    *interval("points of the claim's metric, which is the study's unless the claim says another"),
    *ADJUSTED,
    *columns(
        REAL,
        alpha="chance of any wrong verdict that this look and those before it may spend, over all "
        "claims",
    ),
    *columns(
        WHOLE,
        n_open="open claims that share what the look may spend; of a settled claim those at the "
        "look that settled it, itself among them; null in older tables",
    ),
    word("verdict", "what stands after the look", "supported", "refuted", "unresolved"),
    *columns(
        FLAG,
        no_difference="the whole interval lies within the least difference of interest",
        fragile="leaving out one training turns the verdict, all looks judged again without it; "
        "null: open",
    ),
    *columns(
        WHOLE,
        n_trainings="trainings that speak to the claim",
        n_clusters="independent groups of images that they were tested on",
        n_first="trainings of the level that is claimed to be better, or named first",
        n_first_learned="how many of these learned more than how common each class is",
        n_second="trainings of the other level",
        n_second_learned="likewise",
        blocks_needed="blocks in all that would settle it with 80 % power if the estimate were "
        "true; null: settled, or no number up to 1,000 would",
    ),
)
"""A row a claim and look."""

PAIRS: Final[tuple[Column, ...]] = (
    *keys(TEXT, factor_a="one factor", factor_b="the other factor"),
    *interval(
        "points: half of how much more factor_a does under one level of factor_b than under "
        "the other"
    ),
    *columns(REAL, p_adjusted="that it is 0, after Holm's step-down over all pairs estimated"),
    *columns(FLAG, matters="whether the pair, or one that it cannot be told from, matters"),
    *columns(TEXT, aliases="pairs that it cannot be told from in the design; null: none"),
)
"""A row a pair of factors of a settling design, or several that look alike."""

IMPORTANCE: Final[tuple[Column, ...]] = (
    *keys(TEXT, factor="the factor"),
    *share("this factor's main effect"),
    *fractions(
        total_share="share with every pair that the factor is in",
        total_low="lower end of its 95 % interval",
        total_high="upper end of its 95 % interval",
    ),
    *columns(
        REAL,
        sd="standard deviation of the main effect over the box, points of accuracy",
        sd_low="lower end of its 95 % interval",
        sd_high="upper end of its 95 % interval",
        p_value="of the test that there is no main effect",
    ),
    *columns(WHOLE, n_trials="full-length trials in the least tried level or third"),
    *columns(TEXT, reason="why the verdict is what it is"),
)
"""A row a varied factor."""

INTERACTIONS: Final[tuple[Column, ...]] = (
    *keys(TEXT, factor_a="one factor", factor_b="the other factor"),
    *share("this pair's interaction"),
    *columns(
        REAL,
        sd="standard deviation of the interaction over the box, points of accuracy",
        probability="that this is above the smallest that counts",
    ),
    *columns(WHOLE, n_trials="full-length trials in the least tried quarter"),
    *columns(TEXT, reason="why the verdict is what it is"),
)
"""A row a pair of varied factors."""

MARGINALS: Final[tuple[Column, ...]] = (
    *keys(TEXT, factor="the factor", level="its level, or a value of its range, as text"),
    *interval("points of accuracy, all else averaged over the reference box"),
    *columns(WHOLE, n_trials="full-length trials at the level or in that third"),
    *columns(FLAG, extrapolated="hardly any trial stands behind it"),
)
"""A row a level of a factor, or a value of its range."""

CONTRASTS: Final[tuple[Column, ...]] = (
    *keys(
        TEXT,
        factor="the factor; arm: whole arms are compared",
        level_a="one level of it, or one arm, as text",
        level_b="the other one",
    ),
    word(
        "kind",
        "average: over the reference box; tuned: each side at its best configuration",
        "average",
        "tuned",
        is_needed=True,
    ),
    *interval("points: level_a less level_b; null where withheld"),
    *columns(WHOLE, n_trials="full-length trials of the less tried side"),
    *columns(TEXT, reason="why it is withheld; empty where it is not"),
)
"""A row a pair of levels, or of arms, and kind."""

SIMPLEST: Final[tuple[Column, ...]] = (
    *keys(TEXT, arm="the arm whose best recipe is simplified"),
    word(
        "outcome",
        "start: the recipe that it begins with; moved: a factor to its default; kept: a factor "
        "that stays, as the simplest recipe stands; untold: nothing can be said, see reason",
        *("start", "moved", "kept", "untold"),
        is_needed=True,
    ),
    *columns(WHOLE, step="order of the moves, from 0, the start"),
    *columns(
        TEXT,
        factor="which factor",
        before="its level, as text",
        after="its default, as text",
    ),
    *interval("points that the recipe then gives up against the start, in the metric's unit"),
    *fractions(probability="by the posterior, that no more than the margin is given up"),
    *columns(REAL, margin="what may be given up, same unit"),
    *columns(WHOLE, n_trials="full-length trials of all arms, on which the posterior rests"),
    *fractions(sure="probability that a move needs"),
    *columns(
        TEXT,
        trial_id="trial whose recipe the start is",
        recipe="the recipe then, levels by factor as JSON; null for what stays",
        reason="why it stays, or why nothing can be said; empty where it moved",
    ),
)
"""A row a move of an arm's best recipe towards defaults, and a row a factor that stays."""

CLAIMS: Final[tuple[Column, ...]] = (
    *keys(TEXT, claim="name in the study file"),
    *columns(TEXT, text="the claim as declared before the search"),
    *interval("in the row's unit"),
    word("verdict", "what the data say", "supported", "refuted", "unresolved"),
    word("stage", "where the row comes from", "search", "confirm", "settle"),
    *columns(
        WHOLE,
        n_trials="full-length trials (search: of the less tried side) or models (confirm, settle)",
        n_seeds="fresh seeds; 0 in the search",
    ),
    *columns(
        TEXT,
        reason="why the verdict is what it is",
        command="what tests the claim where what this study lacks is there; null: tested here",
        unit="points of accuracy, or share for claims that compare factors",
        split="split or set of other faces that the claim was judged on in the confirm stage",
    ),
    *columns(
        REAL,
        p_value="of the claim's own test",
        p_adjusted="after Holm's step-down over the study's claims",
        adjusted_low="lower end at the level that Holm's step-down, or of a search one of several "
        "looks, gave this claim",
        adjusted_high="upper end likewise",
        search_estimate="what the search had estimated",
        search_low="lower end of that",
        search_high="upper end of that",
    ),
    *columns(
        WHOLE,
        seeds_needed="seeds per arm that would settle it with 80 % power if the estimate were "
        "true; null: settled, or no number would",
    ),
    *columns(
        FLAG,
        no_difference="the whole interval lies within the least difference of interest; null "
        "where nothing was settled",
        fragile="leaving out one training turns the verdict, all claims judged again without it, "
        "and of settle all looks; null: open, or not tried",
    ),
    *columns(
        WHOLE,
        n_trainings="trainings that speak to the claim",
        n_clusters="independent groups of images that they were tested on",
    ),
    *columns(
        FLAG,
        declared_before="whether the claim was declared before the search; told in rows of settle",
    ),
    *columns(
        TEXT,
        metric="metric that the claim asks for, whose points its numbers are; learned: of a "
        "hundred nets, how many learn; null: the study's metric",
    ),
)
"""A row a claim and stage."""

CHECKS: Final[tuple[Column, ...]] = (
    *keys(
        TEXT,
        code="its code, which never changes its meaning",
        title="in a few words",
        question="what is asked",
    ),
    word(
        "outcome",
        "issue: a conclusion may not hold; tip: what would make the study better",
        "issue",
        "tip",
        "passed",
        "not applicable",
        is_needed=True,
    ),
    *keys(
        TEXT,
        why="a sentence with the numbers that it was told by",
        docs="page and anchor that say what follows and what to do",
    ),
)
"""A row a check, in the order in which checks are listed everywhere."""

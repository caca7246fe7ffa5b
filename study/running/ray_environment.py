"""What Ray reads from the environment when it is imported; to be called before that."""

import os


def prepare(*, is_local: bool) -> None:
    """No usage reports, no console of Ray's own, Ctrl-C is ours; what a user has set stays.

    Args:
        is_local: A Ray of our own on this machine: it listens on loopback only, which the name of
            that switch does not say. A cluster's nodes need their real addresses.
    """
    wanted = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AIR_NEW_OUTPUT": "0",
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "TUNE_DISABLE_SIGINT_HANDLER": "1",
        # Or Tune starts one worker after another, with seconds of imports each. Our queue bounds
        # the trials that wait for one.
        "TUNE_MAX_PENDING_TRIALS_PG": "1000",
    }
    if is_local:
        wanted["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    for name, value in wanted.items():
        os.environ.setdefault(name, value)

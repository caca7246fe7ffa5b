import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from study.errors import StudyError
from study.running import ray_environment

LONG = "/scratch/" + "x" * 60


@pytest.fixture
def environment(monkeypatch):
    """An environment without settings of Ray; what would be done at exit is in `at_exit`."""
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(ray_environment.sys, "platform", "linux")
    return os.environ


@pytest.fixture
def at_exit(monkeypatch):
    done = []
    register = lambda *call, **named: done.append((call, named))  # noqa: E731
    monkeypatch.setattr(ray_environment.atexit, "register", register)
    yield done
    for (function, *arguments), named in done:
        function(*arguments, **named)


def test_a_ray_of_our_own_has_a_token_that_is_written_nowhere(environment):
    ray_environment.prepare(is_local=True)
    assert environment["RAY_AUTH_MODE"] == "token"
    assert len(environment["RAY_AUTH_TOKEN"]) == 64
    assert "RAY_TMPDIR" not in environment


def test_workers_of_our_own_ray_have_huge_pages(environment):
    ray_environment.prepare(is_local=True)
    assert environment["THP_MEM_ALLOC_ENABLE"] == "1"


def test_a_users_choice_about_tokens_stays(environment):
    environment |= {"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN_PATH": "/secret"}
    ray_environment.prepare(is_local=True)
    assert environment["RAY_AUTH_MODE"] == "disabled"
    assert "RAY_AUTH_TOKEN" not in environment


def test_a_cluster_keeps_the_token_that_it_has_or_has_not(environment):
    ray_environment.prepare(is_local=False)
    assert not {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_TMPDIR"} & environment.keys()


def test_a_job_folder_too_long_for_sockets_gives_a_short_one_of_ours(environment, at_exit):
    environment["TMPDIR"] = LONG
    ray_environment.prepare(is_local=True)
    folder = Path(environment["RAY_TMPDIR"])
    found = folder.stat()
    assert stat.S_IMODE(found.st_mode) == 0o700
    assert found.st_uid == os.getuid()
    assert len(f"{folder}{'x' * 68}") <= 107
    assert len(at_exit) == 1
    ray_environment.prepare(is_local=True)  # a second stage of one process
    assert environment["RAY_TMPDIR"] == str(folder)


def test_a_job_folder_that_is_short_enough_is_used(environment):
    environment["TMPDIR"] = "/" + "x" * 38
    ray_environment.prepare(is_local=True)
    assert "RAY_TMPDIR" not in environment


def test_a_long_folder_that_the_user_chose_is_refused_with_the_way_out(environment):
    environment["RAY_TMPDIR"] = LONG
    with pytest.raises(StudyError, match=r"RAY_TMPDIR=/scratch/x+ is too long .* 39 bytes"):
        ray_environment.prepare(is_local=True)


def test_where_no_short_folder_can_be_made_the_way_out_is_told(environment, monkeypatch):
    environment["TMPDIR"] = LONG

    def refuse(**_):
        raise PermissionError(13, "Permission denied", "/tmp/ray-x")

    monkeypatch.setattr(ray_environment.tempfile, "mkdtemp", refuse)
    with pytest.raises(StudyError, match=r"Permission denied.*set RAY_TMPDIR"):
        ray_environment.prepare(is_local=True)


USED_BEFORE = """
import os, ray
from ray._raylet import AuthenticationTokenLoader, get_authentication_mode
tokens = AuthenticationTokenLoader.instance()
assert tokens.get_token_for_http_header(ignore_auth_mode=True) == {"authorization": "Bearer old"}
from study.running import ray_environment
ray_environment.prepare(is_local=True)
ours = {"authorization": f"Bearer {os.environ['RAY_AUTH_TOKEN']}"}
# without a mode that asks for tokens it would be empty
assert tokens.get_token_for_http_header() == ours, get_authentication_mode()
"""


def test_ray_that_was_used_before_in_this_process_has_our_token(tmp_path):
    """Or it would wait for 20 s and then refuse its own driver."""
    written = tmp_path / ".ray" / "auth_token"
    written.parent.mkdir()
    written.write_text("old")
    bare = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    command = [sys.executable, "-c", USED_BEFORE]
    environment = {**bare, "HOME": str(tmp_path)}
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert ran.returncode == 0, ran.stderr


def import_before(monkeypatch, *, has_session):
    """A Ray that was imported before and has no caches to reset."""
    ray = SimpleNamespace(
        _raylet=SimpleNamespace(), __version__="9.9", is_initialized=lambda: has_session
    )
    monkeypatch.setitem(sys.modules, "ray", ray)


def test_ray_that_cannot_be_told_of_our_token_is_refused_with_the_way_out(
    environment, monkeypatch
):
    import_before(monkeypatch, has_session=False)
    with pytest.raises(StudyError, match=r"Ray 9\.9 was imported before .* new process"):
        ray_environment.prepare(is_local=True)


def test_a_session_that_runs_keeps_its_token(environment, monkeypatch):
    import_before(monkeypatch, has_session=True)
    ray_environment.prepare(is_local=True)
    assert not [name for name in environment if name.startswith("RAY_")]


OURS = """
import sys
from study.running import ray_environment
ray_environment.prepare(is_local=True)
import ray
from study.running.ray_session import Resources, ray_session
with ray_session(Resources()):
    print(ray.get_runtime_context().gcs_address, flush=True)
    sys.stdin.read()
"""
STRANGER = """
import sys, ray
ray.init(address=sys.argv[1], logging_level="CRITICAL", log_to_driver=False)
print("let in")
"""


@pytest.mark.ray
def test_a_stranger_without_the_token_is_refused_below_a_long_job_folder(tmp_path):
    """By our own Ray, on loopback, in a job whose TMPDIR holds no socket."""
    long = tmp_path / ("x" * 60)
    long.mkdir()
    bare = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    # without the last one it would not look for Ray on loopback at all
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    bare |= {"HOME": str(tmp_path), **quiet}
    with subprocess.Popen(
        [sys.executable, "-c", OURS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**bare, "TMPDIR": str(long)},
    ) as ours:
        address = ours.stdout.readline().strip()
        assert address.startswith("127.0.0.1:")
        stranger = subprocess.run(
            [sys.executable, "-c", STRANGER, address],
            capture_output=True,
            text=True,
            timeout=200,
            env=bare,
        )
        assert stranger.returncode != 0
        assert "let in" not in stranger.stdout
        assert "InvalidAuthToken" in stranger.stderr
        ours.stdin.close()
        assert ours.wait() == 0
    assert not (tmp_path / ".ray").exists()  # the token was kept in memory
    assert list(long.iterdir()) == []

import os

import hypothesis
import pytest

# The default deadline of 200 ms an example fails on a loaded machine for no fault of the code.
# In CI the examples are the same at every run of the same code; elsewhere new ones are tried.
hypothesis.settings.register_profile(
    "project", deadline=None, derandomize="CI" in os.environ, print_blob=True
)
hypothesis.settings.load_profile("project")


@pytest.fixture(scope="session", autouse=True)
def cache_of_this_session(tmp_path_factory):
    """Packs and drawings of the tests never meet those of the user, and no kernel is timed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGECLS_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("AGECLS_KERNELS", "fixed")
        yield


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, empty at first."""
    monkeypatch.setenv("AGECLS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"

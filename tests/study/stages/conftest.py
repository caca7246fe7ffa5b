"""What the tests of several stages share: faces of a study on folds, drawn once a module."""

import pytest

from tests.study import folded


@pytest.fixture(scope="module")
def faces_folder(tmp_path_factory):
    """A folder with the faces of the study of `tests.study.folded`."""
    home = tmp_path_factory.mktemp("folded")
    folded.draw(home)
    return home


@pytest.fixture(scope="module")
def faces(faces_folder):
    """These faces, read."""
    return folded.faces_in(faces_folder)

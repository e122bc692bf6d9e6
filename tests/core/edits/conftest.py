import pytest
from edits_world import make_world


@pytest.fixture
def world(tmp_path):
    world = make_world(tmp_path)
    yield world
    world.close()

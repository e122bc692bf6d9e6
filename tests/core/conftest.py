import pytest
from edits_world import make_world


@pytest.fixture
def world(tmp_path):
    world = make_world(tmp_path)
    yield world
    world.close()


@pytest.fixture
def fine_world(tmp_path):
    """Every supervoxel is a segment of its own."""
    world = make_world(tmp_path, per_segment=1)
    yield world
    world.close()

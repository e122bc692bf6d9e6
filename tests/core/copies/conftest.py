import pytest
from two_copies import begin


@pytest.fixture
def copies(tmp_path):
    """Ada's and Bob's copy of one project in which every segment has two supervoxels."""
    ada = begin(tmp_path / "a", per_segment=2)
    bob = ada.copied(tmp_path / "b", "bob")
    yield ada, bob
    ada.close()
    bob.close()

"""Meshes lie where the voxels lie, keep to their budget and stay closed."""

import numpy as np
import pytest
import trimesh

from segmend.core.algorithms.meshes import (
    Mesh,
    any_pooled,
    coarsening_step,
    joined,
    mesh_mask,
    mesh_within,
    shade,
    smoothed,
)
from segmend.core.errors import InputError


def ball(radius: int) -> np.ndarray:
    axis = np.arange(-radius - 2, radius + 3)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    return z**2 + y**2 + x**2 <= radius**2


def middle(mesh: Mesh) -> np.ndarray:
    return (mesh.vertices_nm.min(axis=0) + mesh.vertices_nm.max(axis=0)) / 2


def as_trimesh(mesh: Mesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices_nm, mesh.faces, process=True)


def test_lies_around_the_voxel_centre_in_nm():
    mask = np.zeros((5, 6, 7), bool)
    mask[2, 3, 4] = True
    mesh = mesh_mask(mask, (40.0, 8.0, 6.0), (1000.0, 100.0, 10.0))
    np.testing.assert_allclose(middle(mesh), [1000 + 80, 100 + 24, 10 + 24], atol=0.01)
    np.testing.assert_allclose(np.ptp(mesh.vertices_nm, axis=0), [40, 8, 6], atol=0.01)


def test_is_closed_even_at_the_border():
    mesh = mesh_mask(np.ones((3, 4, 5), bool), (10.0, 10.0, 10.0))
    assert as_trimesh(mesh).is_watertight


def test_volume_of_a_ball():
    mask = ball(12)
    volume = abs(as_trimesh(mesh_mask(mask, (2.0, 2.0, 2.0))).volume)
    assert volume == pytest.approx(mask.sum() * 8, rel=0.05)


def test_nothing_gives_an_empty_mesh():
    mesh = mesh_mask(np.zeros((4, 4, 4), bool), (1.0, 1.0, 1.0))
    assert len(mesh.faces) == len(mesh.vertices_nm) == 0


def test_two_axes_are_refused():
    with pytest.raises(InputError, match="axes z, y, x"):
        mesh_mask(np.ones((4, 4), bool), (1.0, 1.0, 1.0))


@pytest.mark.parametrize("budget", [12, 200, 2000])
def test_budget_holds_and_the_place_stays(budget: int):
    mask = ball(20)
    fine = mesh_mask(mask, (10.0, 10.0, 10.0), (5.0, 6.0, 7.0))
    mesh = mesh_within(mask, (10.0, 10.0, 10.0), (5.0, 6.0, 7.0), max_faces=budget)
    assert 0 < len(mesh.faces) <= budget < len(fine.faces)
    if budget > 100:
        np.testing.assert_allclose(middle(mesh), middle(fine), atol=60)


def test_a_budget_below_one_voxel_is_refused():
    with pytest.raises(InputError, match="at least 12"):
        mesh_within(ball(3), (1.0, 1.0, 1.0), max_faces=3)


def test_coarsening_makes_voxels_more_even():
    assert coarsening_step((40.0, 8.0, 8.0)) == (1, 2, 2)
    assert coarsening_step((10.0, 10.0, 10.0)) == (2, 2, 2)


def test_thin_things_survive_pooling():
    mask = np.zeros((5, 9, 9), bool)
    mask[:, 4, 4] = True
    pooled = any_pooled(mask, (1, 2, 2))
    assert pooled.shape == (5, 5, 5)
    assert pooled.sum() == 5


def test_joined_meshes_keep_their_parts():
    one = mesh_mask(np.ones((2, 2, 2), bool), (1.0, 1.0, 1.0))
    two = mesh_mask(np.ones((3, 2, 2), bool), (1.0, 1.0, 1.0), (50.0, 0.0, 0.0))
    mesh, part = joined([one, Mesh.empty(), two])
    assert set(part) == {0, 2}
    assert len(mesh.faces) == len(one.faces) + len(two.faces)
    far = mesh.vertices_nm[mesh.faces[-len(two.faces) :]].reshape(-1, 3)
    assert far[:, 0].min() > 40


def test_smoothing_takes_the_steps_and_keeps_the_size():
    mesh = mesh_mask(ball(15), (10.0, 10.0, 10.0))
    smooth = smoothed(mesh)
    centre = middle(mesh)

    def roughness(of: Mesh) -> float:
        radii = np.linalg.norm(of.vertices_nm - centre, axis=1)
        return float(radii.std())

    assert roughness(smooth) < 0.7 * roughness(mesh)
    assert abs(as_trimesh(smooth).volume) == pytest.approx(abs(as_trimesh(mesh).volume), rel=0.03)
    assert smoothed(Mesh.empty()).faces.shape == (0, 3)


def test_side_towards_the_light_is_bright_whatever_the_winding():
    mesh = mesh_mask(ball(10), (10.0, 10.0, 10.0), (0.0, 5000.0, 0.0))
    flipped = Mesh(mesh.vertices_nm, mesh.faces[:, ::-1].copy())
    for ball_mesh in (mesh, flipped):
        bright = shade(ball_mesh, (1.0, 0.0, 0.0))
        z = ball_mesh.vertices_nm[:, 0]
        assert bright[z.argmax()] > 0.9
        assert bright[z.argmin()] < 0.1
        assert bright.min() >= 0
        assert bright.max() <= 1
    assert shade(Mesh.empty()).shape == (0,)

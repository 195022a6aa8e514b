"""What is sure and what is not, by score and by distance."""

from __future__ import annotations

import numpy as np
import pytest

from livebg.refine.trimap import ROOM, SUBJECT, UNKNOWN, trimap


def half(height: int = 40, width: int = 60, edge: int = 30) -> np.ndarray:
    alpha = np.zeros((height, width), np.float32)
    alpha[:, edge:] = 1
    return alpha


@pytest.mark.parametrize("radius", [1, 3, 8])
def test_a_sharp_edge_gets_a_band_of_the_radius_to_each_side(radius):
    tri = trimap(half(), radius)
    assert (tri == trimap(half(), radius)[0]).all()
    row = tri[0]
    assert (row[: 30 - radius] == ROOM).all()
    assert (row[30 - radius : 30 + radius] == UNKNOWN).all()
    assert (row[30 + radius :] == SUBJECT).all()


def test_radius_nothing_goes_by_score_alone():
    alpha = np.linspace(0, 1, 101, dtype=np.float32)[None].repeat(5, axis=0)
    tri = trimap(alpha, 0, low=0.2, high=0.7)
    assert np.array_equal(tri == ROOM, alpha <= 0.2)
    assert np.array_equal(tri == SUBJECT, alpha >= 0.7)
    assert set(np.unique(tri)) == {ROOM, UNKNOWN, SUBJECT}


def test_distance_is_round():
    alpha = np.ones((41, 41), np.float32)
    alpha[20, 20] = 0.5
    rows, columns = np.mgrid[0:41, 0:41]
    away = np.hypot(rows - 20, columns - 20)
    unknown = trimap(alpha, 6) == UNKNOWN
    assert unknown[away <= 5.9].all()
    assert not unknown[away > 6.1].any()


def test_the_pictures_border_is_no_edge():
    tri = trimap(half(), 4)
    assert (tri[0, :20] == ROOM).all()
    assert (tri[-1, -20:] == SUBJECT).all()
    assert (tri[:, -1] == SUBJECT).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (17, 5)])
@pytest.mark.parametrize(("level", "value"), [(0, ROOM), (0.5, UNKNOWN), (1, SUBJECT)])
def test_a_flat_matte_is_one_thing(size, level, value):
    tri = trimap(np.full(size, level, np.float32), 3)
    assert tri.shape == size
    assert tri.dtype == np.uint8
    assert (tri == value).all()


@pytest.mark.parametrize("values", [{"radius": -1}, {"radius": 2, "low": 0.9, "high": 0.1}])
def test_values_that_make_no_sense_are_refused(values):
    with pytest.raises(ValueError, match="must"):
        trimap(half(), **values)

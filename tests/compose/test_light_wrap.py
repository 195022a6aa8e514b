"""The background's light lies on the edge, inside the matte, in its own colour."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livebg.compose import Compositor, Foreground, Plain
from livebg.compose.light_wrap import LightWrap
from livebg.compose.regions import Regions
from livebg.frame import Frame, Matte

DARK = np.full((180, 320, 3), 40, np.uint8)


def left_half(height: int = 180, width: int = 320) -> np.ndarray:
    alpha = np.zeros((height, width), np.float32)
    alpha[:, : width // 2] = 1
    return alpha


def composed(colour: tuple[int, int, int], strength: float) -> np.ndarray:
    compositor = Compositor(Plain(colour), light_wrap=strength)
    return compositor.compose(Frame(DARK), Matte(left_half())).image.astype(int)


def test_light_falls_on_the_edge_and_fades_inward():
    red = composed((250, 20, 20), 1.0)[90, :160, 0]
    assert red[-1] > 40 + 60
    assert (np.diff(red) >= 0).all()
    assert (red[:130] == 40).all()


def test_it_has_the_backgrounds_colour():
    red, green, blue = composed((250, 20, 20), 1.0)[90, 159] - 40
    assert red > 60
    assert max(green, blue) < 12


def test_the_background_itself_gets_none():
    assert (composed((250, 20, 20), 1.0)[:, 160:] == (250, 20, 20)).all()


def test_strength_scales_it_and_nothing_is_nothing():
    weak, strong = (composed((250, 250, 250), strength)[90, 159, 0] - 40 for strength in (0.25, 1.0))
    assert 0.2 < weak / strong < 0.3
    assert np.array_equal(
        composed((250, 250, 250), 0), Compositor(Plain((250, 250, 250))).compose(Frame(DARK), Matte(left_half())).image
    )


def test_with_clean_edges_a_matte_is_divided_into_regions_once(monkeypatch):
    divided = []
    divide = Regions.divide
    monkeypatch.setattr(Regions, "divide", lambda self, alpha: divided.append(alpha) or divide(self, alpha))
    alpha = cv2.blur(left_half(), (15, 15))
    both = Compositor(Plain((250, 250, 250)), decontaminate=True, light_wrap=0.5).compose(Frame(DARK), Matte(alpha))
    assert len(divided) == 1
    clean = Foreground().estimate(DARK, alpha)
    lit = Compositor(Plain((250, 250, 250)), light_wrap=0.5).compose(Frame(clean), Matte(alpha))
    assert np.array_equal(both.image, lit.image)


def test_black_gives_no_light():
    lit = LightWrap(1.0).wrap(DARK, left_half(), np.zeros_like(DARK))
    assert np.array_equal(lit, DARK)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (3, 5), (301, 700)])
def test_any_size_and_a_change_of_size(size):
    light = LightWrap(0.7)
    for height, width in (size, (20, 30), size):
        white = np.full((height, width, 3), 255, np.uint8)
        lit = light.wrap(white // 4, np.full((height, width), 0.5, np.float32), white)
        assert lit.shape == white.shape
        assert (lit > 63).all()


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_out_of_range_is_refused(strength):
    with pytest.raises(ValueError, match=r"within 0\.\.1"):
        Compositor(Plain((0, 0, 0)), light_wrap=strength)

from __future__ import annotations

from fractions import Fraction
from pathlib import PurePosixPath

import numpy as np
import pytest

from livebg.frame import Frame, Matte


def test_a_frame_prints_shapes_not_pixels():
    frame = Frame(np.zeros((4, 6, 3), np.uint8), Fraction(1, 3), 7)
    assert repr(frame) == "Frame(7, 0.333 s, (4, 6, 3))"
    assert (frame.width, frame.height) == (6, 4)


@pytest.mark.parametrize("channels", [(), (3,), (4,)])
def test_the_half_of_a_picture_is_made_once_and_its_means(channels):
    image = np.random.default_rng(0).integers(0, 256, (6, 8, *channels), dtype=np.uint8)
    frame = Frame(image)
    half = frame.half
    means = image.reshape(3, 2, 4, 2, *channels).mean(axis=(1, 3))
    assert half.dtype == np.uint8
    assert np.abs(half - means).max() <= 0.5
    assert frame.at_least(4, 3) is frame.at_least(1, 1) is frame.half is half
    assert (Frame(np.ascontiguousarray(image[:5, :7])).half == half[:2, :3]).all()  # what is odd is left out
    assert frame.with_image(image[:4]).at_least(4, 2) is not half


@pytest.mark.parametrize(("size", "wanted"), [((6, 8), (5, 3)), ((6, 8), (4, 4)), ((5, 8), (1, 1)), ((1, 1), (1, 1))])
def test_what_the_half_is_too_small_or_too_odd_for_is_shrunk_from_the_picture(size, wanted):
    image = np.zeros((*size, 3), np.uint8)
    assert Frame(image).at_least(*wanted) is image


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 6, 3), np.float32), "must be uint8, got float32"),
        (np.zeros((3, 4, 6), np.uint8), r"must be \(H, W, 3\) RGB, got \(3, 4, 6\): put channels last"),
        (np.zeros((4, 6, 3), np.uint8)[:, ::2], "must be contiguous"),
        (None, r"^an image must be a uint8 array \(H, W, 3\), got None: was the file there\?$"),
        ("me.jpg", r"got str: read the file first$"),
        (PurePosixPath("me.jpg"), r"got PurePosixPath: read the file first$"),
        ([[[0, 0, 0]]], r"^an image must be a uint8 array \(H, W, 3\), got list: pass it through numpy\.asarray$"),
    ],
)
def test_a_wrong_image_is_refused_with_the_cure(image, message):
    with pytest.raises(ValueError, match=message):
        Frame(image)


def test_a_wrong_alpha_is_refused_with_the_cure():
    with pytest.raises(ValueError, match=r"alpha must be float32 \(H, W\), got uint8 \(4, 6\): divide by 255"):
        Matte(np.zeros((4, 6), np.uint8))
    with pytest.raises(ValueError, match=r"got float64 \(4, 6\): convert it"):
        Matte(np.zeros((4, 6)))
    for alpha, kind in (([[0.0]], "list"), (None, "None")):
        with pytest.raises(ValueError, match=rf"^alpha must be a float32 array \(H, W\), got {kind}: "):
            Matte(alpha)
    assert repr(Matte(np.zeros((4, 6), np.float32))) == "Matte((4, 6))"


def test_a_matte_as_a_picture_is_rounded_to_the_nearest_step():
    alpha = np.array([[0, 0.499 / 255, 0.501 / 255, 1]], np.float32)
    assert Matte(alpha).as_image().tolist() == [[0, 0, 1, 255]]

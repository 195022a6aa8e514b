from __future__ import annotations

import numpy as np
import pytest

from livebg.errors import UsageError
from livebg.frame import Frame
from livebg.live.view import View, crop_within, parse_crop
from tests.fakes import gradient


def test_what_needs_no_change_is_passed_on_as_it_is():
    frame = Frame(gradient(48, 64))
    assert View(64, 48).of(frame) is frame


def test_a_crop_shows_the_right_part():
    image = gradient(48, 64)
    np.testing.assert_array_equal(View(32, 24, crop=(8, 4, 32, 24)).of(Frame(image)).image, image[4:28, 8:40])


@pytest.mark.parametrize("size", [(1, 1), (1, 64), (48, 1), (480, 640), (33, 77)])
@pytest.mark.parametrize("options", [{}, {"crop": (500, 500, 9, 9)}, {"crop": (0, 0, 64, 48)}])
def test_every_size_comes_out_as_the_outputs(size, options):
    frame = Frame(np.zeros((*size, 3), np.uint8), index=3)
    seen = View(64, 48, **options).of(frame)
    assert seen.image.shape == (48, 64, 3)
    assert seen.image.flags.c_contiguous
    assert seen.index == 3


def test_another_shape_is_cut_and_not_distorted():
    image = np.zeros((48, 128, 3), np.uint8)
    image[:, 32:96] = 255
    assert (View(64, 48).of(Frame(image)).image == 255).all()


def test_a_crop_is_read():
    assert parse_crop("640x360+320+180") == (320, 180, 640, 360)


@pytest.mark.parametrize("text", ["", "640x360", "0x5+1+1", "5x0+1+1", "-5x5+1+1", "axb+c+d", "9999999x5+1+1"])
def test_a_crop_that_cannot_be_read_is_refused(text):
    with pytest.raises(UsageError, match="640x360"):
        parse_crop(text)


def test_a_crop_lies_within_the_picture():
    assert crop_within("640x360+0+0", 640, 360) == (0, 0, 640, 360)
    assert crop_within("40x60+600+300", 640, 360) == (600, 300, 40, 60)


@pytest.mark.parametrize("text", ["641x10+0+0", "10x10+631+0", "10x361+0+0", "10x10+0+351", "9x9+5000+0"])
def test_a_crop_beyond_the_picture_is_refused(text):
    with pytest.raises(UsageError, match=r"reaches beyond the camera's picture, which is 640x360"):
        crop_within(text, 640, 360)

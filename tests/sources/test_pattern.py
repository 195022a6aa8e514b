from __future__ import annotations

from fractions import Fraction
from time import monotonic

import cv2
import numpy as np
import pytest

from livebg.sources import Newest, open_camera
from livebg.sources.pattern import PatternSource, read_number


@pytest.mark.parametrize("size", [(1, 1), (16, 2), (17, 9), (64, 48), (1280, 720)])
def test_frames_of_any_size_can_be_drawn(size):
    with PatternSource(*size, Fraction(200)) as source:
        frames = iter(source)
        for _ in range(3):
            assert next(frames).image.shape == (size[1], size[0], 3)


@pytest.mark.parametrize("number", [0, 1, 1000, 65535, 65536 + 7])
def test_the_number_survives_coding_and_scaling(number):
    with PatternSource(320, 180, Fraction(30)) as source:
        image = source._draw(number)
    coded = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR)
    assert read_number(image) == read_number(cv2.resize(coded, (200, 112))) == number % 65536


def test_bars_move_and_frames_stand_at_their_rate():
    with PatternSource(320, 180, Fraction(100)) as source:
        seen = []
        for frame in source:
            seen.append((frame, source.captured(frame), monotonic()))
            if len(seen) == 5:
                break
    for frame, captured, now in seen:
        assert frame.pts == read_number(frame.image) * Fraction(1, 100)
        assert captured <= now
    upper = [frame.image[120:150] for frame, _, _ in seen]
    assert not any(np.array_equal(upper[0], each) for each in upper[1:])


def test_a_slow_reader_misses_frames_as_with_a_camera():
    with open_camera("test", size=(64, 48), fps=200) as camera:
        assert isinstance(camera, Newest)
        assert camera.info.live
        first = camera.take(5)
        camera._thread.join(0.2)  # while nobody takes any
        second = camera.take(5)
    assert second.pts - first.pts > Fraction(1, 10)
    assert camera.drops > 0

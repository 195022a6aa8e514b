"""The blurred room: no halo of the person, nothing readable, nothing that jumps."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livebg.compose import Blur, Compositor
from livebg.frame import Frame, Matte

STRENGTHS = [0, 0.3, 1]


def blurred(image: np.ndarray, alpha: np.ndarray | None = None, strength: float = 0) -> np.ndarray:
    alpha = np.zeros(image.shape[:2], np.float32) if alpha is None else alpha
    return Blur(strength).under(Frame(image), Matte(alpha)).astype(int)


def disc(height: int, width: int, x: float = 0.5, radius: float = 0.25, soft: float = 3) -> np.ndarray:
    """A round subject with an edge some pixels wide."""
    rows, columns = np.mgrid[0:height, 0:width]
    distance = np.hypot(rows - height / 2, columns - width * x)
    return np.clip((radius * height - distance) / soft + 0.5, 0, 1).astype(np.float32)


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("soft", [1, 5, 20])
def test_no_halo_of_the_person(strength, soft):
    alpha = disc(360, 640, soft=soft)
    gray, red = np.full((360, 640, 3), 90.0), np.array([255, 0, 0])
    image = np.rint(gray + alpha[..., None] * (red - gray)).astype(np.uint8)
    room = blurred(image, alpha, strength)
    seen = 1 - alpha[..., None]
    assert (np.abs(room - 90) * seen).max() <= 2
    # A blur of the whole picture, to show that this picture can have a halo.
    sigma = Blur(strength).sigma(640, 360)
    naive = cv2.GaussianBlur(image, (0, 0), sigma).astype(int)
    assert (np.abs(naive - 90) * seen).max() > 40


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("level", [0, 77, 255])
def test_an_even_room_stays_as_it_is_to_the_bit(strength, level):
    image = np.full((181, 321, 3), level, np.uint8)
    assert (blurred(image, strength=strength) == level).all()
    alpha = disc(181, 321, soft=1)
    assert np.abs(blurred(image, alpha, strength) - level)[alpha < 1].max() <= 1


@pytest.mark.parametrize(("height", "width"), [(360, 640), (720, 1280), (1280, 720), (481, 641)])
@pytest.mark.parametrize("strength", [0, 0.5])
def test_full_contrast_stripes_vanish(height, width, strength):
    """The claim of the module: under a period of 1.9 sigma less than half a step is left, plus rounding."""
    sigma = Blur(strength).sigma(width, height)
    inside = int(4.5 * sigma)  # away from the border, where fewer pixels are averaged
    if 2 * inside >= min(height, width):
        pytest.skip("no pixel is that far from the border")
    for period in np.geomspace(2, 1.9 * sigma, 25):
        for length, shape in ((width, (1, -1, 1)), (height, (-1, 1, 1))):
            wave = np.rint(127.5 + 127.5 * np.cos(2 * np.pi * np.arange(length) / period)).astype(np.uint8)
            image = np.ascontiguousarray(np.broadcast_to(wave.reshape(shape), (height, width, 3)))
            left = blurred(image, strength=strength)[inside:-inside, inside:-inside]
            assert np.ptp(left) <= 2, f"stripes of {period:.1f} pixels"


@pytest.mark.parametrize("period", [4, 8, 9, 16, 30])
def test_stripes_vanish_along_the_outline_and_the_border_too(period):
    """Where the kernel is cut off, detail along the cut is still averaged over all of sigma."""
    height, width = 720, 1280
    wave = (np.arange(height) // (period / 2) % 2 * 255).astype(np.uint8)
    image = np.ascontiguousarray(np.broadcast_to(wave[:, None, None], (height, width, 3)))
    alpha = np.zeros((height, width), np.float32)
    alpha[:, 500:700] = 1  # a person from top to bottom: the stripes end at the outline
    room = blurred(image, alpha)
    inside = int(4.5 * Blur(0).sigma(width, height))
    assert np.ptp(room[inside:-inside][:, alpha[0] == 0]) <= 2


@pytest.mark.parametrize("letter", [1 / 40, 1 / 20, 1 / 10, 1 / 6])
def test_letters_lose_what_identifies_them(letter):
    """Nothing is left from 3 cycles a letter upwards, the band that letters are read by (Solomon & Pelli 1994)."""
    height, width = 720, 1280
    size = letter * height
    image = np.full((height, width, 3), 255, np.uint8)
    scale = cv2.getFontScaleFromHeight(cv2.FONT_HERSHEY_SIMPLEX, round(size), max(2, round(size / 7)))
    for row in np.arange(1.5 * size, height, 1.8 * size):
        text = "SECRET PASSWORD 7391 HKXW " * 6
        where = (-20, int(row))
        cv2.putText(image, text, where, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), max(2, round(size / 7)))
    assert _band(image[..., 0], 3 / size).std() > 15  # the band was there
    inside = int(4.5 * Blur(0).sigma(width, height))
    left = _band(blurred(image)[..., 0], 3 / size)[inside:-inside, inside:-inside]
    assert np.abs(left).max() < 2  # rounding alone makes 0.5, and ringing of the measuring filter


def _band(image: np.ndarray, lowest: float) -> np.ndarray:
    """What a picture holds at and above a frequency in cycles a pixel."""
    window = np.outer(np.hanning(image.shape[0]), np.hanning(image.shape[1]))
    spectrum = np.fft.fft2((image - image.mean()) * window)
    rows, columns = np.fft.fftfreq(image.shape[0]), np.fft.fftfreq(image.shape[1])
    spectrum[np.hypot(rows[:, None], columns[None, :]) < lowest] = 0
    return np.fft.ifft2(spectrum).real


def test_more_strength_is_more_blur():
    image = np.zeros((360, 640, 3), np.uint8)
    image[:, 320:] = 255
    steepest = [np.abs(np.diff(blurred(image, strength=s)[180, :, 0])).max() for s in (0, 0.25, 0.5, 0.75, 1)]
    assert steepest == sorted(steepest, reverse=True)
    assert steepest[0] >= 3 * steepest[-1]
    assert Blur(1).sigma(640, 360) == pytest.approx(4 * Blur(0).sigma(640, 360))


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize(("height", "width"), [(720, 1280), (1080, 1920), (333, 517)])
def test_an_edge_is_blurred_by_sigma(height, width, strength):
    """Halving, filtering and enlarging add up to the Gaussian that was asked for."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, width // 2 :] = 255
    sigma = Blur(strength).sigma(width, height)
    slope = np.diff(blurred(image, strength=strength)[height // 2, :, 0].astype(float))
    places = np.arange(width - 1) - (np.arange(width - 1) * slope).sum() / slope.sum()
    assert np.sqrt((places**2 * slope).sum() / slope.sum()) == pytest.approx(sigma, rel=0.06)


def test_a_moving_person_does_not_make_the_room_jump():
    rng = np.random.default_rng(3)
    image = cv2.resize(rng.integers(0, 256, (9, 16, 3), np.uint8), (640, 360), interpolation=cv2.INTER_CUBIC)
    before = None
    for step in range(40):
        alpha = disc(360, 640, x=0.45 + step / 640)  # a pixel a frame
        room = blurred(image, alpha, 0.5)
        visible = alpha < 0.5
        if before is not None:
            assert np.abs(room - before)[visible].max() <= 4
        before = room


def test_a_person_who_fills_the_picture_leaves_the_colour_of_what_room_there_is():
    image = np.full((360, 640, 3), 200, np.uint8)
    image[:8, :8] = (20, 90, 30)
    alpha = np.ones((360, 640), np.float32)
    alpha[:8, :8] = 0
    room = blurred(image, alpha)
    assert np.abs(room[:8, :8] - (20, 90, 30)).max() <= 8


def test_a_matte_uncertain_everywhere_still_leaves_a_blurred_room():
    image = np.zeros((360, 640, 3), np.uint8)
    image[:, 320:] = 255
    sure, unsure = (blurred(image, np.full((360, 640), value, np.float32)) for value in (0, 0.4))
    assert np.abs(sure - unsure).max() <= 40  # the wider scale has some say
    assert np.ptp(unsure) > 200


def test_a_person_over_the_blurred_room_is_whole():
    image = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    alpha = disc(240, 320)
    composed = Compositor(Blur()).compose(Frame(image), Matte(alpha)).image
    assert np.array_equal(composed[alpha == 1], image[alpha == 1])


@pytest.mark.parametrize("strength", [-0.1, 1.01, float("nan")])
def test_a_strength_out_of_range_is_refused(strength):
    with pytest.raises(ValueError, match=r"within 0\.\.1"):
        Blur(strength)


@pytest.mark.slow
def test_8k():
    image = np.random.default_rng(0).integers(0, 256, (4320, 7680, 3), np.uint8)
    alpha = disc(4320, 7680)
    composed = Compositor(Blur()).compose(Frame(image), Matte(alpha)).image
    assert np.array_equal(composed[alpha == 1], image[alpha == 1])
    assert np.abs(composed[:500, :500].astype(int) - 127).max() < 5

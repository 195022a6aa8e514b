"""Mirror, crop and zoom to the pixel; and a view that follows without a jolt and never leaves the picture."""

from __future__ import annotations

from fractions import Fraction
from math import e

import numpy as np
import pytest

from livebg.compose.framing import DEAD, FREQUENCY, SPEED, Follower, Framing, wanted_view
from livebg.frame import Frame, Matte
from tests.fakes import gradient

RATE = 30


def person(x: float, y: float, size: float, height: int = 90, width: int = 160) -> np.ndarray:
    """An ellipse ``size`` of the picture high, half as wide, around (x, y)."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    across, down = (columns / width - x) / (size / 4), (rows / height - y) / (size / 2)
    return (np.hypot(across, down) < 1).astype(np.float32)


def follow(wanted: list, rate: int = RATE) -> np.ndarray:
    follower = Follower()
    return np.array([follower.step(each, 1 / rate) for each in wanted])


def wandering(seed: int, seconds: int = 20) -> list:
    """A subject that jumps every half second, and is away now and then."""
    random = np.random.default_rng(seed)
    wanted: list = []
    for _ in range(2 * seconds):
        alpha = person(*random.uniform(0, 1, 2), random.uniform(0.05, 1.2))
        wanted += [wanted_view(alpha, 0.3)] * (RATE // 2)
    return wanted


@pytest.mark.parametrize("seed", range(5))
def test_motion_stays_within_its_bounds_whatever_the_subject_does(seed):
    views = follow(wandering(seed))
    derivatives = [np.diff(views, n=order, axis=0) * RATE**order for order in (1, 2, 3)]
    speed, acceleration, jerk = (np.linalg.norm(each, axis=1).max() for each in derivatives)
    assert 0.05 < speed <= SPEED + 1e-9
    # The module's bounds are for steady time; frames add a step of v w² / rate to the acceleration, and so to jerk.
    assert acceleration <= (2 / e + FREQUENCY / RATE) * SPEED * FREQUENCY
    assert jerk <= (3 + 4 / e) * SPEED * FREQUENCY**2
    jolt = np.diff([view for view in wandering(seed) if view is not None], axis=0)
    assert np.abs(jolt).max() * RATE > 10 * SPEED  # the subject itself does jump


@pytest.mark.parametrize("seed", range(5))
def test_no_view_leaves_the_picture(seed):
    views = follow(wandering(seed))
    x, y, half = views[:, 0], views[:, 1], views[:, 2] / 2
    for centre in (x, y):
        assert (centre - half >= -1e-9).all()
        assert (centre + half <= 1 + 1e-9).all()
    assert (views[:, 2] >= 0.3 - 1e-9).all()


def test_it_comes_to_the_subject_and_shows_all_of_it():
    views = follow([wanted_view(person(0.7, 0.4, 0.4), 0.25)] * (5 * RATE))
    x, y, size = views[-1]
    assert x - size / 2 < 0.6
    assert x + size / 2 > 0.8
    assert y - size / 2 < 0.2
    assert y + size / 2 > 0.6
    assert size < 0.75
    assert np.abs(views[-1] - views[-RATE]).max() < 1e-3


def test_it_never_overshoots():
    target = wanted_view(person(0.7, 0.5, 0.4), 0.25)
    sizes = follow([target] * (5 * RATE))[:, 2]
    assert (np.diff(sizes) <= 1e-12).all()


def test_a_subject_that_sways_in_the_dead_zone_moves_nothing():
    first = [wanted_view(person(0.5, 0.5, 0.5), 0.2)] * (6 * RATE)
    still = follow(first)[-1]
    sway = [wanted_view(person(0.5 + 0.6 * DEAD * still[2] * np.sin(i / 5), 0.5, 0.5), 0.2) for i in range(3 * RATE)]
    moved = follow(first + sway)[-len(sway) :]
    # From where the zone was entered, at its rim, the first sway may push once; then all is still.
    assert np.abs(moved[RATE:] - moved[-1]).max() < 2e-3


def test_it_holds_where_nobody_is_there():
    there = [wanted_view(person(0.3, 0.5, 0.4), 0.25)] * (4 * RATE)
    empty = wanted_view(np.zeros((90, 160), np.float32), 0.25)
    assert empty is None
    views = follow(there + [empty] * (4 * RATE))
    assert np.abs(views[-1] - views[4 * RATE - 1]).max() < 1e-3


def test_a_speck_is_nobody_and_moves_no_box():
    alpha = person(0.5, 0.5, 0.5)
    clean = wanted_view(alpha, 0.2)
    alpha[2:4, 2:4] = 1
    assert np.array_equal(wanted_view(alpha, 0.2), clean)
    alpha[:] = 0
    alpha[2:4, 2:4] = 1
    assert wanted_view(alpha, 0.2) is None


def test_time_comes_from_the_frames():
    matte, image = Matte(person(0.7, 0.5, 0.4)), gradient(90, 160)
    shown = {}
    for rate in (10, 60):
        framing = Framing("auto", zoom=3)
        for index in range(rate + 1):
            shown[rate], _ = framing.frame(Frame(image, pts=Fraction(index, rate), index=index), matte)
    assert np.abs(shown[10].image.astype(int) - shown[60].image).mean() < 3
    assert np.abs(shown[10].image.astype(int) - image).mean() > 5


@pytest.mark.parametrize("times", [(5, 4, 0), (0, 3600, 7200), (1, 1, 1)], ids=["back", "a pause", "no time"])
def test_a_broken_clock_gives_no_jump(times):
    matte, image = Matte(person(0.7, 0.5, 0.4)), gradient(90, 160)
    framing = Framing("auto", zoom=3)
    for time in times:
        shown, _ = framing.frame(Frame(image, pts=Fraction(time)), matte)
        assert np.abs(shown.image.astype(int) - image).mean() < 3


def test_reset_begins_with_the_whole_picture():
    matte, image = Matte(person(0.7, 0.5, 0.4)), gradient(90, 160)
    framing = Framing("auto")
    for index in range(60):
        shown, _ = framing.frame(Frame(image, pts=Fraction(index, RATE)), matte)
    assert not np.array_equal(shown.image, image)
    framing.reset()
    shown, kept = framing.frame(Frame(image, pts=Fraction(60, RATE)), matte)
    assert shown.image is image
    assert kept is matte


def test_nothing_to_do_gives_back_what_came():
    frame, matte = Frame(gradient()), Matte(np.zeros((48, 64), np.float32))
    assert Framing().frame(frame, matte) == (frame, matte)


def test_a_mirror_changes_left_and_right_to_the_bit():
    frame = Frame(gradient(), pts=Fraction(3), index=9)
    matte = Matte(person(0.3, 0.5, 0.5, 48, 64))
    shown, mirrored = Framing(mirror=True).frame(frame, matte)
    assert np.array_equal(shown.image, frame.image[:, ::-1])
    assert np.array_equal(mirrored.alpha, matte.alpha[:, ::-1])
    assert (shown.pts, shown.index) == (3, 9)


@pytest.mark.parametrize("mirror", [False, True])
def test_a_zoom_shows_its_part_and_the_matte_the_same(mirror):
    image = gradient(100, 200)
    alpha = np.ascontiguousarray(image[..., 1] / np.float32(255))
    shown, matte = Framing(zoom=2, centre=(0.25, 0.75), mirror=mirror).frame(Frame(image), Matte(alpha))
    assert shown.image.shape == image.shape
    part = image[50:, :100]
    part = part[:, ::-1] if mirror else part
    assert np.abs(shown.image[::2, ::2].astype(int) - part)[1:-1, 1:-1].max() <= 2
    assert np.abs(matte.alpha * 255 - shown.image[..., 1]).max() <= 1.5


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("zoom", [1.25, 3.0])
def test_a_zoom_is_right_to_a_fraction_of_a_pixel(zoom, mirror):
    height, width = 86, 52
    image = gradient(height, width)  # 3 steps from row to row, 5 from column to column: bilinear is exact
    alpha = image[..., 1] / np.float32(255)
    shown, matte = Framing(zoom=zoom, centre=(0.45, 0.55), mirror=mirror).frame(Frame(image), Matte(alpha))
    rows, columns = (
        centre * count + (np.arange(count) + 0.5 - count / 2) / zoom - 0.5
        for centre, count in ((0.55, height), (0.45, width))
    )
    columns = 5 * (columns[::-1] if mirror else columns)
    # OpenCV takes places in steps of 1/32 of a pixel; half a pixel that is shown is 0.8 steps of 8 bits and more.
    assert np.abs(shown.image[..., 0] - 3 * rows[:, None]).max() <= 0.6
    assert np.abs(shown.image[..., 1] - columns).max() <= 0.6
    assert np.abs(matte.alpha * 255 - columns).max() <= 0.2


@pytest.mark.parametrize("mode", ["fixed", "auto"])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (3, 5), (301, 17)])
def test_any_size_and_a_change_of_size(mode, size):
    framing = Framing(mode, zoom=2.5, mirror=True)
    for index, (height, width) in enumerate([size, (48, 64), size]):
        image = gradient(height, width)
        frame, matte = framing.frame(
            Frame(image, pts=Fraction(index, RATE)), Matte(np.ones((height, width), np.float32))
        )
        assert frame.image.shape == image.shape
        assert frame.image.flags.c_contiguous
        assert matte.alpha.shape == (height, width)
        assert (matte.alpha == 1).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mode": "follow"}, "fixed or auto"),
        ({"zoom": 0.5}, r"within 1\.\.8"),
        ({"zoom": float("nan")}, r"within 1\.\.8"),
        ({"centre": (0.5, 1.5)}, r"within 0\.\.1"),
    ],
)
def test_values_out_of_range_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Framing(**values)

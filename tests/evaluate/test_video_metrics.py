"""The measures of clips on hand-made cases: what must be zero, what must rise, and sums done another way."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from livebg.evaluate.lag import LagMeter
from livebg.evaluate.stillness import FlickerMeter, Noisy, WarpMeter
from livebg.evaluate.video_metrics import (
    PER_FRAME,
    ClipMeter,
    ClipScore,
    connectivity_error,
    dtssd,
    gradient_error,
    mean_absolute_difference,
    mean_squared_error,
)
from livebg.frame import StreamInfo
from tests.fakes import FakeSource, gradient

SHAPE = (60, 90)


def disk(x: float, y: float = 30.0, radius: float = 14.0, softness: float = 2.0) -> np.ndarray:
    """A round subject with a soft edge, uint8."""
    rows, columns = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]]
    distance = np.hypot(rows - y, columns - x)
    return np.rint(np.clip((radius - distance) / softness + 0.5, 0, 1) * 255).astype(np.uint8)


def moving(frames: int = 40, late: float = 0.0, softness: float = 2.0) -> list[np.ndarray]:
    """It swings left and right, four seconds a swing at ten a second."""
    return [disk(45 + 20 * np.sin(2 * np.pi * (t - late) / 40), softness=softness) for t in range(frames)]


def score(mattes: list[np.ndarray], truths: list[np.ndarray]) -> ClipScore:
    meter = ClipMeter()
    for matte, truth in zip(mattes, truths, strict=True):
        meter.add(matte, truth)
    return meter.score()


def noisy(mattes: list[np.ndarray], seed: int = 0) -> list[np.ndarray]:
    """Every frame wrong by as much, up in one frame and down in the next: over time the mean is right."""
    swing = np.where(np.random.default_rng(seed).random(SHAPE) < 0.5, 20, -20)
    return [
        np.clip(np.clip(matte, 20, 235) + swing * (-1) ** t, 0, 255).astype(np.uint8) for t, matte in enumerate(mattes)
    ]


def test_identical_mattes_have_no_error_and_no_lag():
    found = score(moving(), moving())
    means = found.means()
    assert {name: means[name] for name in ("mad", "mse", "grad", "conn", "dtssd")} == dict.fromkeys(
        ("mad", "mse", "grad", "conn", "dtssd"), 0.0
    )
    assert means["iou"] == means["boundary_f"] == 1
    assert found.lag == 0


@pytest.mark.parametrize("frames", [1, 2, 3, -2])
def test_mattes_shifted_in_time_lag_by_as_much(frames):
    assert score(moving(late=frames), moving()).lag == pytest.approx(frames, abs=0.03)


@pytest.mark.parametrize("frames", [0.25, 0.5, 1.5, -0.75])
def test_lag_finds_fractions_of_a_frame(frames):
    assert score(moving(late=frames), moving()).lag == pytest.approx(frames, abs=0.05)


@pytest.mark.parametrize("clip", [[disk(40)] * 20, moving(1)], ids=["still", "one frame"])
def test_lag_is_not_told_where_nothing_moves(clip):
    assert score(clip, clip).lag is None


def test_what_is_wrong_in_every_frame_is_no_lag():
    # The subject walks away from a chair that the mattes hold too: earlier truths are more like them.
    truths = [disk(15 + 1.5 * t) for t in range(40)]
    chair = disk(5, radius=20)
    assert score([np.maximum(truth, chair) for truth in truths], truths).lag == pytest.approx(0, abs=0.05)


def test_mattes_that_do_not_follow_the_truth_have_no_lag():
    assert score([disk(45)] * 40, moving()).lag is None
    assert score([np.zeros(SHAPE, np.uint8)] * 40, moving()).lag is None
    blinking = [disk(45, radius=5 + 4 * (t * 7 % 5)) for t in range(40)]
    assert score(blinking, moving()).lag is None


def test_mattes_that_drag_come_late():
    dragging = [moving(1)[0].astype(float)]
    for truth in moving()[1:]:
        dragging.append(0.5 * dragging[-1] + 0.5 * truth)
    lag = score([np.rint(matte).astype(np.uint8) for matte in dragging], moving()).lag
    assert lag == pytest.approx(0.9, abs=0.15)  # a slow signal comes a frame late, a fast one less


def test_a_lag_beyond_the_range_is_its_end():
    meter = LagMeter()
    for t in range(60):
        meter.add(
            np.full((4, 4), max(t - 30, 0) / 60, np.float32), np.full((4, 4), min(max(t - 15, 0), 60) / 60, np.float32)
        )
    assert meter.lag() == 10


def test_noise_in_time_raises_dtssd_and_flicker_and_not_the_mad_of_the_mean():
    truth = [np.clip(disk(45), 20, 235)] * 20
    calm, restless = truth, noisy(truth)
    assert score(restless, truth).means()["dtssd"] > score(calm, truth).means()["dtssd"] + 5
    image = gradient(*SHAPE)
    flickers = []
    for mattes in (calm, restless):
        meter = FlickerMeter()
        for matte, true in zip(mattes, truth, strict=True):
            meter.add(matte, true, image)
        flickers.append(meter.flicker())
    assert flickers[0] == 0
    assert flickers[1] == pytest.approx(40 / 255 * 1e3)
    mean = np.mean(restless, axis=0).astype(np.float32) / 255
    assert mean_absolute_difference(mean, truth[0].astype(np.float32) / 255) == pytest.approx(0, abs=1e-3)


def test_blur_in_space_raises_gradient_error():
    errors = [score(moving(softness=softness), moving()).means()["grad"] for softness in (2.0, 4.0, 8.0)]
    assert errors[0] == 0 < errors[1] < errors[2]


def test_sums_by_hand():
    true = np.zeros((2, 5), np.float32)
    ours = true.copy()
    ours[0, 0] = 0.5
    assert mean_absolute_difference(ours, true) == pytest.approx(50)
    assert mean_squared_error(ours, true) == pytest.approx(25)
    assert dtssd(ours, true, true, true) == pytest.approx(100 * np.sqrt(0.25 / 10))
    assert dtssd(ours, true, ours, true) == 0


def test_gradient_error_against_a_convolution_written_out():
    rng = np.random.default_rng(1)
    ours, true = rng.random((2, 12, 15)).astype(np.float32)
    at = np.arange(-4, 5)
    bell = np.exp(-(at**2) / (2 * 1.4**2))
    kernel = np.outer(bell, -at * bell)  # changes along the row
    kernel /= np.sqrt((kernel**2).sum())

    def magnitude(alpha: np.ndarray) -> np.ndarray:
        padded = np.pad(alpha.astype(np.float64), 4, mode="edge")
        result = np.zeros((2, *alpha.shape))
        for y in range(alpha.shape[0]):
            for x in range(alpha.shape[1]):
                window = padded[y : y + 9, x : x + 9]
                result[:, y, x] = (window * kernel).sum(), (window * kernel.T).sum()
        return np.hypot(*result)

    expected = ((magnitude(ours) - magnitude(true)) ** 2).sum() / 1000
    assert gradient_error(ours, true) == pytest.approx(expected, rel=1e-4)


def test_connectivity_error_by_hand():
    # Two islands; the truth has both. The larger is the sure region, so pixels of the smaller hang on at level 0:
    # theirs count 1 - 1 = 0, and where ours has none, 1.
    true = np.zeros((10, 20), np.float32)
    true[2:8, 2:10] = 1
    true[4:6, 15:18] = 1
    ours = true.copy()
    ours[4:6, 15:18] = 0
    assert connectivity_error(ours, true) == pytest.approx(6 / 1000)
    # Of half the alpha: level 0.5 on the large island for both, the truth's excess of 0.5 counts.
    ours = true.copy()
    ours[2:8, 2:10] = 0.5
    assert connectivity_error(ours, true) == pytest.approx(48 * 0.5 / 1000)


def test_connectivity_error_leaves_small_excess_alone():
    true = np.ones((5, 5), np.float32)
    assert connectivity_error(np.full((5, 5), 0.9, np.float32), true) == 0


def test_empty_mattes_are_right_about_an_empty_truth():
    nothing = [np.zeros(SHAPE, np.uint8)] * 3
    means = score(nothing, nothing).means()
    assert means["iou"] == means["boundary_f"] == 1
    assert means["mad"] == means["conn"] == 0


def test_one_frame_has_no_change():
    found = score([disk(40)], [disk(40)])
    assert found.means()["dtssd"] is None
    assert found.lag is None
    assert {name: len(found.series[name]) for name in PER_FRAME} == {name: int(name != "dtssd") for name in PER_FRAME}


def test_flicker_is_not_told_where_everything_moves():
    meter = FlickerMeter()
    for t in range(3):
        meter.add(disk(40), disk(40), np.full((*SHAPE, 3), 50 * t, np.uint8))
    assert meter.flicker() is None
    assert meter.series == [None, None]


def test_flicker_looks_at_still_pixels_alone():
    image = np.zeros((*SHAPE, 3), np.uint8)
    moved = image.copy()
    moved[:, 45:] = 100
    matte = np.zeros(SHAPE, np.uint8)
    changed = matte.copy()
    changed[:, 45:] = 255  # all where the picture moved
    meter = FlickerMeter()
    meter.add(matte, matte, image)
    meter.add(changed, matte, moved)
    assert meter.flicker() == 0


def test_noise_is_seeded_and_of_the_size_it_says():
    images = [np.full((100, 100, 3), 128, np.uint8)] * 2
    first, second = ([frame.image for frame in Noisy(FakeSource(images), name="clip")] for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], first[1])
    other = next(iter(Noisy(FakeSource(images), name="another"))).image
    assert not np.array_equal(first[0], other)
    assert np.std(first[0].astype(float)) == pytest.approx(2.0, abs=0.1)


def test_noise_passes_the_stream_on():
    source = FakeSource([gradient()])
    with Noisy(source, name="clip") as wrapped:
        assert isinstance(wrapped.info, StreamInfo)
        assert wrapped.notes == ()
        assert [frame.pts for frame in wrapped] == [Fraction(0)]
    assert source.closed == 1


def textured(shift: int) -> np.ndarray:
    """Noise of some size, moved to the right."""
    grain = np.random.default_rng(3).integers(0, 256, (15, 40, 3), np.uint8)
    picture = np.kron(grain, np.ones((8, 8, 1))).astype(np.uint8)
    return np.ascontiguousarray(np.roll(picture, shift, axis=1)[:, 40:280])


def warp_error(mattes: list[np.ndarray]) -> float | None:
    meter = WarpMeter()
    for t, matte in enumerate(mattes):
        meter.add(matte, textured(3 * t))
    return meter.warp()


def test_warping_error_is_low_where_the_matte_moves_with_the_picture():
    def square(left: int) -> np.ndarray:
        matte = np.zeros((120, 240), np.uint8)
        matte[30:90, left : left + 80] = 255
        return matte

    along, against = (
        warp_error([square(60 + 3 * t) for t in range(5)]),
        warp_error([square(60 - 3 * t) for t in range(5)]),
    )
    assert along is not None
    assert against is not None
    assert along < 1
    assert against > 10
    assert warp_error([np.zeros((120, 240), np.uint8)]) is None

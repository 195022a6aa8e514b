"""Steady where the picture is, never late where it moves, no ghosts, and body parts kept that a network loses."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from livebg.errors import StageError, UsageError
from livebg.evaluate.lag import LagMeter
from livebg.frame import Frame, Matte
from livebg.motion import Motion, MotionTracker, nothing_in_common
from livebg.smooth import Smoother
from livebg.stages import Draft
from tests.smooth.scenes import SIZE, scene, steadied

SETTINGS = [("off", 0), ("light", 0), ("strong", 0), ("light", 3), ("strong", 3)]
settings = pytest.mark.parametrize(("strength", "lookahead"), SETTINGS)
causal = pytest.mark.parametrize("strength", ["light", "strong"])


def blank(index: int = 0, size: int = SIZE) -> Frame:
    return Frame(np.full((size, size, 3), 128, np.uint8), index=index)


def unsteady(matte: np.ndarray, seed: int, amount: float = 0.08) -> np.ndarray:
    """A network's opinion: the matte, not quite sure, and wavering in large patches."""
    patches = np.random.default_rng(seed).normal(0, amount, (8, 8)).astype(np.float32)
    height, width = matte.shape
    wavering = cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(unsure(matte) + wavering, 0, 1)


def unsure(matte: np.ndarray) -> np.ndarray:
    """The matte within 0.3..0.7, so that what wavers is not clipped to one side."""
    return 0.3 + 0.4 * matte


def changes(mattes: list[np.ndarray]) -> float:
    """The mean change a frame, in steps of 8 bits."""
    return float(np.mean([np.abs(b - a).mean() for a, b in pairwise(mattes)])) * 255


@settings
def test_a_still_picture_with_sensor_noise_gets_a_still_matte(strength, lookahead):
    pairs = [scene(index=index, noise=2.0) for index in range(100)]
    wavering = [unsteady(matte, index, 0.003) for index, (_, matte) in enumerate(pairs)]
    steady = steadied([frame for frame, _ in pairs], wavering, Smoother(strength, lookahead))
    if strength == "off":
        assert all(np.array_equal(a, b) for a, b in zip(steady, wavering, strict=True))
    else:
        assert changes(steady) < 0.2


@causal
def test_flicker_of_a_network_falls_by_more_than_half(strength):
    pairs = [scene(index=index, noise=2.0) for index in range(30)]
    wavering = [unsteady(matte, index) for index, (_, matte) in enumerate(pairs)]
    steady = steadied([frame for frame, _ in pairs], wavering, Smoother(strength))
    assert changes(steady[10:]) < 0.4 * changes(wavering[10:])


@settings
@pytest.mark.parametrize("speed", [0.5, 3.0])
def test_nothing_lags_behind_a_moving_subject(strength, lookahead, speed):
    assert abs(lag_at(speed, Smoother(strength, lookahead))) <= 0.05


@pytest.mark.parametrize(("strength", "lookahead"), [("light", 1), ("light", 2), ("strong", 2), ("light", 3)])
@pytest.mark.parametrize("speed", [0.25, 1.0])
def test_looking_ahead_nothing_lags_behind_a_slow_subject(strength, lookahead, speed):
    assert abs(lag_at(speed, Smoother(strength, lookahead))) <= 0.05


def lag_at(speed: float, smoother: Smoother) -> float:
    """Frames by which the mattes of a subject that goes to and fro come late."""
    at = np.cumsum(np.sign(np.sin(np.arange(48) / 6 + 0.1))) * speed
    pairs = [scene(float(shift), index=index) for index, shift in enumerate(at)]
    steady = steadied(*map(list, zip(*pairs, strict=True)), smoother)
    meter = LagMeter()
    for matte, (_, truth) in zip(steady, pairs, strict=True):
        meter.add(matte, truth)
    lag = meter.lag()
    assert lag is not None
    return lag


def test_looking_ahead_takes_flicker_off_moving_edges():
    at = 12 * np.sin(np.arange(24) / 5)
    pairs = [scene(float(shift), index=index) for index, shift in enumerate(at)]
    wavering = [unsteady(matte, index) for index, (_, matte) in enumerate(pairs)]
    frames = [frame for frame, _ in pairs]
    errors = []
    for ahead in (0, 2):
        steady = steadied(frames, wavering, Smoother("light", ahead))[4:-4]
        apart = [matte - unsure(truth) for matte, (_, truth) in zip(steady, pairs[4:-4], strict=True)]
        edges = [cv2.GaussianBlur(truth, (0, 0), 3) for _, truth in pairs[4:-4]]
        moving = [(edge > 0.1) & (edge < 0.9) for edge in edges]
        errors.append(np.mean([np.abs(b - a)[at].mean() for (a, b), at in zip(pairwise(apart), moving, strict=False)]))
    assert errors[1] < 0.7 * errors[0]


@causal
@pytest.mark.parametrize("lookahead", [0, 4])
def test_shoulders_lost_for_five_frames_of_thirty_are_kept(strength, lookahead):
    pairs = [scene(1.5 * np.sin(index / 4), index=index, noise=1.0) for index in range(30)]
    scores = [matte.copy() for _, matte in pairs]
    for score in scores[15:20]:
        score[66:] = 0
    steady = steadied([frame for frame, _ in pairs], scores, Smoother(strength, lookahead))
    for matte, (_, truth) in zip(steady, pairs, strict=True):
        sure = truth[66:] > 0.99
        assert np.mean(matte[66:][sure] > 0.5) > 0.97


@causal
def test_a_part_that_stays_lost_is_let_go(strength):
    frame, matte = scene()
    without = matte.copy()
    without[66:] = 0
    steady = steadied([frame] * 60, [matte] * 10 + [without] * 50, Smoother(strength))
    assert steady[11][66:].max() > 0.9
    assert steady[-1][66:].max() < 0.1


def test_what_was_there_for_two_frames_is_not_held_as_a_part_is():
    frame, matte = scene()
    with_more = matte.copy()
    with_more[10:30, 10:30] = 1  # the network's mistake
    steady = steadied([frame] * 40, [matte] * 20 + [with_more] * 2 + [matte] * 18, Smoother())
    assert matte[10:30, 10:30].max() == 0
    before, after = steady[21][15:25, 15:25].max(), steady[27][15:25, 15:25].max()
    assert after < before / 2


@settings
def test_who_leaves_is_lost_and_who_comes_is_found_within_two_frames(strength, lookahead):
    there = [scene(index=index, noise=1.0) for index in range(12)]
    gone = [scene(index=index, noise=1.0, subject=False) for index in range(12, 24)]
    again = [scene(index=index, noise=1.0) for index in range(24, 36)]
    pairs = there + gone + again
    steady = steadied(*map(list, zip(*pairs, strict=True)), Smoother(strength, lookahead))
    sure = pairs[0][1] > 0.99
    assert steady[13][sure].mean() < 0.05
    assert steady[25][sure].mean() > 0.95


@settings
def test_a_cut_leaves_no_ghost(strength, lookahead):
    first = [scene(index=index) for index in range(10)]
    second = [scene(60.0, index=index, seed=50) for index in range(10, 20)]
    pairs = first + second
    wavering = [unsteady(matte, index) for index, (_, matte) in enumerate(pairs)]
    steady = steadied([frame for frame, _ in pairs], wavering, Smoother(strength, lookahead))
    for index in (9, 10):
        truth = unsure(pairs[index][1])
        assert np.abs(steady[index] - truth).mean() <= 1.05 * np.abs(wavering[index] - truth).mean()


@settings
def test_an_empty_scene_stays_empty(strength, lookahead):
    rng = np.random.default_rng(0)
    frames = [Frame(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), index=index) for index in range(8)]
    mattes = [rng.uniform(0, 0.015, (40, 40)).astype(np.float32) for _ in frames]
    assert max(matte.max() for matte in steadied(frames, mattes, Smoother(strength, lookahead))) < 0.02


def test_looking_ahead_helps_and_gives_every_frame_once_in_order():
    pairs = [scene(index=index, noise=2.0) for index in range(20)]
    wavering = [unsteady(matte, index) for index, (_, matte) in enumerate(pairs)]
    frames = [frame for frame, _ in pairs]
    truth = unsure(pairs[0][1])
    errors = [
        np.mean([np.abs(matte - truth).mean() for matte in steadied(frames, wavering, Smoother("light", ahead))])
        for ahead in (0, 4)
    ]
    assert errors[1] < 0.9 * errors[0]
    smoother, tracker = Smoother("light", 4), MotionTracker()
    ready = [
        len(smoother.smooth(Draft(frame, Matte(matte), tracker.follow(frame))))
        for frame, matte in zip(frames[:7], wavering[:7], strict=True)
    ]
    assert ready == [0, 0, 0, 0, 1, 1, 1]
    assert [draft.frame.index for draft in smoother.flush()] == [3, 4, 5, 6]
    assert list(smoother.flush()) == []


def test_reset_forgets_what_was_and_what_waits():
    smoother = Smoother("strong", 2)
    frame, matte = scene()
    smoother.smooth(Draft(frame, Matte(matte)))
    smoother.reset()
    assert list(smoother.flush()) == []
    smoother = Smoother("strong")
    tracker = MotionTracker()
    smoother.smooth(Draft(frame, Matte(matte), tracker.follow(frame)))
    smoother.reset()
    (draft,) = smoother.smooth(Draft(frame, Matte(np.zeros_like(matte)), tracker.follow(frame)))
    assert not draft.matte.alpha.any()


@settings
def test_sizes_that_change_and_tiny_ones(strength, lookahead):
    smoother, tracker = Smoother(strength, lookahead), MotionTracker()
    sizes = [(64, 40), (64, 40), (64, 20), (1, 1), (1, 1), (200, 3)]
    out = []
    for index, (side, cells) in enumerate(sizes):
        frame = blank(index, side)
        out += smoother.smooth(Draft(frame, Matte(np.full((cells, cells), 0.5, np.float32)), tracker.follow(frame)))
    out += smoother.flush()
    assert [draft.matte.alpha.shape[0] for draft in out] == [cells for _, cells in sizes]
    assert all(np.allclose(draft.matte.alpha, 0.5) for draft in out)


@pytest.mark.parametrize("bad", [np.nan, 1.5, -0.1])
def test_a_matte_that_is_none_is_refused_and_does_not_spoil_the_next(bad):
    smoother = Smoother("light")
    matte = np.full((40, 40), 0.5, np.float32)
    spoilt = matte.copy()
    spoilt[3, 4] = bad
    still = MotionTracker()
    smoother.smooth(Draft(blank(0), Matte(matte), still.follow(blank(0))))
    with pytest.raises(StageError, match="frame 1: the matte to smooth runs from"):
        smoother.smooth(Draft(blank(1), Matte(spoilt), still.follow(blank(1))))
    (draft,) = smoother.smooth(Draft(blank(2), Matte(matte), still.follow(blank(2))))
    assert np.array_equal(draft.matte.alpha, matte)


def test_what_was_handed_out_does_not_change():
    frame, matte = scene()
    smoother, tracker = Smoother("light"), MotionTracker()
    given, kept = [], []
    for index in range(4):
        (draft,) = smoother.smooth(Draft(frame, Matte(unsteady(matte, index)), tracker.follow(frame)))
        given.append(draft.matte.alpha)
        kept.append(draft.matte.alpha.copy())
    assert all(np.array_equal(a, b) for a, b in zip(given, kept, strict=True))


def test_a_cut_that_was_told_is_obeyed():
    smoother = Smoother("strong")
    smoother.smooth(Draft(blank(0), Matte(np.ones((8, 8), np.float32))))
    (draft,) = smoother.smooth(Draft(blank(1), Matte(np.zeros((8, 8), np.float32)), nothing_in_common(32, 32)))
    assert not draft.matte.alpha.any()


@pytest.mark.parametrize("lookahead", [0, 2])
def test_after_a_cut_all_is_as_at_the_beginning(lookahead):
    """Where motion tore before the cut, slowly or not, says nothing of what comes after it."""
    torn = np.zeros((128, 128, 2), np.float32)
    torn[:, :64, 0] = 3
    still = np.zeros_like(torn)
    trust = np.ones((128, 128), np.float32)
    first, second = Smoother("light", lookahead), Smoother("light", lookahead)
    _, matte = scene()

    def mattes(smoother: Smoother, motions: list[Motion | None]) -> list[np.ndarray]:
        out = []
        for index, motion in enumerate(motions):
            out += smoother.smooth(Draft(blank(index), Matte(unsteady(matte, index)), motion))
        return [draft.matte.alpha for draft in (*out, *smoother.flush())]

    mattes(first, [None, *[Motion(torn, trust, onward=-torn)] * 5])
    after = [Motion(still, trust, onward=still)] * 5
    for cut, alone in zip(
        mattes(first, [nothing_in_common(128, 128), *after]), mattes(second, [None, *after]), strict=True
    ):
        np.testing.assert_array_equal(cut, alone)


def test_words_and_numbers_that_are_none():
    with pytest.raises(UsageError, match="no smoothing 'heavy': choose off, light, strong"):
        Smoother("heavy")
    with pytest.raises(UsageError, match="lookahead must be 0 or more frames, got -1"):
        Smoother("light", -1)

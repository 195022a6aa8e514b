"""Segmented when it must be, carried when it may be, and told apart by what motion could follow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from livebg.errors import DeviceError, UsageError
from livebg.frame import Frame, Matte
from livebg.motion import Motion, MotionTracker
from livebg.smooth import Cadence
from livebg.smooth.cadence import LONGEST_CARRY, MOST_DOUBT, doubt
from livebg.stages import Draft
from tests.smooth.scenes import scene


class Oracle:
    """The true matte of each frame, by index; counts how often it is asked."""

    def __init__(self, mattes: list[np.ndarray]) -> None:
        self.mattes = mattes
        self.asked: list[int] = []

    def segment(self, frame: Frame) -> Matte:
        self.asked.append(frame.index)
        return Matte(self.mattes[frame.index])

    def reset(self) -> None:
        """Nothing is kept."""


def drafted(
    pairs: list[tuple[Frame, np.ndarray]], every: object, prepare: Callable[[Cadence], None] | None = None
) -> tuple[Oracle, list[Draft]]:
    oracle = Oracle([matte for _, matte in pairs])
    cadence, tracker = Cadence(oracle, every), MotionTracker()
    if prepare is not None:
        prepare(cadence)
    return oracle, [cadence.draft(frame, tracker.follow(frame)) for frame, _ in pairs]


def swaying(count: int) -> list[tuple[Frame, np.ndarray]]:
    return [scene(6 * np.sin(index / 5), index=index, noise=1.0) for index in range(count)]


@pytest.mark.parametrize(("every", "asked"), [(1, [0, 1, 2, 3, 4, 5, 6, 7, 8]), (4, [0, 4, 8]), (8, [0, 8])])
def test_every_nth_frame_is_segmented(every, asked):
    oracle, drafts = drafted(swaying(9), every)
    assert oracle.asked == asked
    assert [draft.frame.index for draft in drafts if draft.fresh] == asked


def test_auto_carries_a_quiet_picture_up_to_its_bound():
    oracle, _ = drafted(swaying(2 * LONGEST_CARRY + 1), "auto")
    assert oracle.asked == [0, LONGEST_CARRY, 2 * LONGEST_CARRY]


def test_what_is_carried_fits_its_own_frame():
    pairs = swaying(12)
    _, drafts = drafted(pairs, 12)
    for draft, (_, truth) in zip(drafts, pairs, strict=True):
        inside, true = draft.matte.alpha > 0.5, truth > 0.5
        assert np.count_nonzero(inside & true) / np.count_nonzero(inside | true) > 0.94
        assert draft.matte.alpha.shape == truth.shape


def test_a_cut_is_segmented_at_once():
    pairs = swaying(3) + [scene(40, index=index, seed=60) for index in range(3, 6)]
    oracle, _ = drafted(pairs, 8)
    assert oracle.asked == [0, 3]


def test_who_comes_into_an_empty_room_is_segmented():
    pairs = [scene(index=index, subject=False) for index in range(3)] + [scene(index=index) for index in range(3, 6)]
    oracle, _ = drafted(pairs, 12)
    assert oracle.asked == [0, 3]


def test_a_hand_that_comes_up_is_segmented():
    pairs = [scene(index=index) for index in range(8)]
    for frame, _ in pairs[4:]:
        frame.image[70:150, 30:90] = np.random.default_rng(3).integers(0, 255, 3)
    oracle, _ = drafted(pairs, "auto")
    assert oracle.asked == [0, 4]


def test_another_size_is_segmented():
    frame, matte = scene()
    small = Frame(np.ascontiguousarray(frame.image[::2, ::2]), index=2)
    oracle, _ = drafted([(frame, matte), (Frame(frame.image, index=1), matte), (small, matte)], 8)
    assert oracle.asked == [0, 2]


def test_no_motion_and_reset_are_segmented():
    frame, matte = scene()
    oracle = Oracle([matte])
    cadence, tracker = Cadence(oracle, 8), MotionTracker()
    tracker.follow(frame)
    cadence.draft(frame, None)
    cadence.draft(frame, None)
    cadence.draft(frame, tracker.follow(frame))
    cadence.reset()
    cadence.draft(frame, tracker.follow(frame))
    assert oracle.asked == [0, 0, 0]


def test_what_the_segmenter_raises_arrives_and_nothing_old_is_carried_on():
    class Broken(Oracle):
        broken = False

        def segment(self, frame: Frame) -> Matte:
            if self.broken:
                raise DeviceError("out of memory")
            return super().segment(frame)

    frame, matte = scene()
    broken = Broken([matte])
    cadence, tracker = Cadence(broken, 2), MotionTracker()
    for _ in range(2):
        cadence.draft(frame, tracker.follow(frame))
    broken.broken = True
    for _ in range(2):
        with pytest.raises(DeviceError, match="out of memory"):
            cadence.draft(frame, tracker.follow(frame))
    broken.broken = False
    assert cadence.draft(frame, tracker.follow(frame)).fresh


def test_doubt_is_the_share_of_the_mattes_neighbourhood_that_was_not_followed():
    trust = np.ones((100, 100), np.float32)
    alpha = np.zeros((100, 100), np.float32)
    alpha[40:60, 40:60] = 1
    still = Motion(np.zeros((100, 100, 2), np.float32), trust)
    assert doubt(alpha, still) == 0
    trust[:20] = 0  # far from the matte
    assert doubt(alpha, still) == 0
    trust[58:62, 40:60] = 0  # half in it, half beside it
    assert doubt(alpha, still) == pytest.approx(0.2)
    assert doubt(np.zeros_like(alpha), still) == pytest.approx(0.208)
    assert doubt(alpha, still) > MOST_DOUBT


@pytest.mark.parametrize("every", [0, -3])
def test_a_cadence_of_less_than_one(every):
    with pytest.raises(UsageError, match=f"cadence must be auto or a number of frames from 1, got {every}"):
        Cadence(Oracle([]), every)

"""Keyframes in files and beside a live stream: what carrying is worth, and what failing costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from threading import Semaphore
from time import monotonic

import cv2
import numpy as np
import pytest

from livebg.errors import DeviceError, StageError
from livebg.frame import Frame
from livebg.motion import MotionTracker, nothing_in_common
from livebg.refine.guided import Bilinear
from livebg.refine.keyframe_refiner import KeyframeRefiner
from livebg.stages import Draft
from tests.refine.scenes import drafts, error, truth
from tests.refine.test_beside import LONG, until

SPEED = 0.5


class Oracle:
    """An expert that knows the truth of each picture; waits for ``go`` where it has one."""

    def __init__(self, stream: list[Draft], go: Semaphore | None = None, speed: float = SPEED) -> None:
        self._truth = {draft.frame.image.tobytes(): truth(draft.frame.index, speed) for draft in stream}
        self._go = go
        self.asked = 0

    def alpha(self, image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        self.asked += 1
        if self._go is not None:
            assert self._go.acquire(timeout=LONG)
        return self._truth[image.tobytes()]


class Noise:
    def alpha(self, image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        return np.random.default_rng(0).random(alpha.shape, np.float32)


class Failing:
    """Raises, or gives what it was made with."""

    def __init__(self, outcome: Exception | np.ndarray) -> None:
        self._outcome = outcome

    def alpha(self, image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


@pytest.fixture(scope="module")
def stream() -> list[Draft]:
    return drafts(24, SPEED)


def plain(stream: list[Draft]) -> list[np.ndarray]:
    return [Bilinear().refine(draft).alpha for draft in stream]


def errors(alphas: list[np.ndarray], stream: list[Draft]) -> np.ndarray:
    return np.array([error(alpha, draft.frame.index, SPEED) for alpha, draft in zip(alphas, stream, strict=True)])


def assert_none_worse(alphas: list[np.ndarray], stream: list[Draft]) -> None:
    assert (errors(alphas, stream) <= errors(plain(stream), stream) + 1e-6).all()


def test_every_frame_a_keyframe_is_the_expert_itself(stream):
    refiner = KeyframeRefiner(Bilinear(), Oracle(stream), gate=False, every=1)
    alphas = [refiner.refine(draft).alpha for draft in stream[:4]]
    assert errors(alphas, stream[:4]).max() < 0.1 * errors(plain(stream[:4]), stream[:4]).min()
    assert refiner.report.reasons == {"start": 1, "every": 3}


def test_carrying_keeps_most_of_the_oracles_gain_over_ten_frames(stream):
    expert = Oracle(stream)
    refiner = KeyframeRefiner(Bilinear(), expert, gate=False, every=11)
    alphas = [refiner.refine(draft).alpha for draft in stream]
    each = KeyframeRefiner(Bilinear(), Oracle(stream), gate=False, every=1)
    possible = errors(plain(stream), stream) - errors([each.refine(draft).alpha for draft in stream], stream)
    gain = errors(plain(stream), stream) - errors(alphas, stream)
    between = np.arange(len(stream)) % 11 != 0
    assert gain[between].sum() > 0.7 * possible[between].sum()
    assert_none_worse(alphas, stream)
    assert expert.asked == refiner.report.keyframes == 3
    assert refiner.report.carried == 21


def test_noise_is_gated_and_nothing_changes(stream):
    refiner = KeyframeRefiner(Bilinear(), Noise(), every=5)
    for draft, expected in zip(stream, plain(stream), strict=True):
        assert (refiner.refine(draft).alpha == expected).all()
    assert refiner.report.keyframes == 5
    assert refiner.report.accepted == 0
    assert refiner.report.rejected > 0
    assert any(note.startswith("the gate took 0 of") for note in refiner.notes)


def test_the_gate_lets_the_truth_through(stream):
    refiner = KeyframeRefiner(Bilinear(), Oracle(stream), every=11)
    alphas = [refiner.refine(draft).alpha for draft in stream]
    assert refiner.report.accepted > 0
    assert_none_worse(alphas, stream)
    assert errors(alphas, stream).mean() < 0.9 * errors(plain(stream), stream).mean()


def test_in_files_an_experts_error_arrives(stream):
    refiner = KeyframeRefiner(Bilinear(), Failing(DeviceError("CUDA is out of memory")))
    with pytest.raises(DeviceError, match="out of memory"):
        refiner.refine(stream[0])


@pytest.mark.parametrize("given", [np.full((192, 256), np.nan, np.float32), np.zeros((3, 3), np.float32)])
def test_in_files_a_score_that_is_none_is_refused(stream, given):
    refiner = KeyframeRefiner(Bilinear(), Failing(given))
    with pytest.raises(StageError, match=r"frame 0: .* not finite or of another size"):
        refiner.refine(stream[0])


def test_after_a_cut_nothing_of_the_old_scene_is_carried(stream):
    refiner = KeyframeRefiner(Bilinear(), Oracle(stream), gate=False)
    refiner.refine(stream[0])
    height, width = stream[1].motion.trust.shape
    refiner.refine(replace(stream[1], motion=nothing_in_common(height, width)))
    assert refiner.report.reasons == {"start": 1, "cut": 1}
    assert refiner.report.carried == 0


def test_reset_forgets(stream):
    refiner = KeyframeRefiner(Bilinear(), Oracle(stream), gate=False)
    refiner.refine(stream[0])
    refiner.reset()
    refiner.refine(stream[1])
    assert refiner.report.reasons == {"start": 2}


def test_a_frame_of_another_size_is_a_cut(stream):
    refiner = KeyframeRefiner(Bilinear(), Noise())
    refiner.refine(stream[0])
    small = Draft(Frame(np.zeros((40, 30, 3), np.uint8), Fraction(1)), stream[1].matte, stream[1].motion)
    assert refiner.refine(small).alpha.shape == (40, 30)
    assert refiner.report.reasons == {"start": 1, "cut": 1}


def live(expert: object, **options: float) -> KeyframeRefiner:
    return KeyframeRefiner(Bilinear(), expert, gate=False, live=True, **options)


def idle(refiner: KeyframeRefiner) -> Callable[[], bool]:
    return lambda: not refiner._beside._busy


def test_live_a_result_that_comes_300_ms_late_is_carried_to_the_present(stream):
    go = Semaphore(0)
    with live(Oracle(stream, go), closest=30) as refiner:
        alphas = []
        for index, draft in enumerate(stream):
            if index == 8:
                go.release()
                until(idle(refiner))
            alphas.append(refiner.refine(draft).alpha)
    gain = errors(plain(stream), stream) - errors(alphas, stream)
    assert (gain[:8] == 0).all()
    assert (gain[8:] > 0).all()
    assert gain[8] > 0.4 * errors(plain(stream), stream)[8]
    assert refiner.report.keyframes == 1
    assert refiner.report.late == 0


def test_live_while_one_is_refined_no_other_is_asked_for(stream):
    go = Semaphore(0)
    expert = Oracle(stream, go)
    with live(expert, every=3) as refiner:
        for draft in stream[:10]:
            refiner.refine(draft)
        assert refiner.report.keyframes == 1
        assert refiner.report.waited == 7
        go.release()
        until(idle(refiner))
    assert expert.asked == 1


def test_live_what_is_too_old_is_dropped_and_counted(stream):
    go = Semaphore(0)
    with live(Oracle(stream, go), oldest=0.2, closest=30) as refiner:
        for index, (draft, expected) in enumerate(zip(stream[:10], plain(stream), strict=False)):
            if index == 8:
                go.release()
                until(idle(refiner))
            assert (refiner.refine(draft).alpha == expected).all()
    assert refiner.report.late == 1
    assert "1 refinements came too late and were dropped" in refiner.notes


def test_live_a_correction_that_has_grown_too_old_is_dropped(stream):
    with live(Oracle(stream), oldest=0.2, closest=30) as refiner:
        refiner.refine(stream[0])
        until(idle(refiner))
        alphas = [refiner.refine(draft).alpha for draft in stream[1:10]]
    corrected = [bool((alpha != own).any()) for alpha, own in zip(alphas, plain(stream)[1:10], strict=True)]
    assert corrected == [True] * 5 + [False] * 4  # 25 frames a second
    assert refiner.report.late == 0


def test_live_the_expert_sees_the_unrefined_matte_though_the_frame_is_corrected_meanwhile(stream):
    go, seen = Semaphore(0), []

    class Slow(Oracle):
        def alpha(self, image, alpha):
            score = super().alpha(image, alpha)
            seen.append(alpha.copy())
            return score

    with live(Slow(stream, go), every=3, share=None) as refiner:
        refiner.refine(stream[0])
        go.release()
        until(idle(refiner))
        alphas = [refiner.refine(draft).alpha for draft in stream[1:4]]
        go.release()
        until(idle(refiner))
    assert refiner.report.keyframes == 2
    assert (seen[1] == plain(stream)[3]).all()
    assert (alphas[2] != seen[1]).any()


def test_live_what_comes_after_a_cut_belongs_to_the_scene_before(stream):
    go = Semaphore(0)
    height, width = stream[1].motion.trust.shape
    with live(Oracle(stream, go), closest=30) as refiner:
        refiner.refine(stream[0])
        refiner.refine(replace(stream[1], motion=nothing_in_common(height, width)))
        go.release()
        until(idle(refiner))
        after_cut = refiner.refine(stream[2]).alpha
        go.release()
        until(idle(refiner))
    assert (after_cut == plain(stream)[2]).all()
    assert refiner.report.late == 1
    assert refiner.report.reasons["start"] == 1


@pytest.mark.parametrize(
    "outcome", [RuntimeError("CUDA error"), MemoryError(), np.full((192, 256), np.nan, np.float32)], ids=str
)
def test_live_failing_costs_no_frame_and_is_reported_once(stream, outcome, caplog):
    with live(Failing(outcome), every=2) as refiner:
        for draft, expected in zip(stream, plain(stream), strict=True):
            assert (refiner.refine(draft).alpha == expected).all()
            until(idle(refiner))
    assert refiner.report.keyframes == 1
    assert sum("refining stopped" in note for note in refiner.notes) == 1
    assert caplog.text.count("refining stopped") == 1


def test_live_hanging_costs_no_frame_is_reported_once_and_close_does_not_wait(stream):
    go = Semaphore(0)
    refiner = live(Oracle(stream, go), every=2, patience=0.02)
    for draft, expected in zip(stream, plain(stream), strict=True):
        assert (refiner.refine(draft).alpha == expected).all()
    until(lambda: refiner._beside.ready or refiner._beside.failure)  # the stream may be quicker than patience
    until(idle(refiner))
    started = monotonic()
    refiner.close()
    refiner.close()
    assert monotonic() - started < 3
    assert refiner.report.keyframes == 1
    assert refiner.notes[-1] == "refining stopped, the stream goes on without it: no answer within 0.02 s"
    go.release()


@pytest.mark.slow
@pytest.mark.parametrize("late", [0, 8], ids=["file order", "live order, 320 ms late"])
def test_on_talking_heads_carrying_keeps_most_of_the_oracles_gain(shared_data, late):
    """Over the ten frames between keyframes, on each clip."""
    for folder in sorted((shared_data / "talkinghead").iterdir()):
        gains = np.array(talking_head(folder, late))
        assert (gains[:, 0] >= 0).all(), "worse than no refinement"
        share = gains[:, 0].sum() / gains[:, 1].sum()
        # Measured: franck_0 .80, grid_s1_0 .86. Late, each frame is 8 to 18 away from what was refined, and the first
        # eight have nothing: .69 and .73.
        assert share > (0.6 if late else 0.75), (folder.name, share)


def talking_head(folder: Path, late: int) -> list[tuple[float, float]]:
    """What carrying gained on each frame between keyframes, and what the oracle on that very frame gains."""
    from livebg.segment.segmenter import Segmenter

    segmenter, tracker, truths = Segmenter("people", threads=1), MotionTracker(), {}
    go = Semaphore(0)

    class Masks:
        def __init__(self, waits: bool) -> None:
            self._waits = waits

        def alpha(self, image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
            assert not self._waits or go.acquire(timeout=LONG)
            return truths[image.tobytes()]

    each = KeyframeRefiner(Bilinear(), Masks(False), gate=False, every=1)
    carried = KeyframeRefiner(Bilinear(), Masks(late > 0), gate=False, every=11, live=late > 0, share=None)
    gains = []
    with carried:
        for index, name in enumerate(sorted(path.name for path in (folder / "images").iterdir())):
            image = np.ascontiguousarray(cv2.imread(str(folder / "images" / name))[..., ::-1])
            mask = cv2.imread(str(folder / "masks" / name), cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255
            truths[image.tobytes()] = mask
            frame = Frame(image, Fraction(index, 25), index)
            draft = Draft(frame, segmenter.segment(frame), tracker.follow(frame))
            if late and index % 11 == late:
                go.release()
                until(idle(carried))
            wrong = float(np.abs(Bilinear().refine(draft).alpha - mask).mean())
            gain = wrong - float(np.abs(carried.refine(draft).alpha - mask).mean())
            most = wrong - float(np.abs(each.refine(draft).alpha - mask).mean())
            if index % 11:
                gains.append((gain, most))
    return gains

"""The carried matte belongs to the frame it is given for: every step of motion since is in it, once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from time import monotonic

import numpy as np
import pytest

from livebg.errors import DeviceError, StageError
from livebg.frame import Frame, Matte
from livebg.live import late as lates
from livebg.live.late import LateMatte, OwnMatte
from livebg.live.statistics import Statistics
from livebg.motion import Motion, nothing_in_common

SIZE = (24, 32)


def frame(index: int) -> Frame:
    return Frame(np.full((*SIZE, 3), index % 256, np.uint8), index=index)


def moved(pixels: int) -> Motion:
    """Everything moves to the right by so many pixels."""
    flow = np.zeros((*SIZE, 2), np.float32)
    flow[..., 0] = -pixels
    return Motion(flow, np.ones(SIZE, np.float32))


def bar(left: int, shape: tuple[int, int] = SIZE) -> np.ndarray:
    alpha = np.zeros(shape, np.float32)
    alpha[:, left : left + 4] = 1
    return alpha


class Stepped:
    """Segments when it is told to; a bar stands where the frame's index says."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.done = threading.Semaphore(0)
        self.seen: list[int] = []
        self.error: Exception | None = None
        self.alpha = lambda frame: bar(8 + frame.index)

    def segment(self, frame: Frame) -> Matte:
        self.seen.append(frame.index)
        self.begun.release()
        assert self.go.acquire(timeout=10)
        if self.error is not None:
            raise self.error
        return Matte(self.alpha(frame))

    def reset(self) -> None:
        pass


@pytest.fixture
def stepped():
    segmenter = Stepped()
    with LateMatte(segmenter, Statistics()) as late:
        yield late, segmenter
        segmenter.error = None
        for _ in range(5):
            segmenter.go.release()


@pytest.fixture
def other(stepped):
    """Another segmenter, for ``use``; nothing waits for it in the end."""
    segmenter = Stepped()
    yield segmenter
    for _ in range(3):
        segmenter.go.release()


def finish(late: LateMatte, segmenter: Stepped) -> None:
    """Let the segmentation at hand end, and wait until its result lies ready."""
    assert segmenter.begun.acquire(timeout=10)
    segmenter.go.release()
    deadline = monotonic() + 10
    while late._done is None:
        assert monotonic() < deadline
        threading.Event().wait(0.001)


def test_a_late_matte_is_carried_along_every_motion_since_its_frame(stepped):
    late, segmenter = stepped
    assert late.draft(frame(0), None, 10.0) is None
    assert segmenter.begun.acquire(timeout=10)
    segmenter.begun.release()
    assert late.draft(frame(1), moved(1), 10.1) is None
    assert late.draft(frame(2), moved(2), 10.2) is None
    finish(late, segmenter)  # of frame 0
    given = late.draft(third := frame(3), moved(3), 10.3)
    assert given is not None
    assert given.draft.frame is third
    assert given.segmented == 10.0
    assert not given.draft.fresh
    np.testing.assert_allclose(given.draft.matte.alpha, bar(8 + 1 + 2 + 3), atol=1e-4)
    # While the next is segmented, the last goes on.
    given = late.draft(frame(4), moved(4), 10.4)
    np.testing.assert_allclose(given.draft.matte.alpha, bar(18), atol=1e-4)
    assert given.segmented == 10.0


def test_the_thread_takes_the_newest_frame_and_only_once(stepped):
    late, segmenter = stepped
    late.draft(frame(0), None, 0.0)
    finish(late, segmenter)
    for index in range(1, 4):
        late.draft(frame(index), moved(0), float(index))
    assert segmenter.begun.acquire(timeout=10)
    segmenter.begun.release()
    late.draft(frame(4), moved(0), 4.0)
    late.draft(frame(5), moved(0), 5.0)
    finish(late, segmenter)
    given = late.draft(frame(6), moved(1), 6.0)
    first = segmenter.seen[1]
    assert first in (0, 1, 2, 3)
    assert given.segmented == float(first)
    assert segmenter.begun.acquire(timeout=10)
    assert segmenter.seen[2] in (5, 6)
    assert len(set(segmenter.seen)) == len(segmenter.seen)


@pytest.mark.parametrize("after", [moved(0), nothing_in_common(*SIZE)], ids=["hangs", "lost"])
def test_motions_are_not_kept_for_ever_for_a_frame_in_a_thread_that_hangs(stepped, after):
    late, segmenter = stepped
    late.draft(frame(0), None, 0.0)
    assert segmenter.begun.acquire(timeout=10)
    segmenter.begun.release()
    late.draft(frame(1), after, 0.1)
    for index in range(2, 400):
        late.draft(frame(index), moved(0), index / 10)
    assert late._taken.motions == []
    finish(late, segmenter)
    assert late.draft(frame(400), moved(0), 40.0) is None


@pytest.mark.skipif(not hasattr(os, "setpriority") or os.geteuid() != 0, reason="gives up root's rights")
def test_whoever_is_nice_already_and_may_not_be_less_so_gets_mattes():
    code = """
import os
from time import monotonic, sleep
from tests.live.test_late import LateMatte, Statistics, Matte, bar, frame, moved
class Quick:
    def segment(self, frame): return Matte(bar(8))
    def reset(self): pass
os.setpriority(os.PRIO_PROCESS, 0, 5)
os.setuid(65534)
with LateMatte(Quick(), Statistics()) as late:
    end, index = monotonic() + 10, 0
    while late.draft(frame(index), moved(0) if index else None, monotonic()) is None:
        assert monotonic() < end
        index = min(index + 1, 200)
        sleep(0.01)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("motion", [None, nothing_in_common(*SIZE)], ids=["none", "cut"])
def test_nothing_is_carried_over_a_cut(stepped, motion):
    late, segmenter = stepped
    late.draft(frame(0), None, 0.0)
    finish(late, segmenter)
    assert late.draft(frame(1), moved(0), 1.0) is not None
    assert segmenter.begun.acquire(timeout=10)  # of frame 0 or 1
    segmenter.begun.release()
    assert late.draft(frame(2), motion, 2.0) is None
    finish(late, segmenter)
    assert late.draft(frame(3), moved(0), 3.0) is None  # what was found lies before the cut
    finish(late, segmenter)
    given = late.draft(frame(4), moved(0), 4.0)
    assert given is not None
    assert given.segmented >= 2.0


def test_reset_forgets_what_is_under_way_too(stepped):
    """Whatever motion says of the next frame: fail closed."""
    late, segmenter = stepped
    late.draft(frame(0), None, 0.0)
    assert segmenter.begun.acquire(timeout=10)
    segmenter.begun.release()
    late.reset()
    finish(late, segmenter)  # of frame 0
    assert late.draft(frame(1), moved(0), 1.0) is None
    finish(late, segmenter)
    assert late.draft(frame(2), moved(0), 2.0).segmented == 1.0
    late.reset()
    assert late.draft(frame(3), moved(0), 3.0) is None


def test_what_the_segmenter_raises_comes_with_the_next_frame_and_is_over_then(stepped):
    late, segmenter = stepped
    late.draft(frame(0), None, 0.0)
    segmenter.error = DeviceError("lost")
    finish(late, segmenter)
    with pytest.raises(DeviceError, match="lost"):
        late.draft(frame(1), moved(0), 1.0)
    segmenter.error = None
    finish(late, segmenter)
    assert late.draft(frame(2), moved(0), 2.0) is not None


@pytest.mark.parametrize(
    "alpha",
    [np.full(SIZE, np.nan, np.float32), np.full(SIZE, 2, np.float32), np.zeros((0, 4), np.float32), bar(3, (5, 9))],
    ids=["NaN", "above 1", "empty", "another size"],
)
def test_what_is_no_matte_is_refused(stepped, alpha):
    late, segmenter = stepped
    late.draft(frame(0), None, 0.0)
    finish(late, segmenter)
    assert late.draft(frame(1), moved(0), 1.0) is not None
    segmenter.alpha = lambda _: alpha
    finish(late, segmenter)
    with pytest.raises(StageError, match="coarse matte"):
        late.draft(frame(2), moved(0), 2.0)


def test_another_segmenter_takes_over_and_the_last_matte_is_carried_meanwhile(stepped, other):
    late, segmenter = stepped
    late.draft(frame(0), None, 0.0)
    finish(late, segmenter)
    late.draft(frame(1), moved(1), 1.0)
    other.alpha = lambda frame: bar(20, (12, 40))
    late.use(other)
    given = late.draft(frame(2), moved(1), 2.0)
    np.testing.assert_allclose(given.draft.matte.alpha, bar(10), atol=1e-4)
    segmenter.go.release()  # what the first still found has no use
    finish(late, other)
    given = late.draft(frame(3), moved(0), 3.0)
    assert given.draft.matte.alpha.shape == (12, 40)


def test_another_segmenter_may_come_while_the_last_ones_matte_is_checked(stepped, other, monkeypatch):
    late, segmenter = stepped
    late.draft(frame(0), None, 0.0)
    finish(late, segmenter)
    other.alpha = lambda frame: bar(20, (12, 40))
    real = lates.require_coarse

    def meanwhile(matte, shape):
        monkeypatch.setattr(lates, "require_coarse", real)
        late.use(other)
        return real(matte, shape)

    monkeypatch.setattr(lates, "require_coarse", meanwhile)
    assert late.draft(frame(1), moved(0), 1.0) is not None
    finish(late, other)
    assert late.draft(frame(2), moved(0), 2.0).draft.matte.alpha.shape == (12, 40)


def test_what_the_last_segmenter_is_still_at_never_comes_out(stepped, other):
    late, segmenter = stepped
    late.draft(frame(0), None, 0.0)
    assert segmenter.begun.acquire(timeout=10)
    last = late._thread
    late.use(other)
    segmenter.go.release()
    last.join(10)
    assert not last.is_alive()
    assert late.draft(frame(1), moved(0), 1.0) is None


def test_closing_does_not_wait_for_a_segmenter_that_hangs(stepped):
    late, segmenter = stepped
    late.draft(frame(0), None, 0.0)
    assert segmenter.begun.acquire(timeout=10)
    begun = monotonic()
    late.close()
    assert monotonic() - begun < 2


def test_own_mattes_are_of_their_own_frame():
    segmenter = Stepped()
    for _ in range(3):
        segmenter.go.release()
    own = OwnMatte(segmenter, None, Statistics())
    given = own.draft(third := frame(3), None, 3.0)
    assert given.segmented == 3.0
    assert given.draft.frame is third
    np.testing.assert_array_equal(given.draft.matte.alpha, bar(11))
    segmenter.alpha = lambda _: bar(3, (5, 9))
    with pytest.raises(StageError, match="coarse matte"):
        own.draft(frame(4), moved(0), 4.0)

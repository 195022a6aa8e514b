"""Who gives a live frame its coarse matte: its own segmentation, or the newest one that is done.

``OwnMatte`` is ``--latency sync``: each frame waits for its own. ``LateMatte`` is ``--latency low``: a thread segments
the newest frame whenever it is free, and what it found is carried along the motions of the frames since.

Why along the chain, frame by frame: motion between neighbours is small, which is what the flow is good at, and it is
measured for the smoother anyway; where a pixel stood still its flow is exactly 0, so that nothing turns soft.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from threading import Condition, Thread, get_native_id
from typing import TYPE_CHECKING, NamedTuple, Protocol

from livebg.frame import Matte
from livebg.live.checks import require_coarse
from livebg.live.pacer import PATIENCE
from livebg.motion import warp
from livebg.stages import Closing, Draft

if TYPE_CHECKING:
    from livebg.frame import Alpha, Frame
    from livebg.live.statistics import Statistics
    from livebg.motion import Motion
    from livebg.stages import Cadence, Segmenter

Shape = tuple[int, ...]

_OLDEST = 5.0  # seconds: a frame in the thread for longer is given up, since motions since it are a megabyte each
_NICENESS = 2  # little: on a busy machine the matte must not starve either


class Dated(NamedTuple):
    """A draft, and when the frame was captured that its matte was segmented from (``time.monotonic()``)."""

    draft: Draft
    segmented: float


class Drafting(Closing, Protocol):
    """Gives live frames their coarse mattes."""

    def draft(self, frame: Frame, motion: Motion | None, captured: float) -> Dated | None:
        """The frame with a coarse matte; ``None`` where there is none for it yet.

        Raises:
            DeviceError: The segmenter failed, here or in its thread since the last call; and whatever else it raises.
            StageError: Its matte is not one, or has another size than the last.
        """

    def reset(self) -> None:
        """Forget what earlier frames left."""


class OwnMatte(Drafting):
    """Each frame is segmented before it is shown, or as often as a cadence asks."""

    def __init__(self, segmenter: Segmenter, cadence: Cadence | None, statistics: Statistics) -> None:
        """Take a segmenter.

        Args:
            segmenter: Used from the loop's thread.
            cadence: Decides which frames are segmented, with the same segmenter; ``None``: all are.
            statistics: Told about each run of the network.
        """
        self._segmenter, self._cadence, self._statistics = segmenter, cadence, statistics
        self._shape: Shape | None = None
        self._segmented = 0.0

    def draft(self, frame: Frame, motion: Motion | None, captured: float) -> Dated:
        """See ``Drafting``."""
        with self._statistics.stage("segment"):
            if self._cadence is None:
                draft = Draft(frame, self._segmenter.segment(frame), motion)
            else:
                draft = self._cadence.draft(frame, motion)
        if draft.fresh:
            self._statistics.count("segmented")
            self._segmented = captured
        self._shape = require_coarse(draft.matte, self._shape)
        return Dated(draft, self._segmented)

    def reset(self) -> None:
        """See ``Drafting``."""
        self._shape = None
        self._segmenter.reset()
        if self._cadence is not None:
            self._cadence.reset()

    def close(self) -> None:
        """Nothing is open."""


@dataclass(slots=True, eq=False)
class _Late:
    """A frame on its way through the thread, and what happened since it was the newest."""

    frame: Frame
    captured: float
    motions: list[Motion] = field(default_factory=list)
    lost: bool = False  # nothing leads from it to the newest frame any more
    found: Matte | Exception | None = None

    def follow(self, motion: Motion | None, captured: float) -> None:
        """One frame further; motions are not kept for a matte that nobody will use."""
        self.lost = self.lost or motion is None or motion.cut or captured - self.captured > _OLDEST
        if self.lost or motion is None:
            self.motions.clear()
        else:
            self.motions.append(motion)


class LateMatte(Drafting):
    """Segments beside the loop; ``draft`` never waits for it."""

    def __init__(self, segmenter: Segmenter, statistics: Statistics) -> None:
        """Start the thread.

        Args:
            segmenter: Used from the thread alone.
            statistics: Told about each run of the network.
        """
        self._statistics = statistics
        self._changed = Condition()
        self._offered: _Late | None = None  # the newest frame, until the thread takes it
        self._taken: _Late | None = None  # what the thread is at
        self._done: _Late | None = None  # what it found, until the next frame comes
        self._alpha: Alpha | None = None  # the last frame's
        self._segmented = 0.0
        self._shape: Shape | None = None
        self._segmenter: Segmenter | None = None
        self._thread: Thread | None = None
        self.use(segmenter)

    def use(self, segmenter: Segmenter) -> None:
        """Take another segmenter from the next segmentation on; until then what the last one gave is carried.

        It gets a thread of its own, so that one that hangs in the last segmenter is left alone.
        """
        with self._changed:
            self._segmenter = segmenter
            self._taken = self._done = self._shape = None
            self._changed.notify_all()
        self._thread = Thread(target=self._run, args=(segmenter,), name="livebg-segment", daemon=True)
        self._thread.start()

    def draft(self, frame: Frame, motion: Motion | None, captured: float) -> Dated | None:
        """See ``Drafting``."""
        with self._changed:
            done, self._done = self._done, None
            segmenter, shape = self._segmenter, self._shape  # whose it is, and of what size its mattes are
            for late in (self._taken, done):
                if late is not None:
                    late.follow(motion, captured)
            self._offered = _Late(frame, captured)
            self._changed.notify_all()
        if done is not None and isinstance(done.found, Exception):
            self._alpha = None
            raise done.found
        if done is not None and isinstance(done.found, Matte) and not done.lost:
            shape = require_coarse(done.found, shape)
            with self._changed:
                if self._segmenter is segmenter:  # else it has another's size to learn
                    self._shape = shape
            self._alpha, self._segmented = done.found.alpha, done.captured
            steps = done.motions
        elif motion is None or motion.cut:
            self._alpha = None
            steps = []
        else:
            steps = [motion]
        if self._alpha is None:
            return None
        with self._statistics.stage("carry"):
            for step in steps:
                self._alpha = warp(self._alpha, step)
        return Dated(Draft(frame, Matte(self._alpha), motion, fresh=False), self._segmented)

    def reset(self) -> None:
        """See ``Drafting``."""
        with self._changed:
            self._alpha = self._offered = self._done = self._shape = None
            if self._taken is not None:
                self._taken.lost = True

    def close(self) -> None:
        """End the thread, within a moment unless the segmenter hangs; then it ends when that returns."""
        with self._changed:
            self._segmenter = None
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(PATIENCE)

    def _run(self, segmenter: Segmenter) -> None:
        """The thread."""
        _let_others_go_first()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._segmenter is not segmenter or self._offered is not None)
                if self._segmenter is not segmenter or self._offered is None:
                    return
                self._taken, self._offered = self._offered, None
                late = self._taken
            try:
                with self._statistics.stage("segment"):
                    late.found = segmenter.segment(late.frame)
                self._statistics.count("segmented")
            except Exception as error:  # noqa: BLE001 - raised to whoever asks for the next draft
                late.found = error
            with self._changed:
                if self._taken is late:  # else another segmenter has taken over meanwhile
                    self._taken, self._done = None, late


def _let_others_go_first() -> None:
    """Where threads have priorities of their own, put this one behind the loop's: a late matte costs less than a frame.

    Linux alone has them under a thread's id; elsewhere the number would be a process's.
    """
    # Whoever is further behind already may not come back.
    if sys.platform == "linux" and os.getpriority(os.PRIO_PROCESS, 0) < _NICENESS:
        os.setpriority(os.PRIO_PROCESS, get_native_id(), _NICENESS)

"""The output's clock, and the watchdog: writes at the declared rate, and decides what may be shown.

A fresh composed frame goes out at once, as far as the rate allows; when none comes in time the last one is repeated;
and where there is none that may be shown, the slate is. Whatever hangs before it, this thread goes on: the last frame
is shown until it or its matte is older than ``stale``, and then no more.

Why the rate has slack: a camera's clock trembles and drifts against ours. With a minimum distance of exactly one period
a single late frame would delay all that follow. Here credit is counted (the leaky bucket of ITU-T I.371, GCRA): a frame
may come half a period early, and over any length of time no more than 1/0.98 of the rate goes out, so that after a
disturbance the output finds back to the phase of the capture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from threading import Condition, Thread
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from livebg.errors import SinkError, StageError
from livebg.frame import Frame
from livebg.stages import Closing

if TYPE_CHECKING:
    from livebg.frame import Image, Matte
    from livebg.live.statistics import Kind, Statistics
    from livebg.stages import Sink

PATIENCE = 0.3
"""Seconds that closing waits for a thread that is in the middle of something."""

_EARLY = 0.5  # of a period
_PACE = 0.98  # of a period: the credit that each frame costs
_LATE = 1.5  # periods after a fresh frame, at which the next is given up and the last repeated
_HOPELESS = 10.0  # seconds of nothing but failing writes
_TELL_AGAIN = 10.0  # seconds without lateness, after which it is news


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A composed frame that may be shown, for a while. The only thing that the pacer takes.

    Attributes:
        image: RGB (H, W, 3) uint8, composed.
        matte: What it was composed with, (H, W).
        pts: When it was captured, on the camera's clock, in seconds.
        captured: ``time.monotonic()`` at its capture.
        segmented: The same of the frame that its matte was segmented from.
    """

    image: Image
    matte: Matte
    pts: Fraction
    captured: float
    segmented: float


class Pacer(Closing):
    """Writes to a sink in a thread of its own, from its construction until ``close()``."""

    def __init__(
        self,
        sink: Sink,
        rate: Fraction,
        slate: Image,
        statistics: Statistics,
        *,
        stale: float,
        given: Fraction | None = None,
        matte_sink: Sink | None = None,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Begin, with the slate.

        Args:
            sink: Written at ``rate``; opened, finished and closed by the caller.
            rate: Frames a second.
            slate: RGB (H, W, 3) uint8; every shot must have this size.
            statistics: Told about each write.
            given: Frames a second that the camera gives, where known: of fewer than ``rate`` no more can be missed.
            stale: Seconds after its capture, and after its matte's, that a picture may be shown.
            matte_sink: Takes the matte of what is written as a gray picture, black for the slate's.
            tell: Told when writing fails, and when it succeeds again.
        """
        self.stale = stale
        self._sink, self._matte_sink = sink, matte_sink
        self._rate, self._period = rate, float(1 / rate)
        self._slate, self._no_matte = slate, np.zeros(slate.shape[:2], np.uint8)
        self._statistics, self._tell = statistics, tell
        self._changed = Condition()
        self._next: Shot | None = None  # came, not written yet
        self._last: Shot | None = None  # written
        self._paused = self._frozen = self._asleep = self._stopped = self._begun = False
        self._due = max(self._period, float(1 / given) if given else 0.0)  # seconds from a fresh frame to the next
        self._missed = 0  # counted since the last fresh frame
        self._fresh = self._credit = self._repeat_at = monotonic()
        self._epoch: float | None = None
        self._was_late: float | None = None
        self._index = 0
        self._failing_since: float | None = None
        self._error: SinkError | None = None
        self._thread = Thread(target=self._run, name="livebg-pacer", daemon=True)
        self._thread.start()

    def show(self, shot: Shot) -> None:
        """Take a frame in place of one that was not written yet.

        Raises:
            StageError: It has not the output's size.
        """
        if shot.image.shape != self._slate.shape or shot.image.dtype != np.uint8:
            raise StageError(f"a composed frame is {shot.image.shape}, the output {self._slate.shape}: it is not shown")
        self.start_clock(shot.captured - float(shot.pts))
        with self._changed:
            self._next = shot
            self._changed.notify_all()

    def blank(self) -> None:
        """Show the slate until a fresh frame comes: something failed, and nothing older is to stand for it.

        A frozen picture stays: it was asked for, and composed before that.
        """
        with self._changed:
            self._forget()

    def start_clock(self, epoch: float) -> None:
        """Say when the camera's clock was 0, on ``time.monotonic``; what is written has the first such clock."""
        if self._epoch is None:
            self._epoch = epoch

    def pause(self, on: bool) -> None:
        """Show the slate, whatever comes; or go on with the next fresh frame, or the frozen one."""
        with self._changed:
            self._paused = on
            self._forget()

    def freeze(self, on: bool) -> None:
        """Keep showing the last frame, whatever its age and whatever fails; the slate, where there is none.

        Its end brings the newest frame; the frozen one is not shown again, since its time, or a failure, has passed.
        """
        with self._changed:
            if self._frozen and not on:
                self._last = None
            self._frozen = on

    def sleep(self, on: bool) -> None:
        """Show the slate while the camera sleeps, whatever was under way; nothing is missed until it is awake again."""
        with self._changed:
            self._asleep = on
            self._begun = False
            self._forget()

    def change_slate(self, slate: Image) -> None:
        """Take another slate of the same size."""
        assert slate.shape == self._slate.shape
        self._slate = slate

    @property
    def state(self) -> str:
        """``paused``, ``asleep``, ``frozen``, ``shown`` or ``slate``."""
        with self._changed:
            if self._paused:
                return "paused"
            if self._asleep:
                return "asleep"
            if self._last is None:
                return "slate"
            return "frozen" if self._frozen else "shown"

    @property
    def error(self) -> SinkError | None:
        """What ended the thread: writing has failed for ten seconds."""
        return self._error

    def close(self) -> None:
        """End the thread, within a moment unless the sink hangs; then it is left to the sink, and ends after."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(PATIENCE)

    def _forget(self) -> None:
        """What was to be shown is not any more, unless it is frozen."""
        self._next = None
        if not self._frozen:
            self._last = None

    def _run(self) -> None:
        while self._error is None:
            with self._changed:
                while not self._stopped and (wait := self._wait(monotonic())) > 0:
                    self._changed.wait(wait)
                if self._stopped:
                    return
                late = self._lateness(monotonic())
                shot, kind = self._choose(monotonic())
                slate = self._slate
            if late is not None:
                self._tell(late)
            self._write(shot, slate, kind)

    def _wait(self, now: float) -> float:
        """Seconds until something is to be written."""
        wait = self._repeat_at - now
        if self._next is not None and not self._paused and not self._asleep and not self._frozen:
            wait = min(wait, self._credit - _EARLY * self._period - now)
        return wait

    def _choose(self, now: float) -> tuple[Shot | None, Kind]:
        """What is to be written now; ``None`` is the slate."""
        if self._paused or self._asleep:
            return None, "slate"
        kind: Kind = "repeats"
        if self._next is not None and not self._frozen:
            self._last, self._next, kind = self._next, None, "fresh"
        last = self._last
        if last is not None and not self._frozen and now - min(last.captured, last.segmented) > self.stale:
            self._last = None
        return (None, "slate") if self._last is None else (self._last, kind)

    def _lateness(self, now: float) -> str | None:
        """Why what is new is not shown, where it came too late; once until all was in time for ten seconds."""
        new = self._next
        if new is None or self._paused or self._asleep or self._frozen:
            return None
        picture, matte = now - new.captured, now - new.segmented
        if max(picture, matte) <= self.stale:
            return None
        before, self._was_late = self._was_late, now
        if before is not None and now - before < _TELL_AGAIN:
            return None
        return (
            f"the slate is shown: pictures are ready {picture:.1f} s after their capture, with mattes {matte:.1f} s "
            f"old; what is older than {self.stale:g} s is not shown: choose a faster model (--speed auto), a smaller "
            "--capture-size, or a longer --stale"
        )

    def _write(self, shot: Shot | None, slate: Image, kind: Kind) -> None:
        begun = monotonic()
        image = slate if shot is None else shot.image
        frame = Frame(image, self._pts(shot, begun), self._index, duration=1 / self._rate)
        self._index += 1
        try:
            self._sink.write(frame)
            if self._matte_sink is not None:
                matte = self._no_matte if shot is None else shot.matte.as_image()
                self._matte_sink.write(frame.with_image(matte))
        except Exception as error:  # noqa: BLE001 - a sink that fails once must not end the output
            self._failed(error, begun)
        else:
            self._succeeded()
            now = monotonic()
            if shot is None:
                self._statistics.written(kind, None, None)
            else:
                self._statistics.written(kind, now - shot.captured, now - shot.segmented)
                self._statistics.count("carried", kind == "fresh" and shot.segmented != shot.captured)
        self._count_missed(kind, begun)
        self._credit = max(begun, self._credit) + _PACE * self._period
        self._repeat_at = begun + (_LATE if kind == "fresh" else 1) * self._period

    def _pts(self, shot: Shot | None, now: float) -> Fraction:
        """When a picture was captured, on the first camera's clock; of the slate, now, and 0 before that clock began.

        Why capture and not output: sound that is recorded beside it has that clock.
        """
        if self._epoch is None:
            return Fraction(0)
        return _exact((now if shot is None else shot.captured) - self._epoch)

    def _count_missed(self, kind: Kind, now: float) -> None:
        """Fresh frames that did not come, or half a period too late, once there was one, unless that was asked for."""
        if not self._begun or self._paused or self._frozen or self._asleep:
            self._fresh, self._missed = now, 0
        missed = max(int((now - self._fresh) / self._due - (_LATE - 1)), self._missed)
        self._statistics.count("missed", missed - self._missed)
        self._missed = missed
        if kind == "fresh":
            self._begun, self._fresh, self._missed = True, now, 0

    def _failed(self, error: Exception, now: float) -> None:
        self._statistics.count("errors")
        if self._failing_since is None:
            self._failing_since = now
            self._tell(f"the output failed, trying on: {type(error).__name__}: {error}")
        elif now - self._failing_since > _HOPELESS:
            self._error = SinkError(f"the output has failed for {_HOPELESS:.0f} s: {error}")
            self._error.__cause__ = error

    def _succeeded(self) -> None:
        if self._failing_since is not None:
            self._failing_since = None
            self._tell("the output is back")


def _exact(seconds: float) -> Fraction:
    """To the microsecond."""
    return max(Fraction(round(seconds * 1_000_000), 1_000_000), Fraction(0))

"""The live way of a frame, on one page.

    camera -> view -> motion -> matte (own, or carried) -> smooth -> refine -> framing -> compose -> pacer -> output

Compare ``pipeline.run``, which loses no frame: here a frame that cannot be shown in time is not shown, whatever stood
in its way, and the run goes on. The camera's pixels leave this page only through ``compose`` with a matte of that very
frame that passed every check; all that the pacer can be given is a composed ``Shot``.

A stage that raises: slate, every stage forgets, and the next frame is tried. A stage that hangs: the pacer sees no
fresh frame and goes over to the slate. A camera that fails: slate, and it is opened again, with longer and longer
pauses. One that was away and comes back by itself: every stage forgets, since flow over seconds takes the old
subject's place into the new picture.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition, Thread
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from livebg.errors import one_line
from livebg.live.checks import NOBODY, coverage, require_coarse, require_composed, require_motion, require_same_frame
from livebg.live.pacer import PATIENCE, Pacer, Shot
from livebg.pipeline import require_valid
from livebg.stages import Closing, Source

if TYPE_CHECKING:
    from livebg.frame import Frame, Matte
    from livebg.live.late import Drafting
    from livebg.live.statistics import Statistics
    from livebg.live.view import View
    from livebg.stages import Compositor, Refiner, Smoother, Tracker

_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)  # seconds before the camera is opened again; the last goes on
_LOOK = 0.1  # seconds without a frame, after which the loop looks whether it is wanted still
_TELL_AGAIN = 10.0  # seconds without a failure, after which it is news
_AWAY = 0.5  # of the pacer's ``stale`` between two captures: as much is left for the age of the matte before
_SLOW = 3.0  # times the interval before: a camera that is slow, or loses two frames, was not away


class Camera(Source, Protocol):
    """A live source of which only the newest frame waits (``sources.open_camera``)."""

    def take(self, timeout: float) -> Frame | None:
        """The newest frame; ``None`` where none came within so many seconds, and at the end."""

    @property
    def ended(self) -> bool:
        """Whether no more frames will come."""

    @property
    def drops(self) -> int:
        """Frames that nobody took before a newer one came."""

    @property
    def lost(self) -> str | None:
        """Why no picture comes just now, in one line; ``None`` while they come."""

    def captured(self, frame: Frame) -> float:
        """When a frame was captured, in seconds of ``time.monotonic``."""


class Framing(Protocol):
    """Chooses the part of a frame that is shown, with its matte; sizes stay (``compose.framing``)."""

    def frame(self, frame: Frame, matte: Matte) -> tuple[Frame, Matte]:
        """Both, moved alike."""

    def reset(self) -> None:
        """Forget the subject."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The stages of a live run; another one takes its place between two frames.

    Attributes:
        view: Which part of the camera's picture is used, at the output's size.
        drafting: Coarse mattes.
        tracker: Motion between frames; ``None`` where nobody asks.
        smoother: Steadies coarse mattes, without looking ahead; ``None`` leaves them.
        refiner: Brings mattes to the frame's size; ``None`` where the segmenter does.
        framing: Mirrors, zooms and follows; ``None`` shows all as it is.
        compositor: Puts the subject on its background.
        empty: Seconds with nobody in the picture after which the slate is shown; 0: never.
    """

    view: View
    drafting: Drafting
    tracker: Tracker | None
    smoother: Smoother | None
    refiner: Refiner | None
    framing: Framing | None
    compositor: Compositor
    empty: float = 0.0

    def reset(self) -> None:
        """Forget earlier frames."""
        for stage in (self.drafting, self.tracker, self.smoother, self.refiner, self.framing, self.compositor):
            if stage is not None:
                stage.reset()


class Loop(Closing):
    """Takes a camera's frames to a pacer in a thread of its own, from its construction until ``close()``."""

    def __init__(
        self,
        open_camera: Callable[[], Camera],
        parts: Parts,
        pacer: Pacer,
        statistics: Statistics,
        *,
        camera: Camera | None = None,
        tell: Callable[[str], None] = lambda line: None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin.

        Args:
            open_camera: Opens the camera, now and after a failure; every source is closed here.
            parts: The stages; closed by the caller.
            pacer: Takes what may be shown.
            statistics: Told about frames, stages and failures.
            camera: One that is open already, for the first time.
            tell: Told what failed; the same failure, whatever the numbers in it, again once it was away for ten
                seconds.
            ended: Called when the camera gives no more frames, as a clip that is not looped.
        """
        self._open_camera, self._camera = open_camera, camera
        self._parts, self._pacer, self._statistics = parts, pacer, statistics
        self._tell, self._ended = tell, ended
        self._changed = Condition()
        self._waiting: Parts | None = None
        self._stopped = self._asleep = False
        self._told: dict[str, float] = {}
        self._last_seen = 0.0
        self._thread = Thread(target=self._run, name="livebg-loop", daemon=True)
        self._thread.start()

    @property
    def parts(self) -> Parts:
        """The stages of the next frame."""
        with self._changed:
            return self._waiting or self._parts

    def use(self, parts: Parts) -> None:
        """Take other stages from the next frame on; what they replace is the caller's to close once ``settled``."""
        with self._changed:
            self._waiting = parts
            self._changed.notify_all()

    def settled(self, timeout: float) -> bool:
        """Wait until the stages of the last ``use`` are used; whether they are."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting is None or self._stopped, timeout)

    @property
    def lost(self) -> str | None:
        """Why the camera gives no picture just now, in one line; ``None`` while it does."""
        camera = self._camera
        return None if camera is None else camera.lost

    def sleep(self, on: bool) -> None:
        """Close the camera until woken."""
        with self._changed:
            self._asleep = on
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread and close the camera: within a second, even where a stage or the camera hangs."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(PATIENCE)
        if self._camera is not None and self._thread.is_alive():
            self._camera.close()  # under its thread, which ends a read that waits
            self._thread.join(PATIENCE)

    def _run(self) -> None:
        failures = 0
        while self._ready(_PAUSES[min(failures, len(_PAUSES)) - 1] if failures else 0):
            try:
                if self._camera is None:
                    self._camera = self._open_camera()
                with self._camera as camera:
                    failures = 0
                    self._follow(camera)
                    if not self._stopped and not self._asleep:
                        self._ended()
                        return
            except Exception as error:  # noqa: BLE001 - the run goes on without a camera, and looks for it
                failures += 1
                self._failed(error)
            finally:
                self._camera = None

    def _follow(self, camera: Camera) -> None:
        """Every frame of an open camera. Not its iteration: that waits for as long as the cable is out."""
        self._parts.reset()
        drops, interval = 0, 0.0
        last: float | None = None
        while not self._stopped and not self._asleep:
            frame = camera.take(_LOOK)
            self._take_swap()
            if frame is None:
                if camera.ended:
                    return
                continue
            captured = camera.captured(frame)
            if last is not None:
                usual, interval = interval, captured - last
                if interval > max(_AWAY * self._pacer.stale, _SLOW * usual):
                    self._parts.reset()
            last = captured
            self._pacer.start_clock(captured - float(frame.pts))
            self._statistics.count("captured")
            self._statistics.count("drops", camera.drops - drops)
            drops = camera.drops
            try:
                shot = self._way(frame, captured)
                if shot is not None:
                    self._pacer.show(shot)
            except Exception as error:  # noqa: BLE001 - whatever it is, the frame is not shown and the next is tried
                self._failed(error)
                self._parts.reset()

    def _way(self, frame: Frame, captured: float) -> Shot | None:
        """One frame, composed; ``None`` where it cannot be yet, or nobody is in it."""
        parts, stage = self._parts, self._statistics.stage
        with stage("view"):
            frame = parts.view.of(frame)
        motion = None
        if parts.tracker is not None:
            with stage("motion"):
                motion = parts.tracker.follow(frame)
                require_motion(motion)
        dated = parts.drafting.draft(frame, motion, captured)
        if dated is None:
            # What they remember is of a frame before this one, and what comes next is not this frame's successor: after
            # a cut they would take the old subject's place into the new picture.
            for stage_with_memory in (parts.smoother, parts.refiner):
                if stage_with_memory is not None:
                    stage_with_memory.reset()
            return None
        draft = dated.draft
        if parts.smoother is not None:
            with stage("smooth"):
                shape = draft.matte.alpha.shape
                ready = parts.smoother.smooth(draft)
                if not ready:
                    return None
                draft = ready[-1]
                require_same_frame(draft, frame)
                require_coarse(draft.matte, shape)
        matte = draft.matte
        if parts.refiner is not None:
            with stage("refine"):
                matte = parts.refiner.refine(draft)
        with stage("check"):
            require_valid(frame, matte)
            share = coverage(matte)
        shown = frame
        if parts.framing is not None:
            with stage("framing"):
                shown, matte = parts.framing.frame(frame, matte)
                require_valid(shown, matte)
        with stage("compose"):
            composed = parts.compositor.compose(shown, matte)
        require_composed(composed, frame, shown)
        if self._nobody(share, captured):
            self._pacer.blank()
            return None
        return Shot(composed.image, matte, frame.pts, captured, dated.segmented)

    def _nobody(self, share: float, now: float) -> bool:
        """Whether the picture has been empty for too long."""
        if share > NOBODY or not self._last_seen:
            self._last_seen = now
        return 0 < self._parts.empty < now - self._last_seen

    def _take_swap(self) -> None:
        with self._changed:
            if self._waiting is None:
                return
            if self._waiting.view is not self._parts.view:
                self._waiting.reset()  # a matte of the old part of the picture says nothing about the new one
            self._parts, self._waiting = self._waiting, None
            self._changed.notify_all()

    def _ready(self, pause: float) -> bool:
        """Wait for the pause to pass, and for whoever wakes us; whether to open the camera."""
        end = monotonic() + pause
        with self._changed:
            while not self._stopped:
                self._take_swap()
                left = end - monotonic()
                if left <= 0 and not self._asleep:
                    break
                self._changed.wait(None if self._asleep else left)
            return not self._stopped

    def _failed(self, error: Exception) -> None:
        if self._stopped:
            return
        self._pacer.blank()
        self._statistics.count("errors")
        text = one_line(error)
        kind, now = re.sub(r"[0-9.]+", "0", text), monotonic()
        self._told = {told: time for told, time in self._told.items() if now - time < _TELL_AGAIN}
        if kind not in self._told:
            self._tell(f"the slate is shown: {text}")
        self._told[kind] = now

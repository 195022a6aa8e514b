"""A slow expert on keyframes, and what it found on all other frames.

    inner refiner -> carry the last keyframe's correction -> is this frame worth refining? -> expert -> gate

In files the expert is waited for, and its result stands on its own frame. Live it works beside the stream: a frame gets
what there is, and a result that comes late is carried forward to the frame that is then shown.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from livebg.errors import StageError
from livebg.frame import Matte
from livebg.refine.beside import Beside
from livebg.refine.carry import Keyframe
from livebg.refine.cascade_band import replace_band
from livebg.refine.correction import find
from livebg.refine.gate import Verdict, judge
from livebg.refine.keyframes import Keyframes, Reason
from livebg.stages import Closing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livebg.frame import Alpha, Frame, Image
    from livebg.refine.correction import Correction
    from livebg.stages import Draft, Refiner

BAND = 1 / 64
"""Half the width of the edge band that the expert may change, as a share of the frame's longer side."""

_STOPPED = "refining stopped, the stream goes on without it"

_log = logging.getLogger(__name__)


class Expert(Protocol):
    """What ``CascadePSP`` offers: slow, and good at edges."""

    def alpha(self, image: Image, alpha: Alpha) -> Alpha:
        """Alpha (H, W) float32 in [0, 1] of a picture (H, W, 3) uint8 from a rough one. See ``CascadePSP.alpha``."""


@dataclass(slots=True)
class RefineReport:
    """What refining did.

    Attributes:
        frames: Frames that came through.
        keyframes: Frames that were given to the expert.
        reasons: How many of them for which reason.
        accepted: Pieces of edge that the gate took.
        rejected: Pieces that it left.
        carried: Frames between keyframes that got a correction.
        late: Results that came when their keyframe was too old, or its scene over.
        waited: Live, how often a frame was worth refining while the expert was at another. What waits for the budget is
            not counted.
    """

    frames: int = 0
    keyframes: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)
    accepted: int = 0
    rejected: int = 0
    carried: int = 0
    late: int = 0
    waited: int = 0


class _Job(NamedTuple):
    frame: Frame
    before: Alpha


class _Found(NamedTuple):
    verdict: Verdict
    correction: Correction | None


class KeyframeRefiner(Closing):
    """Refines keyframes by an expert and carries what it found (``stages.Refiner``). ``close()`` it where ``live``.

    Args:
        inner: Brings each coarse matte to the frame's size; cheap. The alpha that it gives is corrected in place.
        expert: Refines a keyframe's edge band; as slow as it is.
        gate: Take of a refinement only what fits the picture better (``gate.judge``); ``False`` takes all of it.
        every: Frames from one keyframe to the next; 0 where the picture asks for one (``Keyframes``).
        closest: Where the picture asks, the least distance of two keyframes in frames.
        seconds: Where the picture asks, the most seconds between two.
        live: Work beside the stream: no frame waits for the expert.
        share: Live, the share of the time that the expert may take; ``None`` sets no budget.
        oldest: Live, seconds after which a keyframe's correction is dropped, found or not.
        patience: Live, seconds after which an expert that does not answer is given up.

    Attributes:
        report: What it did so far.

    Raises:
        ValueError: A number out of range.
    """

    def __init__(
        self,
        inner: Refiner,
        expert: Expert,
        *,
        gate: bool = True,
        every: int = 0,
        closest: int = 10,
        seconds: float = 2.0,
        live: bool = False,
        share: float | None = 0.5,
        oldest: float = 4.0,
        patience: float = 30.0,
    ) -> None:
        self._inner, self._expert, self._gate, self._oldest = inner, expert, gate, oldest
        self._when = Keyframes(every=every, closest=closest, seconds=seconds, share=share if live else None)
        self.report = RefineReport(reasons=self._when.reasons)
        self._current: Keyframe | None = None  # its correction is being carried
        self._asked: Keyframe | None = None  # its correction is being made, beside the stream
        self._beside: Beside[_Job, _Found] | None = Beside(self._work, patience=patience) if live else None
        self._told = False  # that refining stopped

    @property
    def notes(self) -> Sequence[str]:
        """What a user should know so far, one line each: keyframes and why, what the gate took, what failed."""
        report = self.report
        why = ", ".join(f"{reason} {count}" for reason, count in report.reasons.most_common())
        notes = [f"refined {report.keyframes} keyframes of {report.frames} frames" + (f" ({why})" if why else "")]
        if self._gate and report.accepted + report.rejected:
            notes.append(f"the gate took {report.accepted} of {report.accepted + report.rejected} pieces of edge")
        if report.late:
            notes.append(f"{report.late} refinements came too late and were dropped")
        if self._beside is not None and self._beside.failure is not None:
            notes.append(f"{_STOPPED}: {self._beside.failure}")
        return notes

    def refine(self, draft: Draft) -> Matte:
        """The final matte, of the frame's own size. See ``Refiner.refine``.

        Raises:
            DeviceError: The inner refiner's runtime failed, or, in files, the expert's.
            StageError: In files: the expert gave values that are not finite or of another size.
        """
        frame = draft.frame
        base = self._inner.refine(draft).alpha
        self.report.frames += 1
        self._follow(draft, base)
        if self._beside is not None:
            self._collect(self._beside, frame)
        keyframe = self._current
        reason = self._when.reason(frame.pts, None if keyframe is None else keyframe.fit())
        if reason is not None and self._beside is None:
            return Matte(self._refine_now(draft, base, reason))
        if reason is not None and self._beside is not None:
            self._send(self._beside, draft, base, reason)
        if keyframe is not None:
            self.report.carried += keyframe.onto(frame.image, base)
        return Matte(base)

    def reset(self) -> None:
        """Forget what earlier frames left; what was counted stays."""
        self._inner.reset()
        self._forget()
        self._when.reset()

    def close(self) -> None:
        """End the thread, if there is one: within two seconds, even if the expert hangs."""
        if self._beside is not None:
            self._beside.close()

    def _follow(self, draft: Draft, base: Alpha) -> None:
        """Take the keyframes along to this frame, or leave them behind."""
        motion = draft.motion
        for keyframe in (self._current, self._asked):
            if keyframe is None:
                continue
            if motion is None or motion.cut or keyframe.shape != base.shape:
                self._forget()
                self._when.cut()
                return
            keyframe.follow(motion, draft.matte.alpha)
        if self._current is not None and draft.frame.pts - self._current.pts > self._oldest and self._beside:
            self._current = None

    def _forget(self) -> None:
        self.report.late += self._asked is not None
        self._current = self._asked = None

    def _refine_now(self, draft: Draft, base: Alpha, reason: Reason) -> Alpha:
        found = self._work(_Job(draft.frame, base))
        self._made(draft.frame, reason)
        self._accept(Keyframe(draft.frame.pts, draft.matte.alpha, base.shape), found)
        return found.verdict.alpha

    def _send(self, beside: Beside[_Job, _Found], draft: Draft, base: Alpha, reason: Reason) -> None:
        if not beside.ready:
            self.report.waited += beside.failure is None
            return
        self._asked = Keyframe(draft.frame.pts, draft.matte.alpha, base.shape)
        beside.give(_Job(draft.frame, base.copy()))  # the frame's own alpha goes on, and may be written over
        self._made(draft.frame, reason)

    def _collect(self, beside: Beside[_Job, _Found], frame: Frame) -> None:
        """Take what the expert found meanwhile."""
        found = beside.take()
        if beside.failure is not None and not self._told:
            self._told = True
            _log.warning("%s: %s", _STOPPED, beside.failure)
        if found is None:
            return
        self._when.spent(beside.seconds)
        keyframe, self._asked = self._asked, None
        if keyframe is None:
            return  # a cut or reset lies between; counted there
        if frame.pts - keyframe.pts > self._oldest:
            self.report.late += 1
            return
        self._accept(keyframe, found)

    def _made(self, frame: Frame, reason: Reason) -> None:
        self._when.made(frame.pts, reason)
        self.report.keyframes += 1

    def _accept(self, keyframe: Keyframe, found: _Found) -> None:
        verdict = found.verdict
        self.report.accepted += verdict.accepted
        self.report.rejected += verdict.rejected
        _log.debug("keyframe at %s s: %d pieces taken, %d left", keyframe.pts, verdict.accepted, verdict.rejected)
        keyframe.correct(found.correction)
        self._current = keyframe

    def _work(self, job: _Job) -> _Found:
        """The expert and the gate; in the thread, where there is one."""
        image, base = job.frame.image, job.before
        score = self._expert.alpha(image, base)
        if score.shape != base.shape or not np.isfinite(score).all():
            raise StageError(f"frame {job.frame.index}: the refiner gave values that are not finite or of another size")
        after = replace_band(base, np.clip(score, 0, 1), max(3.0, BAND * max(base.shape)))
        np.clip(after, 0, 1, out=after)
        verdict = judge(image, base, after) if self._gate else Verdict(after, 0, 0)
        return _Found(verdict, find(image, base, verdict.alpha))
